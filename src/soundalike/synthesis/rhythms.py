"""Rhythms of everyday things: ticks, steps, keys, claps, knocks, rattles."""

from __future__ import annotations

import numpy as np

from soundalike.core.arrays import FloatArray
from soundalike.synthesis.curves import cycles, half_sine, pulses, swell, wander
from soundalike.synthesis.draw import chance, log_uniform
from soundalike.synthesis.filters import band_pass, resonate
from soundalike.synthesis.impulses import burst_kernels, poisson_onsets, regular_onsets, scatter, tone_kernels
from soundalike.synthesis.levels import rms
from soundalike.synthesis.noise import coloured_noise, white_noise
from soundalike.synthesis.tones import struck


def ticks(
    count: int, rate_hz: int, rng: np.random.Generator, *, per_s: float, jitter: float = 0.0
) -> FloatArray:
    """Tick at a given pace, tick and tock in turn.

    Args:
        count: Number of samples.
        rate_hz: Sample rate.
        rng: Draws what the ticks sound like and when the first one comes.
        per_s: Ticks per second.
        jitter: Standard deviation of each tick's time, in periods.

    Returns:
        Shape ``(count,)``, float32.
    """
    onsets = regular_onsets(count, rate_hz, rng, per_s=per_s, jitter=jitter)
    kernels = tone_kernels(
        rate_hz,
        rng,
        pitch_hz=(600, 9000),
        decay_s=(0.0006, log_uniform(rng, 0.002, 0.015)),
        kinds=2,
        partials=6,
    )
    tock = np.float32(rng.uniform(0.4, 1.0))
    beat = np.where(np.arange(len(onsets)) % 2, tock, np.float32(1.0)).astype(np.float32)
    return scatter(count, onsets[::2], kernels[:1], rng, gains=beat[::2]) + scatter(
        count, onsets[1::2], kernels[1:], rng, gains=beat[1::2]
    )


