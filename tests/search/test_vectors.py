from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import numpy as np
import pytest

from soundalike.index import IvfIndex
from soundalike.search import vectors as vectors_module
from soundalike.search.vectors import SEGMENTS, SOUNDS, VectorView, newest_first
from soundalike.storage import Store

from .conftest import DIMS, MakeStore, ToyEncoder, cloud, entry, write_entries

FINGERPRINT = ToyEncoder().spec.fingerprint


def opened(store: Store, *, spill: Path | None = None) -> VectorView:
    snapshot = store.snapshot()
    view = VectorView.open(snapshot, FINGERPRINT, DIMS, "euclidean", store.derived_path / FINGERPRINT)
    view.update(snapshot, spill)
    return view


def saved(store: Store) -> Path:
    return opened(store).save(store.derived_path / FINGERPRINT)


def content(view: VectorView) -> list[object]:
    """Everything that a search could see."""
    seen: list[object] = []
    ids = view.sound_ids.to_pylist()
    for sort in (SOUNDS, SEGMENTS):
        one = view.sets[sort]
        columns = one.columns
        seen += [columns.ids.tolist(), columns.start_s.tolist(), columns.duration_s.tolist()]
        seen.append([ids[code] for code in columns.owner])
        seen.append(one.index.vectors_of(columns.ids).tolist())
        seen.append([array.tolist() for array in one.index.query(np.zeros((1, DIMS), np.float32), 7)])
    return seen


def fresh(store: Store) -> list[object]:
    """The same, read from the tables alone."""
    view = VectorView.empty(FINGERPRINT, DIMS, "euclidean")
    view.update(store.snapshot())
    return content(view)


def test_rows_become_two_sets_without_silent_ones(make_store: MakeStore) -> None:
    one = np.ones(DIMS, np.float32)
    store = make_store(
        [
            entry(1, one, segments=[one, 2 * one, 3 * one], silent_segments=[1]),
            entry(2, one, silent=True, segments=[one], silent_segments=[0]),
        ]
    )
    view = opened(store)
    assert view.sets[SOUNDS].columns.ids.tolist() == [0]
    assert view.sets[SEGMENTS].columns.start_s.tolist() == [0.0, 1.0]
    assert view.last_id == 5


def test_what_was_saved_is_opened_and_what_came_since_is_read(make_store: MakeStore) -> None:
    store = make_store(cloud(200))
    folder = saved(store)
    view = opened(store)
    assert view.opened_from == folder
    assert content(view) == fresh(store)
    write_entries(store, cloud(30, seed=1, first=200))
    view = opened(store)
    assert view.opened_from == folder
    assert len(view.sets[SOUNDS]) == 230
    assert content(view) == fresh(store)
    assert view.outdated


def test_an_open_view_catches_up(make_store: MakeStore) -> None:
    store = make_store(cloud(50))
    saved(store)
    view = opened(store)
    write_entries(store, cloud(5, seed=1, first=50))
    with store.write() as writer:
        writer.purge([f"{3:032x}", f"{51:032x}"])
    view.update(store.snapshot())
    assert content(view) == fresh(store)
    assert len(view.sets[SEGMENTS]) == 53 * 3
    assert not view.outdated


def test_purged_sounds_are_gone_and_saving_again_drops_the_old_files(make_store: MakeStore) -> None:
    store = make_store(cloud(60))
    first = saved(store)
    with store.write() as writer:
        writer.purge([f"{n:032x}" for n in range(20)])
    view = opened(store)
    assert content(view) == fresh(store)
    assert view.outdated
    second = view.save(store.derived_path / FINGERPRINT)
    assert not first.exists()
    view = opened(store)
    assert (view.opened_from, view.outdated) == (second, False)
    assert content(view) == fresh(store)
    assert [p.name for p in (store.derived_path / FINGERPRINT).iterdir()] == [second.name]


def test_what_a_killed_build_left_is_swept_away(make_store: MakeStore) -> None:
    store = make_store(cloud(5))
    folder = store.derived_path / FINGERPRINT
    old, young = [folder / ".writing-dead", folder / ".spill-dead"], folder / ".writing-busy"
    for path in (*old, young):
        (path / "sounds").mkdir(parents=True)
        (path / "sounds" / "vectors.bin").write_bytes(b"12345678")
    for path in old:
        os.utime(path, (0, 0))
    made = saved(store)
    assert sorted(folder.iterdir()) == sorted([made, young])


def test_others_may_read_what_was_saved(make_store: MakeStore) -> None:
    store = make_store(cloud(10))
    folder = saved(store)
    plain = store.path / "plain"
    plain.mkdir()
    assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_damaged_files_are_passed_over(make_store: MakeStore) -> None:
    store = make_store(cloud(40))
    folder = saved(store)
    expected = fresh(store)
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    assert len(files) > 12
    for file in files:
        whole = file.read_bytes()
        file.write_bytes(whole[: len(whole) // 2])
        view = opened(store)
        assert view.opened_from is None, file
        assert content(view) == expected
        file.write_bytes(whole)
    assert opened(store).opened_from == folder
    shutil.rmtree(folder)
    assert content(opened(store)) == expected


def test_files_of_another_encoder_are_passed_over(make_store: MakeStore) -> None:
    store = make_store(cloud(40))
    folder = saved(store)
    snapshot = store.snapshot()
    other = VectorView.open(snapshot, "toy-0000000000000002", DIMS, "euclidean", folder.parent)
    assert other.opened_from is None
    cosine = VectorView.open(snapshot, FINGERPRINT, DIMS, "cosine", folder.parent)
    assert cosine.opened_from is None


def test_building_beside_memory_gives_the_same(
    make_store: MakeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make_store(cloud(150))
    write_entries(store, cloud(150, seed=1, first=150))
    expected = fresh(store)
    monkeypatch.setattr(vectors_module, "ROWS_IN_MEMORY", 100)
    assert content(opened(store, spill=tmp_path / "spill")) == expected
    assert any((tmp_path / "spill").rglob("*.bin"))


def test_a_large_set_gets_lists(make_store: MakeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store = make_store(cloud(300))
    monkeypatch.setattr(vectors_module, "choose_index", lambda count: "exact" if count < 500 else "ivf")
    saved(store)
    view = opened(store)
    assert isinstance(view.sets[SEGMENTS].index, IvfIndex)
    assert not isinstance(view.sets[SOUNDS].index, IvfIndex)
    assert content(view) == fresh(store)  # so few are compared with all
    write_entries(store, cloud(100, seed=1, first=300))
    saved(store)
    assert content(opened(store)) == fresh(store)


def test_scores_stay_while_little_is_added(make_store: MakeStore) -> None:
    store = make_store(cloud(100))
    saved(store)
    before = opened(store).sets[SOUNDS].calibration
    write_entries(store, cloud(5, seed=1, first=100))
    assert opened(store).sets[SOUNDS].calibration == before
    write_entries(store, cloud(95, seed=2, first=105))
    assert opened(store).sets[SOUNDS].calibration != before


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_to(make_store: MakeStore) -> None:
    store = make_store(cloud(10))
    store.path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        with pytest.raises(OSError, match="denied"):
            saved(store)
    finally:
        store.path.chmod(0o755)


def test_a_save_that_fails_leaves_nothing(make_store: MakeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store = make_store(cloud(10))
    folder = saved(store)

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(OSError, match="No space"):
        saved(store)
    assert newest_first(folder.parent) == [folder]
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
