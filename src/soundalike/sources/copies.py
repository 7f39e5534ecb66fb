"""Temporary copies: what streams and downloads are kept in while they are being used."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from pathlib import Path
from typing import BinaryIO

from soundalike.core.errors import SourceError
from soundalike.sources.addresses import path_of_uri
from soundalike.sources.files import open_file
from soundalike.sources.item import Item
from soundalike.sources.limits import Limits


class TemporaryCopy:
    """A temporary file that lives until it is closed, or until nobody holds this object any more.

    Args:
        folder: Where the file is made; the platform's temporary folder where None.

    Raises:
        SourceError: No file can be made there.
    """

    def __init__(self, folder: Path | None = None) -> None:
        try:
            # A folder of its own, so that other processes can open the file by name on every platform.
            made = tempfile.mkdtemp(prefix="soundalike-", dir=folder)
        except OSError as error:
            raise SourceError(f"No temporary copy can be made: {error}.") from error
        self.path = Path(made, "copy")
        self._delete = weakref.finalize(self, shutil.rmtree, made, ignore_errors=True)

    def close(self) -> None:
        """Delete the file."""
        self._delete()


def open_copy(item: Item, limits: Limits) -> BinaryIO:
    """Open an item of kind ``"stream"`` or ``"download"``: its temporary copy.

    Raises:
        SourceError: The copy was deleted when its source was closed.
    """
    if not item.location or not path_of_uri(item.location).is_file():
        raise SourceError(f"The temporary copy of {item.uri} is gone; add it again.")
    return open_file(item, limits)
