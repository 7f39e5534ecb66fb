"""Water, fire and weather: many small events, or one large one."""

from __future__ import annotations

import numpy as np

from soundalike.core.arrays import FloatArray
from soundalike.synthesis.curves import pulses, swell, wander
from soundalike.synthesis.draw import chance, log_uniform
from soundalike.synthesis.filters import high_pass, low_pass
from soundalike.synthesis.impulses import burst_kernels, poisson_onsets, regular_onsets, scatter, tone_kernels
from soundalike.synthesis.levels import rms, unit
from soundalike.synthesis.noise import coloured_noise, white_noise


def bubbles(
    count: int,
    rate_hz: int,
    rng: np.random.Generator,
    *,
    per_s: float,
    pitch_hz: tuple[float, float],
    decay_s: float,
) -> FloatArray:
    """Let bubbles of air ring in water, each a dying sine whose pitch rises.

    Args:
        count: Number of samples.
        rate_hz: Sample rate.
        rng: The source of randomness.
        per_s: Bubbles per second.
        pitch_hz: Lowest and highest pitch.
        decay_s: Longest time in which one falls to 1/e.

    Returns:
        Shape ``(count,)``, float32.

    Source:
        van den Doel 2005, *Physically based models for liquid sounds*: a bubble rings by itself and rises.
    """
    kernels = tone_kernels(
        rate_hz, rng, pitch_hz=pitch_hz, decay_s=(decay_s / 6, decay_s), rise=(0.0, rng.uniform(0.1, 0.8))
    )
    return scatter(count, poisson_onsets(count, rate_hz, rng, per_s=per_s), kernels, rng, spread_db=8)


