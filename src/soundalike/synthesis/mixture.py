"""Mixtures: several sounds at once, at equal energy but for a random ratio."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundalike.core.arrays import FloatArray
from soundalike.core.errors import InvalidInputError
from soundalike.synthesis.effects import check_sound
from soundalike.synthesis.levels import normalise


def mixture(
    sounds: Sequence[NDArray[Any]], rng: np.random.Generator, *, snr_db: tuple[float, float] = (-5.0, 20.0)
) -> FloatArray:
    """Mix sounds: the first one against each other one at a random ratio of energies.

    Args:
        sounds: One or more sounds of equal length, each of shape ``(T,)``, floating point.
        rng: The source of randomness.
        snr_db: Least and greatest level of the first sound above each other one, in dB.

    Returns:
        Shape ``(T,)``, float32, peak 1; silent sounds add nothing, and silence alone stays silence.

    Raises:
        InvalidInputError: No sound, sounds of different lengths, or something that is no sound.

    Example:
        >>> mixture([np.ones(4), np.ones(4)], np.random.default_rng(0)).tolist()
        [1.0, 1.0, 1.0, 1.0]
    """
    if not len(sounds):
        raise InvalidInputError("A mixture needs at least one sound; got none.")
    checked = [check_sound(sound) for sound in sounds]
    lengths = sorted({len(sound) for sound in checked})
    if len(lengths) > 1:
        raise InvalidInputError(f"Sounds of a mixture must be equally long; got lengths {lengths}.")
    total = np.zeros(lengths[0], np.float32)
    for number, sound in enumerate(checked):
        level_db = -rng.uniform(*snr_db) if number else 0.0
        rms = float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))
        if rms > 1e-12:
            total += sound * np.float32(10.0 ** (level_db / 20.0) / rms)
    return normalise(total)
