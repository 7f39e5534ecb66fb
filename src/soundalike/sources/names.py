"""Which names a walk offers: sound files by extension, nothing hidden."""

from __future__ import annotations

import os

SOUND_EXTENSIONS = frozenset(
    {".wav", ".wave", ".bwf", ".rf64", ".w64", ".caf", ".aif", ".aifc", ".aiff", ".au", ".snd", ".voc"}
    | {".flac", ".tta", ".wv", ".ape", ".dff", ".dsf"}
    | {".aac", ".ac3", ".amr", ".m4a", ".m4b", ".mka", ".mp2", ".mp3", ".mpc", ".oga", ".ogg", ".opus"}
    | {".spx", ".weba", ".webm", ".wma"}
)
"""File name extensions, lower case with their dot, that a walk through a folder or archive offers."""

ARCHIVE_EXTENSION = ".zip"


def extension_of(name: str) -> str:
    """The extension of a file name in lower case, with its dot; empty where there is none.

    Example:
        >>> extension_of("Kick 01.WAV")
        '.wav'
    """
    return os.path.splitext(name)[1].lower()  # noqa: PTH122 (a hundred times faster than a Path, per file)


def is_sound_name(name: str) -> bool:
    """Whether a file of this name is offered by a walk."""
    return extension_of(name) in SOUND_EXTENSIONS


def is_archive_name(name: str) -> bool:
    """Whether a file of this name is opened as an archive."""
    return extension_of(name) == ARCHIVE_EXTENSION


def is_hidden_name(name: str) -> bool:
    """Whether a file or folder of this name is passed over.

    Hidden are names that begin with a dot (``._kick.wav`` is what macOS leaves beside ``kick.wav`` on other
    people's drives) and ``__MACOSX``, the folder that it leaves in archives.
    """
    return name.startswith(".") or name == "__MACOSX"
