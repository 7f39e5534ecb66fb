"""Effects that make every sound varied: filters, rooms, movement, saturation, beginnings and ends."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from soundalike.core.arrays import FloatArray, check_audio
from soundalike.core.errors import InvalidInputError
from soundalike.synthesis.curves import pulses, seconds, swell, wander
from soundalike.synthesis.draw import chance, log_uniform, log_uniforms
from soundalike.synthesis.filters import apply, biquad
from soundalike.synthesis.levels import normalise, rms
from soundalike.synthesis.noise import coloured_noise


def check_sound(samples: NDArray[Any]) -> FloatArray:
    """Check that an array is one sound.

    Args:
        samples: Floating point, shape ``(T,)``, finite, T at least 1.

    Returns:
        The same values as float32.

    Raises:
        InvalidInputError: It is something else.
    """
    audio = check_audio(samples)
    if audio.ndim != 1 or not audio.size:
        raise InvalidInputError(f"samples must have shape (T,) with at least one sample; got {audio.shape}.")
    return audio


def random_filter(
    samples: NDArray[Any], *, rate_hz: int, rng: np.random.Generator, max_gain_db: float = 15.0
) -> FloatArray:
    """Colour a sound by one to four random peaks and dips, and sometimes cut its highs or lows.

    Args:
        samples: Shape ``(T,)``, floating point.
        rate_hz: Sample rate.
        rng: The source of randomness.
        max_gain_db: The largest gain of a peak, up or down.

    Returns:
        Shape ``(T,)``, float32.

    Raises:
        InvalidInputError: Not one sound.
    """
    audio = check_sound(samples)
    sections = [
        biquad(
            "peak",
            centre_hz,
            rate_hz,
            q=log_uniform(rng, 0.4, 5),
            gain_db=rng.uniform(-max_gain_db, max_gain_db),
        )
        for centre_hz in log_uniforms(rng, 60, 14000, int(rng.integers(1, 5)))
    ]
    if chance(rng, 0.3):
        sections.append(biquad("low", log_uniform(rng, 1500, 14000), rate_hz))
    if chance(rng, 0.3):
        sections.append(biquad("high", log_uniform(rng, 40, 1200), rate_hz))
    return apply(audio, *sections)


def reverberate(
    samples: NDArray[Any],
    *,
    rate_hz: int,
    rng: np.random.Generator,
    decay_s: float | None = None,
    wet: float | None = None,
) -> FloatArray:
    """Put a sound into a room: convolve it with noise that dies away.

    Args:
        samples: Shape ``(T,)``, floating point.
        rate_hz: Sample rate.
        rng: The source of randomness: of the noise and of what is None.
        decay_s: Time in which the room's sound falls by 60 dB; 0.08 to 2.5 s when None.
        wet: The share of the room's energy, 0 to 1; 0.05 to 0.7 when None.

    Returns:
        Shape ``(T,)``, float32: the tail beyond the end is cut off.

    Raises:
        InvalidInputError: Not one sound, no decay, or a share beyond 0 to 1.

    Source:
        Moorer 1979, *About this reverberation business*: noise with an exponential envelope.
    """
    audio = check_sound(samples)
    decay = log_uniform(rng, 0.08, 2.5) if decay_s is None else decay_s
    share = rng.uniform(0.05, 0.7) if wet is None else wet
    if decay <= 0.0 or not 0.0 <= share <= 1.0:
        raise InvalidInputError(f"decay_s is above 0 and wet is 0 to 1; got {decay_s} and {wet}.")
    size = max(1, min(int(decay * rate_hz), len(audio)))
    room = coloured_noise(size, rate_hz, rng, slope_db_per_octave=rng.uniform(-4, 0))
    room *= np.exp(seconds(size, rate_hz) * np.float32(-np.log(1000.0) / decay))
    room[: int(rng.uniform(0.0, 0.02) * rate_hz)] = 0.0
    room *= np.float32(np.sqrt(share) / (np.linalg.norm(room) + 1e-12))
    room[0] += np.float32(np.sqrt(1.0 - share))
    return scipy.signal.oaconvolve(audio, room)[: len(audio)].astype(np.float32)


def modulate(samples: NDArray[Any], *, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Let a sound come and go: slowly at random, in pulses, or by a tremor.

    Args:
        samples: Shape ``(T,)``, floating point.
        rate_hz: Sample rate.
        rng: The source of randomness.

    Returns:
        Shape ``(T,)``, float32, nowhere louder than before.

    Raises:
        InvalidInputError: Not one sound.
    """
    audio = check_sound(samples)
    floor = np.float32(rng.uniform(0.0, 0.6))
    if chance(rng, 0.5):
        curve = wander(len(audio), rate_hz, rng, change_hz=log_uniform(rng, 0.3, 10))
    else:
        curve = pulses(
            len(audio), rate_hz, rng, per_s=log_uniform(rng, 0.5, 30), sharpness=log_uniform(rng, 0.3, 4)
        )
    return audio * (floor + (1 - floor) * curve)


def saturate(samples: NDArray[Any], *, rng: np.random.Generator, max_drive_db: float = 30.0) -> FloatArray:
    """Overdrive a sound by a random amount, softly or by clipping.

    Args:
        samples: Shape ``(T,)``, floating point.
        rng: The source of randomness.
        max_drive_db: The largest gain before the limit, relative to the sound's peak.

    Returns:
        Shape ``(T,)``, float32, at most 1 in magnitude; silence stays silence.

    Raises:
        InvalidInputError: Not one sound.
    """
    driven = normalise(check_sound(samples)) * np.float32(10.0 ** (rng.uniform(0.0, max_drive_db) / 20.0))
    return np.asarray(np.tanh(driven) if chance(rng, 0.7) else np.clip(driven, -1.0, 1.0), np.float32)


def envelope(samples: NDArray[Any], *, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Give a sound a random beginning and end: struck, swelling, or cut short by silence.

    Args:
        samples: Shape ``(T,)``, floating point.
        rate_hz: Sample rate.
        rng: The source of randomness.

    Returns:
        Shape ``(T,)``, float32.

    Raises:
        InvalidInputError: Not one sound.
    """
    audio = check_sound(samples)
    length_s = len(audio) / rate_hz
    return audio * swell(
        len(audio),
        rate_hz,
        attack_s=log_uniform(rng, 0.002, 0.5 * max(length_s, 0.02)),
        decay_s=log_uniform(rng, 0.05, 2.0 * max(length_s, 0.1)),
        start_s=rng.uniform(0.0, 0.3) * length_s * chance(rng, 0.5),
    )


def vary(samples: NDArray[Any], *, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Send a sound through a random choice of all effects, and often onto a floor of noise.

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
    if chance(rng, 0.15):
        audio = saturate(audio, rng=rng)
    if chance(rng, 0.2):
        audio = modulate(audio, rate_hz=rate_hz, rng=rng)
    if chance(rng, 0.2):
        audio = envelope(audio, rate_hz=rate_hz, rng=rng)
    if chance(rng, 0.6):
        audio = random_filter(audio, rate_hz=rate_hz, rng=rng)
    if chance(rng, 0.4):
        audio = reverberate(audio, rate_hz=rate_hz, rng=rng)
    if chance(rng, 0.5):
        # No recording is silent between its events: a floor of noise, 20 to 70 dB below the sound.
        floor = coloured_noise(len(audio), rate_hz, rng, slope_db_per_octave=rng.uniform(-7, 0))
        audio = audio + floor * rms(audio) * np.float32(10.0 ** (-rng.uniform(20, 70) / 20.0))
    return normalise(audio)
