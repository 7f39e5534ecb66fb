"""Writing a library: batches that are in as a whole or not at all, whatever kills the process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from soundalike.core.errors import InvalidInputError, LibraryError, NotFoundError
from soundalike.storage import folder
from soundalike.storage.folder import Commit, TableState
from soundalike.storage.lock import writer_lock
from soundalike.storage.quoting import in_filters
from soundalike.storage.records import EncoderRecord
from soundalike.storage.rows import first_of_each_stretch, fit, last_of_each
from soundalike.storage.schema import FILES, SOUNDS, vectors_schema
from soundalike.storage.snapshot import FILES_TABLE, SOUNDS_TABLE, Snapshot, vectors_table
from soundalike.storage.tables import Tables, writing

Change: TypeAlias = Callable[[Commit], None]

_FRAGMENTS_BEFORE_COMPACTION = 64
_MANY_FRAGMENTS = 512
_KEEP_VERSIONS = timedelta(hours=1)
_PRUNE_MARGIN = timedelta(minutes=1)  # Lance counts from when it is called, a little later


class Writer:
    """The one writer of a library. Made by ``Store.write``, used in a ``with`` statement.

    Every method is one commit: when it returns, what it wrote outlasts the process; when it raises, or the
    process dies in it, the library is as it was. What a killed writer left behind is undone on entry.
    Not for several threads at once.

    Raises (on entry):
        LibraryBusyError: Another process is writing.
        LibraryError: The folder cannot be written to.
    """

    def __init__(self, path: Path, timeout_s: float = 0.0) -> None:
        self._path = path
        self._timeout_s = timeout_s
        self._tables = Tables(path)
        self._stack = ExitStack()
        self._commit: Commit = {}
        self._open = False
        self._clean = False  # whether the tables' newest versions are the committed ones
        self._handles: dict[str, Any] = {}
        self._keys: dict[str, set[str]] = {}

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(writer_lock(self._path, self._timeout_s))
            self._header = folder.read_header(self._path)
            self._recover()
            self._stack = stack.pop_all()
        self._open = True
        return self

    def __exit__(self, *exc: object) -> None:
        self._open = False
        self._handles.clear()
        self._keys.clear()
        self._stack.close()

    def ensure_encoder(self, record: EncoderRecord, *, default: bool = False) -> None:
        """Make room for an encoder's vectors. The first encoder becomes the default.

        Args:
            record: The encoder.
            default: Whether searches are to use it from now on.

        Raises:
            InvalidInputError: The library knows another encoder by that fingerprint.
        """
        self._check_open()
        known = self._header.encoders.get(record.fingerprint)
        if known is not None and known.to_json() != record.to_json():
            raise InvalidInputError(
                f"The library knows the encoder {record.fingerprint} as {known}; it cannot become {record}."
            )
        chosen = record.fingerprint if default else self._header.default_encoder or record.fingerprint
        encoders = {**self._header.encoders, record.fingerprint: record}
        header = replace(self._header, encoders=encoders, default_encoder=chosen)
        if header != self._header:
            with writing(self._path):
                folder.write_header(self._path, header)
            self._header = header

    def set_default_encoder(self, fingerprint: str) -> None:
        """Choose the encoder that searches use.

        Raises:
            NotFoundError: The library has no such encoder.
        """
        self.ensure_encoder(self._record(fingerprint), default=True)

    def commit(
        self,
        files: pa.Table | None = None,
        sounds: pa.Table | None = None,
        vectors: Mapping[str, pa.Table] | None = None,
        *,
        new_uris: bool = False,
    ) -> None:
        """Write a batch, as a whole.

        Args:
            files: Rows of ``schema.FILES``; a row whose ``uri`` is there already replaces the old one.
            sounds: Rows of ``schema.SOUNDS``; a row whose ``sound_id`` is there already replaces the old one.
            vectors: By encoder fingerprint, rows of ``schema.vectors_schema`` without ``vector_id``, which is
                given here in order. Rows of a sound that has vectors of that encoder already are passed over,
                and so is a stretch that comes twice in the batch.
            new_uris: The caller knows that no ``uri`` of the batch is in the library: spares the look.

        Raises:
            InvalidInputError: A column is missing, or holds what the schema does not allow.
            NotFoundError: An encoder that ``ensure_encoder`` was not called for.
            LibraryError: The disk is full or failed; the library is as it was.
        """
        self._check_open()
        prepared = {
            key: fit(table, _given_columns(self._record(key))) for key, table in (vectors or {}).items()
        }
        file_rows = None if files is None else last_of_each(fit(files, FILES), "uri")
        sound_rows = None if sounds is None else last_of_each(fit(sounds, SOUNDS), "sound_id")

        def change(states: Commit) -> None:
            for fingerprint, rows in prepared.items():
                self._append_vectors(states, fingerprint, rows)
            if sound_rows is not None:
                self._upsert(states, SOUNDS_TABLE, SOUNDS, "sound_id", sound_rows, new=False)
            if file_rows is not None:
                self._upsert(states, FILES_TABLE, FILES, "uri", file_rows, new=new_uris)

        self._apply(change)
        self._compact_where_scattered()

    def set_missing(self, uris: Sequence[str], missing: bool) -> None:
        """Mark files as gone when last looked for, or as there again; unknown uris are passed over."""
        self._check_open()

        def change(states: Commit) -> None:
            if FILES_TABLE not in states or not uris:
                return
            table = self._handle(FILES_TABLE)
            changed = 0
            for where in in_filters("uri", uris):
                update = table.update(
                    where=f"missing = {not missing} AND {where}", values={"missing": missing}
                )
                changed += update.rows_updated
            self._note(states, FILES_TABLE, removed=changed > 0, changed=changed > 0)

        self._apply(change)

    def delete_files(self, uris: Sequence[str]) -> None:
        """Forget files; their sounds and vectors stay until ``purge``. Unknown uris are passed over."""
        self._check_open()
        self._apply(lambda states: self._delete(states, FILES_TABLE, "uri", uris))

    def purge(self, sound_ids: Sequence[str]) -> None:
        """Forget sounds with all their vectors. Unknown ids are passed over.

        Files that name them are left as they are: delete those first.
        """
        self._check_open()

        def change(states: Commit) -> None:
            for fingerprint in self._header.encoders:
                self._delete(states, vectors_table(fingerprint), "sound_id", sound_ids)
            self._delete(states, SOUNDS_TABLE, "sound_id", sound_ids)

        self._apply(change)

    def unreferenced_sounds(self) -> list[str]:
        """The ids of sounds that no file has any more, sorted."""
        self._check_open()
        snapshot = self.snapshot()
        used = snapshot.read_files(["sound_id"]).column(0)
        ids = snapshot.read_sounds(["sound_id"]).column(0)
        unused = ids.filter(pc.invert(pc.is_in(ids, value_set=used.combine_chunks())))
        return sorted(unused.to_pylist())

    def optimize(self) -> None:
        """Write small fragments together, and free the room of states that are over an hour past."""
        self._check_open()
        self._compact(list(self._commit))
        self._prune()

    def snapshot(self) -> Snapshot:
        """The library as this writer's last commit left it."""
        self._check_open()
        return Snapshot(self._tables, self._header, dict(self._commit))

    # One commit

    def _apply(self, change: Change) -> None:
        """Change tables, then name the new versions in one step.

        Where that fails, no reader sees it, and the next call or the next writer undoes it first: a full disk
        might refuse the undoing now.
        """
        if not self._clean:
            self._recover()
        states = dict(self._commit)
        try:
            with writing(self._path):
                self._clean = False
                change(states)
                self._publish(states)
                self._clean = True
        except BaseException:
            self._keys.clear()
            raise

    def _publish(self, states: Commit) -> None:
        changed = [name for name, state in states.items() if state != self._commit.get(name)]
        for name in changed:
            self._tables.sync(name)
        if changed:
            folder.write_commit(self._path, states)
            self._commit = states

    def _recover(self) -> None:
        """Bring every table back to its committed version: undo what a killed or failed writer left."""
        self._commit = folder.read_commit(self._path)
        self._handles.clear()
        with writing(self._path):
            states = dict(self._commit)
            for name, state in self._commit.items():
                self._tables.note_synced(name)
                table = self._tables.restore(name, state.lance_version)
                self._handles[name] = table
                states[name] = state.moved(table.version)
            self._publish(states)
        self._clean = True

    def _note(
        self, states: Commit, name: str, *, removed: bool, changed: bool = True, next_id: int | None = None
    ) -> None:
        """Write down in the coming commit what became of a table; called once per table and commit."""
        before = self._commit.get(name) or TableState(0)
        version = self._handle(name).version
        if changed:
            next_id = before.next_id if next_id is None else next_id
            states[name] = before.changed(version, removed=removed, next_id=next_id)
        else:
            states[name] = before.moved(version)

    # Rows

    def _append_vectors(self, states: Commit, fingerprint: str, rows: pa.Table) -> None:
        name = vectors_table(fingerprint)
        known = self._keys_of(name, "sound_id")
        ids = rows.column("sound_id")
        fresh = set(ids.unique().to_pylist()) - known
        if len(fresh) < len(ids.unique()):
            rows = rows.filter(pc.is_in(ids, value_set=pa.array(sorted(fresh), pa.string())))
        if rows.num_rows == 0:
            return
        rows = first_of_each_stretch(rows)
        schema = vectors_schema(self._record(fingerprint).dims)
        first = states[name].next_id if name in states else 0
        vector_ids = pa.array(np.arange(first, first + rows.num_rows, dtype=np.int64))
        table = self._handle(name, schema)
        _append(table, rows.add_column(0, schema.field("vector_id"), vector_ids))
        known |= fresh
        self._note(states, name, removed=False, next_id=first + rows.num_rows)

    def _upsert(
        self, states: Commit, name: str, schema: pa.Schema, key: str, rows: pa.Table, *, new: bool
    ) -> None:
        if rows.num_rows == 0:
            return
        table = self._handle(name, schema)
        given = rows.column(key).to_pylist()
        replaced: list[str] = []
        if not new:
            known = self._keys_of(name, key)
            replaced = [value for value in given if value in known]
            for where in in_filters(key, replaced):
                table.delete(where)
        if name in self._keys:
            self._keys[name].update(given)
        _append(table, rows)
        self._note(states, name, removed=bool(replaced))

    def _delete(self, states: Commit, name: str, key: str, values: Sequence[str]) -> None:
        wheres = list(in_filters(key, values))
        if name not in states or not wheres:
            return
        table = self._handle(name)
        before = table.count_rows()
        for where in wheres:
            table.delete(where)
        removed = table.count_rows() < before
        if name in self._keys:
            self._keys[name].difference_update(values)
        self._note(states, name, removed=removed, changed=removed)

    def _keys_of(self, name: str, key: str) -> set[str]:
        """The keys that a table holds, kept in memory while this writer is open."""
        if name not in self._keys:
            found: set[str] = set()
            if name in self._commit:
                query = self._handle(name).search().select([key])
                for batch in query.to_batches(65536):
                    found.update(batch.column(key).unique().to_pylist())
            self._keys[name] = found
        return self._keys[name]

    def _handle(self, name: str, schema: pa.Schema | None = None) -> Any:
        """A table for writing; made where it is not there yet and a schema is given."""
        if name not in self._handles:
            if schema is not None and name not in self._commit:
                self._handles[name] = self._tables.create(name, schema)
            else:
                self._handles[name] = self._tables.latest(name)
        return self._handles[name]

    def _record(self, fingerprint: str) -> EncoderRecord:
        record = self._header.encoders.get(fingerprint)
        if record is None:
            raise NotFoundError(f"The library has no encoder {fingerprint!r}: ensure_encoder comes first.")
        return record

    def _check_open(self) -> None:
        if not self._open:
            raise LibraryError("A writer works inside its 'with' statement only.")

    # Housekeeping

    def _compact_where_scattered(self) -> None:
        scattered = [name for name in self._commit if self._is_scattered(name)]
        if scattered:
            self._compact(scattered)
            self._prune()

    def _is_scattered(self, name: str) -> bool:
        """Whether a table has many fragments, most rows of which were not written together before.

        The second condition keeps what compaction writes in proportion to the table: it doubles each time.
        """
        stats = self._handle(name).stats()
        fragments = stats["fragment_stats"]["num_fragments"]
        loose_rows = stats["num_rows"] - stats["fragment_stats"]["lengths"]["max"]
        return bool(
            fragments > _MANY_FRAGMENTS
            or (fragments > _FRAGMENTS_BEFORE_COMPACTION and 2 * loose_rows >= stats["num_rows"])
        )

    def _compact(self, names: Sequence[str]) -> None:
        def change(states: Commit) -> None:
            for name in names:
                table = self._handle(name)
                self._tables.compact(table)
                states[name] = states[name].moved(table.version)

        self._apply(change)

    def _prune(self) -> None:
        """Delete the states that no reader can be at: those that were superseded over an hour ago."""
        limit = datetime.now(UTC) - _KEEP_VERSIONS
        for name in self._commit:
            table = self._handle(name)
            times = [
                entry["timestamp"].astimezone(UTC) for entry in table.list_versions()
            ]  # local, without a zone
            past = [time for time in times if time <= limit]
            if len(past) < 2:
                continue
            # The newest of these was the table's state an hour ago: a reader may still be at it.
            older_than = datetime.now(UTC) - max(past) + _PRUNE_MARGIN
            self._apply(partial(self._prune_table, name, older_than))

    def _prune_table(self, name: str, older_than: timedelta, states: Commit) -> None:
        table = self._handle(name)
        self._tables.prune(table, older_than)
        states[name] = states[name].moved(table.version)


def _given_columns(record: EncoderRecord) -> pa.Schema:
    schema = vectors_schema(record.dims)
    return schema.remove(schema.get_field_index("vector_id"))


def _append(table: Any, rows: pa.Table) -> None:
    """Append rows in their order: one stream, so that ids grow along the table."""
    table.add(rows, write_parallelism=1)
