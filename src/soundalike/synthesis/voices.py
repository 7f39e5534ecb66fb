"""Voices: a glottal source and a mouth whose resonances move."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from soundalike.core.arrays import FloatArray
from soundalike.synthesis.curves import cycles, half_sine, pulses, swell, through, wander
from soundalike.synthesis.draw import chance, log_uniform
from soundalike.synthesis.filters import high_pass
from soundalike.synthesis.levels import rms, unit
from soundalike.synthesis.noise import white_noise
from soundalike.synthesis.spectral import formant_filter
from soundalike.synthesis.tones import harmonics

WIDTHS_HZ = np.array([90.0, 110.0, 160.0, 250.0])
"""Bandwidths of the four formants of a grown-up's vowels, about those of measured ones."""


def vowels(points: int, rng: np.random.Generator, *, tract: float) -> NDArray[np.float64]:
    """Draw vowels.

    Args:
        points: Number of vowels P.
        rng: The source of randomness.
        tract: Factor of all resonances: about 0.85 for a large head, 1.0 for a woman, 1.4 for a small child.

    Returns:
        Centres of four formants in Hz, shape ``(P, 4)``, float64.
    """
    low, high = np.array([280.0, 850, 2200, 3200]), np.array([850.0, 2300, 3000, 3900])
    return rng.uniform(low, high, (points, 4)) * tract


def glottis(
    pitch_hz: FloatArray, rate_hz: int, rng: np.random.Generator, *, tilt: float, breath: float
) -> FloatArray:
    """Sound the source of a voice.

    Args:
        pitch_hz: Shape ``(T,)``.
        rate_hz: Sample rate.
        rng: The source of randomness.
        tilt: The power with which harmonics fall: 1 is pressed, 2 is soft.
        breath: Level of the noise beside them; 0 for none.

    Returns:
        Shape ``(T,)``, float32.
    """
    count = len(pitch_hz)
    shaken = pitch_hz * wander(count, rate_hz, rng, change_hz=80, low=0.98, high=1.02)
    amplitudes = np.arange(1, 121, dtype=np.float64) ** -tilt
    pulses_of_air = harmonics(shaken, amplitudes, rate_hz, rng, aligned=True)
    pulses_of_air *= wander(count, rate_hz, rng, change_hz=60, low=0.75, high=1.0)
    return pulses_of_air + np.float32(breath) * white_noise(count, rng)


def utter(
    source: FloatArray, rate_hz: int, rng: np.random.Generator, *, tract: float, per_s: float
) -> FloatArray:
    """Send a source through a mouth that shapes ``per_s`` new vowels a second: shape ``(T,)``, float32."""
    points = max(2, int(len(source) / rate_hz * per_s) + 2)
    gains = np.array([1.0, 0.6, 0.35, 0.2]) * rng.uniform(0.5, 1.5, 4)
    widths_hz = WIDTHS_HZ * tract * rng.uniform(1.0, 2.0)
    return formant_filter(source, rate_hz, vowels(points, rng, tract=tract), widths_hz, gains)


def roughness(count: int, rate_hz: int, rng: np.random.Generator, *, depth: float) -> FloatArray:
    """Draw the fast irregular strength of a hoarse or pressed voice: shape ``(count,)``, 1 - depth to 1."""
    return wander(count, rate_hz, rng, change_hz=log_uniform(rng, 40, 160), low=1.0 - depth, high=1.0)


