"""Slow curves that move a sound: random walks, pulses, swells; all of them of one value per sample."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from soundalike.core.arrays import FloatArray, IntArray


def seconds(count: int, rate_hz: int) -> FloatArray:
    """The time of each sample in seconds: shape ``(count,)``, float32."""
    return np.arange(count, dtype=np.float32) / np.float32(rate_hz)


def through(points: NDArray[np.floating], count: int) -> FloatArray:
    """Draw a smooth curve through points that are spread evenly over a sound.

    Args:
        points: Values, shape ``(P,)``; the first stands at the start, the last at the end.
        count: Number of samples.

    Returns:
        Shape ``(count,)``, float32; flat at each point, and never beyond two neighbouring points.

    Example:
        >>> through(np.array([0.0, 1.0]), 5).tolist()
        [0.0, 0.15625, 0.5, 0.84375, 1.0]
    """
    values = np.asarray(points, np.float32)
    if len(values) == 1 or count == 1:
        return np.full(count, values[0], np.float32)
    position = np.linspace(0.0, len(values) - 1, count)
    before = np.minimum(position.astype(np.int64), len(values) - 2)
    part = (position - before).astype(np.float32)
    part *= part * (3.0 - 2.0 * part)
    return np.asarray(values[before] + part * (values[before + 1] - values[before]), np.float32)


def wander(
    count: int,
    rate_hz: int,
    rng: np.random.Generator,
    *,
    change_hz: float,
    low: float = 0.0,
    high: float = 1.0,
) -> FloatArray:
    """Draw a smooth random curve.

    Args:
        count: Number of samples.
        rate_hz: Sample rate.
        rng: The source of randomness.
        change_hz: New random values per second.
        low: The smallest value.
        high: The largest value.

    Returns:
        Shape ``(count,)``, float32, between ``low`` and ``high``.
    """
    points = rng.uniform(low, high, int(count / rate_hz * change_hz) + 3)
    # From a random place on, so that short sounds do not all begin flat.
    position = rng.random() + np.arange(count) * (change_hz / rate_hz)
    before = position.astype(np.int64)
    part = (position - before).astype(np.float32)
    part *= part * (3.0 - 2.0 * part)
    values = points.astype(np.float32)
    return values[before] + part * (values[before + 1] - values[before])


def cycles(
    count: int,
    rate_hz: int,
    rng: np.random.Generator,
    *,
    per_s: float,
    jitter: float = 0.0,
    start: float | None = None,
) -> tuple[IntArray, FloatArray]:
    """Number the cycles of something that repeats, and say where in its cycle each sample lies.

    Args:
        count: Number of samples.
        rate_hz: Sample rate.
        rng: The source of randomness.
        per_s: Mean number of cycles per second.
        jitter: How far the speed wanders: 0 for none, 0.3 for 30 % either way.
        start: Where in its cycle the first sample lies, 0 to 1; drawn when None.

    Returns:
        The cycle's number, shape ``(count,)``, int64, from 0; and the place in it, float32, 0 to 1.
    """
    first = float(rng.random() if start is None else start)
    if jitter > 0.0:
        speed = wander(count, rate_hz, rng, change_hz=max(per_s, 0.5), low=1 - jitter, high=1 + jitter)
        position = first + np.cumsum(speed, dtype=np.float64) * (per_s / rate_hz)
    else:
        position = first + np.arange(count, dtype=np.float64) * (per_s / rate_hz)
    number = position.astype(np.int64)
    return number, (position - number).astype(np.float32)


def pulses(
    count: int,
    rate_hz: int,
    rng: np.random.Generator,
    *,
    per_s: float,
    sharpness: float = 1.0,
    jitter: float = 0.1,
    rest: float = 0.0,
) -> FloatArray:
    """Draw a chain of pulses of random height.

    Args:
        count: Number of samples.
        rate_hz: Sample rate.
        rng: The source of randomness.
        per_s: Pulses per second.
        sharpness: The power of the half sine that a pulse is: 0.3 is nearly flat, 8 is a spike.
        jitter: How far their speed wanders.
        rest: The share of the pulses that is left out.

    Returns:
        Shape ``(count,)``, float32, 0 to 1.
    """
    number, part = cycles(count, rate_hz, rng, per_s=per_s, jitter=jitter)
    heights = rng.uniform(0.5, 1.0, int(number[-1]) + 1) * (rng.random(int(number[-1]) + 1) >= rest)
    if not heights.any():
        heights[:] = 1.0
    return half_sine(part, sharpness) * heights.astype(np.float32)[number]


def half_sine(part: FloatArray, sharpness: float = 1.0) -> FloatArray:
    """Half a sine over a cycle's place from 0 to 1, to a power: float32, 0 to 1."""
    wave = np.maximum(np.sin(np.float32(np.pi) * part), np.float32(0.0))
    return np.asarray(wave if sharpness == 1.0 else np.power(wave, np.float32(sharpness)), np.float32)


def swell(count: int, rate_hz: int, *, attack_s: float, decay_s: float, start_s: float = 0.0) -> FloatArray:
    """Rise from 0 to about 1, and die away.

    Args:
        count: Number of samples.
        rate_hz: Sample rate.
        attack_s: Seconds of the rise, which is a quarter of a sine.
        decay_s: Seconds in which the rest falls to 1/e.
        start_s: Where the rise starts.

    Returns:
        Shape ``(count,)``, float32, 0 to 1.
    """
    time = seconds(count, rate_hz) - np.float32(start_s)
    attack = np.float32(max(attack_s, 1.0 / rate_hz))
    rise = np.sin(np.clip(time / attack, 0.0, 1.0) * np.float32(np.pi / 2))
    return np.asarray(rise * np.exp(-np.maximum(time - attack, 0.0) / np.float32(decay_s)), np.float32)
