from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from soundalike.core.errors import InvalidInputError, NotFoundError, QueryError, SpaceMismatchError
from soundalike.search import Filters, Hit, Searcher
from soundalike.search import state as state_module
from soundalike.storage import Store

from .conftest import DIMS, Entry, MakeStore, ToyEncoder, cloud, entry, write_entries


def ids(hits: list[Hit]) -> list[int]:
    return [int(hit.sound.id, 16) for hit in hits]


def nearest(entries: list[Entry], query: Entry, count: int) -> list[int]:
    """The naive loop over whole sounds."""
    found = []
    for other in entries:
        if other is not query:
            distance = float(np.sqrt(((other.vector.astype(float) - query.vector.astype(float)) ** 2).sum()))
            found.append((distance, int(other.sound_id, 16)))
    return [number for _, number in sorted(found)[:count]]


def test_finds_what_the_naive_loop_finds_and_leaves_itself_out(make_store: MakeStore) -> None:
    entries = cloud(120)
    searcher = Searcher(make_store(entries), ToyEncoder())
    for query in entries[::17]:
        hits = searcher.search_sound(query.sound_id, limit=8)
        assert ids(hits) == nearest(entries, query, 8)
        assert [hit.rank for hit in hits] == list(range(1, 9))
        assert all(0 <= hit.score <= 1 for hit in hits)
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
        assert all((hit.start_s, hit.end_s) == (0.0, hit.sound.duration_s) for hit in hits)
        assert not any(hit.same_file for hit in hits)


def test_filters_hold_recall(make_store: MakeStore) -> None:
    entries = cloud(120)
    searcher = Searcher(make_store(entries), ToyEncoder())
    query = entries[3]
    for filters in (
        Filters(tags=("place7",)),
        Filters(path_glob="*9.wav"),
        Filters(under="/sounds/00042.wav"),
    ):
        passing = {int(sound.id, 16) for sound in searcher.list_sounds(filters)}
        some = [other for other in entries if int(other.sound_id, 16) in passing]
        assert ids(searcher.search_sound(query.sound_id, limit=9, filters=filters)) == nearest(some, query, 9)
        assert searcher.count_sounds(filters) == len(some) > 0
    assert searcher.search_sound(query.sound_id, filters=Filters(text="nothing")) == []


def test_segments_leave_out_only_the_part_that_was_asked_with(make_store: MakeStore) -> None:
    line = [np.full(DIMS, n, np.float32) for n in range(8)]
    store = make_store([entry(1, line[3], segments=line), entry(2, line[0] + 100, segments=[line[0] + 100])])
    searcher = Searcher(store, ToyEncoder())
    # Segments start every half second and last one: those from 0.5 to 2 s overlap the second from 1 to 2 s.
    hits = searcher.search_sound(f"{1:032x}", start_s=1.0, duration_s=1.0, limit=10, segments=True)
    found = [(int(hit.sound.id, 16), hit.start_s, hit.end_s) for hit in hits]
    assert sorted(found) == [
        (1, 0.0, 1.0),
        (1, 2.0, 3.0),
        (1, 2.5, 3.5),
        (1, 3.0, 4.0),
        (1, 3.5, 4.5),
        (2, 0.0, 1.0),
    ]
    # No file is there: the segment from 1.0 s, and those that overlap half as much, stand for the stretch.
    assert found[0] in {(1, 0.0, 1.0), (1, 2.0, 3.0)}
    whole = searcher.search_sound(f"{1:032x}", limit=10, segments=True)
    assert ids(whole) == [2]


def test_many_segments_of_its_own_are_left_out(make_store: MakeStore) -> None:
    rng = np.random.default_rng(0)
    long = entry(1, np.zeros(DIMS), segments=list(rng.standard_normal((200, DIMS))))
    searcher = Searcher(make_store([long, *cloud(10, first=2)]), ToyEncoder())
    hits = searcher.search_sound(long.sound_id, limit=20, segments=True)
    assert len(hits) == 20
    assert 1 not in ids(hits)


def test_the_same_content_in_two_places_is_one_hit(make_store: MakeStore) -> None:
    one = np.ones(DIMS, np.float32)
    store = make_store([entry(1, one, uris=["/a.wav", "/b.wav"]), entry(2, one), entry(3, 3 * one)])
    hits = Searcher(store, ToyEncoder()).search_vector(one, limit=5)
    assert ids(hits) == [1, 2, 3]  # equal distances: the order of adding
    assert hits[0].sound.paths == ("/a.wav", "/b.wav")


