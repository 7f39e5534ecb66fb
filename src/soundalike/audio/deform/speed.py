"""Another speed: faster and higher, or slower and lower, as a tape does it."""

from __future__ import annotations

import numpy as np

from soundalike.core.arrays import FloatArray


def change_speed(samples: FloatArray, factor: float) -> FloatArray:
    """Play a sound faster or slower, pitch and all, by linear interpolation.

    Unlike the other deformations it takes one sound, and gives one of another length.

    Args:
        samples: Shape ``(T,)``, float32, at least two.
        factor: Above 1 is faster and higher.

    Returns:
        About ``T / factor`` samples, float32.

    Example:
        >>> change_speed(np.array([0.0, 1.0, 2.0, 3.0, 4.0], np.float32), 2.0).tolist()
        [0.0, 2.0]
    """
    at = np.arange(0.0, len(samples) - 1, factor)
    left = at.astype(np.int64)
    share = (at - left).astype(np.float32)
    return samples[left] + (samples[left + 1] - samples[left]) * share
