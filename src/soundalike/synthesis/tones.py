"""Tones: harmonic, frequency-modulated, struck, gliding, wailing."""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from soundalike.core.arrays import FloatArray
from soundalike.synthesis.curves import cycles, half_sine, pulses, seconds, swell, through, wander
from soundalike.synthesis.draw import chance, log_uniform, log_uniforms
from soundalike.synthesis.filters import HIGHEST, low_pass, resonate
from soundalike.synthesis.impulses import regular_onsets, scatter

TABLE_PER_HARMONIC = 16
"""Table values per period of the highest harmonic: linear interpolation then errs by under 0.5 %."""


def turns(frequency_hz: FloatArray, rate_hz: int) -> NDArray[np.float64]:
    """Add up a frequency to periods passed: shape ``(T,)``, float64."""
    return np.cumsum(frequency_hz, dtype=np.float64) / rate_hz


def sine(frequency_hz: FloatArray, rate_hz: int, phase: float = 0.0) -> FloatArray:
    """Sound a sine whose frequency moves.

    Args:
        frequency_hz: Shape ``(T,)``; beyond 0.45 times the rate it is held there.
        rate_hz: Sample rate.
        phase: Where it starts, in periods.

    Returns:
        Shape ``(T,)``, float32.
    """
    held = np.minimum(frequency_hz, np.float32(HIGHEST * rate_hz))
    part = (turns(held, rate_hz) + phase) % 1.0
    return np.asarray(np.sin(np.float32(2 * np.pi) * part.astype(np.float32)), np.float32)


