from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from soundalike.core.errors import IndexFormatError
from soundalike.index import Metric, distances_to
from soundalike.search import Calibration, calibrate
from soundalike.search.calibration import fit_scores


def fitted(vectors: NDArray[np.float32], metric: Metric = "euclidean") -> Calibration:
    return calibrate(np.arange(len(vectors)), lambda ids: vectors[ids], metric)


def check_is_a_score(calibration: Calibration, farthest: float) -> None:
    distances = np.linspace(0, farthest, 2001)
    scores = calibration.score(distances)
    assert scores[0] == 1.0
    assert ((scores >= 0) & (scores <= 1)).all()
    assert (np.diff(scores) <= 0).all()
    told_apart = (scores > 1e-300) & (scores < 1 - 1e-12)  # what double precision can hold
    assert (np.diff(scores[told_apart]) < 0).all()


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_random_pairs_score_as_promised(metric: Metric) -> None:
    rng = np.random.default_rng(0)
    vectors = (rng.standard_normal((3000, 1)) + rng.standard_normal((3000, 12)) + 0.5).astype(np.float32)
    calibration = fitted(vectors, metric)
    pairs = np.concatenate(
        [distances_to(vectors[n], np.delete(vectors, n, 0), metric) for n in range(0, 3000, 60)]
    )
    near, median = np.quantile(pairs, [0.01, 0.5])
    assert calibration.score(near) == pytest.approx(0.5, abs=0.1)
    assert calibration.score(median) == pytest.approx(0.02, abs=0.005)
    check_is_a_score(calibration, float(2 * median))


def test_the_two_reference_scores_are_met_exactly() -> None:
    calibration = fit_scores(0.3, 0.8, 100)
    assert calibration.score(np.array([0.3, 0.8])) == pytest.approx([0.5, 0.02])


def test_the_same_vectors_give_the_same_scores() -> None:
    vectors = np.random.default_rng(1).standard_normal((500, 5)).astype(np.float32)
    assert fitted(vectors) == fitted(vectors.copy())


@pytest.mark.parametrize("count", [0, 1, 19])
def test_few_sounds_get_the_fixed_map(count: int) -> None:
    vectors = np.random.default_rng(1).standard_normal((count, 5)).astype(np.float32)
    calibration = fitted(vectors, "cosine")
    assert calibration.pairs == 0
    assert calibration.score(np.array([0.25, 1.0])) == pytest.approx([0.5, 0.02])


def test_degenerate_libraries_still_get_scores() -> None:
    same = np.ones((100, 4), np.float32)
    assert fitted(same).pairs == 0
    check_is_a_score(fitted(same), 3.0)
    equidistant = np.eye(100, dtype=np.float32)  # the first percentile is the median
    calibration = fitted(equidistant)
    assert calibration.score(np.sqrt(2.0)) == pytest.approx(0.02, abs=1e-6)
    check_is_a_score(calibration, 2.0)
    twins = np.repeat(np.random.default_rng(0).standard_normal((10, 4)), 10, axis=0).astype(np.float32)
    check_is_a_score(fitted(twins), 3.0)  # the first percentile is zero
    assert fitted(twins).pairs > 0


def test_it_survives_json() -> None:
    calibration = Calibration(0.3, 1.5, 7)
    assert Calibration.from_json(calibration.to_json()) == calibration
    for broken in ({}, None, {"scale": -1, "power": 1, "pairs": 0}, {"scale": "x", "power": 1, "pairs": 0}):
        with pytest.raises(IndexFormatError, match="Expected a calibration"):
            Calibration.from_json(broken)
