"""Fit the constants of the ``spectral`` encoder anew and write them into the package.

The recordings are the CC0 demo sounds and synthesised signals, so that the constants are as wide as what
people search. Run it in a checkout: ``python scripts/fit_spectral_constants.py``.
``--check`` writes nothing and fails where the constants in the package are others.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from soundalike.audio import decode
from soundalike.core.arrays import FloatArray
from soundalike.encoders.fit import fit_spectral
from soundalike.encoders.spectral_config import SpectralConfig, default_config, save_config

PACKAGE = Path(__file__).parents[1] / "src" / "soundalike"
SEED = 20261123
SYNTHESISED = 200


def demo_sounds(rate_hz: int) -> Iterator[FloatArray]:
    """Decode the demo sounds, in the order of their names."""
    for path in sorted((PACKAGE / "data" / "demo").rglob("*")):
        if path.suffix in {".flac", ".wav", ".ogg", ".opus", ".mp3", ".m4a"}:
            yield decode(path, rate_hz=rate_hz).samples


def synthesised(rate_hz: int, count: int, rng: np.random.Generator) -> Iterator[FloatArray]:
    """Make noises, tones, chirps and trains of clicks of 0.1 to 3 seconds, in turn."""
    makers = (coloured_noise, harmonic_tone, chirp, clicks)
    for number in range(count):
        seconds = float(np.exp(rng.uniform(np.log(0.1), np.log(3.0))))
        time_s = np.arange(round(seconds * rate_hz)) / rate_hz
        sound = makers[number % len(makers)](time_s, rng)
        decay_s = float(np.exp(rng.uniform(np.log(0.03), np.log(10.0))))
        sound = sound * np.exp(-time_s / decay_s)
        hiss = 10.0 ** (rng.uniform(-100.0, -40.0) / 20.0) * rng.standard_normal(len(sound))
        level = 10.0 ** (rng.uniform(-30.0, -1.0) / 20.0)
        yield np.asarray(level * sound / np.abs(sound).max() + level * hiss, dtype=np.float32)


def coloured_noise(time_s: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Noise whose spectrum falls by 0 to 9 dB per octave."""
    spectrum = np.fft.rfft(rng.standard_normal(len(time_s)))
    slope = rng.uniform(0.0, 1.5)
    return np.asarray(np.fft.irfft(spectrum / np.arange(1, len(spectrum) + 1) ** slope, len(time_s)))


def harmonic_tone(time_s: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """A steady tone of one to twenty partials from 50 to 2000 Hz."""
    pitch_hz = np.exp(rng.uniform(np.log(50.0), np.log(2000.0)))
    slope = rng.uniform(0.3, 2.5)
    partials = np.arange(1, 1 + rng.integers(1, 21))
    partials = partials[partials * pitch_hz < 11000.0]
    phases = rng.uniform(0.0, 2.0 * np.pi, len(partials))
    waves = np.sin(2.0 * np.pi * pitch_hz * np.outer(partials, time_s) + phases[:, None])
    return np.asarray((partials**-slope) @ waves)


def chirp(time_s: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """A sine that glides from one pitch to another, both from 60 to 10000 Hz."""
    low, high = np.exp(rng.uniform(np.log(60.0), np.log(10000.0), 2))
    pitch_hz = low * (high / low) ** (time_s / time_s[-1])
    return np.asarray(np.sin(2.0 * np.pi * np.cumsum(pitch_hz) * (time_s[1] - time_s[0])))


def clicks(time_s: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Impulses at random moments, each through the same short resonance."""
    train = np.zeros(len(time_s))
    train[rng.integers(0, len(train), 1 + round(float(time_s[-1]) * rng.uniform(2.0, 40.0)))] = 1.0
    ring_s = np.exp(rng.uniform(np.log(0.0005), np.log(0.02)))
    pitch_hz = np.exp(rng.uniform(np.log(300.0), np.log(9000.0)))
    tail_s = time_s[: round(8.0 * ring_s / (time_s[1] - time_s[0]))]
    ring = np.exp(-tail_s / ring_s) * np.cos(2.0 * np.pi * pitch_hz * tail_s)
    return np.asarray(np.convolve(train, ring)[: len(train)])


def fit() -> SpectralConfig:
    """Fit to demo sounds and synthesised sounds together."""
    config = SpectralConfig()
    rate_hz = config.log_mel.rate_hz

    def recordings() -> Iterator[FloatArray]:
        yield from demo_sounds(rate_hz)
        yield from synthesised(rate_hz, SYNTHESISED, np.random.default_rng(SEED))

    return fit_spectral(recordings(), config)


def main() -> int:
    """Write the constants, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail on a difference")
    check = parser.parse_args().check
    fitted = fit()
    if not check:
        save_config(fitted, PACKAGE / "encoders" / "spectral.json")
        return 0
    shipped = default_config()
    near = np.allclose(fitted.mean, shipped.mean, rtol=1e-3, atol=1e-3) and np.allclose(
        fitted.scale, shipped.scale, rtol=1e-3, atol=1e-3
    )
    print("the constants are those of the package" if near else "the constants in the package are others")
    return 0 if near else 1


if __name__ == "__main__":
    sys.exit(main())
