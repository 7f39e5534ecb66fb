"""Lance tables at given versions: the only file that speaks to lancedb.

Lance's own approximate indexes are not used: search keeps its own, derived from these tables.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from soundalike.core.errors import LibraryCorruptError, LibraryError, SoundalikeError
from soundalike.storage.folder import TABLES_FOLDER, sync_folder

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_ROOM_TEXTS = ("No space left on device", "Disk quota exceeded", "File too large")
_KEEP_ALL = timedelta(days=36500)


class Tables:
    """The tables of one library. A handle stays at its version, so that threads may share it."""

    def __init__(self, library: Path) -> None:
        self.library = library
        self.folder = library / TABLES_FOLDER
        self._connection: Any = None
        self._handles: dict[str, tuple[int, Any]] = {}
        self._synced: dict[str, set[str]] = {}
        self._guard = threading.Lock()

    def at(self, name: str, version: int) -> Any:
        """A table as it was at a version, for reading.

        Raises:
            LibraryCorruptError: The table or that version of it is missing or damaged.
        """
        with self._guard:
            kept = self._handles.get(name)
        if kept is not None and kept[0] == version:
            return kept[1]
        table = self.latest(name)
        try:
            table.checkout(version)
        except Exception as error:
            raise LibraryCorruptError(
                f"The table {name!r} of the library {self.library} lacks its version {version}: "
                f"{_first_line(error)}."
            ) from error
        with self._guard:
            self._handles[name] = (version, table)
        return table

    def latest(self, name: str) -> Any:
        """A table at its newest version, committed or not, for writing.

        Raises:
            LibraryCorruptError: The table is missing or damaged.
        """
        if not (self.folder / f"{name}.lance").is_dir():
            raise LibraryCorruptError(f"The library {self.library} lacks its table {name!r}.")
        try:
            return self._connect().open_table(name)
        except Exception as error:
            raise LibraryCorruptError(
                f"The table {name!r} of the library {self.library} is damaged: {_first_line(error)}."
            ) from error

    def create(self, name: str, schema: pa.Schema) -> Any:
        """Make an empty table."""
        return self._connect().create_table(name, schema=schema)

    def drop(self, name: str) -> None:
        """Delete a table."""
        self._connect().drop_table(name)

    def names(self) -> list[str]:
        """The tables that lie in the folder, committed or not."""
        if not self.folder.is_dir():
            return []
        return sorted(entry.name.removesuffix(".lance") for entry in self.folder.glob("*.lance"))

    def note_synced(self, name: str) -> None:
        """Take every file that a table has now as lasting; ``sync`` passes over it."""
        self._synced[name] = set(_files(self.folder / f"{name}.lance"))

    def sync(self, name: str) -> None:
        """Make the files that a table gained last through a power cut, before a commit names them."""
        folder = self.folder / f"{name}.lance"
        present = set(_files(folder))
        new = present - self._synced.get(name, set())
        for file in new:
            sync_file(Path(file))
        for parent in {os.path.dirname(file) for file in new}:  # noqa: PTH120 (hundreds of plain strings)
            sync_folder(Path(parent))
        if name not in self._synced:
            sync_folder(folder)
            sync_folder(self.folder)
        self._synced[name] = present

    def compact(self, table: Any) -> None:
        """Write small fragments together; deletes nothing."""
        table.optimize(cleanup_older_than=_KEEP_ALL)

    def prune(self, table: Any, older_than: timedelta) -> None:
        """Delete versions older than that, and files that no version names.

        Files of unfinished writes go too: only the holder of the writer's lock calls this.
        """
        table.optimize(cleanup_older_than=older_than, delete_unverified=True)

    def _connect(self) -> Any:
        if self._connection is None:
            import lancedb  # noqa: PLC0415 (slow to import, and not needed to open a library)

            self._connection = lancedb.connect(self.folder)
        return self._connection


def sync_file(path: Path) -> None:
    """Make a file's bytes last through a power cut."""
    descriptor = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def writing(library: Path) -> Iterator[None]:
    """Turn what a failed write raises into a LibraryError that says what happened and what is kept."""
    try:
        yield
    except SoundalikeError:
        raise
    except Exception as error:
        if not isinstance(error, OSError | RuntimeError | ValueError):
            raise
        kept = "what was acknowledged before is kept"
        if _no_room(error):
            raise LibraryError(
                f"The disk that holds {library} is full: the last batch was not written; {kept}."
            ) from error
        raise LibraryError(
            f"Writing to the library {library} failed: {_first_line(error)}; {kept}."
        ) from error


def _no_room(error: Exception) -> bool:
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return True
    return any(text in str(error) for text in _NO_ROOM_TEXTS)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


def _files(folder: Path) -> Iterator[str]:
    """Every file below a folder, as plain strings."""
    for parent, _, names in os.walk(folder):
        for name in names:
            yield os.path.join(parent, name)  # noqa: PTH118 (hundreds of plain strings)
