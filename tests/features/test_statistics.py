"""Statistics over time of ragged stretches: against a loop."""

from __future__ import annotations

import numpy as np
import pytest

from soundalike.core.errors import InvalidInputError
from soundalike.features.statistics import time_statistics


def stretches(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 200, 30)
    counts[3] = 1
    return rng.uniform(0.0, 60.0, (7, int(counts.sum()))).astype(np.float32), counts


def test_statistics_are_those_of_a_loop() -> None:
    values, counts = stretches()
    statistics = time_statistics(values, counts)
    first = 0
    for column, count in enumerate(counts):
        part = values[:, first : first + count].astype(np.float64)
        first += count
        np.testing.assert_allclose(statistics.mean[:, column], part.mean(axis=1), rtol=1e-5)
        np.testing.assert_allclose(statistics.spread[:, column], part.std(axis=1), rtol=1e-4, atol=1e-5)
        change = np.abs(np.diff(part, axis=1)).mean(axis=1) if count > 1 else np.zeros(7)
        np.testing.assert_allclose(statistics.change[:, column], change, rtol=1e-5)


def test_a_stretch_does_not_see_its_neighbours() -> None:
    values, counts = stretches()
    together = time_statistics(values, counts)
    firsts = np.cumsum(counts) - counts
    for column, (first, count) in enumerate(zip(firsts, counts, strict=True)):
        alone = time_statistics(values[:, first : first + count], np.array([count]))
        for one, all_ in zip(alone, together, strict=True):
            np.testing.assert_array_equal(one[:, 0], all_[:, column])


def test_layout_in_memory_does_not_matter() -> None:
    values, counts = stretches()
    for one, other in zip(
        time_statistics(values, counts), time_statistics(np.asfortranarray(values), counts), strict=True
    ):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("counts", [[], [4, 0], [3], [5, 6], [-1, 5]])
def test_counts_that_do_not_fit_are_refused(counts: list[int]) -> None:
    with pytest.raises(InvalidInputError, match="must add up to 4"):
        time_statistics(np.zeros((2, 4), np.float32), np.array(counts, np.int64))