def harmonics(
    frequency_hz: FloatArray,
    amplitudes: NDArray[np.floating],
    rate_hz: int,
    rng: np.random.Generator,
    *,
    aligned: bool = False,
) -> FloatArray:
    """Sound a harmonic tone whose pitch moves, by a table of one period.

    Args:
        frequency_hz: The pitch, shape ``(T,)``, above 0.
        amplitudes: Of the harmonics from the first on, shape ``(K,)``; those that would pass 0.45 times the
            rate at the highest pitch are left out.
        rate_hz: Sample rate.
        rng: Draws the harmonics' phases, and where in its period the tone starts.
        aligned: True lets all harmonics peak together once in a period, as the pulses of a voice do.

    Returns:
        Shape ``(T,)``, float32, of variance about half the sum of the squared amplitudes.
    """
    pitch = np.minimum(frequency_hz, np.float32(HIGHEST * rate_hz))
    kept = max(1, min(len(amplitudes), int(HIGHEST * rate_hz / float(pitch.max()))))
    size = max(256, 1 << int(np.ceil(np.log2(TABLE_PER_HARMONIC * kept))))
    phases = np.zeros(kept) if aligned else rng.random(kept)
    spectrum = np.zeros(size // 2 + 1, np.complex64)
    spectrum[1 : kept + 1] = amplitudes[:kept] * np.exp(2j * np.pi * phases) * (size / 2)
    table = scipy.fft.irfft(spectrum, size).astype(np.float32)
    table = np.append(table, table[0])
    place = (turns(pitch, rate_hz) + rng.random()) % 1.0 * size
    before = np.minimum(place.astype(np.int64), size - 1)
    part = (place - before).astype(np.float32)
    low = table[before]
    return np.asarray(low + part * (table[before + 1] - low), np.float32)


def rolled_off(
    count: int, rng: np.random.Generator, *, power: tuple[float, float] = (0.3, 2.5)
) -> NDArray[np.float64]:
    """Draw amplitudes of harmonics that fall by a random power, some of them missing: shape ``(count,)``."""
    number = np.arange(1, count + 1)
    spread = 10.0 ** (rng.normal(0.0, rng.uniform(0.0, 8.0), count) / 20.0)
    spread[1::2] *= rng.choice([1.0, 1.0, 0.05])
    return number ** -rng.uniform(*power) * spread


def chirp(count: int, rate_hz: int, *, start_hz: float, end_hz: float) -> FloatArray:
    """Sound a sine whose pitch glides by equal intervals in equal times.

    Args:
        count: Number of samples.
        rate_hz: Sample rate.
        start_hz: Pitch at the start.
        end_hz: Pitch at the end.

    Returns:
        Shape ``(count,)``, float32.
    """
    octaves = np.linspace(np.log2(start_hz), np.log2(end_hz), count)
    return sine(np.exp2(octaves).astype(np.float32), rate_hz)


def modes(
    count: int,
    rate_hz: int,
    *,
    pitches_hz: NDArray[np.floating],
    decays_s: NDArray[np.floating],
    amplitudes: NDArray[np.floating],
) -> FloatArray:
    """Strike something once: a sum of dying sines.

    Args:
        count: Number of samples.
        rate_hz: Sample rate.
        pitches_hz: Of its modes, shape ``(M,)``; those above 0.45 times the rate are left out.
        decays_s: Time in which each falls to 1/e, shape ``(M,)``.
        amplitudes: Shape ``(M,)``.

    Returns:
        Shape ``(count,)``, float32.
    """
    time = seconds(count, rate_hz)
    total = np.zeros(count, np.float32)
    for pitch, decay, amplitude in zip(pitches_hz, decays_s, amplitudes, strict=True):
        if pitch > HIGHEST * rate_hz:
            continue
        # Seven decays are -60 dB; the rest costs time and is not heard.
        heard = time[: int(7 * decay * rate_hz) + 1]
        part = np.mod(heard.astype(np.float64) * float(pitch), 1.0).astype(np.float32)
        total[: len(heard)] += (
            np.float32(amplitude) * np.exp(heard / np.float32(-decay)) * np.sin(np.float32(2 * np.pi) * part)
        )
    return total


def struck(
    count: int, rate_hz: int, rng: np.random.Generator, *, low_hz: float, high_hz: float, ring_s: float
) -> FloatArray:
    """Strike a random bar, plate, bell or string once: shape ``(count,)``, float32."""
    number = int(rng.integers(4, 16))
    base_hz = log_uniform(rng, low_hz, high_hz)
    order = np.arange(1, number + 1)
    kind = int(rng.integers(4))
    if kind == 0:  # a free bar: the squares of 3, 5, 7, ...
        ratios = ((2 * order + 1) / 3.0) ** 2
    elif kind == 1:  # a church bell: hum, prime, tierce, quint, nominal, and above
        ratios = np.append([0.5, 1.0, 1.2, 1.5, 2.0, 2.5, 2.67, 3.0, 4.0], np.arange(5, 12))[:number]
    elif kind == 2:  # a stiff string
        ratios = order * np.sqrt(1.0 + rng.uniform(0.0, 0.005) * order**2)
    else:  # a plate: many modes, anywhere
        ratios = np.sort(np.exp(rng.uniform(0.0, np.log(rng.uniform(3, 20)), number)))
    ratios = ratios * (1.0 + rng.normal(0.0, 0.01, number))
    decays = ring_s * ratios ** -rng.uniform(0.3, 1.2)
    amplitudes = ratios ** -rng.uniform(0.0, 1.5) * rng.uniform(0.2, 1.0, number)
    return modes(count, rate_hz, pitches_hz=base_hz * ratios, decays_s=decays, amplitudes=amplitudes)


def harmonic_tone(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """A held tone with harmonics, vibrato and resonances: something bowed, blown or electronic."""
    base_hz = log_uniform(rng, 50, 2000)
    rate, depth = rng.uniform(3, 8), rng.uniform(0, 0.03)
    pitch = base_hz * (1 + np.float32(depth) * np.sin(np.float32(2 * np.pi * rate) * seconds(count, rate_hz)))
    tone = harmonics(pitch, rolled_off(60, rng), rate_hz, rng)
    if chance(rng, 0.5):
        tone = resonate(tone, rate_hz, rng, low_hz=300, high_hz=5000)
    return tone * swell(
        count, rate_hz, attack_s=log_uniform(rng, 0.005, 0.4), decay_s=log_uniform(rng, 0.1, 10)
    )


def chord(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Several held tones at once, in intervals of equal temperament or out of tune."""
    base_hz, number = log_uniform(rng, 60, 600), int(rng.integers(2, 6))
    steps = rng.choice(25, number, replace=False) + rng.normal(0, 0.2, number) * chance(rng, 0.3)
    total = np.zeros(count, np.float32)
    partials = rolled_off(40, rng)
    for step in steps:
        drift = wander(count, rate_hz, rng, change_hz=2, low=0.997, high=1.003)
        loud = wander(count, rate_hz, rng, change_hz=rng.uniform(0.3, 3), low=0.2)
        total += loud * harmonics(np.float32(base_hz * 2 ** (step / 12)) * drift, partials, rate_hz, rng)
    return total


def melody(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """A row of short notes of one timbre, plucked or held."""
    number, part = cycles(count, rate_hz, rng, per_s=log_uniform(rng, 1.5, 12), jitter=0.05)
    steps = rng.choice([0, 2, 3, 5, 7, 9, 10, 12, 14, 15, 17, 19], int(number[-1]) + 1)
    pitches = log_uniform(rng, 80, 1000) * 2 ** (steps / 12)
    heights = rng.uniform(0.4, 1.0, len(pitches)).astype(np.float32)
    shape = np.minimum(part * 60, 1) * np.exp(-part * np.float32(rng.uniform(0.3, 8)))
    tone = harmonics(pitches.astype(np.float32)[number], rolled_off(40, rng), rate_hz, rng)
    return np.asarray(tone * shape * heights[number], np.float32)


def fm_tone(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """A sine whose frequency another one moves fast, less and less or back and forth."""
    carrier_hz, ratio = (
        log_uniform(rng, 40, 3000),
        float(rng.choice([0.5, 1, 1.41, 2, 3.5, 7])) * rng.uniform(0.98, 1.02),
    )
    depth = rng.uniform(0.3, 8) * wander(count, rate_hz, rng, change_hz=log_uniform(rng, 0.5, 6))
    time = np.arange(count) / rate_hz
    inner = np.sin((2 * np.pi) * (carrier_hz * ratio * time % 1.0)).astype(np.float32)
    part = (carrier_hz * time % 1.0).astype(np.float32)
    tone = np.sin(np.float32(2 * np.pi) * part + depth * inner)
    return tone * swell(
        count, rate_hz, attack_s=log_uniform(rng, 0.002, 0.3), decay_s=log_uniform(rng, 0.1, 6)
    )


def bell(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """A bell, gong or chime, struck once or again and again."""
    if chance(rng, 0.5):
        return struck(count, rate_hz, rng, low_hz=120, high_hz=3000, ring_s=log_uniform(rng, 0.2, 5))
    ring_s = log_uniform(rng, 0.1, 1.0)
    kernel = struck(
        int(min(3.0 * ring_s, 2.0) * rate_hz), rate_hz, rng, low_hz=200, high_hz=3000, ring_s=ring_s
    )
    onsets = regular_onsets(count, rate_hz, rng, per_s=log_uniform(rng, 0.8, 12), jitter=rng.uniform(0, 0.1))
    return scatter(count, onsets, kernel[None], rng, spread_db=3)


def plucked_string(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Plucked strings, one after the other: stiff harmonics that die faster the higher they are."""
    length = int(log_uniform(rng, 0.3, 1.5) * rate_hz)
    order = np.arange(1, 25)
    pluck = np.abs(np.sin(np.pi * order * rng.uniform(0.05, 0.5))) / order
    kernels = []
    for pitch in log_uniforms(rng, 70, 900, 3):
        decays = rng.uniform(0.1, 1.0) * order ** -rng.uniform(0.3, 1.0)
        kernels.append(modes(length, rate_hz, pitches_hz=pitch * order, decays_s=decays, amplitudes=pluck))
    onsets = regular_onsets(count, rate_hz, rng, per_s=log_uniform(rng, 0.8, 8), jitter=rng.uniform(0, 0.1))
    return scatter(count, onsets, np.stack(kernels), rng, spread_db=3)


def gliding_tone(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """One glide or a row of them, pure or with harmonics: sweeps, zaps, slide whistles."""
    per_s = rate_hz / count if chance(rng, 0.4) else log_uniform(rng, 0.7, 20)
    number, part = cycles(count, rate_hz, rng, per_s=per_s, start=0.0)
    low, high = log_uniforms(rng, 100, 9000, 2)
    octaves = np.float32(np.log2(low)) + part ** np.float32(log_uniform(rng, 0.4, 2.5)) * np.float32(
        np.log2(high / low)
    )
    amplitudes = rolled_off(int(rng.choice([1, 1, 8, 30])), rng)
    tone = harmonics(np.exp2(octaves), amplitudes, rate_hz, rng)
    loud = rng.uniform(0.3, 1.0, int(number[-1]) + 1).astype(np.float32)
    return tone * half_sine(part, rng.uniform(0.1, 1.0)) * loud[number]


def siren(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """A siren: two tones in turn, a wail or a yelp, harsh and with an echo of resonances."""
    low, ratio = log_uniform(rng, 250, 1200), rng.uniform(1.15, 2.8)
    _, part = cycles(count, rate_hz, rng, per_s=log_uniform(rng, 0.15, 8))
    kind = int(rng.integers(3))
    if kind == 0:
        level = (part > 0.5).astype(np.float32)
    elif kind == 1:
        level = half_sine(part)
    else:
        level = part
    pitch = np.float32(low) * np.float32(ratio) ** level
    tone = harmonics(pitch, rolled_off(25, rng, power=(0.2, 1.5)), rate_hz, rng)
    return resonate(tone, rate_hz, rng, low_hz=500, high_hz=4000) * wander(
        count, rate_hz, rng, change_hz=1, low=0.4
    )


def alarm(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Beeps: an alarm clock, a phone, a detector, a reversing lorry."""
    number, part = cycles(count, rate_hz, rng, per_s=log_uniform(rng, 0.8, 16), start=0.0)
    pitches = log_uniform(rng, 400, 4500) * rng.uniform(0.7, 1.5, int(rng.integers(1, 4)))
    pitch = pitches.astype(np.float32)[number % len(pitches)]
    pattern = rng.random(int(rng.integers(2, 9))) < 0.7
    pattern[0] = True
    gate = pattern[number % len(pattern)] * np.clip((np.float32(rng.uniform(0.3, 0.95)) - part) * 50, 0, 1)
    tone = harmonics(pitch, rolled_off(int(rng.choice([1, 3, 20])), rng, power=(0.2, 2)), rate_hz, rng)
    if chance(rng, 0.3):
        tone *= pulses(count, rate_hz, rng, per_s=rng.uniform(12, 40), sharpness=0.5, jitter=0)
    return np.asarray(tone * gate.astype(np.float32), np.float32)


def horn(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """A horn of a car, lorry, ship or train: one to four bright tones, held or in hoots."""
    base_hz = log_uniform(rng, 70, 500)
    total = np.zeros(count, np.float32)
    bend = through(np.array([0.97, 1, 1, 1, 0.98]), count)
    for ratio in [1.0, 1.19, 1.26, 1.5][: int(rng.integers(1, 5))]:
        total += harmonics(
            np.float32(base_hz * ratio) * bend, rolled_off(50, rng, power=(0.3, 1.2)), rate_hz, rng
        )
    total = low_pass(total, log_uniform(rng, 1200, 9000), rate_hz)
    if chance(rng, 0.5):
        return total * pulses(count, rate_hz, rng, per_s=log_uniform(rng, 0.5, 4), sharpness=0.15, jitter=0.2)
    return total * swell(count, rate_hz, attack_s=rng.uniform(0.01, 0.1), decay_s=log_uniform(rng, 0.5, 10))


def whistle(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Somebody whistles, or a referee: a pure, breathy tone that wanders, or one with a pea in it."""
    pitch = log_uniform(rng, 600, 3500) * np.exp2(
        wander(count, rate_hz, rng, change_hz=log_uniform(rng, 0.5, 6), low=-0.6, high=0.6)
    )
    tone = sine(pitch.astype(np.float32), rate_hz)
    breath = rng.standard_normal(count, dtype=np.float32) * np.float32(log_uniform(rng, 0.003, 0.1))
    if chance(rng, 0.3):
        tone *= pulses(count, rate_hz, rng, per_s=rng.uniform(18, 60), jitter=0.2)
    return (tone + breath) * wander(count, rate_hz, rng, change_hz=rng.uniform(0.5, 6), low=0.0)


def drone(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """A cluster of slowly beating partials: pads, glass rubbed, feedback, singing bowls."""
    total = np.zeros(count, np.float32)
    for pitch in log_uniforms(rng, 60, 4000, int(rng.integers(2, 9))):
        loud = wander(count, rate_hz, rng, change_hz=log_uniform(rng, 0.3, 8)) ** 2
        drift = wander(count, rate_hz, rng, change_hz=3, low=0.995, high=1.005)
        total += (
            np.float32(rng.uniform(0.2, 1)) * loud * sine(np.float32(pitch) * drift, rate_hz, rng.random())
        )
    return total
