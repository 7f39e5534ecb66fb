"""Pitch shift: higher or lower by semitones, no longer and no shorter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike

from soundalike.audio.deform.base import check_batch, check_per_row, check_range, silence_from, sounding_part
from soundalike.audio.deform.vocoder import SMEAR_S, vocode
from soundalike.core.arrays import FloatArray

MOST_SEMITONES = 24.0


def shift_pitch(samples: FloatArray, semitones: ArrayLike, rate_hz: int) -> FloatArray:
    """Move the pitch of each row and keep its duration.

    Args:
        samples: Shape ``(B, T)``, float32, finite.
        semitones: One number, or shape ``(B,)``: 12 moves up by an octave, -12 down; within ±24.
        rate_hz: Sample rate.

    Returns:
        Shape ``(B, T)``, float32. Frequencies are met within 0.4 % (7 cents) from 24 kHz on, 0.8 % at
        8 kHz; 0 semitones give the row as it is. Zeros that end a row stay zeros from
        10 ms on.

    Raises:
        InvalidInputError: The samples or the semitones are not what was expected.

    Source: see :mod:`soundalike.audio.deform.vocoder`.

    Example:
        >>> tone = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000).astype(np.float32)[None]
        >>> spectrum = np.abs(np.fft.rfft(shift_pitch(tone, 12, 16000)[0]))
        >>> int(spectrum.argmax())
        880
    """
    batch = check_batch(samples)
    wanted = check_per_row(semitones, len(batch), "semitones", -MOST_SEMITONES, MOST_SEMITONES)
    shifted = vocode(batch, np.ones(len(batch)), 2.0 ** (wanted / 12.0), rate_hz)
    return silence_from(shifted, sounding_part(batch)[1] + round(SMEAR_S * rate_hz))


@dataclass(frozen=True, slots=True)
class _PitchShift:
    """Shift the pitch of each row by its own number of semitones, in one direction."""

    lowest_semitones: float = 0.5
    highest_semitones: float = 4.0
    direction: ClassVar[float]

    def __post_init__(self) -> None:
        check_range("semitones", self.lowest_semitones, self.highest_semitones, 0.0, MOST_SEMITONES)

    def apply(
        self, samples: FloatArray, *, rate_hz: int, rng: Generator, others: FloatArray | None = None
    ) -> FloatArray:
        """Shift each row by its own number of semitones; see :class:`Deformation`."""
        del others
        semitones = rng.uniform(self.lowest_semitones, self.highest_semitones, len(samples))
        return shift_pitch(samples, self.direction * semitones, rate_hz)


@dataclass(frozen=True, slots=True)
class PitchUp(_PitchShift):
    """Shift the pitch of each row up.

    Attributes:
        lowest_semitones: The least shift, above 0.
        highest_semitones: The greatest.
    """

    direction: ClassVar[float] = 1.0


@dataclass(frozen=True, slots=True)
class PitchDown(_PitchShift):
    """Shift the pitch of each row down.

    Attributes:
        lowest_semitones: The least shift, above 0: 1 moves down by one semitone.
        highest_semitones: The greatest.
    """

    direction: ClassVar[float] = -1.0
