"""Statistics over time of many stretches of unequal length at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from soundalike.core.arrays import FloatArray, IntArray
from soundalike.core.errors import InvalidInputError


class TimeStatistics(NamedTuple):
    """Statistics of each stretch, each of shape ``(features, B)``, float32.

    Attributes:
        mean: The mean over the stretch's frames.
        spread: The standard deviation over the stretch's frames (divided by their number).
        change: The mean absolute difference of two neighbouring frames; 0 where there is one frame only.
    """

    mean: FloatArray
    spread: FloatArray
    change: FloatArray


def time_statistics(values: FloatArray, counts: IntArray) -> TimeStatistics:
    """Take mean, spread and change over time of stretches that lie one behind the other.

    A stretch's statistics are the same bit for bit whatever other stretches stand beside it.

    Args:
        values: Features over time, shape ``(features, N)``, float32.
        counts: Frames of each stretch, shape ``(B,)``, each at least 1; their sum is N.

    Returns:
        The statistics of each stretch.

    Raises:
        InvalidInputError: The counts do not fit the number of frames.

    Example:
        >>> stats = time_statistics(np.array([[1, 3, 5, 7]], np.float32), np.array([3, 1]))
        >>> stats.mean.tolist(), stats.change.tolist()
        ([[3.0, 7.0]], [[2.0, 0.0]])
    """
    if len(counts) == 0 or int(counts.min()) < 1 or int(counts.sum()) != values.shape[-1]:
        raise InvalidInputError(
            f"The frames of the stretches, each at least 1, must add up to {values.shape[-1]}; "
            f"got {int(counts.sum())} in {len(counts)} stretches."
        )
    values = np.ascontiguousarray(values)  # the order of additions along another layout is another one
    firsts = np.cumsum(counts) - counts
    number: FloatArray = counts.astype(np.float32)
    mean = _sums(values, firsts) / number
    steps = np.empty_like(values)
    np.subtract(values[:, 1:], values[:, :-1], out=steps[:, 1:])
    np.abs(steps, out=steps)
    steps[:, firsts] = 0.0
    change = _sums(steps, firsts) / np.maximum(number - 1.0, np.float32(1.0))
    centred = np.subtract(values, np.repeat(mean, counts, axis=-1), out=steps)
    np.square(centred, out=centred)
    spread = np.sqrt(_sums(centred, firsts) / number)
    return TimeStatistics(mean, spread, change)


def _sums(values: FloatArray, firsts: IntArray) -> FloatArray:
    """Add up each stretch by itself, pairwise, in float32."""
    return np.asarray(np.add.reduceat(values, firsts, axis=-1), dtype=np.float32)
