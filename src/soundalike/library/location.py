"""Where a library lies when nobody says where, and how places on a disk are called by users."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from soundalike.core.errors import LibraryError
from soundalike.sources import is_on_disk, path_of_uri, uri_of_path

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


def check_apart(library: Path, place: str | os.PathLike[str]) -> None:
    """Refuse a library that lies among the sounds: nothing is ever written beside them.

    Args:
        library: The library's folder, which need not exist yet.
        place: The place whose sounds are to be added: a path, a uri, an address.

    Raises:
        LibraryError: The library lies in that place.
    """
    text = os.fspath(place)
    if not is_on_disk(text):
        return
    folder = path_of_uri(text) if text.startswith("file://") else Path(text).expanduser()
    is_folder = os.path.isdir(folder)  # noqa: PTH112 (Path's raises where it may not look)
    if is_folder and library.resolve().is_relative_to(folder.resolve()):
        raise LibraryError(
            f"The library {library} lies inside the folder of sounds {folder}; "
            f"keep it elsewhere (--library PATH, or ${ENVIRONMENT_VARIABLE})."
        )


def uri_of_place(place: str | os.PathLike[str]) -> str:
    """Name a path, as a user writes it, as the library names it: absolute, without ``~`` and ``..``.

    Example:
        >>> uri_of_place("/sounds/drums/../kick.wav")
        '/sounds/kick.wav'
    """
    return uri_of_path(os.path.abspath(Path(place).expanduser()))  # noqa: PTH100 (resolve follows links)


def absolute_place(place: str) -> str:
    """Make a path that a user writes absolute; addresses and names of archive members are left as they are.

    Example:
        >>> absolute_place("/sounds/../kick.wav"), absolute_place("stream:kick.wav")
        ('/kick.wav', 'stream:kick.wav')
    """
    return uri_of_place(place) if is_on_disk(place) and "!/" not in place and "://" not in place else place


def lies_in(uri: str, place: str) -> bool:
    """Whether a file of a library is a place, or lies in it: in a folder or an archive.

    Args:
        uri: The file's.
        place: A path as ``uri_of_place`` names it.

    Example:
        >>> lies_in("/sounds/pack.zip!/kick.wav", "/sounds"), lies_in("/sounds2/kick.wav", "/sounds")
        (True, False)
    """
    return _starts(uri, place) or (
        # A name that is not Unicode has another spelling than the folder that it lies in.
        uri.startswith("file://")
        and not place.startswith("file://")
        and _starts(os.fspath(path_of_uri(uri.partition("!/")[0])), place)
    )


def _starts(text: str, place: str) -> bool:
    return text == place or text.startswith((place.rstrip("/") + "/", place + "!/"))
