from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np
import pytest
from numpy.typing import NDArray

from soundalike.core.errors import IndexFormatError, InvalidInputError
from soundalike.index import ExactIndex, IvfConfig, IvfIndex, choose_index
from soundalike.index.kinds import EXACT_UP_TO

DIMS = 32
SMALL = IvfConfig(exact_below=6000)  # so that lists matter at the sizes tested here


def collection(count: int, seed: int = 0) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(5).standard_normal((300, DIMS))
    points = centres[rng.integers(0, 300, count)] + 0.5 * rng.standard_normal((count, DIMS))
    return points.astype(np.float32)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    index = IvfIndex(DIMS, "euclidean", SMALL)
    index.add(np.arange(30_000), collection(30_000))
    path = tmp_path_factory.mktemp("ivf") / "index"
    index.save(path)
    return path


def truth(queries: NDArray[np.float32], allowed: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
    exact = ExactIndex(DIMS, "euclidean")
    exact.add(np.arange(30_000), collection(30_000))
    return exact.query(queries, 10, allowed=allowed)[0]


def recall(found: NDArray[np.int64], true: NDArray[np.int64]) -> float:
    return float(
        np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found.tolist(), true.tolist(), strict=True)])
    )


def test_recall_on_queries_that_are_not_in_the_index(large: Path) -> None:
    index = IvfIndex.load(large)
    queries = collection(200, seed=9)
    assert recall(index.query(queries, 10)[0], truth(queries)) >= 0.95
    assert 1 <= index.probes < 100  # it does not get there by looking everywhere


@pytest.mark.parametrize("share", [0.9, 0.3, 0.1])
def test_filters_hold_recall_whatever_they_leave(large: Path, share: float) -> None:
    index = IvfIndex.load(large)
    queries = collection(60, seed=9)
    allowed = np.random.default_rng(3).random(30_000) < share
    assert recall(index.query(queries, 10, allowed=allowed)[0], truth(queries, allowed)) >= 0.95


def test_a_filter_on_one_side_of_space_holds_recall(large: Path) -> None:
    index = IvfIndex.load(large)
    vectors, queries = collection(30_000), collection(60, seed=9)
    queries = queries[queries[:, 0] > 0]
    allowed = vectors[:, 0] < -0.5  # what is allowed is not where the queries are
    assert recall(index.query(queries, 10, allowed=allowed)[0], truth(queries, allowed)) >= 0.95


def test_asking_for_many_gives_many(large: Path) -> None:
    index = IvfIndex.load(large)
    queries = collection(5, seed=9)
    found, distances = index.query(queries, 300)
    assert (found >= 0).all()
    assert (np.diff(distances, axis=1) >= 0).all()
    exact = ExactIndex(DIMS, "euclidean")
    exact.add(np.arange(30_000), collection(30_000))
    true = exact.query(queries, 300)[0]
    shared = [len(set(a) & set(b)) / 300 for a, b in zip(found.tolist(), true.tolist(), strict=True)]
    assert np.mean(shared) >= 0.9


def test_more_effort_finds_everything(tmp_path: Path) -> None:
    """With every list looked into, nothing is lost but what 8-bit codes misplace among the candidates."""
    vectors = collection(5000)
    index = IvfIndex(DIMS, "euclidean", IvfConfig(exact_below=0, recall_aim=1.0, lists_per_root=0.05))
    index.add(np.arange(5000), vectors)
    index.save(tmp_path / "index")
    opened = IvfIndex.load(tmp_path / "index")
    exact = ExactIndex(DIMS, "euclidean")
    exact.add(np.arange(5000), vectors)
    queries = collection(50, seed=2)
    np.testing.assert_array_equal(opened.query(queries, 10)[0], exact.query(queries, 10)[0])


def test_growing_fourfold_learns_the_lists_anew(tmp_path: Path) -> None:
    index = IvfIndex(DIMS, "cosine", SMALL)
    index.add(np.arange(1000), collection(1000))
    index.save(tmp_path / "index")
    index = IvfIndex.load(tmp_path / "index")
    first = index._lists
    assert first is not None
    index.add(np.arange(1000, 2000), collection(1000, seed=1))
    index.save(tmp_path / "index")
    index = IvfIndex.load(tmp_path / "index")
    assert index._lists is not None
    assert index._lists.count == first.count
    assert index._lists.trained_rows == 1000
    index.add(np.arange(2000, 5000), collection(3000, seed=2))
    index.save(tmp_path / "index")
    again = IvfIndex.load(tmp_path / "index")
    assert again._lists is not None
    assert again._lists.count > 1.5 * first.count
    assert again._lists.trained_rows == 5000


def test_the_calling_thread_keeps_its_number_of_threads(large: Path) -> None:
    before = faiss.omp_get_max_threads()
    IvfIndex.load(large).query(collection(2, seed=9), 3)
    assert faiss.omp_get_max_threads() == before


def test_settings_are_stored_and_checked(large: Path) -> None:
    assert IvfIndex.load(large).config == SMALL
    with pytest.raises(InvalidInputError, match="recall_aim lies in"):
        IvfIndex(DIMS, "cosine", IvfConfig(recall_aim=1.5))
    with pytest.raises(InvalidInputError, match="are positive"):
        IvfIndex(DIMS, "cosine", IvfConfig(lists_per_root=0))


def test_lists_of_other_vectors_are_refused(large: Path, tmp_path: Path) -> None:
    """Files that are whole, but not of this index."""
    from soundalike.index.folder import open_folder, save_folder

    other = IvfIndex(DIMS, "euclidean", SMALL)
    other.add(np.arange(700), collection(700))
    other.save(tmp_path / "other")
    mixed, source = open_folder(tmp_path / "other", "ivf"), open_folder(large, "ivf")
    with save_folder(tmp_path / "mixed", "ivf") as folder:
        for name in ("vectors", "ids", "lengths", "list_of_row"):
            with folder.create(name) as file:
                file.write(source.file(name).read_bytes())
        with folder.create("lists") as file:
            file.write(mixed.file("lists").read_bytes())
        folder.settings = source.settings
    with pytest.raises(IndexFormatError, match="hold 700 vectors of 32 dimensions; expected 30000"):
        IvfIndex.load(tmp_path / "mixed")


def test_the_kind_follows_the_size() -> None:
    assert choose_index(0) == choose_index(EXACT_UP_TO) == "exact"
    assert choose_index(EXACT_UP_TO + 1) == "ivf"
