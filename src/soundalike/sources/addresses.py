"""The uris that name files in a library, and the way back from a uri to a path.

A uri is a path where that is possible, because people read it. A path that holds bytes that are not valid
Unicode, or the mark ``!/`` that stands between an archive and its member, is percent-encoded behind
``file://``, so that every uri is valid Unicode and leads back to one path.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote_from_bytes, unquote_to_bytes

from soundalike.core.errors import InvalidInputError

MEMBER_MARK = "!/"
_FILE = "file://"
# All that quote keeps besides letters, digits and "_.-~". "!" is not here: it would make a MEMBER_MARK.
_SAFE_BYTES = "/:@&=+$,;'()* "


def absolute_path(place: str | os.PathLike[str]) -> Path:
    """Expand ``~`` and make a path absolute, without resolving symbolic links.

    Args:
        place: A path as a user writes it, or a ``file://`` uri.
    """
    text = os.fspath(place)
    path = path_of_uri(text) if text.startswith(_FILE) else Path(text).expanduser()
    return Path(os.path.abspath(path))  # noqa: PTH100 (Path.absolute keeps "..", Path.resolve follows links)


def uri_of_path(path: str | os.PathLike[str]) -> str:
    r"""Name a path so that the name is valid Unicode.

    Args:
        path: An absolute path; bytes that are not valid UTF-8 as Python's surrogate escapes.

    Returns:
        The path itself, or ``file://`` and its percent-encoded bytes.

    Example:
        >>> uri_of_path("/sounds/kick.wav"), uri_of_path("/sounds/\udcff.wav")
        ('/sounds/kick.wav', 'file:///sounds/%FF.wav')
    """
    text = os.fspath(path)
    if MEMBER_MARK not in text and is_unicode(text):
        return text
    return _FILE + quote_from_bytes(os.fsencode(text), safe=_SAFE_BYTES)


def path_of_uri(uri: str) -> Path:
    """Find the path that a uri was made from: the reverse of `uri_of_path`.

    Args:
        uri: What `uri_of_path` gave; for a member of an archive the part before ``!/``.

    Raises:
        InvalidInputError: The uri names a member, a download or a stream, which have no path.

    Example:
        >>> path_of_uri("file:///sounds/a%21/b.wav").as_posix()
        '/sounds/a!/b.wav'
    """
    if MEMBER_MARK in uri:
        raise InvalidInputError(f"A member of an archive has no path of its own: {uri!r}.")
    if uri.startswith(_FILE):
        return Path(os.fsdecode(unquote_to_bytes(uri.removeprefix(_FILE))))
    path = Path(uri)
    if not path.is_absolute():
        raise InvalidInputError(f"The uri of a file is an absolute path or begins with file://; got {uri!r}.")
    return path


def uri_of_member(archive_uri: str, member: str) -> str:
    """Name a member of an archive, ``/sounds/pack.zip!/drums/kick.wav``."""
    return f"{archive_uri}{MEMBER_MARK}{member}"


def split_member(uri: str) -> tuple[str, str | None]:
    """Split a uri into the archive's uri and the member's name.

    Returns:
        The pair; the member is None where the uri names no member.

    Example:
        >>> split_member("/sounds/pack.zip!/drums/kick.wav")
        ('/sounds/pack.zip', 'drums/kick.wav')
    """
    archive, mark, member = uri.partition(MEMBER_MARK)
    return archive, member if mark else None


def is_unicode(text: str) -> bool:
    """Whether a text can be written as UTF-8, so holds no surrogate escapes."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def readable(text: str) -> str:
    """Make a name fit to be shown: bytes that are not Unicode become the replacement character."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
