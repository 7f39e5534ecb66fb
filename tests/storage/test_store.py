"""Opening a library: what is accepted, what is refused and with which words; reading."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path
from types import ModuleType

import pyarrow as pa
import pytest

from soundalike.core.errors import (
    InvalidInputError,
    LibraryCorruptError,
    LibraryError,
    LibraryTooNewError,
    NotFoundError,
)
from soundalike.storage import EncoderRecord, Store
from soundalike.storage.schema import FILES, FORMAT_VERSION, SOUNDS, vectors_schema


def change_json(path: Path, **values: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | values), "utf-8")


def test_a_new_library_is_empty_and_found_again(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "deep" / "library")
    assert store.counts() == store.versions() == store.removals() == {"files": 0, "sounds": 0}
    assert store.read_files().schema == FILES
    assert store.read_sounds(ids=["a"]).schema == SOUNDS
    assert store.default_encoder is None
    assert store.encoders() == {}
    assert Store.open(store.path, create=False).library_id == store.library_id
    assert not store.derived_path.exists()


def test_an_empty_folder_becomes_a_library(tmp_path: Path) -> None:
    Store.open(tmp_path)
    assert (tmp_path / "soundalike.json").exists()


def test_a_folder_that_holds_other_things_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "kick.wav").write_bytes(b"RIFF")
    with pytest.raises(LibraryError, match="is not a library, and not empty"):
        Store.open(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["kick.wav"]


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "library").write_bytes(b"x")
    with pytest.raises(LibraryError, match="is a file"):
        Store.open(tmp_path / "library")
    with pytest.raises(LibraryError, match="Not a directory"):
        Store.open(tmp_path / "library" / "below")


def test_an_absent_library_is_not_made_unless_wanted(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="There is no library at"):
        Store.open(tmp_path / "library", create=False)
    assert list(tmp_path.iterdir()) == []


def test_a_creation_that_was_cut_short_is_finished(tmp_path: Path) -> None:
    (tmp_path / "commit.json").write_text('{"tables": {}}')
    (tmp_path / "lock").touch()
    (tmp_path / ".writing-soundalike.json-12").write_bytes(b"{")
    assert Store.open(tmp_path).counts() == {"files": 0, "sounds": 0}


@pytest.mark.parametrize("name", ["a b", "ü音", "100%20", "a#b?c", "it's", "a\\b", "[x]", "~", "c:d"])
def test_any_name_of_a_library_works(tmp_path: Path, rows: ModuleType, name: str) -> None:
    store = Store.open(tmp_path / name)
    with store.write() as writer:
        writer.ensure_encoder(rows.RECORD)
        writer.commit(*rows.batch(0, 1))
    assert [p.name for p in tmp_path.iterdir()] == [name]
    assert Store.open(tmp_path / name, create=False).read_files(["uri"])["uri"].to_pylist() == ["/s/0.wav"]


@pytest.mark.parametrize("name", ["line\nbreak", "\udcff"])
def test_a_name_that_tables_cannot_have_is_refused_with_the_reason(tmp_path: Path, name: str) -> None:
    with pytest.raises(LibraryError, match="must be valid Unicode without control characters"):
        Store.open(tmp_path / name)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"{}", b'{"format_version": "1"}'])
@pytest.mark.parametrize("file", ["soundalike.json", "commit.json"])
def test_damaged_small_files_are_named(store: Store, file: str, content: bytes) -> None:
    (store.path / file).write_bytes(content)
    with pytest.raises(LibraryCorruptError, match=file):
        Store.open(store.path)


def test_a_header_that_lacks_an_encoders_dims_is_damaged(store: Store) -> None:
    change_json(store.path / "soundalike.json", encoders={"a-1": {"name": "a"}})
    with pytest.raises(LibraryCorruptError, match=r"soundalike\.json is damaged: .* lacks fingerprint"):
        Store.open(store.path)


def test_a_missing_commit_is_named(store: Store) -> None:
    (store.path / "commit.json").unlink()
    with pytest.raises(LibraryCorruptError, match=r"commit\.json is missing"):
        Store.open(store.path)


def test_a_newer_format_is_refused_with_both_versions(store: Store) -> None:
    change_json(store.path / "soundalike.json", format_version=FORMAT_VERSION + 1, soundalike_version="9.1")
    with pytest.raises(
        LibraryTooNewError, match=rf"version {FORMAT_VERSION + 1} \(soundalike 9\.1\).*{FORMAT_VERSION}\."
    ):
        Store.open(store.path)
    with pytest.raises(LibraryTooNewError, match="Update soundalike"), store.write():
        pytest.fail("wrote to a newer library")


def test_a_missing_table_is_named(store: Store) -> None:
    shutil.rmtree(store.path / "tables" / "sounds.lance")
    with pytest.raises(LibraryCorruptError, match="lacks its table 'sounds'"):
        Store.open(store.path)


@pytest.mark.parametrize("part", ["data", "_versions"])
@pytest.mark.parametrize("damage", ["gone", "empty", "cut"])
def test_a_damaged_table_is_named(store: Store, part: str, damage: str) -> None:
    for path in (store.path / "tables" / "files.lance" / part).iterdir():
        if damage == "gone":
            path.unlink()
        else:
            path.write_bytes(path.read_bytes()[: 0 if damage == "empty" else path.stat().st_size // 2])
    with pytest.raises(LibraryCorruptError, match="'files'"):
        Store.open(store.path).read_files()
    assert Store.open(store.path).read_sounds().num_rows == 5


def test_a_committed_version_that_is_gone_is_named(store: Store) -> None:
    document = json.loads((store.path / "commit.json").read_text())
    document["tables"]["sounds"]["lance_version"] = 99
    (store.path / "commit.json").write_text(json.dumps(document))
    opened = Store.open(store.path)
    with pytest.raises(LibraryCorruptError, match=r"table 'sounds' .* lacks its version 99"):
        opened.read_sounds()
    with pytest.raises(LibraryCorruptError, match=r"table 'sounds' .* lacks its version 99"), opened.write():
        pytest.fail("wrote to a damaged library")


def test_columns_filters_and_ids(store: Store, rows: ModuleType) -> None:
    key = rows.RECORD.fingerprint
    assert store.read_files(["name", "uri"], where="uri = '/s/2.wav'").to_pylist() == [
        {"name": "n.wav", "uri": "/s/2.wav"}
    ]
    assert store.read_sounds(["sound_id"], ids=[rows.sound_id(4), "x'y"])["sound_id"].to_pylist() == [
        rows.sound_id(4)
    ]
    assert store.read_sounds(ids=[]).num_rows == 0
    whole = store.read_vectors(key, kind="sounds")
    assert whole.schema == vectors_schema(rows.DIMS)
    assert whole["vector_id"].to_pylist() == [0, 3, 6, 9, 12]
    assert store.read_vectors(key, kind="segments")["start_s"].to_pylist() == [0.0, 0.48] * 5
    both = store.read_vectors(key, ["vector_id"], after_vector_id=4, ids=[rows.sound_id(1), rows.sound_id(3)])
    assert both["vector_id"].to_pylist() == [5, 9, 10, 11]
    assert store.sound_ids_with_vectors(key) == {rows.sound_id(n) for n in range(5)}


def test_many_ids_are_read_in_chunks(tmp_path: Path, rows: ModuleType) -> None:
    store = Store.open(tmp_path / "library")
    with store.write() as writer:
        writer.ensure_encoder(rows.RECORD)
        writer.commit(*rows.batch(0, 2500))
    ids = [rows.sound_id(n) for n in range(2499, -1, -1)] + [rows.sound_id(0)] * 2
    assert store.read_sounds(["sound_id"], ids=ids).num_rows == 2500
    assert store.read_vectors(rows.RECORD.fingerprint, ["vector_id"], ids=ids, kind="sounds").num_rows == 2500


def test_batches_hold_what_one_read_holds(store: Store, rows: ModuleType) -> None:
    key = rows.RECORD.fingerprint
    for query in ({}, {"kind": "segments"}, {"after_vector_id": 6}, {"ids": [rows.sound_id(2)]}):
        batches = list(store.iter_vectors(key, batch_rows=2, **query))
        assert all(0 < batch.num_rows <= 2 for batch in batches)
        assert pa.Table.from_batches(batches) == store.read_vectors(key, **query).combine_chunks()


def test_bad_questions_are_refused(store: Store) -> None:
    with pytest.raises(NotFoundError, match="no column 'colour'; there are: uri"):
        store.read_files(["colour"])
    with pytest.raises(
        NotFoundError, match="no vectors of encoder 'mel-1'; it has: spectral-0123456789abcdef"
    ):
        store.read_vectors("mel-1")
    with pytest.raises(InvalidInputError, match="filter does not fit the table 'files'"):
        store.read_files(where="colour = 3")


def test_a_snapshot_stays_while_the_store_follows(store: Store, rows: ModuleType) -> None:
    snapshot = store.snapshot()
    other = Store.open(store.path)
    with store.write() as writer:
        writer.commit(*rows.batch(50, 2))
        assert other.counts()["files"] == 7
        writer.delete_files(["/s/0.wav"])
        writer.purge([rows.sound_id(0)])
        writer.optimize()
    assert snapshot.counts()["files"] == 5
    assert snapshot.read_vectors(rows.RECORD.fingerprint).num_rows == 15
    assert rows.sound_id(0) in snapshot.read_sounds(["sound_id"])["sound_id"].to_pylist()
    assert other.counts() == {"files": 6, "sounds": 6, f"vectors_{rows.RECORD.fingerprint}": 18}


def test_threads_share_a_store_while_it_is_written(store: Store, rows: ModuleType) -> None:
    stop = threading.Event()
    problems: list[object] = []

    def read() -> None:
        while not stop.is_set():
            try:
                files, sounds, with_vectors = rows.found(store)
                if not {i for i, _ in files.values()} == sounds == with_vectors:
                    problems.append((files, sounds, with_vectors))
            except Exception as error:
                problems.append(error)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    with store.write() as writer:
        for first in range(100, 130, 2):
            writer.commit(*rows.batch(first, 2))
    stop.set()
    for thread in threads:
        thread.join()
    assert problems == []
    assert store.counts()["sounds"] == 35


def test_a_library_made_anew_at_the_same_place_is_seen(store: Store, rows: ModuleType) -> None:
    assert store.counts()["files"] == 5
    old_id = store.library_id
    shutil.rmtree(store.path)
    with Store.open(store.path).write() as writer:
        writer.ensure_encoder(rows.RECORD)
        writer.commit(*rows.batch(70, 1))
        writer.commit(*rows.batch(80, 1))
    assert store.read_files(["uri"])["uri"].to_pylist() == ["/s/70.wav", "/s/80.wav"]
    assert store.library_id != old_id


def test_a_record_keeps_its_values_through_json() -> None:
    record = EncoderRecord("a-1", "a", "b-2", 3, "euclidean", False, 8000, 0.5, 0.25, {"x": [1, None, "ü"]})
    assert EncoderRecord.from_json(json.loads(json.dumps(record.to_json())) | {"later": 1}) == record
