"""What every index promises; registering one enrols it here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from soundalike.core.errors import IndexFormatError, InvalidInputError, NotFoundError
from soundalike.index import INDEXES, Index, Metric

DIMS = 24
METRICS: tuple[Metric, ...] = ("cosine", "euclidean")

pytestmark = [pytest.mark.parametrize("kind", list(INDEXES)), pytest.mark.parametrize("metric", METRICS)]


def make(kind: str, metric: str, dims: int = DIMS) -> Index:
    return INDEXES.load(kind)(dims, metric)  # type: ignore[arg-type]


def clustered(count: int, seed: int = 0) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    centres = 3 * np.random.default_rng(99).standard_normal((40, DIMS))
    points = centres[rng.integers(0, 40, count)] + rng.standard_normal((count, DIMS))
    return points.astype(np.float32)


def naive(
    metric: str, ids: NDArray[np.int64], vectors: NDArray[np.float32], query: NDArray[np.float32], k: int
) -> tuple[list[int], list[float]]:
    found = []
    a = query.astype(np.float64)
    for number, vector in zip(ids.tolist(), vectors, strict=True):
        b = vector.astype(np.float64)
        if metric == "euclidean":
            distance = float(np.sqrt(((a - b) ** 2).sum()))
        else:
            distance = float(1.0 - a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))
        found.append((distance, number))
    found.sort()
    return [number for _, number in found[:k]], [distance for distance, _ in found[:k]]


def check_against_naive(
    index: Index, metric: str, ids: NDArray[np.int64], vectors: NDArray[np.float32], allowed: object = None
) -> None:
    queries = clustered(20, seed=5)
    got_ids, got_distances = index.query(queries, 10, allowed=allowed)  # type: ignore[arg-type]
    right = 0
    for n, query in enumerate(queries):
        true_ids, true_distances = naive(metric, ids, vectors, query, 10)
        right += len(set(true_ids) & set(got_ids[n].tolist()))
        if index.exact:
            assert got_ids[n].tolist() == true_ids
            np.testing.assert_allclose(got_distances[n], true_distances, rtol=1e-5, atol=1e-6)
        by_id = dict(zip(ids.tolist(), vectors, strict=True))
        for number, distance in zip(got_ids[n].tolist(), got_distances[n], strict=True):
            expected = naive(metric, np.array([number]), by_id[number][None], query, 1)[1][0]
            assert distance == pytest.approx(expected, rel=1e-5, abs=1e-6)  # true of every kind
        assert (np.diff(got_distances[n]) >= 0).all()
    assert right >= 0.95 * 200


def grown(kind: str, metric: str, folder: Path, count: int = 3000) -> tuple[Index, NDArray[np.int64]]:
    """An index that was saved and opened again, with ids that have gaps."""
    index = make(kind, metric)
    ids = np.arange(count, dtype=np.int64) * 3 + 5
    index.add(ids, clustered(count))
    index.save(folder / "index")
    return INDEXES.load(kind).load(folder / "index"), ids


@pytest.fixture(autouse=True)
def _lists_matter_for_small_indexes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the approximate kind look into lists at the sizes tested here."""
    from soundalike.index import ivf_config

    defaults = ivf_config.IvfConfig.__init__.__defaults__
    assert defaults is not None
    changed = tuple(1200 if value == 40_000 else value for value in defaults)
    monkeypatch.setattr(ivf_config.IvfConfig.__init__, "__defaults__", changed)


def test_equals_the_naive_loop_before_and_after_saving(kind: str, metric: str, tmp_path: Path) -> None:
    vectors = clustered(3000)
    ids = np.random.default_rng(3).permutation(3000).astype(np.int64)
    index = make(kind, metric)
    index.add(ids[:1700], vectors[:1700])
    index.add(ids[1700:], vectors[1700:])
    check_against_naive(index, metric, ids, vectors)
    index.save(tmp_path / "index")
    check_against_naive(index, metric, ids, vectors)
    opened = INDEXES.load(kind).load(tmp_path / "index")
    assert (len(opened), opened.metric, opened.dims) == (3000, metric, DIMS)
    check_against_naive(opened, metric, ids, vectors)
    np.testing.assert_array_equal(opened.vectors_of(ids[:9]), vectors[:9])


