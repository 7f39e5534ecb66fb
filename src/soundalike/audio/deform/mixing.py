"""Mixing with another sound, matched in energy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike

from soundalike.audio.deform.base import check_batch, check_per_row, check_range, energy
from soundalike.audio.deform.noise import gains_for_ratio
from soundalike.core.arrays import FloatArray, IntArray
from soundalike.core.errors import InvalidInputError


def mix(samples: FloatArray, others: FloatArray, snr_db: ArrayLike) -> FloatArray:
    """Add another sound to each row.

    Args:
        samples: Shape ``(B, T)``, float32, finite.
        others: Shape ``(B, T)``: what is added to each row.
        snr_db: One number, or shape ``(B,)``: energy of the row to energy of what is added, each over the
            whole row; -60 to 120. At 0 dB both are equally strong.

    Returns:
        Shape ``(B, T)``, float32. A silent row stays silent, and one whose other is silent stays as it is.
        The other sound is heard also where zeros follow a short one.

    Raises:
        InvalidInputError: An array is not what was expected.

    Source: Jansen et al. 2018, section 3.2.3 (mixing with another example by the ratio of energies).

    Example:
        >>> row, other = np.array([[2.0, 0.0]], np.float32), np.array([[0.0, 8.0]], np.float32)
        >>> mix(row, other, 0.0).tolist()
        [[2.0, 2.0]]
    """
    batch, added = check_batch(samples), check_batch(others)
    if added.shape != batch.shape:
        raise InvalidInputError(f"others must have the samples' shape {batch.shape}; got {added.shape}.")
    wanted_db = check_per_row(snr_db, len(batch), "snr_db", -60.0, 120.0)
    return batch + added * gains_for_ratio(energy(batch), energy(added), wanted_db)[:, None]


@dataclass(frozen=True, slots=True)
class Mix:
    """Add to each row another sound: one of those given, or another row of the batch.

    Attributes:
        lowest_snr_db: The least ratio of the row's energy to that of what is added.
        highest_snr_db: The greatest.
    """

    lowest_snr_db: float = 0.0
    highest_snr_db: float = 15.0

    def __post_init__(self) -> None:
        check_range("snr_db", self.lowest_snr_db, self.highest_snr_db, -60.0, 120.0)

    def apply(
        self, samples: FloatArray, *, rate_hz: int, rng: Generator, others: FloatArray | None = None
    ) -> FloatArray:
        """Add another sound to each row; see :class:`Deformation`.

        Raises:
            InvalidInputError: There is no other sound: a batch of one row and no ``others``.
        """
        del rate_hz
        batch = check_batch(samples)
        pool = batch if others is None else check_batch(others)
        snr_db = rng.uniform(self.lowest_snr_db, self.highest_snr_db, len(batch))
        return mix(batch, pool[_choose_others(batch, pool, rng)], snr_db)


def _choose_others(batch: FloatArray, pool: FloatArray, rng: Generator) -> IntArray:
    """Choose a sound for each row that is not the row itself."""
    if pool.shape[1] != batch.shape[1]:
        raise InvalidInputError(
            f"others must have rows of {batch.shape[1]} samples; got rows of {pool.shape[1]}."
        )
    if len(batch) and len(pool) < (2 if pool is batch else 1):
        raise InvalidInputError("Mixing needs another sound: a batch of two rows, or others; got one sound.")
    if pool is batch:
        rows = np.arange(len(batch))
        return (rows + rng.integers(1, max(2, len(batch)), len(batch))) % max(1, len(batch))
    chosen = rng.integers(len(pool), size=len(batch))
    same = (pool[chosen] == batch).all(axis=1)  # the pool may be the batch that these rows were taken from
    chosen[same] = (chosen[same] + 1) % len(pool)
    return chosen
