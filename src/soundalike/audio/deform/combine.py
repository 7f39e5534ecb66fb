"""Deformations put together: one after another, or one of several for each row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from soundalike.audio.deform.base import Deformation, check_batch
from soundalike.core.arrays import FloatArray, IntArray
from soundalike.core.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Leave each row as it is: for a mix in which some rows stay."""

    def apply(
        self, samples: FloatArray, *, rate_hz: int, rng: Generator, others: FloatArray | None = None
    ) -> FloatArray:
        """Copy the rows; see :class:`Deformation`."""
        del rate_hz, rng, others
        return check_batch(samples).copy()


@dataclass(frozen=True, slots=True)
class Chain:
    """Deform each row by one deformation after another.

    Attributes:
        steps: What is done, in order; at least one.
    """

    steps: tuple[Deformation, ...]

    def __post_init__(self) -> None:
        if not self.steps:
            raise InvalidInputError("A chain has at least one step; got none.")

    def apply(
        self, samples: FloatArray, *, rate_hz: int, rng: Generator, others: FloatArray | None = None
    ) -> FloatArray:
        """Deform each row; see :class:`Deformation`. What is mixed in by a step is not deformed yet."""
        given = check_batch(samples)
        pool = given if others is None and len(given) > 1 else others
        out = given
        for step in self.steps:
            out = step.apply(out, rate_hz=rate_hz, rng=rng, others=pool)
        return out


@dataclass(frozen=True, slots=True)
class DeformationMix:
    """Deform each row by one of several deformations, drawn by weight.

    Attributes:
        choices: Deformations and their weights: not negative, not all zero; they need not add up to 1.

    Example:
        >>> from soundalike.audio.deform import Gain, PitchUp
        >>> both = DeformationMix(((Gain(), 1.0), (PitchUp(), 3.0)))
        >>> rng = np.random.default_rng(1)
        >>> both.apply(np.ones((4, 8000), np.float32), rate_hz=8000, rng=rng).shape
        (4, 8000)
    """

    choices: tuple[tuple[Deformation, float], ...]

    def __post_init__(self) -> None:
        weights = [weight for _, weight in self.choices]
        if not weights or not all(0.0 <= weight < np.inf for weight in weights) or sum(weights) <= 0.0:
            raise InvalidInputError(f"Weights must be finite, not negative and not all zero; got {weights}.")

    def draw(self, rows: int, rng: Generator) -> IntArray:
        """Draw the place in ``choices`` for each of ``rows`` rows: shape ``(rows,)``."""
        weights = np.array([weight for _, weight in self.choices])
        return rng.choice(len(weights), size=rows, p=weights / weights.sum())

    def apply(
        self, samples: FloatArray, *, rate_hz: int, rng: Generator, others: FloatArray | None = None
    ) -> FloatArray:
        """Deform each row by the kind that is drawn for it; see :class:`Deformation`.

        Rows of one kind are deformed together. Where ``others`` is None, any row of the batch may be mixed
        into any other.
        """
        batch = check_batch(samples)
        drawn = self.draw(len(batch), rng)
        pool = batch if others is None and len(batch) > 1 else others
        out = np.empty_like(batch)
        for place, (deformation, _) in enumerate(self.choices):
            rows = np.flatnonzero(drawn == place)
            if len(rows):
                out[rows] = deformation.apply(batch[rows], rate_hz=rate_hz, rng=rng, others=pool)
        return out
