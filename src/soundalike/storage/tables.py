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

from soundalike.core.errors import InvalidInputError, LibraryCorruptError, LibraryError, SoundalikeError
from soundalike.storage.folder import TABLES_FOLDER, sync_folder
from soundalike.storage.lancedb_import import import_lancedb

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_ROOM_TEXTS = ("No space left on device", "Disk quota exceeded", "File too large")
_LARGEST_U64 = 2**64 - 1  # Lance names manifests by the difference to it, so that the newest sorts first
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
            raise self._lacks(name, version, error) from error
        with self._guard:
            self._handles[name] = (version, table)
        return table

    def exists(self, name: str) -> bool:
        """Whether a table's folder is there; says nothing of what is in it."""
        return self._folder_of(name).is_dir()

    def latest(self, name: str) -> Any:
        """A table at its newest version, committed or not, for writing.

        Raises:
            LibraryCorruptError: The table is missing or damaged.
        """
        if not self.exists(name):
            raise LibraryCorruptError(f"The library {self.library} lacks its table {name!r}.")
        try:
            return self._connect().open_table(name)
        except Exception as error:
            raise LibraryCorruptError(
                f"The table {name!r} of the library {self.library} is damaged: {_first_line(error)}."
            ) from error

    @contextmanager
    def reading(self, name: str) -> Iterator[None]:
        """Turn what a failed read of a table raises into an error that says what is wrong.

        Raises:
            InvalidInputError: The filter is not one that the table understands.
            LibraryCorruptError: The table's files are missing or damaged.
        """
        try:
            yield
        except SoundalikeError:
            raise
        except ValueError as error:
            raise InvalidInputError(
                f"The filter does not fit the table {name!r}: {_first_line(error)}."
            ) from error
        except (OSError, RuntimeError) as error:
            raise LibraryCorruptError(
                f"The table {name!r} of the library {self.library} cannot be read: {_first_line(error)}."
            ) from error

    def create(self, name: str, schema: pa.Schema) -> Any:
        """Make an empty table, over whatever a killed writer may have left by that name."""
        connection = self._connect()
        if not self._folder_of(name).exists():
            return connection.create_table(name, schema=schema)
        try:  # version numbers go on, so that none ever stands for two states
            return connection.create_table(name, schema=schema, mode="overwrite")
        except (OSError, RuntimeError, ValueError):
            connection.drop_table(name)
            return connection.create_table(name, schema=schema)

    def restore(self, name: str, version: int) -> Any:
        """Make a table what it was at a version, by a further version; returns the table, for writing.

        Raises:
            LibraryCorruptError: The table or that version of it is missing or damaged.
        """
        try:
            table = self.latest(name)
        except LibraryCorruptError:
            if not self._discard_after(name, version):
                raise
            table = self.latest(name)
        if table.version != version:
            try:
                table.restore(version)
            except ValueError as error:
                raise self._lacks(name, version, error) from error
        return table

    def note_synced(self, name: str) -> None:
        """Take every file that a table has now as lasting; ``sync`` passes over it."""
        self._synced[name] = set(_files(self._folder_of(name)))

    def sync(self, name: str) -> None:
        """Make the files that a table gained last through a power cut, before a commit names them."""
        folder = self._folder_of(name)
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
            self._connection = import_lancedb().connect(self.folder)
        return self._connection

    def _folder_of(self, name: str) -> Path:
        return self.folder / f"{name}.lance"

    def _lacks(self, name: str, version: int, error: Exception) -> LibraryCorruptError:
        return LibraryCorruptError(
            f"The table {name!r} of the library {self.library} lacks its version {version}: "
            f"{_first_line(error)}."
        )

    def _discard_after(self, name: str, version: int) -> bool:
        """Delete the manifests of versions that no commit names: a power cut can leave such a one empty.

        Returns:
            Whether there was any.
        """
        newer = [
            path
            for path in (self._folder_of(name) / "_versions").glob("*.manifest")
            if path.stem.isdigit() and _LARGEST_U64 - int(path.stem) > version
        ]
        for path in newer:
            path.unlink()
        return bool(newer)


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