def test_hidden_sounds_are_not_found_and_come_back(make_store: MakeStore) -> None:
    entries = cloud(30)
    store = make_store(entries)
    searcher = Searcher(store, ToyEncoder())
    query = entries[0]
    best = searcher.search_sound(query.sound_id, limit=1)[0].sound
    with store.write() as writer:
        writer.delete_files([best.path])
    assert searcher.refresh_if_stale()
    assert best.id not in [hit.sound.id for hit in searcher.search_sound(query.sound_id, limit=29)]
    with pytest.raises(NotFoundError, match="no sound with the id"):
        searcher.search_sound(best.id)
    write_entries(store, [other for other in entries if other.sound_id == best.id])
    searcher.refresh_if_stale()
    assert searcher.search_sound(query.sound_id, limit=1)[0].sound.id == best.id


def test_missing_sounds_are_found_and_marked(make_store: MakeStore) -> None:
    entries = cloud(30)
    store = make_store(entries)
    with store.write() as writer:
        writer.set_missing([e.uris[0] for e in entries[1:]], missing=True)
    searcher = Searcher(store, ToyEncoder())
    hits = searcher.search_sound(entries[0].sound_id, limit=5)
    assert [hit.sound.missing for hit in hits] == [True] * 5
    assert searcher.search_sound(entries[0].sound_id, filters=Filters(include_missing=False)) == []


def test_another_process_s_commit_is_seen(make_store: MakeStore) -> None:
    store = make_store(cloud(30))
    searcher = Searcher(Store.open(store.path, create=False), ToyEncoder())
    target = np.full(DIMS, 50, np.float32)
    assert ids(searcher.search_vector(target, limit=1)) != [99]
    assert not searcher.refresh_if_stale()
    write_entries(store, [entry(99, target)])
    assert searcher.refresh_if_stale()
    assert not searcher.refresh_if_stale()
    assert ids(searcher.search_vector(target, limit=1)) == [99]
    Searcher(store, ToyEncoder()).refresh()  # as the indexing process does when it ends: new files
    write_entries(store, [entry(100, target + 1)])
    searcher.refresh_if_stale()
    assert ids(searcher.search_vector(target, limit=2)) == [99, 100]


def test_a_library_that_was_empty_when_opened_fills(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "library")
    searcher = Searcher(store, ToyEncoder())
    searcher.refresh()
    assert searcher.search_vector(np.zeros(DIMS, np.float32)) == []
    assert searcher.list_sounds() == []
    write_entries(store, cloud(5))
    searcher.refresh_if_stale()
    assert len(searcher.search_vector(np.zeros(DIMS, np.float32))) == 5


def test_opening_uses_the_files_that_refresh_wrote(make_store: MakeStore) -> None:
    store = make_store(cloud(40))
    searcher = Searcher(store, ToyEncoder())
    before = searcher.search_vector(np.ones(DIMS, np.float32), limit=40)
    assert not store.derived_path.exists()
    searcher.refresh()
    assert (store.derived_path / ToyEncoder().spec.fingerprint).is_dir()
    assert searcher.search_vector(np.ones(DIMS, np.float32), limit=40) == before
    assert Searcher(store, ToyEncoder()).search_vector(np.ones(DIMS, np.float32), limit=40) == before


