"""What each of a writer's methods does to the tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from soundalike.core.errors import InvalidInputError, LibraryBusyError, LibraryError, NotFoundError
from soundalike.storage import Store, Writer, folder
from soundalike.storage import writer as writer_module


def uris(store: Store) -> list[str]:
    return sorted(store.read_files(["uri"])["uri"].to_pylist())


def test_everything_that_is_written_is_read_back(tmp_path: Path, rows: ModuleType) -> None:
    files, sounds, vectors = rows.batch(0, 4)
    store = Store.open(tmp_path / "library")
    with store.write() as writer:
        writer.ensure_encoder(rows.RECORD)
        writer.commit(files, sounds, vectors)
    assert store.read_files() == files
    assert store.read_sounds() == sounds
    read = store.read_vectors(rows.RECORD.fingerprint)
    assert read["vector_id"].to_pylist() == list(range(12))
    for name in ("sound_id", "start_s", "duration_s", "silent"):
        assert read[name].to_pylist() == vectors[rows.RECORD.fingerprint][name].to_pylist()
    given = vectors[rows.RECORD.fingerprint]["vector"].combine_chunks().flatten()
    assert read["vector"].combine_chunks().flatten().to_numpy().tobytes() == given.to_numpy().tobytes()


def test_a_file_row_replaces_the_one_with_its_uri(store: Store, rows: ModuleType) -> None:
    with store.write() as writer:
        writer.commit(rows.file_rows(["/s/1.wav", "/s/9.wav"], [None, rows.sound_id(0)], error="odd"))
    row = store.read_files(where="uri = '/s/1.wav'").to_pylist()
    assert [(r["sound_id"], r["error"]) for r in row] == [(None, "odd")]
    assert uris(store) == [f"/s/{n}.wav" for n in (0, 1, 2, 3, 4, 9)]
    assert store.versions()["files"] == 3
    assert store.removals()["files"] == 1


def test_the_last_of_two_rows_for_one_uri_counts(store: Store, rows: ModuleType) -> None:
    with store.write() as writer:
        writer.commit(rows.file_rows(["/s/a", "/s/b", "/s/a"], [rows.sound_id(n) for n in (1, 2, 3)]))
    assert store.read_files(["sound_id"], where="uri = '/s/a'").column(0).to_pylist() == [rows.sound_id(3)]


def test_new_uris_are_appended_without_a_look(store: Store, rows: ModuleType) -> None:
    with store.write() as writer:
        writer.commit(rows.file_rows(["/s/7.wav"], [None]), new_uris=True)
        writer.commit(rows.file_rows(["/s/7.wav"], [rows.sound_id(1)]))
    assert uris(store).count("/s/7.wav") == 1
    assert store.read_files(["sound_id"], where="uri = '/s/7.wav'").column(0).to_pylist() == [
        rows.sound_id(1)
    ]


def test_a_sound_row_replaces_the_one_with_its_id(store: Store, rows: ModuleType) -> None:
    with store.write() as writer:
        writer.commit(sounds=rows.sound_rows([rows.sound_id(1), rows.sound_id(8)], codec="flac"))
    codecs = {r["sound_id"]: r["codec"] for r in store.read_sounds(["sound_id", "codec"]).to_pylist()}
    assert len(codecs) == 6
    assert {i for i, codec in codecs.items() if codec == "flac"} == {rows.sound_id(1), rows.sound_id(8)}


def test_vectors_of_a_sound_that_has_some_are_passed_over(store: Store, rows: ModuleType) -> None:
    key = rows.RECORD.fingerprint
    before = store.read_vectors(key)
    new = rows.vector_rows([rows.sound_id(2), rows.sound_id(6)], seed=99)
    with store.write() as writer:
        writer.commit(vectors={key: new})
    after = store.read_vectors(key)
    assert after.slice(0, 15) == before
    assert after.slice(15)["sound_id"].to_pylist() == [rows.sound_id(6)] * 3
    assert after.slice(15)["vector_id"].to_pylist() == [15, 16, 17]
    assert store.removals()[f"vectors_{key}"] == 0


def test_a_sound_that_comes_twice_in_a_batch_is_kept_once(tmp_path: Path, rows: ModuleType) -> None:
    store = Store.open(tmp_path / "library")
    files, sounds, vectors = rows.batch(0, 2)
    table = vectors[rows.RECORD.fingerprint]
    twice = pa.concat_tables([table, table.slice(3)])  # as two workers give it that met the same content
    with store.write() as writer:
        writer.ensure_encoder(rows.RECORD)
        writer.commit(files, sounds, {rows.RECORD.fingerprint: twice})
    read = store.read_vectors(rows.RECORD.fingerprint)
    assert read.column("vector_id").to_pylist() == list(range(6))
    assert read.drop_columns("vector_id").to_pylist() == table.to_pylist()


def test_vector_ids_are_never_used_again(store: Store, rows: ModuleType) -> None:
    key = rows.RECORD.fingerprint
    with store.write() as writer:
        writer.purge([rows.sound_id(3), rows.sound_id(4)])
    with store.write() as writer:
        writer.optimize()
        writer.commit(vectors={key: rows.vector_rows([rows.sound_id(4)])})
    assert store.read_vectors(key)["vector_id"].to_pylist() == [*range(9), 15, 16, 17]
    assert store.removals()[f"vectors_{key}"] == 1


def test_encoders_live_side_by_side(store: Store, rows: ModuleType) -> None:
    other = replace(rows.RECORD, fingerprint="wide-00", name="wide", dims=3)
    with store.write() as writer:
        writer.ensure_encoder(other)
        assert store.default_encoder == rows.RECORD.fingerprint
        writer.commit(vectors={"wide-00": rows.vector_rows([rows.sound_id(0)], dims=3)})
        writer.set_default_encoder("wide-00")
    assert store.default_encoder == "wide-00"
    assert store.encoders() == {rows.RECORD.fingerprint: rows.RECORD, "wide-00": other}
    assert store.counts()["vectors_wide-00"] == 3
    assert store.sound_ids_with_vectors("wide-00") == {rows.sound_id(0)}
    with store.write() as writer:
        writer.purge([rows.sound_id(0)])
    assert store.counts()["vectors_wide-00"] == 0
    assert store.counts()[f"vectors_{rows.RECORD.fingerprint}"] == 12


def test_one_fingerprint_is_one_encoder(store: Store, rows: ModuleType) -> None:
    with store.write() as writer:
        writer.ensure_encoder(rows.RECORD)
        with pytest.raises(InvalidInputError, match=r"dims=8.*cannot become.*dims=9"):
            writer.ensure_encoder(replace(rows.RECORD, dims=9))
        with pytest.raises(NotFoundError, match="no encoder 'mel-1'"):
            writer.commit(vectors={"mel-1": rows.vector_rows(["a"])})
        with pytest.raises(NotFoundError, match="no encoder 'mel-1'"):
            writer.set_default_encoder("mel-1")


def without(column: str) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.drop_columns([column])


def with_vectors(values: list[Any], dims: int = 8) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        filled = pa.FixedSizeListArray.from_arrays(
            pa.array([*values, *[0.0] * (len(table) * dims - len(values))], pa.float32()), dims
        )
        return table.set_column(table.schema.get_field_index("vector"), "vector", filled)

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("start_s"), "Expected the columns sound_id, start_s"),
        (lambda t: t.append_column("vector_id", t["silent"]), "got .*vector_id"),
        (with_vectors([], dims=7), "do not fit the columns"),
        (with_vectors([float("nan")]), "must be finite"),
        (with_vectors([1.0, None]), "must be finite"),
        (
            lambda t: t.set_column(0, "sound_id", pa.nulls(len(t), pa.string())),
            "do not fit the columns: .*'sound_id'",
        ),
    ],
)
def test_vectors_that_do_not_fit_are_refused(
    store: Store, rows: ModuleType, change: Callable[[pa.Table], pa.Table], message: str
) -> None:
    before = rows.found(store)
    files, sounds, vectors = rows.batch(60, 2)
    bad = {key: change(table) for key, table in vectors.items()}
    with store.write() as writer, pytest.raises(InvalidInputError, match=message):
        writer.commit(files, sounds, bad)
    assert rows.found(store) == before


def test_files_are_marked_missing_and_back(store: Store) -> None:
    with store.write() as writer:
        writer.set_missing(["/s/1.wav", "/s/3.wav", "/none"], missing=True)
        assert store.read_files(["uri"], where="missing")["uri"].to_pylist() == ["/s/1.wav", "/s/3.wav"]
        version = store.versions()["files"]
        writer.set_missing(["/s/1.wav"], missing=True)
        assert store.versions()["files"] == version
        writer.set_missing(["/s/1.wav"], missing=False)
    assert store.read_files(["uri"], where="missing")["uri"].to_pylist() == ["/s/3.wav"]


def test_removal_in_two_steps(store: Store, rows: ModuleType) -> None:
    key = f"vectors_{rows.RECORD.fingerprint}"
    with store.write() as writer:
        assert writer.unreferenced_sounds() == []
        writer.commit(rows.file_rows(["/copy.wav"], [rows.sound_id(1)]))
        writer.delete_files(["/s/0.wav", "/s/1.wav", "/none"])
        assert store.counts() == {"files": 4, "sounds": 5, key: 15}
        assert writer.unreferenced_sounds() == [rows.sound_id(0)]
        writer.purge(writer.unreferenced_sounds())
        assert store.counts() == {"files": 4, "sounds": 4, key: 12}
        before = store.versions()
        writer.purge(["none"])
        writer.delete_files([])
        assert store.versions() == before
        writer.commit(*rows.batch(0, 1))  # added again
    assert store.counts() == {"files": 5, "sounds": 5, key: 15}


def test_an_empty_batch_changes_nothing(store: Store, rows: ModuleType) -> None:
    before = (store.path / "commit.json").read_bytes()
    with store.write() as writer:
        writer.commit()
        writer.commit(
            rows.file_rows([], []), rows.sound_rows([]), {rows.RECORD.fingerprint: rows.vector_rows([])}
        )
    assert (store.path / "commit.json").read_bytes() == before


def test_many_batches_are_written_together_and_stay_in_order(tmp_path: Path, rows: ModuleType) -> None:
    store = Store.open(tmp_path / "library")
    key = rows.RECORD.fingerprint
    with store.write() as writer:
        writer.ensure_encoder(rows.RECORD)
        for first in range(150):
            writer.commit(*rows.batch(first, 1))
        stats = writer._tables.latest("files").stats()["fragment_stats"]
        assert stats["num_fragments"] < 100
        versions = store.versions()
        writer.optimize()
        assert writer._tables.latest("files").stats()["fragment_stats"]["num_fragments"] == 1
    assert store.versions() == versions == {"files": 150, "sounds": 150, f"vectors_{key}": 150}
    assert store.read_vectors(key)["vector_id"].to_pylist() == list(range(450))
    assert store.read_files(["uri"])["uri"].to_pylist() == [f"/s/{n}.wav" for n in range(150)]


def test_optimize_frees_what_no_reader_can_be_at(
    store: Store, rows: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = store.path / "tables" / "files.lance" / "data"
    held = store.snapshot()
    with store.write() as writer:
        writer.commit(*rows.batch(5, 1))
        writer.optimize()
        assert held.counts()["files"] == 5
        kept = len(list(data.iterdir()))
        monkeypatch.setattr(writer_module, "_KEEP_VERSIONS", timedelta(0))
        monkeypatch.setattr(writer_module, "_PRUNE_MARGIN", timedelta(0))
        writer.optimize()
        assert len(list(data.iterdir())) == 1 < kept
        writer.commit(*rows.batch(6, 1))
    assert len(uris(store)) == len(uris(Store.open(store.path))) == 7


def test_a_failed_write_leaves_everything_as_it_was(
    store: Store, rows: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, versions = rows.found(store), store.versions()
    real = folder.write_commit
    with store.write() as writer:
        for failure in (OSError(5, "Input/output error"), KeyboardInterrupt()):

            def fail(path: Path, commit: folder.Commit, failure: BaseException = failure) -> None:
                monkeypatch.setattr(folder, "write_commit", real)
                raise failure

            monkeypatch.setattr(folder, "write_commit", fail)
            expected = LibraryError if isinstance(failure, OSError) else KeyboardInterrupt
            with pytest.raises(expected, match=r"Input/output error; what was acknowledged|^$"):
                writer.commit(*rows.batch(20, 3))
            assert rows.found(store) == before
            assert store.versions() == versions
        writer.commit(*rows.batch(20, 3))
    assert store.read_vectors(rows.RECORD.fingerprint)["vector_id"].to_pylist() == list(range(24))
    assert len(uris(store)) == 8


def test_a_writer_works_inside_its_with_statement_only(store: Store, rows: ModuleType) -> None:
    writer: Writer = store.write()
    with pytest.raises(LibraryError, match="inside its 'with' statement"):
        writer.commit(*rows.batch(9, 1))
    with writer, pytest.raises(LibraryBusyError, match="Another process is writing"), store.write():
        pytest.fail("two writers at once")
    with pytest.raises(LibraryError, match="inside its 'with' statement"):
        writer.optimize()
    with store.write(), pytest.raises(LibraryBusyError), store.write(timeout_s=0.05):
        pytest.fail("two writers at once")


def test_rows_survive_in_any_chunks_and_types(store: Store, rows: ModuleType) -> None:
    """Chunked tables, large strings and double vectors are brought to the schema."""
    key = rows.RECORD.fingerprint
    table = rows.vector_rows([rows.sound_id(8)], seed=3)
    doubled = np.asarray(table["vector"].combine_chunks().flatten(), np.float64)
    table = table.set_column(4, "vector", pa.FixedSizeListArray.from_arrays(pa.array(doubled), rows.DIMS))
    table = table.set_column(0, "sound_id", table["sound_id"].cast(pa.large_string()))
    with store.write() as writer:
        writer.commit(vectors={key: pa.concat_tables([table.slice(0, 1), table.slice(1)])})
    read = store.read_vectors(key, ids=[rows.sound_id(8)])
    assert read["vector"].combine_chunks().flatten().to_pylist() == doubled.tolist()