def rain(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Rain, from single drops to a downpour, on leaves, on water, on metal."""
    per_s = log_uniform(rng, 30, 2500)
    kernels = burst_kernels(
        rate_hz, rng, decay_s=(0.0003, 0.004), length_s=0.01, colour=(0.0, rng.uniform(0.1, 3))
    )
    drops = scatter(count, poisson_onsets(count, rate_hz, rng, per_s=per_s), kernels, rng, spread_db=9)
    rush = coloured_noise(count, rate_hz, rng, slope_db_per_octave=rng.uniform(-3, 1))
    total = unit(drops) + rush * np.float32(log_uniform(rng, 0.05, 2))
    if chance(rng, 0.4):
        ringing = bubbles(
            count,
            rate_hz,
            rng,
            per_s=log_uniform(rng, 5, 200),
            pitch_hz=(400, 7000),
            decay_s=log_uniform(rng, 0.004, 0.03),
        )
        total += unit(ringing) * np.float32(rng.uniform(0.2, 1))
    return total * wander(count, rate_hz, rng, change_hz=1, low=0.6)


def waves(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Surf: swells of noise that brighten as they break and hiss as they run out."""
    per_s, delay = log_uniform(rng, 0.12, 0.8), int(rng.uniform(0.02, 0.4) * rate_hz)
    swells = pulses(count + delay, rate_hz, rng, per_s=per_s, sharpness=rng.uniform(1, 3), jitter=0.3)
    low = coloured_noise(count, rate_hz, rng, slope_db_per_octave=rng.uniform(-8, -4))
    foam = high_pass(white_noise(count, rng), log_uniform(rng, 800, 4000), rate_hz)
    foam *= swells[:count] ** 2 * np.float32(log_uniform(rng, 0.1, 1.5))
    return (np.float32(0.1) + swells[delay:]) * low + foam


def stream(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """A brook, a tap, a fountain: bubbles without number over a rush of noise."""
    low_hz = log_uniform(rng, 200, 1200)
    pitch_hz = (low_hz, low_hz * log_uniform(rng, 2, 10))
    total = bubbles(
        count,
        rate_hz,
        rng,
        per_s=log_uniform(rng, 60, 900),
        pitch_hz=pitch_hz,
        decay_s=log_uniform(rng, 0.004, 0.02),
    )
    rush = coloured_noise(count, rate_hz, rng, slope_db_per_octave=rng.uniform(-4, 0))
    return unit(total) + rush * np.float32(log_uniform(rng, 0.02, 1.0))


def drips(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Single drops into water, seldom or hurried: a click, then a bubble that rings."""
    per_s = log_uniform(rng, 0.8, 12)
    if chance(rng, 0.5):
        onsets = regular_onsets(count, rate_hz, rng, per_s=per_s, jitter=rng.uniform(0, 0.1))
    else:
        onsets = poisson_onsets(count, rate_hz, rng, per_s=per_s)
    low_hz = log_uniform(rng, 300, 2500)
    ring = tone_kernels(
        rate_hz, rng, pitch_hz=(low_hz, low_hz * 1.6), decay_s=(0.008, 0.05), rise=(0.05, 0.8), kinds=6
    )
    click = burst_kernels(rate_hz, rng, decay_s=(0.0005, 0.003), length_s=0.01, kinds=6)
    later = np.minimum(onsets + int(rng.uniform(0.0, 0.03) * rate_hz), count - 1)
    return scatter(count, onsets, click * np.float32(rng.uniform(0.02, 0.3)), rng) + scatter(
        count, later, ring, rng
    )


def boiling(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Bubbling, gargling, boiling, a diver's breath: low bubbles in bursts."""
    low_hz = log_uniform(rng, 80, 500)
    total = bubbles(
        count,
        rate_hz,
        rng,
        per_s=log_uniform(rng, 10, 150),
        pitch_hz=(low_hz, low_hz * 4),
        decay_s=log_uniform(rng, 0.02, 0.08),
    )
    total *= pulses(
        count, rate_hz, rng, per_s=log_uniform(rng, 0.5, 8), sharpness=rng.uniform(0.2, 1.5), jitter=0.4
    )
    return total + rms(total) * np.float32(log_uniform(rng, 0.02, 0.4)) * white_noise(count, rng)


def splash(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Something falls into water: a slap, a spray, bubbles after it."""
    start_s = rng.uniform(0.0, 0.3) * count / rate_hz
    spray = coloured_noise(count, rate_hz, rng, slope_db_per_octave=rng.uniform(-4, 0))
    spray *= swell(
        count,
        rate_hz,
        attack_s=log_uniform(rng, 0.002, 0.05),
        decay_s=log_uniform(rng, 0.05, 0.6),
        start_s=start_s,
    )
    ringing = bubbles(count, rate_hz, rng, per_s=rng.uniform(30, 200), pitch_hz=(200, 2500), decay_s=0.03)
    ringing *= swell(count, rate_hz, attack_s=0.1, decay_s=log_uniform(rng, 0.1, 1), start_s=start_s)
    return spray + ringing * np.float32(rng.uniform(0.2, 1.5))


def fire(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """A fire: crackling of all sizes, a low flutter, hissing."""
    kernels = burst_kernels(
        rate_hz, rng, decay_s=(0.0004, 0.006), length_s=0.02, colour=(0.0, rng.uniform(0.5, 3))
    )
    onsets = poisson_onsets(count, rate_hz, rng, per_s=log_uniform(rng, 5, 150))
    snaps = scatter(count, onsets, kernels, rng, spread_db=rng.uniform(8, 16))
    flutter = coloured_noise(count, rate_hz, rng, slope_db_per_octave=-9)
    flutter *= wander(count, rate_hz, rng, change_hz=rng.uniform(4, 15)) ** 2
    sizzle = high_pass(white_noise(count, rng), 3000, rate_hz) * wander(count, rate_hz, rng, change_hz=6) ** 2
    return np.asarray(
        snaps
        + flutter * np.float32(log_uniform(rng, 0.02, 1))
        + sizzle * np.float32(log_uniform(rng, 0.005, 0.2)),
        np.float32,
    )


def frying(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Frying, sizzling, fizzing: very many very small high bursts."""
    kernels = burst_kernels(rate_hz, rng, decay_s=(0.0002, 0.0015), length_s=0.005, colour=(0.0, 1.0))
    onsets = poisson_onsets(count, rate_hz, rng, per_s=log_uniform(rng, 300, 5000))
    spit = scatter(count, onsets, kernels, rng, spread_db=rng.uniform(4, 10))
    spit = high_pass(spit, log_uniform(rng, 800, 5000), rate_hz)
    base = (
        high_pass(white_noise(count, rng), 2000, rate_hz) * rms(spit) * np.float32(log_uniform(rng, 0.1, 1.5))
    )
    return (spit + base) * wander(count, rate_hz, rng, change_hz=rng.uniform(1, 8), low=0.4)


def thunder(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Thunder: perhaps a crack, then rolling that takes its time."""
    roll = coloured_noise(count, rate_hz, rng, slope_db_per_octave=rng.uniform(-11, -6))
    shape = swell(count, rate_hz, attack_s=log_uniform(rng, 0.01, 0.8), decay_s=log_uniform(rng, 0.4, 4))
    roll *= shape * (0.15 + wander(count, rate_hz, rng, change_hz=rng.uniform(2, 8)) ** 2)
    if chance(rng, 0.5):
        crack = coloured_noise(count, rate_hz, rng, slope_db_per_octave=-3)
        start_s = rng.uniform(0, 0.3) * count / rate_hz
        crack *= swell(count, rate_hz, attack_s=0.002, decay_s=log_uniform(rng, 0.03, 0.3), start_s=start_s)
        roll += crack * np.float32(log_uniform(rng, 0.2, 3))
    return roll


def explosion(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Blasts: fireworks, guns, burst balloons, one or a salvo."""
    decay_s = log_uniform(rng, 0.02, 0.7)
    size = int(min(5 * decay_s, 2.5) * rate_hz)
    blast = coloured_noise(size, rate_hz, rng, slope_db_per_octave=rng.uniform(-8, -2))
    blast *= swell(size, rate_hz, attack_s=0.001, decay_s=decay_s)
    blast += (
        coloured_noise(size, rate_hz, rng, slope_db_per_octave=0)
        * swell(size, rate_hz, attack_s=0.0005, decay_s=decay_s / rng.uniform(4, 15))
        * np.float32(rng.uniform(0.3, 2))
    )
    blast = np.tanh(blast * np.float32(log_uniform(rng, 0.5, 8)))
    onsets = poisson_onsets(count, rate_hz, rng, per_s=log_uniform(rng, 0.3, 10))
    return scatter(count, onsets, blast[None].astype(np.float32), rng, spread_db=5)


def debris(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Something breaks: glass, crockery, wood, stones; a crash, then pieces that fall."""
    pitch = log_uniform(rng, 150, 4000)
    pieces = tone_kernels(
        rate_hz,
        rng,
        pitch_hz=(pitch, pitch * rng.uniform(2, 6)),
        decay_s=(0.002, log_uniform(rng, 0.008, 0.05)),
        partials=3,
    )
    start = int(rng.uniform(0, 0.3) * count)
    number = int(rng.integers(10, 120))
    later = start + rng.exponential(rng.uniform(0.1, 0.5) * rate_hz, number)
    onsets = np.sort(np.append(later[later < count - 1].astype(np.int64), start))
    falling = np.exp((start - onsets) / (rng.uniform(0.2, 0.6) * rate_hz)) * 10 ** rng.normal(
        0, 0.3, len(onsets)
    )
    crash = low_pass(white_noise(count, rng), rng.uniform(2000, 14000), rate_hz)
    crash *= swell(
        count, rate_hz, attack_s=0.002, decay_s=log_uniform(rng, 0.01, 0.15), start_s=start / rate_hz
    )
    return scatter(count, onsets, pieces, rng, gains=falling.astype(np.float32)) + crash * np.float32(
        rng.uniform(0.1, 1)
    )
