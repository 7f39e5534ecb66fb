"""The folder of encoders that a user has added: where it is, and what is in it."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from soundalike.encoders.file_names import FOLDER_FILE, is_encoder_name

ENCODERS_VARIABLE = "SOUNDALIKE_ENCODERS"
"""The environment variable that names another folder."""


def own_encoders_folder() -> Path:
    """Find the folder of added encoders, which need not exist.

    Returns:
        ``$SOUNDALIKE_ENCODERS`` where that is set, else ``encoders`` in the platform's folder for user data
        (``~/.local/share/soundalike`` on Linux).
    """
    named = os.environ.get(ENCODERS_VARIABLE)
    if named:
        return Path(named).expanduser().absolute()
    return Path(platformdirs.user_data_dir("soundalike", appauthor=False)) / "encoders"


def own_encoder(name: str) -> Path | None:
    """Find the folder of an added encoder.

    Args:
        name: Any text.

    Returns:
        Its folder; None where no encoder of that name was added.
    """
    if not is_encoder_name(name):
        return None
    folder = own_encoders_folder()
    # One that was being replaced when the machine stopped is still there under the second name.
    for path in (folder / name, replaced_folder(folder, name)):
        if os.path.isfile(path / FOLDER_FILE):  # noqa: PTH113 (Path's raises where it may not look)
            return path
    return None


def own_encoder_names() -> list[str]:
    """The names of all added encoders, sorted."""
    try:
        entries = os.listdir(own_encoders_folder())  # noqa: PTH208 (names are all that is needed)
    except OSError:
        return []
    names = {entry.removeprefix(".").removesuffix(".old") for entry in entries}
    return sorted(name for name in names if own_encoder(name) is not None)


def replaced_folder(folder: Path, name: str) -> Path:
    """Where an encoder's folder is kept while another takes its place."""
    return folder / f".{name}.old"
