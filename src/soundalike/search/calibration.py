"""From distances to scores that mean the same in every library: calibrated on its own random pairs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundalike.core.arrays import FloatArray
from soundalike.core.errors import IndexFormatError, InvalidInputError
from soundalike.index import Metric, distances_between

SCORE_OF_NEAREST_PERCENT = 0.5
"""The score of a distance that 1 of 100 random pairs stays below."""

SCORE_OF_MEDIAN = 0.02
"""The score of the median distance of random pairs."""

_PAIRS = 20_000  # the first percentile is then known to within a tenth of a percentile
_SAMPLED = 4000  # vectors that the pairs are drawn from: 3 MB at 180 dimensions
_COMPARED = 2000  # pairs at once
_FEWEST = 20  # with fewer sounds, 1 of 100 pairs is no pair at all
_STEEPEST, _FLATTEST = 12.0, 0.5  # where the two percentiles all but coincide, or lie far apart

# Where a library cannot say what is near: half-way to what would be unrelated. A cosine distance of 1 is a
# right angle; a euclidean scale is not known, so 1 stands in for it.
_FALLBACK = {"cosine": (0.25, 1.0), "euclidean": (0.5, 1.0)}


@dataclass(frozen=True, slots=True)
class Calibration:
    """A strictly decreasing map from distance to score: ``exp(-(distance / scale) ** power)``.

    Attributes:
        scale: The distance with score 1/e, positive.
        power: How steeply the score falls, positive.
        pairs: How many random pairs it was fitted to; 0 where it is the fallback.
    """

    scale: float
    power: float
    pairs: int = 0

    def __post_init__(self) -> None:
        if not (0 < self.scale < math.inf and 0 < self.power < math.inf):
            raise InvalidInputError(f"Scale and power must be positive; got {self.scale} and {self.power}.")

    def score(self, distances: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Scores in [0, 1] of distances of any shape; 1 at distance 0.

        Example:
            >>> import numpy as np
            >>> Calibration(scale=0.5, power=1.0).score(np.array([0.0, 0.5])).round(3).tolist()
            [1.0, 0.368]
        """
        ratio = np.maximum(np.asarray(distances, np.float64), 0.0) / self.scale
        scores: NDArray[np.float64] = np.exp(-(ratio**self.power))
        return scores

    def to_json(self) -> dict[str, float | int]:
        """Plain values, for ``from_json``."""
        return {"scale": self.scale, "power": self.power, "pairs": self.pairs}

    @classmethod
    def from_json(cls, values: object) -> Calibration:
        """Read what ``to_json`` gave.

        Raises:
            IndexFormatError: It is something else.
        """
        try:
            assert isinstance(values, dict)
            return cls(float(values["scale"]), float(values["power"]), int(values["pairs"]))
        except (AssertionError, KeyError, TypeError, ValueError) as error:
            raise IndexFormatError(f"Expected a calibration; got {values!r}.") from error


def fit_scores(near: float, median: float, pairs: int) -> Calibration:
    """Choose the map that gives the two reference scores to two distances.

    Args:
        near: The first percentile of the distances of random pairs, positive.
        median: Their median, larger.
        pairs: How many there were.
    """
    low, high = -math.log(SCORE_OF_NEAREST_PERCENT), -math.log(SCORE_OF_MEDIAN)
    power = math.log(high / low) / math.log(median / near)
    power = min(max(power, _FLATTEST), _STEEPEST)
    # A power at its bound cannot meet both; what random pairs score matters more than where a half lies.
    return Calibration(median / high ** (1 / power), power, pairs)


def calibrate(
    ids: NDArray[np.int64],
    vectors_of: Callable[[NDArray[np.int64]], FloatArray],
    metric: Metric,
    seed: int = 0,
) -> Calibration:
    """Fit scores to a library's own distances.

    With fewer than 20 vectors, or where the median pair is identical, a fixed map is used: the score is 0.5
    at cosine distance 0.25 (41 degrees) and 0.02 at 1 (a right angle); for euclidean distances at 0.5 and 1.
    Where the nearest percent are identical, or as far apart as the median pair, the power is at its bound
    and the median decides.

    Args:
        ids: Ids of the vectors to draw from, shape ``(N,)``.
        vectors_of: Gives vectors ``(M, D)`` by ids.
        metric: How to measure.
        seed: The same vectors and seed give the same scores.
    """
    if len(ids) < _FEWEST:
        return _fallback(metric)
    rng = np.random.default_rng(seed)
    count = min(len(ids), _SAMPLED)
    vectors = vectors_of(np.sort(rng.choice(ids, count, replace=False)))
    first = rng.integers(0, count, _PAIRS)
    second = (first + rng.integers(1, count, _PAIRS)) % count  # never with itself
    distances = np.concatenate(
        [
            distances_between(
                vectors[first[at : at + _COMPARED]], vectors[second[at : at + _COMPARED]], metric
            )
            for at in range(0, _PAIRS, _COMPARED)
        ]
    )
    near, median = (float(value) for value in np.quantile(distances, [0.01, 0.5]))
    if median <= 0.0:
        return _fallback(metric)
    return fit_scores(min(max(near, median * 1e-9), median * (1 - 1e-9)), median, _PAIRS)


def _fallback(metric: Metric) -> Calibration:
    near, median = _FALLBACK[metric]
    fitted = fit_scores(near, median, 0)
    return Calibration(fitted.scale, fitted.power, 0)
