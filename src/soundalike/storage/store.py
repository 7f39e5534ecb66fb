"""A library's tables on a folder: opening them, and reading what was committed last."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from soundalike.core.errors import LibraryCorruptError, LibraryError, NotFoundError
from soundalike.storage import folder
from soundalike.storage.folder import Header
from soundalike.storage.lock import writer_lock
from soundalike.storage.records import EncoderRecord
from soundalike.storage.snapshot import Snapshot, VectorKind
from soundalike.storage.tables import Tables, writing

if TYPE_CHECKING:
    from soundalike.storage.writer import Writer

_CREATION_TIMEOUT_S = 10.0


class Store:
    """The tables of one library: read at any time by any number of processes, written by one at a time.

    Every read shows what was committed last when it was called, whole batches only. Reads that must fit
    together belong on one ``snapshot``. Threads may share a Store.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     store = Store.open(f"{directory}/my library")
        ...     store.counts()
        {'files': 0, 'sounds': 0}
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tables = Tables(path)
        self._header_guard = threading.Lock()
        self._header_kept: tuple[tuple[int, int, int], Header] | None = None

    @classmethod
    def open(cls, path: str | Path, *, create: bool = True) -> Store:
        """Open a library's folder; make it where it is absent or empty.

        Args:
            path: The folder. It may be read-only.
            create: Whether to make the library where there is none.

        Raises:
            NotFoundError: There is no library, and none was to be made.
            LibraryError: The folder holds other things, is a file, or cannot be read or made.
            LibraryTooNewError: A newer soundalike wrote the library.
            LibraryCorruptError: Files of the library are missing or damaged.
        """
        place = Path(path).expanduser().absolute()
        folder.check_usable_path(place)
        try:
            if not folder.is_library(place):
                if not create:
                    raise NotFoundError(f"There is no library at {place}.")
                _create(place)
        except OSError as error:
            raise LibraryError(
                f"The folder {place} cannot be used as a library: {error.strerror or error}."
            ) from error
        store = cls(place)
        store._check()
        return store

    @property
    def path(self) -> Path:
        """The library's folder."""
        return self._path

    @property
    def library_id(self) -> str:
        """32 hex digits that a copy of the library shares, and a library made anew does not."""
        return self._header().library_id

    @property
    def derived_path(self) -> Path:
        """The folder for what can be computed anew from the tables; whoever writes there makes it."""
        return self._path / folder.DERIVED_FOLDER

    def snapshot(self) -> Snapshot:
        """The library as it is now, for several reads that must fit together."""
        commit = folder.read_commit(self._path)  # first: an encoder is in the header before its vectors
        header = self._header()
        return Snapshot(self._tables, header, commit)

    def encoders(self) -> dict[str, EncoderRecord]:
        """The encoders whose vectors the library holds, by fingerprint."""
        return dict(self._header().encoders)

    @property
    def default_encoder(self) -> str | None:
        """The fingerprint of the encoder that searches use; None before there is one."""
        return self._header().default_encoder

    def versions(self) -> dict[str, int]:
        """See ``Snapshot.versions``; reads two small files."""
        return self.snapshot().versions()

    def removals(self) -> dict[str, int]:
        """See ``Snapshot.removals``; reads two small files."""
        return self.snapshot().removals()

    def counts(self) -> dict[str, int]:
        """See ``Snapshot.counts``."""
        return self.snapshot().counts()

    def read_files(self, columns: Sequence[str] | None = None, where: str | None = None) -> pa.Table:
        """See ``Snapshot.read_files``."""
        return self.snapshot().read_files(columns, where)

    def read_sounds(self, columns: Sequence[str] | None = None, ids: Sequence[str] | None = None) -> pa.Table:
        """See ``Snapshot.read_sounds``."""
        return self.snapshot().read_sounds(columns, ids)

    def read_vectors(
        self,
        fingerprint: str,
        columns: Sequence[str] | None = None,
        after_vector_id: int | None = None,
        ids: Sequence[str] | None = None,
        kind: VectorKind = "all",
    ) -> pa.Table:
        """See ``Snapshot.read_vectors``."""
        return self.snapshot().read_vectors(fingerprint, columns, after_vector_id, ids, kind)

    def iter_vectors(
        self,
        fingerprint: str,
        columns: Sequence[str] | None = None,
        after_vector_id: int | None = None,
        ids: Sequence[str] | None = None,
        kind: VectorKind = "all",
        *,
        batch_rows: int = 16384,
    ) -> Iterator[pa.RecordBatch]:
        """See ``Snapshot.iter_vectors``."""
        return self.snapshot().iter_vectors(
            fingerprint, columns, after_vector_id, ids, kind, batch_rows=batch_rows
        )

    def sound_ids_with_vectors(self, fingerprint: str) -> set[str]:
        """See ``Snapshot.sound_ids_with_vectors``."""
        return self.snapshot().sound_ids_with_vectors(fingerprint)

    def write(self, timeout_s: float = 0.0) -> Writer:
        """A writer, to be used in a ``with`` statement; entering it takes the library's lock.

        Args:
            timeout_s: How long to wait for another writer to end.

        Example:
            >>> import tempfile
            >>> with tempfile.TemporaryDirectory() as directory:
            ...     store = Store.open(directory)
            ...     with store.write() as writer:
            ...         writer.unreferenced_sounds()
            []
        """
        from soundalike.storage.writer import Writer  # noqa: PLC0415 (readers need none of it)

        return Writer(self._path, timeout_s)

    def _header(self) -> Header:
        """``soundalike.json``, read anew where it was replaced."""
        try:
            stat = (self._path / folder.HEADER_FILE).stat()
        except OSError as error:
            raise LibraryCorruptError(
                f"The library's file {self._path / folder.HEADER_FILE} is missing."
            ) from error
        signature = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        with self._header_guard:
            if self._header_kept is None or self._header_kept[0] != signature:
                header = folder.read_header(self._path)
                if self._header_kept is not None and self._header_kept[1].library_id != header.library_id:
                    self._tables = Tables(self._path)  # made anew at the same place: nothing kept holds
                self._header_kept = (signature, header)
            return self._header_kept[1]

    def _check(self) -> None:
        """Raise where the small files are damaged or a table's folder is gone."""
        self._header()
        for name in folder.read_commit(self._path):
            if not self._tables.exists(name):
                raise LibraryCorruptError(f"The library {self._path} lacks its table {name!r}.")


def _create(path: Path) -> None:
    """Make a folder a library, whoever else tries the same."""
    if path.exists() and not path.is_dir():
        raise LibraryError(f"A library is a folder; {path} is a file.")
    if path.is_dir() and not folder.may_become_library(path):
        raise LibraryError(
            f"{path} is not a library, and not empty: choose another folder, so that nothing is mixed "
            "with the files that are there."
        )
    path.mkdir(parents=True, exist_ok=True)
    with writing(path), writer_lock(path, _CREATION_TIMEOUT_S):
        if folder.is_library(path):
            return
        folder.write_commit(path, {})
        now = datetime.now(UTC).isoformat(timespec="seconds")
        folder.write_header(path, Header(uuid.uuid4().hex, now, _soundalike_version()))


def _soundalike_version() -> str:
    try:
        return version("soundalike")
    except PackageNotFoundError:
        return "unknown"