@pytest.mark.parametrize("share", [0.5, 0.1, 0.01])
def test_a_filter_holds_recall(kind: str, metric: str, share: float, tmp_path: Path) -> None:
    index, ids = grown(kind, metric, tmp_path)
    allowed = np.zeros(int(ids[-1]) + 1, np.bool_)
    rows = np.random.default_rng(8).random(len(ids)) < share
    allowed[ids[rows]] = True
    check_against_naive(index, metric, ids[rows], clustered(3000)[rows], allowed)


def test_a_filter_that_leaves_only_other_clusters_holds_recall(
    kind: str, metric: str, tmp_path: Path
) -> None:
    index, ids = grown(kind, metric, tmp_path)
    vectors = clustered(3000)
    right = 0
    for row in range(20):
        query = vectors[row] * np.float32(1.01)
        nearest, _ = naive(metric, ids, vectors, query, 150)  # the whole cluster of the query, and more
        far = np.isin(ids, nearest, invert=True)
        allowed = np.zeros(int(ids[-1]) + 1, np.bool_)
        allowed[ids[far]] = True
        got, _ = index.query(query[None], 10, allowed=allowed)
        wanted, _ = naive(metric, ids[far], vectors[far], query, 10)
        right += len(set(wanted) & set(got[0].tolist()))
    assert right >= (200 if index.exact else 180)


def test_removed_vectors_are_not_found_before_and_after_saving(
    kind: str, metric: str, tmp_path: Path
) -> None:
    index, ids = grown(kind, metric, tmp_path)
    vectors = clustered(3000)
    gone = ids[::4]
    assert index.remove(np.concatenate([gone, [1, 10**9]])) == len(gone)
    assert index.remove(gone) == 0
    stay = np.isin(ids, gone, invert=True)
    assert len(index) == np.count_nonzero(stay)
    check_against_naive(index, metric, ids[stay], vectors[stay])
    index.save(tmp_path / "again")
    again = INDEXES.load(kind).load(tmp_path / "again")
    check_against_naive(again, metric, ids[stay], vectors[stay])
    with pytest.raises(NotFoundError, match="no vector with id 5"):
        again.vectors_of(np.array([5]))


def test_adding_to_an_opened_index_and_saving_it_in_place(kind: str, metric: str, tmp_path: Path) -> None:
    index, ids = grown(kind, metric, tmp_path)
    vectors = clustered(3000)
    for round_ in range(2):  # twice: the file that it was opened from is gone the second time
        more = clustered(400, seed=20 + round_)
        more_ids = np.arange(400) + 20_000 + 1000 * round_
        index.remove(ids[round_ : round_ + 1])
        index.add(more_ids, more)
        vectors, ids = np.concatenate([vectors, more]), np.concatenate([ids, more_ids])
        stay = np.isin(ids, [5, 8][: round_ + 1], invert=True)
        check_against_naive(index, metric, ids[stay], vectors[stay])
        index.save(tmp_path / "index")
        opened = INDEXES.load(kind).load(tmp_path / "index")
        check_against_naive(opened, metric, ids[stay], vectors[stay])
    assert len(list((tmp_path / "index").glob("*.tmp"))) == 0


def test_a_removed_id_may_be_added_again(kind: str, metric: str, tmp_path: Path) -> None:
    index, ids = grown(kind, metric, tmp_path)
    index.remove(ids[:1])
    index.add(ids[:1], -clustered(1))
    found, distances = index.query(-clustered(1), 1)
    assert (int(found[0, 0]), float(distances[0, 0])) == (int(ids[0]), 0.0)


