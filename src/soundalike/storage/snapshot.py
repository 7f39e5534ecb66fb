"""Reading a library: all tables as one commit left them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import pyarrow as pa

from soundalike.core.errors import NotFoundError
from soundalike.storage.folder import Commit, Header
from soundalike.storage.quoting import in_filters
from soundalike.storage.records import EncoderRecord
from soundalike.storage.schema import FILES, SOUNDS, vectors_schema
from soundalike.storage.tables import Tables

VectorKind: TypeAlias = Literal["all", "sounds", "segments"]

FILES_TABLE = "files"
SOUNDS_TABLE = "sounds"
_VECTORS_PREFIX = "vectors_"
_KIND_FILTERS: Mapping[str, str] = {"sounds": "start_s IS NULL", "segments": "start_s IS NOT NULL"}


def vectors_table(fingerprint: str) -> str:
    """The name of the table that holds an encoder's vectors."""
    return _VECTORS_PREFIX + fingerprint


class Snapshot:
    """A library as one commit left it. Whatever a writer does meanwhile, all reads fit together.

    A snapshot can be read for at least an hour after a later commit; threads may share it.
    """

    def __init__(self, tables: Tables, header: Header, commit: Commit) -> None:
        self._tables = tables
        self._header = header
        self._commit = commit

    def encoders(self) -> dict[str, EncoderRecord]:
        """The encoders whose vectors the library holds, by fingerprint."""
        return dict(self._header.encoders)

    def versions(self) -> dict[str, int]:
        """A number per table that grows whenever rows change, and only then.

        Returns:
            ``"files"``, ``"sounds"`` and one ``"vectors_{fingerprint}"`` per encoder; 0 for a table that
            never held a row.
        """
        return {name: state.revision if state else 0 for name, state in self._states()}

    def removals(self) -> dict[str, int]:
        """A number per table that grows whenever rows are taken away or changed.

        Where a vector table's number is what it was, all that happened is that vectors were added, and
        ``read_vectors(after_vector_id=...)`` brings what was read before up to date.
        """
        return {name: state.removals if state else 0 for name, state in self._states()}

    def counts(self) -> dict[str, int]:
        """The number of rows per table, under the names that ``versions`` uses."""
        return {
            name: int(self._tables.at(name, state.lance_version).count_rows()) if state else 0
            for name, state in self._states()
        }

    def read_files(self, columns: Sequence[str] | None = None, where: str | None = None) -> pa.Table:
        """Read rows of the table ``files``.

        Args:
            columns: Names of ``schema.FILES``, in the order wanted; None for all.
            where: An SQL filter; quote values with ``sql_text`` and ``sql_in``.

        Returns:
            The rows in the order that they were written.
        """
        return self._read(FILES_TABLE, FILES, columns, [where])

    def read_sounds(self, columns: Sequence[str] | None = None, ids: Sequence[str] | None = None) -> pa.Table:
        """Read rows of the table ``sounds``.

        Args:
            columns: Names of ``schema.SOUNDS``, in the order wanted; None for all.
            ids: The sounds wanted; ids that are not there are passed over; None for all sounds.

        Returns:
            The rows in the order that they were written, not in that of ``ids``.
        """
        wheres = [None] if ids is None else list(in_filters("sound_id", ids))
        return self._read(SOUNDS_TABLE, SOUNDS, columns, wheres)

    def read_vectors(
        self,
        fingerprint: str,
        columns: Sequence[str] | None = None,
        after_vector_id: int | None = None,
        ids: Sequence[str] | None = None,
        kind: VectorKind = "all",
    ) -> pa.Table:
        """Read rows of one encoder's vector table.

        Args:
            fingerprint: The encoder's.
            columns: Names of ``schema.vectors_schema``, in the order wanted; None for all.
            after_vector_id: Only vectors with a larger id.
            ids: Only vectors of these sounds; None for all sounds.
            kind: ``"sounds"`` for the vectors of whole sounds, ``"segments"`` for those of stretches.

        Returns:
            The rows by growing ``vector_id`` (for over a thousand ``ids``: within each thousand of them).

        Raises:
            NotFoundError: The library has no such encoder.
        """
        schema, wheres = self._vectors_query(fingerprint, after_vector_id, ids, kind)
        return self._read(vectors_table(fingerprint), schema, columns, wheres)

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
        """Read what ``read_vectors`` reads in batches of at most ``batch_rows``, in bounded memory."""
        schema, wheres = self._vectors_query(fingerprint, after_vector_id, ids, kind)
        name = vectors_table(fingerprint)
        wanted = _select(schema, columns)
        for where in wheres:
            query = self._query(name, wanted, where)
            if query is None:
                return
            with self._tables.reading(name):
                for batch in query.to_batches(batch_rows):
                    if batch.num_rows:
                        yield batch.select(wanted.names)

    def sound_ids_with_vectors(self, fingerprint: str) -> set[str]:
        """The ids of the sounds that have vectors of an encoder.

        Raises:
            NotFoundError: The library has no such encoder.
        """
        found: set[str] = set()
        for batch in self.iter_vectors(fingerprint, columns=["sound_id"], batch_rows=65536):
            found.update(batch.column(0).unique().to_pylist())
        return found

    def _states(self) -> Iterator[tuple[str, Any]]:
        names = [FILES_TABLE, SOUNDS_TABLE, *map(vectors_table, self._header.encoders)]
        return ((name, self._commit.get(name)) for name in names)

    def _vectors_query(
        self, fingerprint: str, after_vector_id: int | None, ids: Sequence[str] | None, kind: VectorKind
    ) -> tuple[pa.Schema, list[str | None]]:
        record = self._header.encoders.get(fingerprint)
        if record is None:
            known = ", ".join(self._header.encoders) or "none"
            raise NotFoundError(f"The library has no vectors of encoder {fingerprint!r}; it has: {known}.")
        parts = []
        if after_vector_id is not None:
            parts.append(f"vector_id > {int(after_vector_id)}")
        if kind != "all":
            parts.append(_KIND_FILTERS[kind])
        if ids is None:
            return vectors_schema(record.dims), [" AND ".join(parts) or None]
        return vectors_schema(record.dims), [" AND ".join([*parts, f]) for f in in_filters("sound_id", ids)]

    def _query(self, name: str, wanted: pa.Schema, where: str | None) -> Any:
        """A query of a table at this commit's version; None where the table never held a row."""
        state = self._commit.get(name)
        if state is None:
            return None
        query = self._tables.at(name, state.lance_version).search().select(wanted.names)
        return query if where is None else query.where(where)

    def _read(
        self, name: str, schema: pa.Schema, columns: Sequence[str] | None, wheres: Sequence[str | None]
    ) -> pa.Table:
        wanted = _select(schema, columns)
        parts = []
        for where in wheres:
            query = self._query(name, wanted, where)
            if query is None:
                break
            with self._tables.reading(name):
                parts.append(query.to_arrow().select(wanted.names))
        return pa.concat_tables(parts) if parts else wanted.empty_table()


def _select(schema: pa.Schema, columns: Sequence[str] | None) -> pa.Schema:
    if columns is None:
        return schema
    unknown = [name for name in columns if name not in schema.names]
    if unknown:
        raise NotFoundError(
            f"There is no column {', '.join(map(repr, unknown))}; there are: {', '.join(schema.names)}."
        )
    return pa.schema([schema.field(name) for name in columns])
