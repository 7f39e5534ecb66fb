"""New sounds from recordings: grains in another order, and surrogates that keep a part of what there was."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from soundalike.core.arrays import FloatArray
from soundalike.core.errors import InvalidInputError
from soundalike.synthesis.curves import wander
from soundalike.synthesis.draw import chance, log_uniform
from soundalike.synthesis.effects import check_sound
from soundalike.synthesis.levels import normalise
from soundalike.synthesis.noise import white_noise
from soundalike.synthesis.spectral import frame_length, from_spectra, to_spectra
from soundalike.synthesis.tones import harmonics

GRAIN_S = (0.02, 0.3)
OCTAVES = 0.8
"""The grains' largest spread of pitch either way: beyond it voices and instruments lose their kind."""


def granulate(
    samples: NDArray[Any],
    *,
    rate_hz: int,
    duration_s: float,
    rng: np.random.Generator,
    density: float | None = None,
) -> FloatArray:
    """Put a recording together anew from windowed grains of it.

    Length, spread of pitch, order, direction and density of the grains are drawn once per call, from one
    grain after the other at its own place (a rough copy) to a cloud of anything from anywhere.

    Args:
        samples: The recording, shape ``(T,)``, floating point.
        rate_hz: Sample rate.
        duration_s: How long the new sound is.
        rng: The source of randomness.
        density: Mean number of grains that sound at a time; 1 to 5 when None.

    Returns:
        Shape ``(duration_s * rate_hz,)``, float32, peak 1; silence where the recording is silent.

    Raises:
        InvalidInputError: Not one sound, no duration, or no density.

    Source:
        Roads 2001, *Microsound*: granulation of sampled sound.
    """
    audio = check_sound(samples)
    count = sample_count(duration_s, rate_hz)
    if density is not None and density <= 0.0:
        raise InvalidInputError(f"The density of grains is above 0; got {density}.")
    overlap = log_uniform(rng, 1.0, 5.0) if density is None else density
    length = min(max(8, int(log_uniform(rng, *GRAIN_S) * rate_hz)), max(8, count))
    number = max(1, int(np.ceil(overlap * count / length))) + 1
    onsets = np.sort(rng.integers(-length // 2, max(count - length // 2, 1), number))
    spread = rng.uniform(0.0, OCTAVES) * chance(rng, 0.6)
    speeds = np.exp2(rng.uniform(-spread, spread, number))
    speeds *= np.where(rng.random(number) < rng.choice([0.0, 0.0, 0.5, 1.0]), -1.0, 1.0)
    if chance(rng, 0.5):  # anything from anywhere
        places = rng.random(number) * len(audio)
    else:  # in order, a little blurred
        blur = rng.uniform(0.0, 0.1) * len(audio)
        places = onsets / count * len(audio) + rng.normal(0.0, 1.0, number) * blur
    window = np.hanning(length + 2)[1:-1].astype(np.float32)
    lengths = rng.uniform(0.5, 1.0, number).astype(np.float32)[:, None]
    inner = np.arange(length, dtype=np.float32)
    # A shorter grain is a window that is gone through faster; what lies beyond its end is silent.
    shape = np.minimum((inner / lengths).astype(np.int64), length)
    windows = np.append(window, np.float32(0.0))[shape]
    index = (places[:, None] + speeds[:, None] * inner) % len(audio)
    grains = at_places(audio, index) * windows * rng.uniform(0.4, 1.0, (number, 1)).astype(np.float32)
    laid = np.bincount(
        (onsets[:, None] + length + np.arange(length)).ravel(), grains.ravel(), count + 2 * length
    )
    return normalise(laid[length : length + count].astype(np.float32))


def sample_count(duration_s: float, rate_hz: int) -> int:
    """Turn a duration into samples.

    Raises:
        InvalidInputError: It comes to no sample.
    """
    count = round(duration_s * rate_hz) if np.isfinite(duration_s) and rate_hz > 0 else 0
    if count < 1:
        raise InvalidInputError(f"A sound has at least one sample; got {duration_s} s at {rate_hz} Hz.")
    return count


def at_places(audio: FloatArray, index: NDArray[np.float64]) -> FloatArray:
    """Read a sound between its samples, the end joined to the start: float32, of the shape of ``index``."""
    before = np.minimum(index.astype(np.int64), len(audio) - 1)
    part = (index - before).astype(np.float32)
    ringed = np.append(audio, audio[:1])
    low = ringed[before]
    return np.asarray(low + part * (ringed[before + 1] - low), np.float32)


def randomise_phases(samples: NDArray[Any], rng: np.random.Generator) -> FloatArray:
    """Keep a sound's magnitude spectrum, and nothing of its course in time.

    Args:
        samples: Shape ``(T,)``, floating point.
        rng: The source of randomness.

    Returns:
        Shape ``(T,)``, float32, with the same magnitude at each of the frequencies of its transform.

    Raises:
        InvalidInputError: Not one sound.

    Source:
        Theiler et al. 1992, *Testing for nonlinearity in time series: the method of surrogate data*.
    """
    audio = check_sound(samples)
    spectrum = scipy.fft.rfft(audio)
    turned = spectrum * np.exp(2j * np.pi * rng.random(len(spectrum), dtype=np.float32))
    # What stands at 0 Hz and at half the rate is real, and keeps its value.
    turned[0] = spectrum[0]
    if len(audio) % 2 == 0:
        turned[-1] = spectrum[-1]
    return scipy.fft.irfft(turned, len(audio)).astype(np.float32)


def cross_synthesise(
    source: NDArray[Any], shape: NDArray[Any], *, rate_hz: int, width_hz: float = 300.0
) -> FloatArray:
    """Let one sound speak with the spectral envelope of another, moment by moment.

    Args:
        source: What is excited: noise, pulses, any sound; shape ``(T,)``, floating point.
        shape: What gives the envelope, of the same length.
        rate_hz: Sample rate.
        width_hz: How far the envelope is smoothed over frequency.

    Returns:
        Shape ``(T,)``, float32.

    Raises:
        InvalidInputError: Not two sounds of one length.

    Source:
        Dudley 1939, *The vocoder*, with short-time spectra in place of a bank of filters.
    """
    excited, formed = check_sound(source), check_sound(shape)
    if len(excited) != len(formed):
        raise InvalidInputError(
            f"Both sounds must be equally long; got {len(excited)} and {len(formed)} samples."
        )
    size = frame_length(rate_hz, 0.03)
    bins = max(3, round(width_hz * size / rate_hz))
    spectra = to_spectra(excited, size)
    wanted = uniform_filter1d(np.abs(to_spectra(formed, size)), bins, axis=1, mode="nearest")
    present = uniform_filter1d(np.abs(spectra), bins, axis=1, mode="nearest")
    floor = 1e-3 * float(present.max()) + 1e-12
    return from_spectra(spectra * (wanted / (present + np.float32(floor))), len(excited), size)


def surrogate(samples: NDArray[Any], *, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Make a sound that keeps a part of another: its envelope, or its spectra without their phases.

    One of four, at random: noise that speaks with its envelope; pulses of a moving pitch that do, like a
    voice; its short-time spectra with random phases; its whole spectrum with random phases, which is a drone.

    Args:
        samples: Shape ``(T,)``, floating point.
        rate_hz: Sample rate.
        rng: The source of randomness.

    Returns:
        Shape ``(T,)``, float32, peak 1; silence stays silence.

    Raises:
        InvalidInputError: Not one sound.
    """
    audio = check_sound(samples)
    kind = int(rng.integers(4))
    if kind == 0:
        width_hz = log_uniform(rng, 100, 1000)
        made = cross_synthesise(white_noise(len(audio), rng), audio, rate_hz=rate_hz, width_hz=width_hz)
    elif kind == 1:
        depth = rng.uniform(0.0, 0.6)
        pitch = np.float32(log_uniform(rng, 60, 500)) * np.exp2(
            wander(len(audio), rate_hz, rng, change_hz=log_uniform(rng, 0.5, 6), low=-depth, high=depth)
        )
        made = cross_synthesise(harmonics(pitch, np.ones(200), rate_hz, rng), audio, rate_hz=rate_hz)
    elif kind == 2:
        size = frame_length(rate_hz, log_uniform(rng, 0.01, 0.12))
        spectra = to_spectra(audio, size)
        phases = np.exp(2j * np.pi * rng.random(spectra.shape, dtype=np.float32)).astype(np.complex64)
        made = from_spectra(np.abs(spectra) * phases, len(audio), size)
    else:
        made = randomise_phases(audio, rng)
    return normalise(made)
