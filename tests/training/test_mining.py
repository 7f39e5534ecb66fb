"""Mined negatives against a triple loop."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from soundalike.core.errors import TrainingError
from soundalike.training.losses import distance_matrix, distances
from soundalike.training.mining import mine_semi_hard, original_negatives


def by_triple_loop(
    anchors: np.ndarray,
    positives: np.ndarray,
    groups: list[int],
    candidates: np.ndarray,
    candidate_groups: list[int],
    kind: str,
    margin: float,
) -> tuple[list[int], list[bool]]:
    """For each anchor, over all candidates, over all coordinates: the nearest that is allowed."""

    def distance(a: np.ndarray, b: np.ndarray) -> float:
        dot = square_a = square_b = difference = 0.0
        for x, y in zip(a.tolist(), b.tolist(), strict=True):
            dot += x * y
            square_a += x * x
            square_b += y * y
            difference += (x - y) ** 2
        return 1.0 - dot / (square_a * square_b) ** 0.5 if kind == "cosine" else difference

    chosen, semi_hard = [], []
    for anchor, positive, group in zip(anchors, positives, groups, strict=True):
        limit = distance(anchor, positive)
        best = worst = -1
        best_distance, worst_distance = float("inf"), -1.0
        for index, (candidate, other) in enumerate(zip(candidates, candidate_groups, strict=True)):
            if other == group:
                continue
            found = distance(anchor, candidate)
            if limit < found < best_distance:
                best, best_distance = index, found
            if found > worst_distance:
                worst, worst_distance = index, found
        chosen.append(best if best >= 0 else worst)
        semi_hard.append(best >= 0 and best_distance < limit + margin)
    return chosen, semi_hard


@pytest.mark.parametrize("kind", ["cosine", "squared_euclidean"])
@pytest.mark.parametrize("seed", range(5))
def test_mining_is_that_of_a_triple_loop(kind: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    anchors = rng.standard_normal((24, 4))
    positives = anchors + 0.5 * rng.standard_normal((24, 4))
    positives[::6] = -4.0 * anchors[::6]  # as far as can be: no negative is farther
    groups = rng.integers(0, 6, 24)
    candidates, candidate_groups = np.concatenate([positives, anchors]), np.concatenate([groups, groups])
    a, p, c = (torch.from_numpy(some) for some in (anchors, positives, candidates))
    mined = mine_semi_hard(
        distance_matrix(a, c, kind), distances(a, p, kind),
        torch.from_numpy(groups), torch.from_numpy(candidate_groups), 0.4,
    )  # fmt: skip
    rows, semi_hard = by_triple_loop(
        anchors, positives, groups.tolist(), candidates, candidate_groups.tolist(), kind, 0.4
    )
    assert mined.rows.tolist() == rows
    assert mined.semi_hard.tolist() == semi_hard
    assert 0 < sum(semi_hard) < len(semi_hard)


def test_a_negative_may_serve_several_triplets_and_stays_farther_than_the_positive() -> None:
    to_candidates = torch.tensor([[0.5, 0.1, 0.9], [0.6, 0.2, 0.9]])
    mined = mine_semi_hard(
        to_candidates, torch.tensor([0.3, 0.3]), torch.tensor([8, 9]), torch.tensor([1, 2, 3]), 0.25
    )
    assert mined.rows.tolist() == [0, 0]
    assert mined.semi_hard.tolist() == [True, False]


def test_segments_of_the_same_file_are_never_negatives() -> None:
    to_candidates = torch.tensor([[0.31, 0.9]])
    mined = mine_semi_hard(to_candidates, torch.tensor([0.3]), torch.tensor([1]), torch.tensor([1, 2]), 0.2)
    assert mined.rows.tolist() == [1]


def test_a_batch_of_one_file_is_refused() -> None:
    with pytest.raises(TrainingError, match="at least two files"):
        mine_semi_hard(torch.zeros(2, 2), torch.zeros(2), torch.zeros(2), torch.zeros(2), 0.2)


def test_original_negatives_are_the_next_of_another_file() -> None:
    groups = torch.tensor([0, 0, 1, 2, 2])
    assert original_negatives(groups, groups).tolist() == [2, 2, 3, 0, 0]
