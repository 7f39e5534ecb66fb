"""Noise: coloured, banded, gusting, hissing."""

from __future__ import annotations

import numpy as np
import scipy.fft

from soundalike.core.arrays import FloatArray
from soundalike.synthesis.curves import swell, wander
from soundalike.synthesis.draw import chance, log_uniform, log_uniforms
from soundalike.synthesis.filters import band_pass, high_pass, low_pass
from soundalike.synthesis.impulses import burst_kernels, poisson_onsets, scatter
from soundalike.synthesis.levels import unit
from soundalike.synthesis.spectral import formant_filter

LOWEST_HZ = 20.0
"""Below it coloured noise is flat: what falls by octaves would otherwise be all at 0 Hz."""


def white_noise(count: int, rng: np.random.Generator) -> FloatArray:
    """Draw white noise of variance 1: shape ``(count,)``, float32."""
    return rng.standard_normal(count, dtype=np.float32)


def coloured_noise(
    count: int, rate_hz: int, rng: np.random.Generator, *, slope_db_per_octave: float
) -> FloatArray:
    """Draw noise whose power falls or rises by a fixed amount per octave.

    Not the deformations' :func:`soundalike.audio.coloured_noise`, for two reasons. Nothing lies at 0 Hz here:
    there, a burst of 10 ms of brown noise is mostly an offset. And every texture and clip that was drawn
    would become another one.

    Args:
        count: Number of samples.
        rate_hz: Sample rate.
        rng: The source of randomness.
        slope_db_per_octave: 0 is white, -3 pink, -6 brown, 3 blue.

    Returns:
        Shape ``(count,)``, float32, of variance about 1.

    Example:
        >>> coloured_noise(4, 32000, np.random.default_rng(0), slope_db_per_octave=-3).shape
        (4,)
    """
    size = scipy.fft.next_fast_len(max(count, 2), real=True)
    parts = rng.standard_normal((2, size // 2 + 1), dtype=np.float32)
    frequencies = np.maximum(np.arange(size // 2 + 1) * (rate_hz / size), LOWEST_HZ)
    shape = (frequencies ** (slope_db_per_octave / (20.0 * np.log10(2.0)))).astype(np.float32)
    shape[0] = 0.0
    shape *= np.float32(np.sqrt(size / 2.0 / max(float(np.mean(shape**2)), 1e-30)))
    spectrum = parts[0] * shape + 1j * (parts[1] * shape)
    return scipy.fft.irfft(spectrum, size)[:count].astype(np.float32)


def band_noise(
    count: int, rate_hz: int, rng: np.random.Generator, *, low_hz: float, high_hz: float
) -> FloatArray:
    """Draw noise between two frequencies, with flanks of 12 dB per octave: shape ``(count,)``, float32."""
    return low_pass(high_pass(white_noise(count, rng), low_hz, rate_hz), high_hz, rate_hz)


def steady_noise(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Noise of one colour, hardly moving."""
    noise = coloured_noise(count, rate_hz, rng, slope_db_per_octave=rng.uniform(-9.0, 4.0))
    return noise * wander(
        count, rate_hz, rng, change_hz=log_uniform(rng, 0.5, 8), low=rng.uniform(0.2, 1), high=1
    )


def banded_noise(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """One to three bands of noise that come and go."""
    total = np.zeros(count, np.float32)
    for centre_hz in log_uniforms(rng, 80, 12000, int(rng.integers(1, 4))):
        width = log_uniform(rng, 1.05, 3.0)
        band = band_noise(count, rate_hz, rng, low_hz=centre_hz / width, high_hz=centre_hz * width)
        band *= wander(count, rate_hz, rng, change_hz=log_uniform(rng, 0.3, 15))
        total += unit(band)
    return total


def wind(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Wind: rumble, and gusts that whistle through two or three moving resonances."""
    gusts = wander(count, rate_hz, rng, change_hz=log_uniform(rng, 0.4, 3.0), low=rng.uniform(0.05, 0.5)) ** 2
    rumble = coloured_noise(count, rate_hz, rng, slope_db_per_octave=rng.uniform(-9, -5))
    voices = int(rng.integers(1, 4))
    points = max(3, int(count / rate_hz * rng.uniform(0.8, 4)) + 2)
    base_hz = log_uniforms(rng, 150, 1800, voices)
    centres_hz = base_hz * np.exp(rng.normal(0.0, 0.25, (points, voices)))
    widths_hz = base_hz * log_uniforms(rng, 0.03, 0.8, voices)
    whistle = formant_filter(white_noise(count, rng), rate_hz, centres_hz, widths_hz)
    whistle = unit(whistle)
    return gusts * (rumble * np.float32(rng.uniform(0.2, 1.5)) + whistle)


def rumble(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """A road or a city far away: low noise with swells, and a little hiss of tyres."""
    low = coloured_noise(count, rate_hz, rng, slope_db_per_octave=rng.uniform(-10, -4))
    tyres = band_pass(white_noise(count, rng), log_uniform(rng, 500, 1800), rate_hz, q=rng.uniform(0.5, 1.5))
    passing = wander(count, rate_hz, rng, change_hz=log_uniform(rng, 0.2, 1.0)) ** 2
    return low + passing * tyres * np.float32(log_uniform(rng, 0.05, 2.0))


def hiss(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Steam, gas or a spray: high noise that starts at once and may stop."""
    noise = high_pass(white_noise(count, rng), log_uniform(rng, 800, 7000), rate_hz, q=rng.uniform(0.5, 2.0))
    start_s = rng.uniform(0.0, 0.3) * count / rate_hz
    shape = swell(
        count,
        rate_hz,
        attack_s=log_uniform(rng, 0.005, 0.3),
        decay_s=log_uniform(rng, 0.15, 10),
        start_s=start_s,
    )
    flutter = wander(count, rate_hz, rng, change_hz=log_uniform(rng, 3, 40), low=rng.uniform(0.3, 1.0))
    return noise * shape * flutter + np.float32(1e-3) * noise


def whoosh(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Something passes: noise whose resonance and strength rise and fall."""
    base_hz = log_uniform(rng, 200, 3000)
    peak = base_hz * log_uniform(rng, 1.2, 5.0)
    middle = rng.uniform(0.25, 0.75)
    points = np.exp(-(((np.linspace(0, 1, 12) - middle) / rng.uniform(0.08, 0.35)) ** 2))
    centres_hz = (base_hz + (peak - base_hz) * points)[:, None]
    noise = formant_filter(
        white_noise(count, rng), rate_hz, centres_hz, np.array([base_hz * rng.uniform(0.1, 1)])
    )
    place = np.linspace(0, 1, count, dtype=np.float32)
    return np.asarray(
        noise
        * (
            np.float32(0.02) + np.exp(-(((place - middle) / rng.uniform(0.08, 0.35)) ** 2)).astype(np.float32)
        ),
        np.float32,
    )


def radio_static(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """A receiver between stations: noise in the band of speech, crackle, and now and then a whistle."""
    noise = band_noise(
        count, rate_hz, rng, low_hz=log_uniform(rng, 80, 500), high_hz=log_uniform(rng, 2000, 9000)
    )
    noise *= wander(count, rate_hz, rng, change_hz=log_uniform(rng, 2, 30), low=0.2)
    onsets = poisson_onsets(count, rate_hz, rng, per_s=log_uniform(rng, 5, 300))
    kernels = burst_kernels(rate_hz, rng, decay_s=(0.0003, 0.004), length_s=0.012, colour=(0.0, 3.0))
    crackle = scatter(count, onsets, kernels, rng, spread_db=12)
    out = noise + crackle * np.float32(rng.uniform(0.5, 4))
    if chance(rng, 0.5):
        pitch_hz = wander(count, rate_hz, rng, change_hz=rng.uniform(0.5, 3), low=200, high=4000)
        turns = np.cumsum(pitch_hz, dtype=np.float64) / rate_hz % 1.0
        out += np.float32(rng.uniform(0.05, 0.6)) * np.sin(np.float32(2 * np.pi) * turns.astype(np.float32))
    return out
