"""Louder or softer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike

from soundalike.audio.deform.base import check_batch, check_per_row, check_range
from soundalike.core.arrays import FloatArray

_MOST_DB = 120.0


def change_gain(samples: FloatArray, gains_db: ArrayLike) -> FloatArray:
    """Make each row louder or softer.

    Args:
        samples: Shape ``(B, T)``, float32, finite.
        gains_db: One number, or shape ``(B,)``: 20 multiplies by 10; within ±120.

    Returns:
        Shape ``(B, T)``, float32. Nothing is clipped: values may go beyond full scale.

    Raises:
        InvalidInputError: The samples or the gains are not what was expected.

    Example:
        >>> change_gain(np.ones((1, 2), np.float32), 20.0).tolist()
        [[10.0, 10.0]]
    """
    batch = check_batch(samples)
    wanted_db = check_per_row(gains_db, len(batch), "gains_db", -_MOST_DB, _MOST_DB)
    return batch * (10.0 ** (wanted_db / 20.0)).astype(np.float32)[:, None]


@dataclass(frozen=True, slots=True)
class Gain:
    """Make each row louder or softer.

    Attributes:
        lowest_db: The least gain; negative is softer.
        highest_db: The greatest.
    """

    lowest_db: float = -12.0
    highest_db: float = 12.0

    def __post_init__(self) -> None:
        check_range("gains_db", self.lowest_db, self.highest_db, -_MOST_DB, _MOST_DB)

    def apply(
        self, samples: FloatArray, *, rate_hz: int, rng: Generator, others: FloatArray | None = None
    ) -> FloatArray:
        """Change each row by its own gain; see :class:`Deformation`."""
        del rate_hz, others
        return change_gain(samples, rng.uniform(self.lowest_db, self.highest_db, len(samples)))
