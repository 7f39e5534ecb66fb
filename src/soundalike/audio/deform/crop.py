"""A random part of a sound: as if it had been cut out more closely."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from soundalike.audio.deform.base import check_batch, check_range, sounding_part
from soundalike.core.arrays import FloatArray
from soundalike.core.errors import InvalidInputError


def crop(samples: FloatArray, start: NDArray[np.integer], length: NDArray[np.integer]) -> FloatArray:
    """Keep a part of each row, moved to its start and followed by zeros.

    Args:
        samples: Shape ``(B, T)``, float32, finite.
        start: Shape ``(B,)``: the first sample of each row that is kept, 0 to T.
        length: Shape ``(B,)``: how many are kept, not negative; ``start + length`` is at most T.

    Returns:
        Shape ``(B, T)``, float32.

    Raises:
        InvalidInputError: An array is not what was expected, or a part lies outside its row.

    Example:
        >>> crop(np.array([[1, 2, 3, 4]], np.float32), np.array([1]), np.array([2])).tolist()
        [[2.0, 3.0, 0.0, 0.0]]
    """
    batch = check_batch(samples)
    rows, count = batch.shape
    first, kept = np.asarray(start), np.asarray(length)
    if first.shape != (rows,) or kept.shape != (rows,) or first.dtype.kind != "i" or kept.dtype.kind != "i":
        raise InvalidInputError(
            f"start and length must be whole numbers of shape ({rows},); got {first.shape} {first.dtype} and "
            f"{kept.shape} {kept.dtype}."
        )
    if ((first < 0) | (kept < 0) | (first + kept > count)).any():
        raise InvalidInputError(f"The part that is kept must lie within the {count} samples of its row.")
    out = np.zeros_like(batch)
    for row in range(rows):  # two slices of each row: a table of indices would be eight times its size
        out[row, : kept[row]] = batch[row, first[row] : first[row] + kept[row]]
    return out


@dataclass(frozen=True, slots=True)
class Crop:
    """Keep a random part of each row's sound.

    Attributes:
        lowest_share: The least share of the sound that is kept, above 0; zeros around it do not count.
        highest_share: The greatest, at most 1.
    """

    lowest_share: float = 0.4
    highest_share: float = 0.9

    def __post_init__(self) -> None:
        check_range("shares", self.lowest_share, self.highest_share, 1e-3, 1.0)

    def apply(
        self, samples: FloatArray, *, rate_hz: int, rng: Generator, others: FloatArray | None = None
    ) -> FloatArray:
        """Keep a part of each row; see :class:`Deformation`."""
        del rate_hz, others
        batch = check_batch(samples)
        first, stop = sounding_part(batch)
        kept = np.ceil((stop - first) * rng.uniform(self.lowest_share, self.highest_share, len(batch)))
        length = kept.astype(np.int64)
        start = first + rng.integers(0, stop - first - length, endpoint=True)
        return crop(batch, start, length)