def speech(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Speech without words: syllables with moving formants and pitch, hissed consonants; or whispered."""
    tract, per_s = rng.uniform(0.8, 1.3), rng.uniform(2.5, 7.5)
    base_hz = 110 * tract**2.5 * log_uniform(rng, 0.7, 1.5)
    liveliness = rng.uniform(0.05, 0.35)
    pitch = np.float32(base_hz) * np.exp2(
        wander(count, rate_hz, rng, change_hz=per_s / 2, low=-liveliness, high=2 * liveliness)
    )
    source = glottis(pitch, rate_hz, rng, tilt=rng.uniform(0.4, 1.1), breath=log_uniform(rng, 0.01, 0.2))
    if chance(rng, 0.12):
        source = white_noise(count, rng)
    syllables = pulses(
        count, rate_hz, rng, per_s=per_s, sharpness=rng.uniform(0.4, 1.2), jitter=0.4, rest=0.2
    )
    voiced = utter(source, rate_hz, rng, tract=tract, per_s=1.6 * per_s) * syllables
    hissing = high_pass(white_noise(count, rng), log_uniform(rng, 2000, 6000), rate_hz)
    hissing *= pulses(count, rate_hz, rng, per_s=per_s, sharpness=4, jitter=0.4, rest=0.5)
    return voiced + hissing * rms(voiced) * np.float32(log_uniform(rng, 0.1, 1.5))


def singing(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """One voice or a choir that holds vowels, with vibrato."""
    total = np.zeros(count, np.float32)
    base_hz, notes = log_uniform(rng, 90, 500), rng.choice([-5, -3, 0, 0, 2, 4, 7], int(rng.integers(2, 6)))
    held = np.repeat(notes, 4) / 12.0
    voices = int(rng.integers(1, 6))
    for interval in rng.choice([0, 0, 3, 4, 7, 12], voices) + rng.normal(0, 0.15, voices):
        _, vibrato = cycles(count, rate_hz, rng, per_s=rng.uniform(4, 7), jitter=0.1)
        bend = np.float32(rng.uniform(0, 0.05)) * np.sin(np.float32(2 * np.pi) * vibrato)
        pitch = np.float32(base_hz * 2 ** (interval / 12)) * np.exp2(through(held, count) + bend)
        source = glottis(pitch, rate_hz, rng, tilt=rng.uniform(0.5, 1.3), breath=log_uniform(rng, 0.01, 0.2))
        total += utter(source, rate_hz, rng, tract=rng.uniform(0.85, 1.3), per_s=rng.uniform(0.3, 2))
    return total * wander(count, rate_hz, rng, change_hz=2, low=0.3)


def crying(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Wails: a high, rough voice that rises and falls, and draws breath between."""
    number, part = cycles(count, rate_hz, rng, per_s=log_uniform(rng, 0.6, 2.5), jitter=0.2)
    peaks = rng.uniform(0.8, 1.2, int(number[-1]) + 1).astype(np.float32)[number]
    contour = np.float32(rng.uniform(0.7, 0.95)) + half_sine(part, 0.6) * np.float32(rng.uniform(0.1, 0.5))
    tract = rng.uniform(1.1, 1.6)
    source = glottis(
        np.float32(log_uniform(rng, 250, 600)) * contour * peaks,
        rate_hz,
        rng,
        tilt=rng.uniform(0.5, 1.2),
        breath=0.05,
    )
    if chance(rng, 0.5):
        source *= roughness(count, rate_hz, rng, depth=rng.uniform(0.3, 1.0))
    voice = utter(source, rate_hz, rng, tract=tract, per_s=3) * half_sine(np.minimum(part / 0.8, 1), 0.4)
    inhaled = white_noise(count, rng) * half_sine(np.clip((part - 0.82) / 0.16, 0, 1)) * rms(voice)
    return voice + inhaled * np.float32(rng.uniform(0.05, 0.5))


def laughter(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Laughter: short voiced breaths in a row, each row falling and growing weaker."""
    per_s, row = rng.uniform(3.0, 7.5), int(rng.integers(4, 12))
    number, part = cycles(count, rate_hz, rng, per_s=per_s, jitter=0.1)
    place = ((number % row) / row).astype(np.float32)
    tract = rng.uniform(0.85, 1.4)
    pitch = (
        np.float32(140 * tract**2.5 * log_uniform(rng, 0.8, 1.8)) * (1.3 - 0.5 * place) * (1.1 - 0.3 * part)
    )
    source = glottis(pitch, rate_hz, rng, tilt=rng.uniform(0.8, 1.5), breath=log_uniform(rng, 0.05, 0.5))
    voice = formant_filter(source, rate_hz, vowels(1, rng, tract=tract), WIDTHS_HZ * tract)
    shape = half_sine(np.minimum(part / np.float32(rng.uniform(0.4, 0.9)), 1), 0.8) * (1 - 0.8 * place)
    return voice * shape


def breath_burst(
    count: int, rate_hz: int, rng: np.random.Generator, *, start_s: float, hard: float
) -> FloatArray:
    """Expel air at once: noise through a mouth, some voice in its tail.

    Args:
        count: Number of samples.
        rate_hz: Sample rate.
        rng: The source of randomness.
        start_s: When.
        hard: 0 for a sigh, 1 for an explosion.

    Returns:
        Shape ``(count,)``, float32.
    """
    tract = rng.uniform(0.85, 1.4)
    attack_s, decay_s = 0.1 * (1 - hard) + 0.004, log_uniform(rng, 0.04, 0.2)
    noise = white_noise(count, rng) * swell(
        count, rate_hz, attack_s=attack_s, decay_s=decay_s, start_s=start_s
    )
    pitch = np.full(count, log_uniform(rng, 90, 350) * tract, np.float32)
    tail = swell(count, rate_hz, attack_s=0.03, decay_s=decay_s, start_s=start_s + rng.uniform(0.02, 0.1))
    voice = glottis(pitch, rate_hz, rng, tilt=1.0, breath=0.3) * tail * np.float32(rng.uniform(0, 1.5))
    centres = np.linspace(vowels(1, rng, tract=tract)[0], vowels(1, rng, tract=tract)[0], 3)
    return (
        formant_filter(noise + voice, rate_hz, centres, WIDTHS_HZ * 2 * tract)
        + np.float32(0.2 * hard) * noise
    )


def coughing(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Coughs and throats cleared: one to four bursts of air, each with a voiced tail."""
    length_s = count / rate_hz
    start_s, total = rng.uniform(0, 0.3) * length_s, np.zeros(count, np.float32)
    for _ in range(int(rng.integers(1, 5))):
        burst = breath_burst(
            count, rate_hz, rng, start_s=min(start_s, 0.7 * length_s), hard=rng.uniform(0.6, 1)
        )
        total += burst * np.float32(rng.uniform(0.4, 1))
        start_s += rng.uniform(0.2, 0.6)
    return total


def sneezing(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """A breath drawn in, perhaps in steps, and a sharp burst of hissing air."""
    length_s = count / rate_hz
    start_s = rng.uniform(0.15, 0.6) * length_s
    drawn = formant_filter(white_noise(count, rng), rate_hz, vowels(2, rng, tract=1.1), WIDTHS_HZ * 3)
    place = np.arange(count, dtype=np.float32) / np.float32(start_s * rate_hz)
    drawn *= np.where(place < 0.9, place**2, 0).astype(np.float32) * np.float32(rng.uniform(0.05, 0.5))
    burst = breath_burst(count, rate_hz, rng, start_s=start_s, hard=1.0)
    spray = high_pass(white_noise(count, rng), log_uniform(rng, 1500, 5000), rate_hz)
    spray *= swell(count, rate_hz, attack_s=0.01, decay_s=log_uniform(rng, 0.05, 0.25), start_s=start_s)
    return np.asarray(
        drawn * np.max(np.abs(burst))
        + burst
        + spray * np.max(np.abs(burst)) * np.float32(rng.uniform(0.2, 0.6)),
        np.float32,
    )


def breathing(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Breath in and out, panting, or snoring with a flutter of the palate."""
    per_s = log_uniform(rng, 0.4, 5)
    flow = pulses(count, rate_hz, rng, per_s=per_s, sharpness=rng.uniform(0.6, 2), jitter=0.1)
    noise = white_noise(count, rng)
    if chance(rng, 0.5):
        flap = pulses(
            count, rate_hz, rng, per_s=rng.uniform(18, 70), sharpness=rng.uniform(2, 12), jitter=0.3
        )
        noise = noise * flap * 3 + np.float32(rng.uniform(0, 0.5)) * noise
    return utter(noise, rate_hz, rng, tract=rng.uniform(0.6, 1.3), per_s=2 * per_s) * flow


def crowd(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Many voices at once: one or two long utterances, cut into shifted, faster and slower copies."""
    total = np.zeros(count, np.float32)
    for _ in range(2):
        voice = speech(count, rate_hz, rng)
        voice = unit(voice)
        for _ in range(int(rng.integers(3, 9))):
            speed = np.exp(rng.uniform(-0.25, 0.25))
            place = (rng.integers(count) + np.arange(count) * speed).astype(np.int64) % count
            total += voice[place] * np.float32(rng.uniform(0.2, 1))
    murmur = utter(white_noise(count, rng), rate_hz, rng, tract=1.0, per_s=4)
    return total + unit(murmur) * rms(total) * np.float32(log_uniform(rng, 0.1, 1.5))


def shouting(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Screams and cheers: loud, high, pressed voices that glide, alone or in a crowd."""
    total = np.zeros(count, np.float32)
    for _ in range(int(rng.integers(1, 5))):
        tract = rng.uniform(0.9, 1.5)
        pitch = np.float32(log_uniform(rng, 250, 1100)) * through(np.exp2(rng.normal(0, 0.35, 6)), count)
        source = glottis(pitch, rate_hz, rng, tilt=rng.uniform(0.3, 0.9), breath=log_uniform(rng, 0.02, 0.5))
        source *= roughness(count, rate_hz, rng, depth=rng.uniform(0.0, 1.0))
        voice = utter(source, rate_hz, rng, tract=tract, per_s=2)
        start_s = rng.uniform(0, 0.4) * count / rate_hz
        total += voice * swell(
            count, rate_hz, attack_s=rng.uniform(0.03, 0.2), decay_s=log_uniform(rng, 0.2, 4), start_s=start_s
        )
    return np.asarray(np.tanh(unit(total) * np.float32(rng.uniform(0.5, 3))), np.float32)
