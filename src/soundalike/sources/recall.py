"""From the uri that a library kept back to an item that can be opened."""

from __future__ import annotations

import re

from soundalike.core.errors import SourceError
from soundalike.sources.addresses import path_of_uri, split_member
from soundalike.sources.files import find_file
from soundalike.sources.item import Item, Unreadable

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def is_on_disk(uri: str) -> bool:
    """Tell a place that can be looked at again from a download or stream.

    Example:
        >>> is_on_disk("/sounds"), is_on_disk("https://example.org/kick.wav")
        (True, False)
    """
    return uri.startswith("file://") or not (_ADDRESS.match(uri) or uri.startswith("stream:"))


def is_gone(uri: str) -> bool:
    """Tell whether the file, or the archive, that a uri names is not there; False where that cannot be told.

    Example:
        >>> is_gone("/no/such/kick.wav"), is_gone("https://example.org/kick.wav")
        (True, False)
    """
    if not is_on_disk(uri):
        return False
    archive, _ = split_member(uri)
    try:
        path_of_uri(archive).stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, ValueError):
        return False
    return False


def item_of_uri(uri: str) -> Item:
    """Find the item that a uri stands for, without scanning its source again.

    Args:
        uri: The uri of a file or of a member of an archive.

    Returns:
        An item for ``open_item``.

    Raises:
        SourceError: The file is gone or cannot be read, or the uri is that of a download or stream, whose
            bytes were not kept.

    Example:
        >>> item_of_uri("/sounds/pack.zip!/kick.wav").member
        'kick.wav'
    """
    if not is_on_disk(uri):
        raise SourceError("Its bytes came from a download or an open file, and were not kept.")
    archive, member = split_member(uri)
    if member is not None:
        return Item(
            uri=uri,
            root=archive,
            name=member.replace("\\", "/").rsplit("/", 1)[-1],
            kind="zip",
            location=archive,
            member=member,
        )
    found = find_file(path_of_uri(uri), uri)
    if isinstance(found, Unreadable):
        raise SourceError(found.reason)
    return found