def test_a_large_library_without_files_gets_them_when_it_is_opened(
    make_store: MakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make_store(cloud(40))
    monkeypatch.setattr(state_module, "_WORTH_FILES", 100)
    Searcher(store, ToyEncoder()).count_sounds()
    names = [path.name for path in (store.derived_path / ToyEncoder().spec.fingerprint).iterdir()]
    assert [name.split("-")[0] for name in names] == ["view"]


def test_a_derived_folder_that_cannot_be_made_changes_nothing(make_store: MakeStore) -> None:
    store = make_store(cloud(40))
    expected = Searcher(store, ToyEncoder()).search_vector(np.ones(DIMS, np.float32))
    store.derived_path.write_text("a file where the folder should be")
    searcher = Searcher(store, ToyEncoder())
    searcher.refresh()
    assert searcher.search_vector(np.ones(DIMS, np.float32)) == expected


def test_spaces_are_compared(make_store: MakeStore) -> None:
    entries = cloud(20)
    store = make_store(entries)
    tower = ToyEncoder("toy-tower-01", space=ToyEncoder().spec.fingerprint)
    vector = np.ones(DIMS, np.float32)
    expected = Searcher(store, ToyEncoder()).search_vector(vector)
    assert Searcher(store, tower).search_vector(vector) == expected
    stranger = Searcher(store, ToyEncoder("toy-stranger"))
    with pytest.raises(SpaceMismatchError, match=r"space toy-stranger; this library has vectors of toy-0000"):
        stranger.search_vector(vector)
    with pytest.raises(SpaceMismatchError, match="toy-stranger"):
        stranger.search_sound(entries[0].sound_id)
    assert stranger.count_sounds() == 20  # listing needs no vectors


def test_bad_queries(make_store: MakeStore) -> None:
    one = np.ones(DIMS, np.float32)
    store = make_store([entry(1, one, segments=[one]), entry(2, one, silent=True)])
    searcher = Searcher(store, ToyEncoder())
    with pytest.raises(InvalidInputError, match="6 dimensions; got 4"):
        searcher.search_vector(np.ones(4, np.float32))
    with pytest.raises(InvalidInputError, match="At least 1 hit"):
        searcher.search_vector(one, limit=0)
    with pytest.raises(InvalidInputError, match="finite"):
        searcher.search_vector(one * np.nan)
    with pytest.raises(QueryError, match=r"00002\.wav is silent"):
        searcher.search_sound(f"{2:032x}")
    with pytest.raises(QueryError, match=r"lasts 1.00 s; nothing is left of it at 1.00 s"):
        searcher.search_sound(f"{1:032x}", start_s=1.0)
    with pytest.raises(QueryError, match="longer than 0 seconds; got 0"):
        searcher.search_sound(f"{1:032x}", start_s=0.0, duration_s=0)
    with pytest.raises(QueryError, match="starts at 0 seconds or later; got -1"):
        searcher.search_sound(f"{1:032x}", start_s=-1)
    with pytest.raises(NotFoundError, match="no sound with the id"):
        searcher.search_sound("f" * 32)
    with pytest.raises(InvalidInputError, match="0 or more; got -1"):
        searcher.list_sounds(offset=-1)


def test_several_vectors_at_once_and_raw_neighbours(make_store: MakeStore) -> None:
    entries = cloud(60)
    searcher = Searcher(make_store(entries), ToyEncoder())
    queries = np.stack([e.vector for e in entries[:5]])
    many = searcher.search_many(queries, limit=4)
    assert many == [searcher.search_vector(query, limit=4) for query in queries]
    found, distances = searcher.neighbours(queries, 4)
    np.testing.assert_allclose(distances, [[hit.distance for hit in hits] for hits in many])
    assert (found >= 0).all()


def test_listing_pages_in_the_order_of_paths(make_store: MakeStore) -> None:
    searcher = Searcher(make_store(cloud(25)), ToyEncoder())
    every = [sound.path for sound in searcher.list_sounds()]
    assert every == sorted(every)
    pages = [searcher.list_sounds(offset=start, limit=10) for start in (0, 10, 20, 30)]
    assert [sound.path for page in pages for sound in page] == every
    assert [len(page) for page in pages] == [10, 10, 5, 0]
    assert searcher.find_sound("/sounds/00003.wav").tags == ("place3",)
    assert searcher.tag_counts()[0] == ("place0", 3)


def test_threads_may_search_while_another_refreshes(make_store: MakeStore) -> None:
    store = make_store(cloud(60))
    searcher = Searcher(store, ToyEncoder())
    searcher.count_sounds()
    failures: list[BaseException] = []
    stop = threading.Event()

    def search() -> None:
        rng = np.random.default_rng(threading.get_ident() % 1000)
        while not stop.is_set():
            try:
                hits = searcher.search_vector(rng.standard_normal(DIMS).astype(np.float32), segments=True)
                assert len(hits) == 10
            except BaseException as error:
                failures.append(error)
                return

    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    for n in range(6):
        write_entries(store, cloud(4, seed=n, first=100 + 4 * n))
        if n % 2:
            with store.write() as writer:
                writer.purge([f"{100 + 4 * n:032x}"])
        searcher.refresh_if_stale()
    stop.set()
    for thread in threads:
        thread.join(timeout=20)
    assert failures == []
