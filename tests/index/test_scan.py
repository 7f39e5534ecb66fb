from __future__ import annotations

import numpy as np
import pytest

from soundalike.index import ExactIndex, Metric, distances_between, distances_to
from soundalike.index.rows import ROWS_AT_ONCE


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("queries", [1, 70])
def test_many_blocks_and_queries_equal_a_full_sort(metric: Metric, queries: int) -> None:
    """Both ways of multiplying, over several steps, with vectors added in uneven parts."""
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((2 * ROWS_AT_ONCE + 777, 9)).astype(np.float32)
    index = ExactIndex(9, metric)
    for part in np.array_split(np.arange(len(vectors)), [5, 20_000, 20_001]):
        index.add(part, vectors[part])
    asked = rng.standard_normal((queries, 9)).astype(np.float32)
    found, distances = index.query(asked, 25)
    for n in range(0, queries, 10):
        every = distances_to(asked[n], vectors, metric)
        order = np.lexsort((np.arange(len(every)), every))[:25]
        assert found[n].tolist() == order.tolist()
        np.testing.assert_array_equal(distances[n], every[order])


def test_more_ties_than_k_keep_the_smallest_ids() -> None:
    vectors = np.ones((3000, 4), np.float32)
    vectors[::2] *= 3
    index = ExactIndex(4, "euclidean")
    index.add(np.random.default_rng(1).permutation(3000), vectors)
    ids = index.query(np.ones((1, 4), np.float32), 50)[0][0]
    exact = np.sort(ids)
    assert ids.tolist() == exact.tolist()
    assert (index.vectors_of(ids) == 1).all()
    smaller = np.setdiff1d(np.arange(ids[-1]), ids)
    assert (index.vectors_of(smaller) == 3).all()


def test_a_pair_has_one_distance_whatever_stands_beside_it() -> None:
    rng = np.random.default_rng(2)
    rows = rng.standard_normal((100, 37)).astype(np.float32)
    query = rng.standard_normal(37).astype(np.float32)
    for metric in ("cosine", "euclidean"):
        together = distances_to(query, rows, metric)
        alone = [distances_to(query, rows[n : n + 1], metric)[0] for n in range(100)]
        assert together.tolist() == [float(value) for value in alone]
        assert distances_between(np.repeat(query[None], 100, 0), rows, metric).tolist() == together.tolist()


def test_cosine_is_blind_to_length_and_exact_at_both_ends() -> None:
    rows = np.array([[1, 2], [2, 4], [-1, -2], [2, -1], [0, 0]], np.float32)
    assert distances_to(rows[0], rows, "cosine").tolist() == [0.0, 0.0, 2.0, 1.0, 1.0]
