"""Where a library lies when nobody says where."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from soundalike.core.errors import LibraryError

ENVIRONMENT_VARIABLE = "SOUNDALIKE_LIBRARY"


def default_library_path() -> Path:
    """Find the library that is meant when none is named.

    Returns:
        ``$SOUNDALIKE_LIBRARY`` where that is set, else ``library`` in the platform's folder for user data
        (``~/.local/share/soundalike`` on Linux).
    """
    named = os.environ.get(ENVIRONMENT_VARIABLE)
    if named:
        return Path(named).expanduser().absolute()
    return Path(platformdirs.user_data_dir("soundalike", appauthor=False)) / "library"


def check_apart(library: Path, root: str) -> None:
    """Refuse a library that lies among the sounds: nothing is ever written beside them.

    Args:
        library: The library's folder.
        root: The place whose sounds are to be added.

    Raises:
        LibraryError: The library lies in that place.
    """
    place = Path(root)
    if place.is_dir() and library.resolve().is_relative_to(place.resolve()):
        raise LibraryError(
            f"The library {library} lies inside the folder of sounds {place}; "
            f"keep it elsewhere (--library PATH, or ${ENVIRONMENT_VARIABLE})."
        )
