"""Levels: how loud a sound is, and sounds brought to one level."""

from __future__ import annotations

import numpy as np

from soundalike.core.arrays import FloatArray

FAINTEST = 1e-9
"""Added where a level divides: what is silent stays silent."""


def rms(samples: FloatArray) -> np.float32:
    """The root of the mean square of a sound.

    Example:
        >>> float(rms(np.array([3.0, -3.0], np.float32)))
        3.0
    """
    return np.float32(np.sqrt(np.mean(np.square(samples), dtype=np.float64)))


def unit(samples: FloatArray) -> FloatArray:
    """Scale a sound so that the mean of its squares is 1; silence stays silence."""
    return samples / (rms(samples) + np.float32(FAINTEST))


def normalise(samples: FloatArray) -> FloatArray:
    """Scale a sound so that its largest magnitude is 1; silence stays silence."""
    peak = float(np.max(np.abs(samples)))
    return samples / np.float32(peak) if peak > 1e-12 else np.zeros_like(samples)