def ticking(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """A clock, watch, metronome, indicator or ratchet."""
    total = ticks(count, rate_hz, rng, per_s=log_uniform(rng, 0.9, 14), jitter=rng.uniform(0, 0.02))
    if chance(rng, 0.5):
        total = resonate(total, rate_hz, rng, low_hz=300, high_hz=4000)
    room = coloured_noise(count, rate_hz, rng, slope_db_per_octave=-4)
    return np.asarray(
        total + room * np.max(np.abs(total)) * np.float32(log_uniform(rng, 0.0005, 0.03)), np.float32
    )


def footsteps(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Steps on wood, stone, gravel, snow or grass: a heel, a sole, and what lies underneath."""
    onsets = regular_onsets(count, rate_hz, rng, per_s=log_uniform(rng, 1.2, 4.5), jitter=0.05)
    heels = tone_kernels(rate_hz, rng, pitch_hz=(60, 900), decay_s=(0.006, 0.04), kinds=6, partials=5)
    soles = burst_kernels(
        rate_hz,
        rng,
        decay_s=(0.01, 0.05),
        length_s=0.18,
        colour=(0.5, 4),
        attack_s=rng.uniform(0, 0.03),
        kinds=6,
    )
    later = np.minimum(onsets + int(rng.uniform(0.02, 0.12) * rate_hz), count - 1)
    total = scatter(count, onsets, heels, rng, spread_db=3) * np.float32(rng.uniform(0.1, 1.5))
    total += scatter(count, later, soles, rng, spread_db=3) * np.float32(rng.uniform(0.05, 0.8))
    if chance(rng, 0.5):
        grit = burst_kernels(rate_hz, rng, decay_s=(0.0005, 0.004), length_s=0.012, colour=(0, 2))
        number = int(rng.integers(10, 80))
        places = np.repeat(onsets, number) + rng.exponential(0.06 * rate_hz, number * len(onsets)).astype(
            np.int64
        )
        total += scatter(count, np.sort(places[places < count]), grit, rng, spread_db=8) * np.float32(
            rng.uniform(0.05, 0.5)
        )
    return total


def typing(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Keys pressed and let go, in bursts; a keyboard, a typewriter, buttons, a mouse."""
    onsets = poisson_onsets(count, rate_hz, rng, per_s=log_uniform(rng, 2, 14))
    low_hz = log_uniform(rng, 200, 2500)
    taps = tone_kernels(
        rate_hz,
        rng,
        pitch_hz=(low_hz, low_hz * 5),
        decay_s=(0.001, log_uniform(rng, 0.003, 0.015)),
        kinds=16,
        partials=5,
    )
    clicks = burst_kernels(rate_hz, rng, decay_s=(0.0004, 0.003), length_s=0.012, colour=(0, 1.5))
    later = np.minimum(onsets + int(rng.uniform(0.03, 0.12) * rate_hz), count - 1)
    total = scatter(count, onsets, taps, rng, spread_db=4) + np.float32(rng.uniform(0.1, 0.7)) * scatter(
        count, onsets, clicks, rng
    )
    return np.asarray(
        total + np.float32(rng.uniform(0.05, 0.6)) * scatter(count, later, clicks, rng), np.float32
    )


def applause(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Clapping hands, from one pair to a hall."""
    kernels = burst_kernels(
        rate_hz, rng, decay_s=(0.003, 0.012), length_s=0.05, colour=(0.5, 2.0), attack_s=0.001
    )
    kernels = band_pass(kernels, log_uniform(rng, 700, 2500), rate_hz, q=rng.uniform(0.4, 1.5))
    if chance(rng, 0.3):
        onsets = regular_onsets(count, rate_hz, rng, per_s=rng.uniform(2, 5), jitter=0.04)
    else:
        onsets = poisson_onsets(count, rate_hz, rng, per_s=log_uniform(rng, 8, 800))
    claps = scatter(count, onsets, kernels, rng, spread_db=5)
    hall = coloured_noise(count, rate_hz, rng, slope_db_per_octave=-3)
    loud = wander(count, rate_hz, rng, change_hz=1, low=0.6)
    return loud * (claps + hall * rms(claps) * np.float32(log_uniform(rng, 0.01, 0.3)))


def knocking(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Knocks, hammering, doors that slam, boxes set down: wood and metal, in groups or once."""
    ring_s = log_uniform(rng, 0.01, 0.15)
    size = int(min(0.1 + 5 * ring_s, 1.0) * rate_hz)
    hits = np.stack([struck(size, rate_hz, rng, low_hz=60, high_hz=900, ring_s=ring_s) for _ in range(2)])
    hits /= np.max(np.abs(hits), axis=1, keepdims=True) + 1e-9
    slap = burst_kernels(
        rate_hz, rng, decay_s=(0.002, 0.02), length_s=(size + 1) / rate_hz, colour=(1, 5), kinds=2
    )
    hits += slap[:, :size] * np.float32(log_uniform(rng, 0.03, 0.6))
    onsets = regular_onsets(count, rate_hz, rng, per_s=log_uniform(rng, 0.4, 9), jitter=0.06)
    silent = rng.random(len(onsets)) < 0.2
    silent[0] = False
    return scatter(count, onsets[~silent], hits, rng, spread_db=3)


def drumming(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """A pattern of drums: a kick, a snare, a high one, each on its own places of a bar."""
    steps = int(rng.choice([6, 8, 12, 16]))
    step_s = log_uniform(rng, 0.07, 0.25)
    start = rng.random() * step_s * rate_hz * min(1.0, count / (step_s * rate_hz) / 2)
    places = np.arange(start, count, step_s * rate_hz).astype(np.int64)
    kick = tone_kernels(rate_hz, rng, pitch_hz=(45, 110), decay_s=(0.05, 0.12), rise=(-0.45, -0.1), kinds=1)
    skin = tone_kernels(
        rate_hz, rng, pitch_hz=(120, 500), decay_s=(0.02, 0.12), rise=(-0.3, 0), kinds=1, partials=3
    )
    snare = burst_kernels(
        rate_hz, rng, decay_s=(0.03, 0.12), length_s=0.4, colour=(0, 1.5), kinds=1
    ) * np.float32(0.3)
    hat = burst_kernels(rate_hz, rng, decay_s=(0.008, 0.08), length_s=0.2, kinds=1) * np.float32(0.15)
    total = np.zeros(count, np.float32)
    for kernel, density in ((kick, 0.3), (skin, 0.2), (snare, 0.25), (hat, 0.6)):
        pattern = rng.random(steps) < density
        pattern[0] |= kernel is kick
        hit = places[pattern[np.arange(len(places)) % steps]]
        if len(hit):
            total += scatter(count, hit, kernel, rng, spread_db=2) * np.float32(rng.uniform(0.3, 1))
    return total


def jingling(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Keys, coins, chains, cutlery, wind chimes: many small ringing things that touch."""
    low_hz = log_uniform(rng, 700, 4000)
    ring_s = log_uniform(rng, 0.005, 0.12)
    kernels = tone_kernels(
        rate_hz,
        rng,
        pitch_hz=(low_hz, low_hz * rng.uniform(2, 5)),
        decay_s=(ring_s / 6, ring_s),
        kinds=12,
        partials=5,
    )
    onsets = poisson_onsets(count, rate_hz, rng, per_s=min(log_uniform(rng, 3, 120), 12 / ring_s))
    loud = pulses(
        count, rate_hz, rng, per_s=log_uniform(rng, 0.8, 8), sharpness=rng.uniform(0.3, 2), jitter=0.3
    )
    gains = (10 ** rng.normal(0, 0.3, len(onsets)) * (0.05 + loud[onsets])).astype(np.float32)
    return scatter(count, onsets, kernels, rng, gains=gains)


def rustling(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Paper, cloth, leaves, plastic bags: crackling that follows a hand."""
    kernels = burst_kernels(
        rate_hz, rng, decay_s=(0.0005, 0.006), length_s=0.02, colour=(0, rng.uniform(0.2, 2))
    )
    onsets = poisson_onsets(count, rate_hz, rng, per_s=log_uniform(rng, 80, 1500))
    moved = wander(count, rate_hz, rng, change_hz=log_uniform(rng, 2, 12)) ** np.float32(rng.uniform(1, 4))
    gains = (10 ** rng.normal(0, 0.35, len(onsets)) * (moved[onsets] + 0.01)).astype(np.float32)
    return scatter(count, onsets, kernels, rng, gains=gains)


def creaking(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Stick and slip: a hinge, a floorboard, a chair, a rope; pulses whose pace wanders, through wood."""
    pace = np.float32(log_uniform(rng, 15, 250)) * np.exp2(
        wander(count, rate_hz, rng, change_hz=rng.uniform(1, 5), low=-1.2, high=1.2)
    )
    place = (
        np.cumsum(pace * wander(count, rate_hz, rng, change_hz=80, low=0.7, high=1.3), dtype=np.float64)
        / rate_hz
    )
    onsets = np.flatnonzero(np.diff(place.astype(np.int64), prepend=-1))
    kernels = tone_kernels(rate_hz, rng, pitch_hz=(300, 3500), decay_s=(0.001, 0.008), kinds=4, partials=6)
    loud = pulses(count, rate_hz, rng, per_s=log_uniform(rng, 0.4, 2), sharpness=0.5, jitter=0.3)
    total = scatter(count, onsets, kernels, rng, spread_db=3) * loud
    return resonate(total, rate_hz, rng, low_hz=200, high_hz=4000)


def shaking(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Shakers, scrubbing, sanding, pouring grain: grit that comes in strokes."""
    _, part = cycles(count, rate_hz, rng, per_s=log_uniform(rng, 1.5, 10), jitter=0.08)
    kernels = burst_kernels(rate_hz, rng, decay_s=(0.0003, 0.002), length_s=0.006, colour=(0, 1.5))
    onsets = poisson_onsets(count, rate_hz, rng, per_s=log_uniform(rng, 400, 3000))
    strokes = half_sine(part, rng.uniform(0.5, 5))
    gains = (strokes[onsets] + 0.01) * 10 ** rng.normal(0, 0.2, len(onsets)).astype(np.float32)
    total = scatter(count, onsets, kernels, rng, gains=gains.astype(np.float32))
    return band_pass(total, log_uniform(rng, 1000, 8000), rate_hz, q=rng.uniform(0.3, 2))


def scraping(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Something dragged, a zip, a key over a comb: close pulses in strokes that speed up or slow down."""
    start_s = rng.uniform(0, 0.2) * count / rate_hz
    shape = swell(
        count,
        rate_hz,
        attack_s=log_uniform(rng, 0.01, 0.2),
        decay_s=log_uniform(rng, 0.1, 1.5),
        start_s=start_s,
    )
    pace = np.float32(log_uniform(rng, 40, 500)) * np.exp2(
        np.linspace(0, rng.uniform(-1.5, 1.5), count, dtype=np.float32)
    )
    onsets = np.flatnonzero(
        np.diff((np.cumsum(pace, dtype=np.float64) / rate_hz).astype(np.int64), prepend=-1)
    )
    kernels = tone_kernels(rate_hz, rng, pitch_hz=(800, 8000), decay_s=(0.0005, 0.004), kinds=8, partials=4)
    drag = white_noise(count, rng) * np.float32(log_uniform(rng, 0.01, 0.3))
    return (scatter(count, onsets, kernels, rng, spread_db=4) + drag) * shape
