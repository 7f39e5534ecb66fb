"""Time stretch and compression: slower or faster at the same pitch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from soundalike.audio.deform.base import check_batch, check_per_row, check_range, silence_from, sounding_part
from soundalike.audio.deform.vocoder import SMEAR_S, vocode
from soundalike.core.arrays import FloatArray

_MOST = 4.0


def stretch_time(samples: FloatArray, factors: ArrayLike, rate_hz: int) -> FloatArray:
    """Make each row longer or shorter and keep its pitch.

    Args:
        samples: Shape ``(B, T)``, float32, finite.
        factors: One number, or shape ``(B,)``: 1.25 makes a row longer by a quarter, 0.8 shorter by a fifth;
            0.25 to 4.
        rate_hz: Sample rate, which decides how long the frames are that are moved.

    Returns:
        Shape ``(B, T)``, float32: what has become longer is cut off at the end, what has become shorter is
        followed by zeros. An attack at ``t`` seconds comes to lie at ``t`` times the factor, within 6 ms for
        factors of 0.8 to 1.25; a row is silent from 10 ms behind its new end.

    Raises:
        InvalidInputError: The samples or the factors are not what was expected.

    Source: see :mod:`soundalike.audio.deform.vocoder`.

    Example:
        >>> click = np.zeros((1, 16000), np.float32)
        >>> click[0, 5000] = 1.0
        >>> abs(int(stretch_time(click, 1.2, 16000).argmax()) - 6000) < 0.006 * 16000
        True
    """
    batch = check_batch(samples)
    wanted = check_per_row(factors, len(batch), "factors", 1.0 / _MOST, _MOST)
    stretched = vocode(batch, wanted, np.ones(len(batch)), rate_hz)
    stops = np.ceil(sounding_part(batch)[1] * wanted + SMEAR_S * rate_hz).astype(np.int64)
    return silence_from(stretched, stops)


def _draw(lowest: float, highest: float, rows: int, rng: Generator) -> NDArray[np.float64]:
    """Draw factors evenly over their logarithm: twice as long is as likely as half as long."""
    return np.exp(rng.uniform(np.log(lowest), np.log(highest), rows))


@dataclass(frozen=True, slots=True)
class _TimeStretch:
    """Stretch each row by its own factor, within limits."""

    lowest_factor: float
    highest_factor: float
    limits: ClassVar[tuple[float, float]]

    def __post_init__(self) -> None:
        check_range("factors", self.lowest_factor, self.highest_factor, *self.limits)

    def apply(
        self, samples: FloatArray, *, rate_hz: int, rng: Generator, others: FloatArray | None = None
    ) -> FloatArray:
        """Stretch each row by its own factor; see :class:`Deformation`."""
        del others
        factors = _draw(self.lowest_factor, self.highest_factor, len(samples), rng)
        return stretch_time(samples, factors, rate_hz)


@dataclass(frozen=True, slots=True)
class Stretch(_TimeStretch):
    """Make each row longer at the same pitch; what goes beyond its end is cut off.

    Attributes:
        lowest_factor: The least factor, at least 1.
        highest_factor: The greatest.
    """

    lowest_factor: float = 1.05
    highest_factor: float = 1.25
    limits: ClassVar[tuple[float, float]] = (1.0, _MOST)


@dataclass(frozen=True, slots=True)
class Compress(_TimeStretch):
    """Make each row shorter at the same pitch; zeros follow it.

    Attributes:
        lowest_factor: The least factor: the strongest compression.
        highest_factor: The greatest, at most 1.
    """

    lowest_factor: float = 0.8
    highest_factor: float = 0.95
    limits: ClassVar[tuple[float, float]] = (1.0 / _MOST, 1.0)
