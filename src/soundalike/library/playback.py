"""A sound of a library, to be heard: its original bytes, or a part of it that any player understands."""

from __future__ import annotations

import mimetypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from soundalike.audio import cut_preview
from soundalike.core.errors import NotFoundError, SoundalikeError
from soundalike.search import Sound
from soundalike.sources import item_of_uri, open_item

_TYPES = {
    ".flac": "audio/flac",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".oga": "audio/ogg",
    ".opus": "audio/ogg",
    ".m4a": "audio/mp4",
    ".mp4": "audio/mp4",
    ".aac": "audio/aac",
    ".webm": "audio/webm",
    ".wav": "audio/wav",
    ".aif": "audio/aiff",
    ".aiff": "audio/aiff",
}


@dataclass(frozen=True, slots=True)
class AudioFile:
    """The opened file of a sound; close ``file`` after use.

    Attributes:
        file: Its bytes, seekable, at the start.
        name: Its own name.
        size_bytes: How many bytes there are.
        media_type: What to tell a browser: ``"audio/flac"``.
    """

    file: BinaryIO
    name: str
    size_bytes: int
    media_type: str


def media_type_of(name: str) -> str:
    """Tell a file's media type from its name."""
    suffix = "." + name.rsplit(".", 1)[-1].lower()
    return _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"


def open_sound(sound: Sound) -> AudioFile:
    """Open the first of a sound's files that can be opened.

    Raises:
        NotFoundError: None of them can; says why for the first.
    """
    reasons: list[str] = []
    for uri in sound.paths:
        try:
            item = item_of_uri(uri)
            file = open_item(item)
        except (OSError, SoundalikeError) as error:
            reasons.append(f"{uri}: {getattr(error, 'strerror', None) or error}")
            continue
        size_bytes = file.seek(0, 2)
        file.seek(0)
        return AudioFile(file, item.name, size_bytes, media_type_of(item.name))
    raise NotFoundError(f"None of the files of this sound can be opened. {_first(reasons)}")


def preview_sound(sound: Sound, start_s: float, duration_s: float) -> bytes:
    """Cut a part of a sound, in the channels and at the rate of its file, as a 16-bit WAV file.

    Raises:
        NotFoundError: None of its files can be opened.
        AudioError: It cannot be decoded any more.
    """
    opened = open_sound(sound)
    with opened.file as file:
        return cut_preview(file, start_s, duration_s, name=opened.name)


def _first(reasons: Sequence[str]) -> str:
    return reasons[0] if reasons else "It has none."
