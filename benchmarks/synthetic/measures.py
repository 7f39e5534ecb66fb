"""What makes a collection of vectors easy or hard to search."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_K = 10
_LID_NEIGHBOURS = 50
_ROWS_AT_ONCE = 65536


@dataclass(frozen=True, slots=True)
class Figures:
    """Three figures of a collection, seen from queries that are not in it.

    Attributes:
        intrinsic_dimension: Local intrinsic dimension at a query by maximum likelihood over its 50 nearest,
            the median over queries. Source: Amsaleg et al. 2015, "Estimating local intrinsic dimensionality".
        occurrence_skew: Skewness of how often vectors are among the 10 nearest of a query: 0 where there are
            no hubs. Source: Radovanović, Nanopoulos, Ivanović 2010, "Hubs in space".
        contrast: Mean distance over distance to the nearest, the median over queries. Source: He, Kumar,
            Chang 2012, "On the difficulty of nearest neighbor search".
    """

    intrinsic_dimension: float
    occurrence_skew: float
    contrast: float


def measure(collection: NDArray[np.float32], queries: NDArray[np.float32]) -> Figures:
    """Measure a collection of unit vectors ``(N, D)``, N at least 51, from queries ``(Q, D)``.

    Distances are lengths of differences.
    """
    k = _LID_NEIGHBOURS
    nearest = np.full((len(queries), k), np.inf)
    ids = np.full((len(queries), k), -1, np.int64)
    total = np.zeros(len(queries))
    for first in range(0, len(collection), _ROWS_AT_ONCE):
        block = collection[first : first + _ROWS_AT_ONCE]
        distances = np.sqrt(np.maximum(2.0 - 2.0 * (queries @ block.T), 0.0))
        total += distances.sum(axis=1, dtype=np.float64)
        best = np.argpartition(distances, min(k, len(block) - 1), axis=1)[:, :k]
        found = np.concatenate([nearest, np.take_along_axis(distances, best, axis=1)], axis=1)
        names = np.concatenate([ids, best + first], axis=1)
        order = np.argsort(found, axis=1)[:, :k]
        nearest, ids = np.take_along_axis(found, order, axis=1), np.take_along_axis(names, order, axis=1)
    nearest = np.maximum(nearest, 1e-6)
    ratios = np.log(nearest[:, :-1] / nearest[:, -1:]).mean(axis=1)
    counts = np.bincount(ids[:, :_K].ravel(), minlength=len(collection))
    centred = counts - counts.mean()
    return Figures(
        intrinsic_dimension=float(np.median(-1.0 / np.minimum(ratios, -1e-9))),
        occurrence_skew=float((centred**3).mean() / (centred**2).mean() ** 1.5),
        contrast=float(np.median(total / len(collection) / nearest[:, 0])),
    )
