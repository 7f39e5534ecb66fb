"""From what a user names to the source that reads it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, Protocol

from soundalike.core.errors import InvalidInputError, SourceError
from soundalike.core.registry import Registry
from soundalike.sources.addresses import absolute_path
from soundalike.sources.archive import ZipSource
from soundalike.sources.files import FileSource, system_reason
from soundalike.sources.folder import FolderSource
from soundalike.sources.item import Source
from soundalike.sources.limits import Limits
from soundalike.sources.metadata import check_metadata
from soundalike.sources.names import is_archive_name
from soundalike.sources.stream import StreamSource


class SourceFactory(Protocol):
    """What makes a source from an address; ``metadata`` has been checked."""

    def __call__(
        self, address: str, *, metadata: Mapping[str, str], limits: Limits, spool_dir: Path | None
    ) -> Source:
        """Make the source; nothing is asked of the address before it is scanned."""
        ...


SOURCES = Registry[SourceFactory](
    "source of addresses",
    "soundalike.sources",
    {"http": "soundalike.sources.url:UrlSource", "https": "soundalike.sources.url:UrlSource"},
)
"""Sources by the scheme of an address; a plug-in adds one by an entry point of ``soundalike.sources``."""

_ADDRESS = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]+)://")  # two letters at least: C:// is a drive


def source_for(
    place: str | os.PathLike[str] | BinaryIO,
    *,
    metadata: Mapping[str, str] | None = None,
    name: str | None = None,
    limits: Limits | None = None,
    spool_dir: Path | None = None,
) -> Source:
    """Find the source for what a user names.

    Args:
        place: A folder, a file, a zip archive (by its name), an address such as ``https://...``, or an open
            binary file, which is read to its end at once. ``~`` is the home folder.
        metadata: Named texts that are kept with every sound of the source.
        name: The file name of an open binary file; by default what the file says of itself.
        limits: Bounds for archives, downloads and streams; the default ones where None.
        spool_dir: Folder for temporary copies; the platform's where None.

    Returns:
        A source; close it, or use it as a context manager, when its items are no longer needed.

    Raises:
        InvalidInputError: The metadata or the name is not fit, or no source reads such addresses.
        SourceError: There is nothing at that place, or the stream cannot be read.

    Example:
        >>> source_for("/").root
        '/'
    """
    texts = check_metadata(metadata)
    bounds = limits or Limits()
    if not isinstance(place, str | os.PathLike):
        if not callable(getattr(place, "read", None)):
            raise InvalidInputError(
                f"A place is a path, an address or an open binary file; got {type(place).__name__}."
            )
        return StreamSource(place, name=name, metadata=texts, limits=bounds, spool_dir=spool_dir)
    if not os.fspath(place):  # it would be read as the working folder
        raise InvalidInputError("A place is a path, an address or an open binary file; got an empty text.")
    if name is not None:
        raise InvalidInputError("Only an open binary file takes a name; other places have one.")
    address = _ADDRESS.match(place) if isinstance(place, str) else None
    if address and address[1].lower() != "file":
        scheme = address[1].lower()
        if scheme not in SOURCES:
            known = ", ".join(f"{other}://" for other in SOURCES)
            raise InvalidInputError(f"No source reads {scheme}:// addresses; there are: {known}.")
        assert isinstance(place, str)
        return SOURCES.load(scheme)(place, metadata=texts, limits=bounds, spool_dir=spool_dir)
    return _source_on_disk(absolute_path(place), texts, bounds)


def _source_on_disk(path: Path, metadata: dict[str, str], limits: Limits) -> Source:
    try:
        is_folder = path.is_dir()
        path.stat()
    except (OSError, ValueError) as error:
        reason = system_reason(error) if isinstance(error, OSError) else str(error)
        raise SourceError(f"{str(path)!r} cannot be read: {reason}.") from error
    if is_folder:
        return FolderSource(path, metadata=metadata, limits=limits)
    if is_archive_name(path.name):
        return ZipSource(path, metadata=metadata, limits=limits)
    return FileSource(path, metadata=metadata)
