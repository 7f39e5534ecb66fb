"""How sure is a mean? Intervals by drawing the queries, or whole groups of them, again and again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundalike.core.errors import InvalidInputError

_COUNTS_AT_ONCE = 4_000_000


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and how far it may be off.

    Attributes:
        value: The mean.
        low: Lower bound; NaN where fewer than two groups leave nothing to draw from.
        high: Upper bound; likewise.
        level: The share of draws that lie between the two.
    """

    value: float
    low: float
    high: float
    level: float


def bootstrap_interval(
    per_query: NDArray[Any],
    groups: NDArray[Any] | None = None,
    *,
    level: float = 0.95,
    resamples: int = 1000,
    rng: np.random.Generator | int = 0,
) -> Interval:
    """Estimate a mean and its interval by the percentile bootstrap.

    Queries of one source recording, speaker or pack are not independent of each other: drawn one by one
    they give an interval that is too narrow. Say by ``groups`` what belongs together, and whole groups are
    drawn.

    Args:
        per_query: One figure per query, shape ``(Q,)``; NaN ones are left out.
        groups: What each query belongs to, shape ``(Q,)``; by default every query stands alone.
        level: Share of draws inside the interval; ``(1 - level) / 2`` lie below it and as many above.
        resamples: How many draws.
        rng: Draws; or its seed.

    Returns:
        The mean over queries and its interval; all NaN where no figure is left.

    Raises:
        InvalidInputError: Shapes that do not fit, a level outside (0, 1), or fewer than one draw.

    Source:
        Efron and Tibshirani 1993, An introduction to the bootstrap, section 13.3; groups as in Field and
        Welsh 2007, Bootstrapping clustered data.

    Example:
        >>> found = bootstrap_interval(np.array([0.2, 0.4, 0.6, 0.8]))
        >>> found.low < found.value < found.high
        True
    """
    values = np.asarray(per_query, np.float64)
    if values.ndim != 1:
        raise InvalidInputError(f"per_query must have shape (Q,); got {values.shape}.")
    if not 0.0 < level < 1.0 or resamples < 1:
        raise InvalidInputError(
            f"Expected a level between 0 and 1 and at least one resample; got {level} and {resamples}."
        )
    names = np.arange(len(values)) if groups is None else np.asarray(groups)
    if names.shape != values.shape:
        raise InvalidInputError(f"groups must have shape {values.shape}, one per query; got {names.shape}.")
    known = ~np.isnan(values)
    if not known.any():
        return Interval(np.nan, np.nan, np.nan, level)
    group = np.unique(names[known], return_inverse=True)[1]
    sizes = np.bincount(group).astype(np.float64)
    sums = np.bincount(group, values[known]).astype(np.float64)
    mean = float(values[known].mean())
    if len(sizes) < 2:
        return Interval(mean, np.nan, np.nan, level)
    drawn = _drawn_means(sums, sizes, resamples, np.random.default_rng(rng))
    low, high = np.quantile(drawn, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return Interval(mean, float(low), float(high), level)


def paired_bootstrap(
    new: NDArray[Any],
    old: NDArray[Any],
    groups: NDArray[Any] | None = None,
    *,
    level: float = 0.95,
    resamples: int = 1000,
    rng: np.random.Generator | int = 0,
) -> Interval:
    """Estimate by how much one set of figures is above another for the same queries.

    Args:
        new: One figure per query, shape ``(Q,)``.
        old: The other's figure for the same queries, shape ``(Q,)``; NaN where ``new`` is.
        groups: See :func:`bootstrap_interval`.
        level: See :func:`bootstrap_interval`; new is better with some certainty where ``low > 0``, which
            is False for the NaN of too few groups.
        resamples: How many draws.
        rng: Draws; or its seed.

    Returns:
        Mean of ``new - old``, and its interval.

    Raises:
        InvalidInputError: The two are not figures of the same queries.

    Example:
        >>> new, old = np.array([0.5, 0.7, 0.9, 0.6]), np.array([0.4, 0.5, 0.8, 0.4])
        >>> paired_bootstrap(new, old).low > 0
        True
    """
    a, b = np.asarray(new, np.float64), np.asarray(old, np.float64)
    if a.shape != b.shape or (np.isnan(a) != np.isnan(b)).any():
        raise InvalidInputError(
            f"Expected figures of the same queries; got shapes {a.shape} and {b.shape} with "
            f"{int(np.isnan(a).sum())} and {int(np.isnan(b).sum())} left out."
        )
    return bootstrap_interval(a - b, groups, level=level, resamples=resamples, rng=rng)


def _drawn_means(
    sums: NDArray[np.float64], sizes: NDArray[np.float64], resamples: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Means of as many groups as there are, drawn with replacement; shape ``(resamples,)``."""
    count = len(sums)
    at_once = max(1, _COUNTS_AT_ONCE // count)
    means = []
    for start in range(0, resamples, at_once):
        drawn = rng.integers(count, size=(min(at_once, resamples - start), count))
        means.append(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1))
    return np.concatenate(means)
