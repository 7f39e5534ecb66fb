"""Ranks of one target: against a loop, under ties, and at the border."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from soundalike.core.errors import InvalidInputError
from soundalike.evaluation import Metric, found_first


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_ranks_equal_those_of_a_loop(metric: Metric) -> None:
    rng = np.random.default_rng(0)
    gallery = rng.normal(size=(50, 6))
    targets = rng.integers(0, 50, 30)
    queries = gallery[targets] + rng.normal(size=(30, 6))
    found = found_first(
        queries.astype(np.float32), gallery.astype(np.float32), targets, metric=metric, block_rows=7
    )
    for query, target in enumerate(targets.tolist()):
        if metric == "euclidean":
            far = [float(np.linalg.norm(queries[query] - row)) for row in gallery]
        else:
            far = [
                1 - float(queries[query] @ row / np.linalg.norm(queries[query]) / np.linalg.norm(row))
                for row in gallery
            ]
        rank = 1 + sum(other < far[target] for other in far)
        assert found.rank[query] == rank
        assert found.per_query("recall@1")[query] == (rank == 1)
        assert found.per_query("recall@10")[query] == (rank <= 10)
        assert found.per_query("mrr")[query] == pytest.approx(1 / rank)


def test_copies_found_are_found_first() -> None:
    gallery = np.random.default_rng(1).normal(size=(40, 16)).astype(np.float32)
    found = found_first(3.0 * gallery, gallery, np.arange(40))
    assert (found.rank == 1.0).all()
    assert found.mean("recall@1") == 1.0
    assert found.chance("recall@1") == pytest.approx(1 / 40)
    assert found.chance("recall@10") == pytest.approx(10 / 40)


def test_a_gallery_of_one_sound_many_times_scores_chance() -> None:
    gallery = np.full((25, 8), 0.3, np.float32)
    found = found_first(gallery[:5], gallery, np.arange(5))
    assert found.rank.tolist() == [13.0] * 5
    for name in ("recall@1", "recall@10", "mrr"):
        assert found.mean(name) == pytest.approx(found.chance(name))
    assert found.mean("recall@10") == pytest.approx(0.4)


def test_two_originals_share_the_first_place() -> None:
    gallery = np.array([[0], [0], [255]], np.uint8)
    found = found_first(np.array([[0]], np.uint8), gallery, np.array([1]), metric="hamming")
    assert found.mean("recall@1") == 0.5
    assert found.mean("mrr") == pytest.approx(0.75)


def test_a_score_has_an_interval_by_groups() -> None:
    rng = np.random.default_rng(2)
    gallery = rng.normal(size=(60, 4)).astype(np.float32)
    queries = gallery + rng.normal(size=(60, 4)).astype(np.float32) * 0.4
    score = found_first(queries, gallery, np.arange(60)).score("recall@1", np.arange(60) // 6)
    assert score.low is not None
    assert score.high is not None
    assert score.value is not None
    assert score.chance == pytest.approx(1 / 60)
    assert score.low < score.value < score.high


def test_no_queries_give_no_figure() -> None:
    found = found_first(np.zeros((0, 3), np.float32), np.eye(3, dtype=np.float32), np.zeros(0, np.int64))
    assert np.isnan(found.mean("recall@1"))
    assert found.score("recall@1").value is None


@pytest.mark.parametrize(
    ("targets", "says"),
    [
        (np.array([0, 3]), "gallery's 3 rows; got 0 to 3"),
        (np.array([-1, 0]), "got -1 to 0"),
        (np.array([0]), r"shape \(2,\); got int64 of shape \(1,\)"),
        (np.array([0.0, 1.0]), "whole numbers"),
    ],
)
def test_targets_that_are_none_say_why(targets: Any, says: str) -> None:
    gallery = np.eye(3, dtype=np.float32)
    with pytest.raises(InvalidInputError, match=says):
        found_first(gallery[:2], gallery, targets)
    with pytest.raises(InvalidInputError, match=r"recall@1, recall@10; got 'map'"):
        found_first(gallery, gallery, np.arange(3)).mean("map")
