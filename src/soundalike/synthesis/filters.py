"""Second-order filters: a few coefficients that make noise sound like something."""

from __future__ import annotations

from typing import Literal

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from soundalike.core.arrays import FloatArray

HIGHEST = 0.45
"""No filter or partial lies above this part of the sample rate."""

Kind = Literal["low", "high", "band", "peak"]


def biquad(
    kind: Kind, centre_hz: float, rate_hz: int, *, q: float = 0.707, gain_db: float = 0.0
) -> NDArray[np.float64]:
    """Design a second-order filter.

    Args:
        kind: ``"low"`` and ``"high"`` pass what lies below and above, ``"band"`` passes what lies around,
            ``"peak"`` raises or lowers it.
        centre_hz: Corner or centre; brought below 0.45 times the rate.
        rate_hz: Sample rate.
        q: Resonance: centre divided by bandwidth.
        gain_db: What ``"peak"`` adds at the centre.

    Returns:
        Coefficients ``b0 b1 b2 a0 a1 a2`` with ``a0 = 1``, shape ``(6,)``, float64.

    Source:
        Bristow-Johnson, *Cookbook formulae for audio equalizer biquad filter coefficients*.
    """
    turn = 2.0 * np.pi * min(max(centre_hz, 1.0), HIGHEST * rate_hz) / rate_hz
    cos, alpha = np.cos(turn), np.sin(turn) / (2.0 * q)
    gain = 10.0 ** (gain_db / 40.0)
    poles = [1.0 + alpha, -2.0 * cos, 1.0 - alpha]
    if kind == "low":
        zeros = [(1.0 - cos) / 2.0, 1.0 - cos, (1.0 - cos) / 2.0]
    elif kind == "high":
        zeros = [(1.0 + cos) / 2.0, -1.0 - cos, (1.0 + cos) / 2.0]
    elif kind == "band":
        zeros = [alpha, 0.0, -alpha]
    else:
        zeros = [1.0 + alpha * gain, -2.0 * cos, 1.0 - alpha * gain]
        poles = [1.0 + alpha / gain, -2.0 * cos, 1.0 - alpha / gain]
    return np.asarray(np.array([*zeros, *poles]) / poles[0], np.float64)


def apply(samples: FloatArray, *sections: NDArray[np.float64]) -> FloatArray:
    """Filter samples ``(..., T)`` by sections one after another: float32, of the same shape."""
    return scipy.signal.sosfilt(np.stack(sections), samples).astype(np.float32)


def low_pass(samples: FloatArray, cutoff_hz: float, rate_hz: int, *, q: float = 0.707) -> FloatArray:
    """Keep what lies below a frequency, 12 dB per octave."""
    return apply(samples, biquad("low", cutoff_hz, rate_hz, q=q))


def high_pass(samples: FloatArray, cutoff_hz: float, rate_hz: int, *, q: float = 0.707) -> FloatArray:
    """Keep what lies above a frequency, 12 dB per octave."""
    return apply(samples, biquad("high", cutoff_hz, rate_hz, q=q))


def band_pass(samples: FloatArray, centre_hz: float, rate_hz: int, *, q: float = 1.0) -> FloatArray:
    """Keep what lies around a frequency, 6 dB per octave on either side."""
    return apply(samples, biquad("band", centre_hz, rate_hz, q=q))


def resonate(
    samples: FloatArray,
    rate_hz: int,
    rng: np.random.Generator,
    *,
    low_hz: float,
    high_hz: float,
    count: int = 3,
) -> FloatArray:
    """Let random resonances ring along: the body that a sound comes out of.

    Args:
        samples: Shape ``(T,)``, float32.
        rate_hz: Sample rate.
        rng: The source of randomness.
        low_hz: The lowest resonance.
        high_hz: The highest resonance.
        count: Number of resonances, each raised by 4 to 18 dB.

    Returns:
        Shape ``(T,)``, float32.
    """
    centres = np.exp(rng.uniform(np.log(low_hz), np.log(high_hz), count))
    qs, gains_db = rng.uniform(1.0, 8.0, count), rng.uniform(4.0, 18.0, count)
    return apply(
        samples,
        *(biquad("peak", c, rate_hz, q=q, gain_db=g) for c, q, g in zip(centres, qs, gains_db, strict=True)),
    )
