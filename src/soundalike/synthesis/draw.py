"""Random parameters: what a texture draws before it sounds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw a number whose logarithm is uniform: every octave is as likely as every other.

    Args:
        rng: The source of randomness.
        low: The smallest value, above 0.
        high: The largest value.

    Returns:
        A number in ``[low, high]``.

    Example:
        >>> 20 <= log_uniform(np.random.default_rng(0), 20, 20000) <= 20000
        True
    """
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def log_uniforms(rng: np.random.Generator, low: float, high: float, count: int) -> NDArray[np.float64]:
    """Draw several numbers as :func:`log_uniform` does: shape ``(count,)``, float64."""
    return np.exp(rng.uniform(np.log(low), np.log(high), count))


def chance(rng: np.random.Generator, probability: float) -> bool:
    """Draw whether something happens, with a probability between 0 and 1."""
    return bool(rng.random() < probability)
