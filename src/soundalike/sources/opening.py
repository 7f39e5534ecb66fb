"""From an item to its bytes, in whatever process."""

from __future__ import annotations

from typing import BinaryIO, Protocol

from soundalike.core.registry import Registry
from soundalike.sources.item import Item
from soundalike.sources.limits import Limits


class Opener(Protocol):
    """What opens the items of one kind, given nothing but the item and the bounds to hold it to."""

    def __call__(self, item: Item, limits: Limits, /) -> BinaryIO:
        """Give the bytes as a seekable binary file, or raise a SourceError."""
        ...


OPENERS = Registry[Opener](
    "kind of item",
    "soundalike.openers",
    {
        "file": "soundalike.sources.files:open_file",
        "zip": "soundalike.sources.members:open_member",
        "download": "soundalike.sources.copies:open_copy",
        "stream": "soundalike.sources.copies:open_copy",
    },
)
"""The openers by `Item.kind`; a plug-in adds one by an entry point of the group ``soundalike.openers``."""


def open_item(item: Item, limits: Limits | None = None) -> BinaryIO:
    """Open the bytes of an item.

    Args:
        item: What a source offered, in this process or another.
        limits: Bounds for what has to be unpacked; the default ones where None.

    Returns:
        A readable, seekable binary file at its first byte, to be closed by the caller (a context manager).

    Raises:
        SourceError: The bytes cannot be had; `ArchiveError` where an archive is at fault.
        NotFoundError: Nothing that is installed opens items of this kind.
    """
    opener = OPENERS.load(item.kind)
    return opener(item, limits or Limits())
