"""A folder as a source: every sound file below it, members of zip archives included."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from soundalike.core.errors import InvalidInputError
from soundalike.sources.addresses import path_of_uri, readable, split_member, uri_of_path
from soundalike.sources.archive import ZipSource
from soundalike.sources.files import find_file, system_reason
from soundalike.sources.item import Found, Unreadable
from soundalike.sources.limits import Limits
from soundalike.sources.names import is_archive_name, is_hidden_name, is_sound_name


@dataclass(slots=True)
class _Listing:
    """What one folder holds, sorted by name."""

    files: list[str] = field(default_factory=list)
    archives: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    linked_folders: list[str] = field(default_factory=list)
    broken_links: list[str] = field(default_factory=list)

    def sort(self) -> None:
        for names in (self.files, self.archives, self.folders, self.linked_folders, self.broken_links):
            names.sort()


class FolderSource:
    """All sounds in a folder and below.

    Hidden files and folders are passed over. Symbolic links are followed: a linked folder is walked after
    all real ones, and only if it was not walked by another way, so that loops end and a real file is always
    listed where it lies. Memory grows with the largest folder and the number of folders, not with files.

    Args:
        path: Absolute path of the folder.
        metadata: Named texts that are kept with every item.
        limits: Bounds for the archives in the folder.
    """

    def __init__(
        self, path: Path, *, metadata: Mapping[str, str] | None = None, limits: Limits | None = None
    ) -> None:
        self.root = uri_of_path(path)
        self.complete = False
        self._path = path
        self._metadata = dict(metadata or {})
        self._limits = limits or Limits()
        self._seen: set[tuple[int, int]] = set()
        self._all_read = True

    def scan(self) -> Iterator[Found]:
        """Walk the folder: the files of each folder by name, its archives, then its folders."""
        self.complete, self._all_read = False, True
        self._seen = set()
        links = deque([os.fspath(self._path)])
        while links:
            yield from self._walk(links.popleft(), links)
        self.complete = self._all_read

    def covers(self, uri: str) -> bool:
        """Whether a uri lies below this folder, in an archive or not."""
        try:
            path = path_of_uri(split_member(uri)[0])
        except InvalidInputError:
            return False
        return path != self._path and path.is_relative_to(self._path)

    def close(self) -> None:
        """Do nothing: there is no temporary copy."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _walk(self, top: str, links: deque[str]) -> Iterator[Found]:
        """Walk the real folders from ``top`` on; links to folders are put off by adding them to ``links``."""
        waiting = [top]
        while waiting:
            folder = waiting.pop()
            try:
                status = os.stat(folder)  # noqa: PTH116 (strings throughout: names may not be Unicode)
                if (status.st_dev, status.st_ino) in self._seen:
                    continue
                self._seen.add((status.st_dev, status.st_ino))
                listing = _list_folder(folder)
            except OSError as error:
                self._all_read = False
                reason = f"The folder cannot be read: {system_reason(error)}."
                yield Unreadable(uri_of_path(folder), self.root, reason)
                continue
            yield from self._offer(folder, listing)
            links.extend(os.path.join(folder, name) for name in listing.linked_folders)  # noqa: PTH118
            waiting.extend(os.path.join(folder, name) for name in reversed(listing.folders))  # noqa: PTH118

    def _offer(self, folder: str, listing: _Listing) -> Iterator[Found]:
        """Offer what lies in one folder itself."""
        tags = self._tags(folder)
        for name in listing.files:
            path = os.path.join(folder, name)  # noqa: PTH118
            yield find_file(path, self.root, tags=tags, metadata=self._metadata)
        for name in listing.archives:
            archive = ZipSource(
                Path(folder, name), root=self.root, tags=tags, metadata=self._metadata, limits=self._limits
            )
            yield from archive.scan()
            self._all_read &= archive.complete
        for name in listing.broken_links:
            # What it led to may be on a drive that is not there now: nothing behind it has vanished.
            self._all_read = False
            uri = uri_of_path(os.path.join(folder, name))  # noqa: PTH118
            yield Unreadable(uri, self.root, "This link leads to something that cannot be reached.")

    def _tags(self, folder: str) -> tuple[str, ...]:
        """The names of the folders from the root, its own included, down to ``folder``."""
        parts = [self._path.name, *Path(folder).relative_to(self._path).parts]
        return tuple(readable(part) for part in parts if part)


def _list_folder(folder: str) -> _Listing:
    """Sort the names in one folder by what they are; names that are of no interest are left out."""
    listing = _Listing()
    with os.scandir(folder) as entries:
        for entry in entries:
            if not is_hidden_name(entry.name):
                _sort_in(entry, listing)
    listing.sort()
    return listing


def _sort_in(entry: os.DirEntry[str], listing: _Listing) -> None:
    if entry.is_symlink():
        try:
            is_folder = os.path.isdir(entry.path)  # noqa: PTH112
            os.stat(entry.path)  # noqa: PTH116
        except OSError:
            listing.broken_links.append(entry.name)
            return
        if is_folder:
            listing.linked_folders.append(entry.name)
            return
    elif entry.is_dir(follow_symlinks=False):
        listing.folders.append(entry.name)
        return
    if is_archive_name(entry.name):
        listing.archives.append(entry.name)
    elif is_sound_name(entry.name):
        listing.files.append(entry.name)
