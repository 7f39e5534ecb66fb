"""A single file as a source, what one file on a disk looks like as an item, and the opener of files."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, Self

from soundalike.core.errors import SourceError
from soundalike.sources.addresses import path_of_uri, readable, uri_of_path
from soundalike.sources.item import Found, Item, Unreadable
from soundalike.sources.limits import Limits

# The effective user is the one that will open the file; not every platform can ask for it.
_ASKS_EFFECTIVE_USER = os.access in os.supports_effective_ids


def system_reason(error: OSError) -> str:
    """Say in plain words why the operating system refused."""
    if isinstance(error, FileNotFoundError):
        return "it is not there"
    if isinstance(error, PermissionError):
        return "permission was denied"
    return (error.strerror or str(error) or type(error).__name__).lower()


def find_file(
    path: str | os.PathLike[str],
    root: str,
    *,
    tags: tuple[str, ...] = (),
    metadata: Mapping[str, str] | None = None,
) -> Found:
    """Look at one file.

    Args:
        path: An absolute path; a symbolic link is followed.
        root: The uri of the place that it was found in.
        tags: The tags of the item.
        metadata: The metadata of the item.

    Returns:
        An item of kind ``"file"``, or why it cannot be one. The file is not opened.
    """
    uri = uri_of_path(path)
    try:
        status = os.stat(path)  # noqa: PTH116 (no Path object per file of a million)
    except OSError as error:
        return Unreadable(uri, root, f"The file cannot be looked at: {system_reason(error)}.")
    if not stat.S_ISREG(status.st_mode):
        return Unreadable(uri, root, "This is not a regular file.")
    if not os.access(path, os.R_OK, effective_ids=_ASKS_EFFECTIVE_USER):
        return Unreadable(uri, root, "The file cannot be read: permission was denied.")
    return Item(
        uri=uri,
        root=root,
        name=readable(os.path.basename(path)),  # noqa: PTH119 (as above)
        kind="file",
        location=uri,
        size_bytes=status.st_size,
        modified_ns=status.st_mtime_ns,
        tags=tags,
        metadata=dict(metadata or {}),
    )


class FileSource:
    """One file, offered whatever its extension.

    Args:
        path: Absolute path of the file.
        metadata: Named texts that are kept with it.
    """

    def __init__(self, path: Path, *, metadata: Mapping[str, str] | None = None) -> None:
        self.root = uri_of_path(path)
        self.complete = False
        self._path = path
        self._metadata = dict(metadata or {})

    def scan(self) -> Iterator[Found]:
        """Offer the file."""
        self.complete = False
        yield find_file(self._path, self.root, metadata=self._metadata)
        self.complete = True

    def covers(self, uri: str) -> bool:
        """Whether a uri is this file's."""
        return uri == self.root

    def close(self) -> None:
        """Do nothing: there is no temporary copy."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def open_file(item: Item, limits: Limits) -> BinaryIO:
    """Open an item of kind ``"file"``.

    Raises:
        SourceError: The file is gone, may not be read, or is not a regular file.
    """
    del limits  # a file on a disk costs what it costs
    path = path_of_uri(item.location)
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for its other end
            raise SourceError(f"{item.uri} is not a regular file.")
        return path.open("rb")
    except (OSError, ValueError) as error:
        reason = system_reason(error) if isinstance(error, OSError) else str(error)
        raise SourceError(f"{item.uri} cannot be opened: {reason}.") from error
