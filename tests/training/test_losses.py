"""Losses against naive loops and known values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from soundalike.core.errors import InvalidInputError
from soundalike.training.losses import (
    distance_matrix,
    distances,
    nt_xent,
    similarity_matrix_loss,
    triplet_losses,
)


def rows(count: int, dims: int = 5, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((count, dims)))


def naive_distance(a: np.ndarray, b: np.ndarray, kind: str) -> float:
    if kind == "cosine":
        return 1.0 - float(a @ b) / math.sqrt(float(a @ a) * float(b @ b))
    return float(((a - b) ** 2).sum())


@pytest.mark.parametrize("kind", ["cosine", "squared_euclidean"])
def test_distances_are_those_of_a_loop(kind: Any) -> None:
    a, b = rows(6), rows(4, seed=1)
    matrix = distance_matrix(a, b, kind).numpy()
    expected = [[naive_distance(x, y, kind) for y in b.numpy()] for x in a.numpy()]
    np.testing.assert_allclose(matrix, expected, atol=1e-12)
    np.testing.assert_allclose(distances(a[:4], b, kind).numpy(), np.diag(expected), atol=1e-12)


def test_on_unit_vectors_one_distance_is_twice_the_other() -> None:
    a = torch.nn.functional.normalize(rows(7), dim=1)
    np.testing.assert_allclose(
        distance_matrix(a, a, "squared_euclidean"), 2.0 * distance_matrix(a, a, "cosine"), atol=1e-12
    )


def test_another_distance_is_refused() -> None:
    wrong: Any = "manhattan"
    with pytest.raises(InvalidInputError, match="'cosine' or 'squared_euclidean'; got 'manhattan'"):
        distances(rows(2), rows(2), wrong)
    with pytest.raises(InvalidInputError, match="got 'manhattan'"):
        distance_matrix(rows(2), rows(2), wrong)


def test_triplet_losses_are_those_of_a_loop() -> None:
    positive, negative = torch.tensor([0.1, 0.5, 0.3, 0.2]), torch.tensor([0.9, 0.4, 0.35, 0.2])
    expected = [max(0.0, p - n + 0.2) for p, n in zip(positive.tolist(), negative.tolist(), strict=True)]
    np.testing.assert_allclose(triplet_losses(positive, negative, 0.2).numpy(), expected, atol=1e-7)


def naive_nt_xent(a: np.ndarray, b: np.ndarray, groups: list[int], temperature: float) -> float:
    every = [v / np.linalg.norm(v) for v in [*a, *b]]
    labels = groups + groups
    count = len(a)
    total = 0.0
    for i, own in enumerate(every):
        partner = (i + count) % (2 * count)
        below = 0.0
        for j, other in enumerate(every):
            if j == partner or labels[j] != labels[i]:
                below += math.exp(float(own @ other) / temperature)
        total -= math.log(math.exp(float(own @ every[partner]) / temperature) / below)
    return total / (2 * count)


@pytest.mark.parametrize("groups", [[0, 1, 2, 3, 4], [0, 0, 1, 1, 2]])
def test_nt_xent_is_that_of_a_loop(groups: list[int]) -> None:
    a, b = rows(5), rows(5, seed=1)
    found = nt_xent(a, b, torch.tensor(groups), 0.3).item()
    assert found == pytest.approx(naive_nt_xent(a.numpy(), b.numpy(), groups, 0.3), abs=1e-9)


def test_nt_xent_of_perfect_pairs_is_small_and_of_equal_vectors_chance() -> None:
    eye = torch.eye(6)
    groups = torch.arange(6)
    assert nt_xent(eye, eye, groups, 0.05).item() < 1e-6
    same = torch.ones(6, 3)
    assert nt_xent(same, same, groups, 0.05).item() == pytest.approx(math.log(11), abs=1e-5)


def test_similarity_matrix_loss_is_that_of_a_loop() -> None:
    a, b = rows(5).numpy(), rows(5, 9, seed=1).numpy()
    differences = [
        (naive_distance(a[i], a[j], "cosine") - naive_distance(b[i], b[j], "cosine")) ** 2
        for i in range(5)
        for j in range(5)
        if i != j
    ]
    found = similarity_matrix_loss(torch.from_numpy(a), torch.from_numpy(b)).item()
    assert found == pytest.approx(np.mean(differences), abs=1e-12)
    assert similarity_matrix_loss(torch.ones(1, 3), torch.ones(1, 2)).item() == 0.0


@pytest.mark.parametrize("kind", ["cosine", "squared_euclidean"])
def test_networks_in_bfloat16_are_judged_with_all_digits(kind: Any) -> None:
    torch.manual_seed(0)
    near = torch.nn.functional.normalize(torch.randn(64, 32) + 3.0 * torch.randn(1, 32), dim=1)
    groups = torch.arange(64)
    with torch.autocast("cpu", torch.bfloat16):
        apart, loss = distance_matrix(near, near.flip(0), kind), nt_xent(near, near.flip(0), groups, 0.1)
    assert torch.equal(apart, distance_matrix(near, near.flip(0), kind))
    assert torch.equal(loss, nt_xent(near, near.flip(0), groups, 0.1))
