"""Calls of imagined animals: barks, howls, songs, chirps, croaks, buzzes."""

from __future__ import annotations

import numpy as np

from soundalike.core.arrays import FloatArray
from soundalike.synthesis.curves import cycles, half_sine, pulses, swell, through, wander
from soundalike.synthesis.draw import chance, log_uniform, log_uniforms
from soundalike.synthesis.filters import band_pass, resonate
from soundalike.synthesis.impulses import regular_onsets, scatter, tone_kernels
from soundalike.synthesis.levels import unit
from soundalike.synthesis.noise import white_noise
from soundalike.synthesis.spectral import formant_filter
from soundalike.synthesis.tones import harmonics, rolled_off, sine
from soundalike.synthesis.voices import WIDTHS_HZ, glottis, vowels


def barking(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Barks, yaps, caws and quacks: short rough voiced bursts whose pitch jumps up and falls."""
    number, part = cycles(
        count, rate_hz, rng, per_s=log_uniform(rng, 0.8, 7), jitter=0.3, start=rng.uniform(0.6, 1.0)
    )
    short = np.float32(rng.uniform(0.2, 0.7))
    place = np.minimum(part / short, 1)
    loud = rng.uniform(0.3, 1.0, int(number[-1]) + 1).astype(np.float32)[number]
    pitch = np.float32(log_uniform(rng, 120, 900)) * (
        np.float32(0.6) + half_sine(place, 0.7) * np.float32(rng.uniform(0.2, 0.8))
    )
    source = glottis(pitch, rate_hz, rng, tilt=rng.uniform(0.3, 1.2), breath=log_uniform(rng, 0.05, 1.5))
    tract = log_uniform(rng, 0.5, 1.8)
    centres = vowels(1, rng, tract=tract)
    shape = np.minimum(place * 12, 1) * (1 - place) ** np.float32(rng.uniform(0.4, 1.5))
    voice = formant_filter(source, rate_hz, centres, WIDTHS_HZ * 2 * tract)
    return np.asarray(voice * shape * loud, np.float32)


def howling(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Long calls that glide: howls, mews, whines, trumpeting."""
    pitch = np.float32(log_uniform(rng, 120, 1200)) * through(
        np.exp2(rng.normal(0, 0.4, int(rng.integers(3, 7)))), count
    )
    source = glottis(pitch, rate_hz, rng, tilt=rng.uniform(0.6, 2), breath=log_uniform(rng, 0.005, 0.3))
    tract = log_uniform(rng, 0.6, 1.8)
    opening = vowels(int(rng.integers(2, 5)), rng, tract=tract)
    voice = formant_filter(source, rate_hz, opening, WIDTHS_HZ * tract)
    start_s = rng.uniform(0, 0.2) * count / rate_hz
    shape = swell(
        count,
        rate_hz,
        attack_s=log_uniform(rng, 0.03, 0.4),
        decay_s=log_uniform(rng, 0.2, 3),
        start_s=start_s,
    )
    return voice * shape


def lowing(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Low or bleating calls: moos, growls, grunts, bleats with a fast tremor."""
    pitch = np.float32(log_uniform(rng, 50, 350)) * through(
        np.array([0.8, 1.1, 1.0, rng.uniform(0.6, 1)]), count
    )
    tremor = rng.uniform(0, 0.9) if chance(rng, 0.5) else 0.0
    shake = 1 - np.float32(tremor) * pulses(count, rate_hz, rng, per_s=rng.uniform(5, 35), jitter=0.1)
    source = glottis(
        pitch * (1 + (shake - 1) * 0.05),
        rate_hz,
        rng,
        tilt=rng.uniform(0.5, 1.3),
        breath=log_uniform(rng, 0.02, 0.5),
    )
    tract = log_uniform(rng, 0.4, 1.0)
    voice = formant_filter(source, rate_hz, vowels(3, rng, tract=tract), WIDTHS_HZ * tract)
    calls = pulses(count, rate_hz, rng, per_s=log_uniform(rng, 0.4, 3), sharpness=0.4, jitter=0.3, rest=0.2)
    return voice * shake * calls


def bird_song(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Birds: motifs of fast pure syllables that rise, fall, bend and trill; up to three birds."""
    total = np.zeros(count, np.float32)
    for _ in range(int(rng.integers(1, 4))):
        number, part = cycles(count, rate_hz, rng, per_s=log_uniform(rng, 1.5, 25), jitter=0.15)
        motif = int(rng.integers(1, 9))
        base_hz, spread = log_uniform(rng, 1000, 6000), rng.uniform(0.05, 0.6)
        place = number % motif
        middle, slope, bend = (rng.normal(0, spread, motif).astype(np.float32)[place] for _ in range(3))
        trill = np.float32(rng.uniform(0, 0.2) * chance(rng, 0.4)) * np.sin(
            np.float32(rng.integers(2, 9) * 2 * np.pi) * part
        )
        octaves = middle + slope * (part - 0.5) * 2 + bend * half_sine(part) + trill
        sung = rng.uniform(0.2, 1, motif) * (rng.random(motif) < 0.8)
        sung[0] = 1.0
        length = np.float32(rng.uniform(0.3, 1.0))
        shape = (
            half_sine(np.minimum(part / length, 1), rng.uniform(0.3, 1.2)) * sung.astype(np.float32)[place]
        )
        phrase = wander(count, rate_hz, rng, change_hz=rng.uniform(0.5, 2)) ** 2
        tone = harmonics(
            np.float32(base_hz) * np.exp2(octaves), rolled_off(int(rng.integers(1, 5)), rng), rate_hz, rng
        )
        total += tone * shape * phrase * np.float32(log_uniform(rng, 0.2, 1))
    return total


def cooing(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Hoots, coos and cuckoos: soft low tones in a short pattern."""
    number, part = cycles(count, rate_hz, rng, per_s=log_uniform(rng, 0.8, 6), jitter=0.1)
    motif = int(rng.integers(1, 5))
    steps = rng.normal(0, 0.2, motif).astype(np.float32)[number % motif]
    pitch = np.float32(log_uniform(rng, 180, 1000)) * np.exp2(
        steps + np.float32(rng.uniform(-0.1, 0.1)) * half_sine(part)
    )
    tone = harmonics(pitch, rolled_off(5, rng, power=(1.5, 4)), rate_hz, rng)
    breath = white_noise(count, rng) * np.float32(log_uniform(rng, 0.003, 0.1))
    return (tone + breath) * half_sine(
        np.minimum(part / np.float32(rng.uniform(0.4, 1)), 1), rng.uniform(0.4, 1.5)
    )


def insects(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Crickets and cicadas: high carriers, pulsed fast, in chirps or without end."""
    total = np.zeros(count, np.float32)
    for pitch in log_uniforms(rng, 2000, 9500, int(rng.integers(1, 4))):
        fast = pulses(
            count, rate_hz, rng, per_s=log_uniform(rng, 15, 220), sharpness=rng.uniform(0.5, 3), jitter=0.05
        )
        if chance(rng, 0.7):
            fast *= pulses(count, rate_hz, rng, per_s=log_uniform(rng, 0.8, 8), sharpness=0.3, jitter=0.1)
        if chance(rng, 0.5):
            carrier = sine(np.full(count, pitch, np.float32), rate_hz)
        else:
            carrier = band_pass(white_noise(count, rng), pitch, rate_hz, q=log_uniform(rng, 2, 25))
        total += unit(carrier) * fast * np.float32(rng.uniform(0.2, 1))
    return total


def buzzing(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """A bee, fly or gnat: a harmonic buzz whose pitch and distance waver."""
    move = rng.uniform(0.02, 0.15)
    pitch = np.float32(log_uniform(rng, 90, 800)) * wander(
        count, rate_hz, rng, change_hz=log_uniform(rng, 1, 8), low=1 - move, high=1 + move
    )
    tone = harmonics(pitch, rolled_off(60, rng, power=(0.3, 1.5)), rate_hz, rng)
    near = wander(count, rate_hz, rng, change_hz=log_uniform(rng, 0.5, 5), low=0.02) ** 2
    return resonate(tone, rate_hz, rng, low_hz=300, high_hz=5000) * near


def frogs(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Croaks and ratchets: trains of resonant pulses, in bursts."""
    pitch = log_uniform(rng, 150, 3000)
    kernels = tone_kernels(
        rate_hz, rng, pitch_hz=(pitch, pitch * 1.1), decay_s=(0.002, 0.02), kinds=8, partials=2
    )
    onsets = regular_onsets(count, rate_hz, rng, per_s=log_uniform(rng, 12, 120), jitter=0.1)
    bursts = pulses(
        count, rate_hz, rng, per_s=log_uniform(rng, 0.8, 6), sharpness=rng.uniform(0.3, 2), jitter=0.2
    )
    return scatter(count, onsets, kernels, rng, spread_db=2) * bursts


def squeaking(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Mice, chicks, rubber and hinges: short high squeaks with a bent pitch."""
    number, part = cycles(count, rate_hz, rng, per_s=log_uniform(rng, 1, 12), jitter=0.3)
    rises = rng.normal(0, 0.5, int(number[-1]) + 1).astype(np.float32)[number]
    octaves = rises * part + np.float32(rng.uniform(-0.5, 0.5)) * half_sine(part)
    tone = harmonics(
        np.float32(log_uniform(rng, 700, 4500)) * np.exp2(octaves), rolled_off(12, rng), rate_hz, rng
    )
    shape = half_sine(np.minimum(part / np.float32(rng.uniform(0.2, 0.9)), 1), rng.uniform(0.4, 1.5))
    heights = rng.uniform(0.2, 1, int(number[-1]) + 1).astype(np.float32)[number]
    return tone * shape * heights