def test_identical_vectors_are_at_distance_zero_with_the_smaller_id_first(
    kind: str, metric: str, tmp_path: Path
) -> None:
    vectors = np.repeat(clustered(5), 8, axis=0)
    index = make(kind, metric)
    index.add(np.arange(40)[::-1].copy(), vectors)
    for _ in range(2):
        found, distances = index.query(vectors[:1], 9)
        assert found[0, :8].tolist() == list(range(32, 40))
        assert distances[0, :8].tolist() == [0.0] * 8
        assert distances[0, 8] > 0.01
        index.save(tmp_path / "index")
        index = INDEXES.load(kind).load(tmp_path / "index")


def test_near_neighbours_far_from_the_origin_keep_their_distances(kind: str, metric: str) -> None:
    """Where |a|² + |b|² - 2ab in float32 would see nothing but rounding."""
    base = np.full((1, DIMS), 1000.0, np.float32)
    steps = np.arange(1, 6, dtype=np.float32)[:, None] * np.eye(1, DIMS, dtype=np.float32) * 0.01
    index = make(kind, metric)
    index.add(np.arange(5), base + steps)
    found, distances = index.query(base, 5)
    assert found[0].tolist() == [0, 1, 2, 3, 4]
    true = naive(metric, np.arange(5), base + steps, base[0], 5)[1]
    if metric == "euclidean":
        np.testing.assert_allclose(distances[0], true, rtol=1e-5)
    assert (np.diff(distances[0]) > 0).all()


def test_fewer_than_asked_for(kind: str, metric: str, tmp_path: Path) -> None:
    index = make(kind, metric)
    index.add(np.array([4, 2]), clustered(2))
    index.save(tmp_path / "index")
    for each in (index, INDEXES.load(kind).load(tmp_path / "index")):
        found, distances = each.query(clustered(3), 5)
        assert found.shape == distances.shape == (3, 5)
        assert set(found[0, :2].tolist()) == {2, 4}
        assert found[0, 2:].tolist() == [-1] * 3
        assert np.isinf(distances[0, 2:]).all()
        short = np.zeros(3, np.bool_)  # a mask that ends before the largest id allows nothing beyond it
        short[2] = True
        assert each.query(clustered(1), 2, allowed=short)[0].tolist() == [[2, -1]]


def test_an_empty_index_is_an_index(kind: str, metric: str, tmp_path: Path) -> None:
    index = make(kind, metric)
    index.save(tmp_path / "index")
    opened = INDEXES.load(kind).load(tmp_path / "index")
    assert len(opened) == 0
    assert opened.query(clustered(1), 3)[0].tolist() == [[-1, -1, -1]]
    opened.add(np.array([0]), clustered(1))
    assert opened.query(clustered(1), 1)[0].tolist() == [[0]]
    opened.remove(np.array([0]))
    opened.save(tmp_path / "index")
    assert len(INDEXES.load(kind).load(tmp_path / "index")) == 0


def test_a_vector_of_length_zero_is_found_and_does_no_harm(kind: str, metric: str, tmp_path: Path) -> None:
    vectors = clustered(300)
    vectors[7] = 0.0
    index = make(kind, metric)
    index.add(np.arange(300), vectors)
    index.save(tmp_path / "index")
    index = INDEXES.load(kind).load(tmp_path / "index")
    found, distances = index.query(vectors[:1], 300)
    at = found[0].tolist().index(7)
    expected = 1.0 if metric == "cosine" else np.linalg.norm(vectors[0])
    assert distances[0, at] == pytest.approx(expected)
    zero_ids, zero_distances = index.query(np.zeros((1, DIMS), np.float32), 4)
    if metric == "cosine":
        assert (zero_ids[0].tolist(), zero_distances[0].tolist()) == ([0, 1, 2, 3], [1.0] * 4)
    else:
        assert (zero_ids[0, 0], zero_distances[0, 0]) == (7, 0.0)


