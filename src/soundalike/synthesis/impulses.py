"""Impulses: when things happen, what one of them sounds like, and all of them laid over each other."""

from __future__ import annotations

import numpy as np

from soundalike.core.arrays import FloatArray, IntArray
from soundalike.synthesis.curves import seconds
from soundalike.synthesis.draw import log_uniform, log_uniforms
from soundalike.synthesis.filters import HIGHEST, low_pass

BLOCK_VALUES = 1 << 19
"""Values that are laid over each other at once: few megabytes, whatever the number of events."""


def poisson_onsets(count: int, rate_hz: int, rng: np.random.Generator, *, per_s: float) -> IntArray:
    """Draw when independent things happen.

    Args:
        count: Number of samples of the sound.
        rate_hz: Sample rate.
        rng: The source of randomness.
        per_s: Mean number of events per second.

    Returns:
        Sample numbers in ascending order, shape ``(E,)``, int64; at least one, in the first half.
    """
    number = int(rng.poisson(per_s * count / rate_hz))
    onsets = rng.integers(0, count, max(number, 1))
    onsets[0] = rng.integers(0, (count + 1) // 2)
    return np.sort(onsets)


def regular_onsets(
    count: int, rate_hz: int, rng: np.random.Generator, *, per_s: float, jitter: float = 0.0
) -> IntArray:
    """Draw when something that repeats happens.

    Args:
        count: Number of samples of the sound.
        rate_hz: Sample rate.
        rng: Draws the first onset, within one period and the first half, and the jitter.
        per_s: Events per second.
        jitter: Standard deviation of each onset, in periods.

    Returns:
        Sample numbers in ascending order, shape ``(E,)``, int64; at least one.
    """
    period = rate_hz / per_s
    first = rng.random() * min(period, (count + 1) / 2)
    onsets = np.arange(first, count, period)
    if jitter > 0.0:
        onsets += rng.normal(0.0, jitter * period, len(onsets))
    return np.sort(np.clip(onsets, 0, count - 1).astype(np.int64))


def tone_kernels(
    rate_hz: int,
    rng: np.random.Generator,
    *,
    pitch_hz: tuple[float, float],
    decay_s: tuple[float, float],
    rise: tuple[float, float] = (0.0, 0.0),
    kinds: int = 32,
    partials: int = 1,
) -> FloatArray:
    """Make short dying tones: drops, bubbles, taps, clinks.

    Args:
        rate_hz: Sample rate.
        rng: The source of randomness.
        pitch_hz: Lowest and highest pitch.
        decay_s: Shortest and longest time in which a tone falls to 1/e.
        rise: Least and greatest growth of the pitch until then, as a part of it; negative falls.
        kinds: Number of different tones K.
        partials: Tones at random pitches that make up each one.

    Returns:
        Shape ``(K, L)``, float32, each at most 1; L covers five times the longest decay.
    """
    time = seconds(max(8, int(5.0 * decay_s[1] * rate_hz)), rate_hz)
    total = np.zeros((kinds, len(time)), np.float32)
    for _ in range(partials):
        pitch = np.minimum(log_uniforms(rng, *pitch_hz, kinds), HIGHEST * rate_hz)[:, None].astype(np.float32)
        decay = log_uniforms(rng, *decay_s, kinds)[:, None].astype(np.float32)
        growth = rng.uniform(*rise, kinds)[:, None].astype(np.float32)
        turns = pitch * time * (1.0 + growth * np.minimum(time / decay, 2.0) / 2.0)
        start = rng.random((kinds, 1), dtype=np.float32) if partials > 1 else np.float32(0.0)
        total += np.exp(-time / decay) * np.sin(np.float32(2 * np.pi) * (turns % 1.0 + start))
    return np.asarray(total / partials, np.float32)


def burst_kernels(
    rate_hz: int,
    rng: np.random.Generator,
    *,
    decay_s: tuple[float, float],
    length_s: float,
    colour: tuple[float, float] = (0.0, 0.0),
    attack_s: float = 0.0,
    kinds: int = 32,
) -> FloatArray:
    """Make short dying bursts of noise: claps, sparks, grit.

    Args:
        rate_hz: Sample rate.
        rng: The source of randomness.
        decay_s: Shortest and longest time in which a burst falls to 1/e.
        length_s: Where all of them are cut off.
        colour: How many octaves below half the rate each is low-passed: least and greatest.
        attack_s: Seconds of its rise.
        kinds: Number of different bursts K.

    Returns:
        Shape ``(K, L)``, float32.
    """
    length = max(4, int(length_s * rate_hz))
    time = seconds(length, rate_hz)
    decay = log_uniforms(rng, *decay_s, kinds)[:, None].astype(np.float32)
    noise = rng.standard_normal((kinds, length), dtype=np.float32)
    if colour[1] > 0.0:
        groups = np.array_split(np.arange(kinds), min(4, kinds))
        for group in groups:
            cutoff_hz = rate_hz / 2 * 2.0 ** -rng.uniform(*colour)
            noise[group] = low_pass(noise[group], cutoff_hz, rate_hz) * np.sqrt(rate_hz / 2 / cutoff_hz)
    rise = np.minimum(time / np.float32(max(attack_s, 1.0 / rate_hz)), 1.0)
    return np.asarray((noise * rise * np.exp(-time / decay)).astype(np.float32), np.float32)


def scatter(
    count: int,
    onsets: IntArray,
    kernels: FloatArray,
    rng: np.random.Generator,
    *,
    spread_db: float = 6.0,
    gains: FloatArray | None = None,
) -> FloatArray:
    """Lay an event over the sound at each onset.

    Args:
        count: Number of samples of the sound.
        onsets: Where events start, shape ``(E,)``, ascending.
        kernels: What they may sound like, shape ``(K, L)``; each event draws one.
        rng: The source of randomness.
        spread_db: Standard deviation of their levels.
        gains: The levels, shape ``(E,)``, instead of random ones.

    Returns:
        Shape ``(count,)``, float32.
    """
    levels = 10.0 ** (rng.normal(0.0, spread_db / 20.0, len(onsets))) if gains is None else gains
    which = rng.integers(0, len(kernels), len(onsets))
    length = kernels.shape[1]
    total = np.zeros(count + length)
    block = max(1, BLOCK_VALUES // length)
    for first in range(0, len(onsets), block):
        part = slice(first, first + block)
        start = int(onsets[first])
        places = (onsets[part] - start)[:, None] + np.arange(length)
        values = kernels[which[part]] * np.asarray(levels[part], np.float32)[:, None]
        laid = np.bincount(places.ravel(), values.ravel())
        total[start : start + len(laid)] += laid
    return total[:count].astype(np.float32)


def crackle(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Clicks at random: a worn record, a Geiger counter, sparks, grit underfoot."""
    onsets = poisson_onsets(count, rate_hz, rng, per_s=log_uniform(rng, 4, 1500))
    longest_s = log_uniform(rng, 0.0005, 0.012)
    kernels = burst_kernels(
        rate_hz,
        rng,
        decay_s=(longest_s / 8, longest_s),
        length_s=4 * longest_s,
        colour=(0.0, rng.uniform(0.1, 4)),
    )
    return scatter(count, onsets, kernels, rng, spread_db=rng.uniform(3, 14))


def pulse_train(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """One click over and over, from countable to a buzz, with or without jitter."""
    onsets = regular_onsets(
        count, rate_hz, rng, per_s=log_uniform(rng, 3, 400), jitter=float(rng.choice([0.0, 0.02, 0.15]))
    )
    kernels = tone_kernels(
        rate_hz,
        rng,
        pitch_hz=(200, 9000),
        decay_s=(0.0003, log_uniform(rng, 0.001, 0.02)),
        kinds=1,
        partials=3,
    )
    return scatter(count, onsets, kernels, rng, spread_db=rng.uniform(0, 6))