def test_bad_input_is_refused(kind: str, metric: str) -> None:
    index = make(kind, metric)
    index.add(np.arange(3), clustered(3))
    with pytest.raises(InvalidInputError, match="Id 2 is there already"):
        index.add(np.array([9, 2]), clustered(2))
    with pytest.raises(InvalidInputError, match="given once"):
        index.add(np.array([9, 9]), clustered(2))
    with pytest.raises(InvalidInputError, match="not negative; got -1"):
        index.add(np.array([-1]), clustered(1))
    with pytest.raises(InvalidInputError, match="one id per vector; got 1 and 2"):
        index.add(np.array([9]), clustered(2))
    with pytest.raises(InvalidInputError, match="24 dimensions; got 3"):
        index.query(np.zeros((1, 3), np.float32), 1)
    with pytest.raises(InvalidInputError, match="At least 1 neighbour"):
        index.query(clustered(1), 0)
    with pytest.raises(InvalidInputError, match="finite"):
        index.query(np.full((1, DIMS), np.nan, np.float32), 1)
    with pytest.raises(InvalidInputError, match="boolean"):
        index.query(clustered(1), 1, allowed=np.array([1, 2]))
    assert len(index) == 3
    with pytest.raises(InvalidInputError, match="'cosine' or 'euclidean'; got 'dot'"):
        make(kind, "dot")


def test_every_damaged_or_cut_file_is_told(kind: str, metric: str, tmp_path: Path) -> None:
    grown(kind, metric, tmp_path, count=400)
    load = INDEXES.load(kind).load
    files = sorted((tmp_path / "index").iterdir())
    assert len(files) >= 4
    for file in files:
        whole = file.read_bytes()
        for cut in (0, 7, len(whole) // 2, len(whole) - 1):
            file.write_bytes(whole[:cut])
            with pytest.raises(IndexFormatError, match=r"damaged|cannot be read"):
                load(tmp_path / "index")
        file.unlink()
        with pytest.raises(IndexFormatError, match=r"cannot be read|no index"):
            load(tmp_path / "index")
        if "vectors" not in file.name:  # a wrong number among the vectors is only a wrong number
            middle = len(whole) // 2
            file.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
            with pytest.raises(IndexFormatError, match="damaged"):
                load(tmp_path / "index")
        file.write_bytes(whole)
    assert len(load(tmp_path / "index")) == 400


def test_another_kind_and_a_newer_format_are_told(kind: str, metric: str, tmp_path: Path) -> None:
    grown(kind, metric, tmp_path, count=50)
    for other in INDEXES:
        if other != kind:
            with pytest.raises(IndexFormatError, match=f"Expected an index of kind '{other}'"):
                INDEXES.load(other).load(tmp_path / "index")
    manifest = tmp_path / "index" / "index.json"
    manifest.write_text(manifest.read_text().replace('"format": 1', '"format": 99'))
    with pytest.raises(IndexFormatError, match="format 99"):
        INDEXES.load(kind).load(tmp_path / "index")


def test_the_same_input_makes_the_same_index(kind: str, metric: str, tmp_path: Path) -> None:
    grown(kind, metric, tmp_path / "a")
    grown(kind, metric, tmp_path / "b")

    def content(folder: Path) -> list[bytes]:
        return [file.read_bytes() for file in sorted((folder / "index").glob("*.bin"))]

    assert content(tmp_path / "a") == content(tmp_path / "b")


def test_a_failed_save_leaves_what_was_there(
    kind: str, metric: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from soundalike.index import folder

    index, _ = grown(kind, metric, tmp_path, count=200)
    before = sorted(file.name for file in (tmp_path / "index").iterdir())

    def fail(path: Path) -> None:
        raise OSError(28, "No space left on device")

    index.add(np.array([100_000]), clustered(1))
    with monkeypatch.context() as patch:
        patch.setattr(folder.SavingFolder, "finish", fail)
        with pytest.raises(OSError, match="No space"):
            index.save(tmp_path / "index")
    assert sorted(file.name for file in (tmp_path / "index").iterdir()) == before
    assert len(INDEXES.load(kind).load(tmp_path / "index")) == 200
