"""Machines: engines, rotors, saws, motors, hums."""

from __future__ import annotations

import numpy as np

from soundalike.core.arrays import FloatArray
from soundalike.synthesis.curves import cycles, half_sine, pulses, swell, through, wander
from soundalike.synthesis.draw import chance, log_uniform, log_uniforms
from soundalike.synthesis.filters import band_pass, high_pass, low_pass, resonate
from soundalike.synthesis.impulses import burst_kernels, regular_onsets, scatter, tone_kernels
from soundalike.synthesis.levels import rms, unit
from soundalike.synthesis.noise import band_noise, coloured_noise, white_noise
from soundalike.synthesis.tones import harmonics, rolled_off, sine, turns


def firing(pitch_hz: FloatArray, rate_hz: int, rng: np.random.Generator, *, cylinders: int) -> FloatArray:
    """Sound the explosions of an engine: one sharp pulse per cylinder in each cycle, each a little different.

    Args:
        pitch_hz: Cycles per second, shape ``(T,)``.
        rate_hz: Sample rate.
        rng: Draws the cylinders' strengths.
        cylinders: Pulses in a cycle.

    Returns:
        Shape ``(T,)``, float32, mean about 0.
    """
    place = turns(pitch_hz, rate_hz) * cylinders + rng.random()
    number = place.astype(np.int64)
    part = (place - number).astype(np.float32)
    strengths = rng.uniform(0.6, 1.0, cylinders).astype(np.float32)[number % cylinders]
    strengths *= rng.uniform(0.85, 1.0, int(number[-1]) + 1).astype(np.float32)[number]
    pulse = strengths * np.exp(part * np.float32(-rng.uniform(3, 14))) * np.minimum(part * 30, 1)
    return np.asarray(pulse - pulse.mean(), np.float32)


def revolutions(
    count: int, rate_hz: int, rng: np.random.Generator, *, low_hz: float, high_hz: float
) -> FloatArray:
    """Draw a speed that idles, wanders or is revved up and down: shape ``(count,)``, float32, in Hz."""
    base_hz = log_uniform(rng, low_hz, high_hz)
    if chance(rng, 0.5):
        depth = log_uniform(rng, 0.005, 0.06)
        curve = wander(count, rate_hz, rng, change_hz=log_uniform(rng, 1, 8), low=1 - depth, high=1 + depth)
    else:
        curve = through(np.exp2(rng.uniform(-0.7, 0.7, int(rng.integers(2, 6)))), count)
    return np.float32(base_hz) * curve


def engine(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """A combustion engine of one to eight cylinders, from an idling ship to a racing car."""
    cylinders = int(rng.choice([1, 2, 3, 4, 6, 8]))
    pulse = firing(revolutions(count, rate_hz, rng, low_hz=4, high_hz=45), rate_hz, rng, cylinders=cylinders)
    noise = white_noise(count, rng) * np.abs(pulse) * np.float32(log_uniform(rng, 0.05, 1.0))
    body = resonate(pulse + noise, rate_hz, rng, low_hz=60, high_hz=2500, count=4)
    body = low_pass(body, log_uniform(rng, 500, 8000), rate_hz)
    return np.asarray(np.tanh(unit(body) * np.float32(rng.uniform(0.5, 4))), np.float32)


def chain_saw(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """A two-stroke engine at work: harsh, and its pitch falls when it bites."""
    pitch = revolutions(count, rate_hz, rng, low_hz=60, high_hz=220)
    pitch = pitch * wander(count, rate_hz, rng, change_hz=2, low=0.75)
    buzz = firing(pitch, rate_hz, rng, cylinders=1) * 6
    buzz += band_noise(count, rate_hz, rng, low_hz=1500, high_hz=8000) * wander(
        count, rate_hz, rng, change_hz=4
    )
    return np.asarray(
        np.tanh(resonate(buzz, rate_hz, rng, low_hz=400, high_hz=6000) * np.float32(rng.uniform(0.5, 2))),
        np.float32,
    )


def rotor(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Blades that beat the air: a helicopter near or far, with its turbine's whine."""
    per_s, sharp = log_uniform(rng, 6, 30), log_uniform(rng, 1.5, 16)
    _, part = cycles(count, rate_hz, rng, per_s=per_s, jitter=0.02)
    beat = half_sine(part, sharp)
    air = coloured_noise(count, rate_hz, rng, slope_db_per_octave=rng.uniform(-7, -2))
    thump = low_pass(beat - beat.mean(), log_uniform(rng, 60, 400), rate_hz)
    whine = sine(
        np.float32(log_uniform(rng, 400, 5000)) * wander(count, rate_hz, rng, change_hz=1, low=0.99), rate_hz
    )
    near = wander(count, rate_hz, rng, change_hz=0.5, low=0.3)
    beaten = (beat + np.float32(rng.uniform(0.02, 0.4))) * air
    return np.asarray(
        near
        * (
            beaten
            + np.float32(rng.uniform(0.5, 5)) * thump
            + np.float32(log_uniform(rng, 0.003, 0.2)) * whine
        ),
        np.float32,
    )


def propeller(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """One or two propellers that beat against each other, and the air."""
    base_hz, total = log_uniform(rng, 40, 180), np.zeros(count, np.float32)
    for _ in range(int(rng.integers(1, 3))):
        speed = through(base_hz * np.exp2(rng.normal(0, 0.08, 4)), count)
        total += harmonics(speed, rolled_off(60, rng, power=(0.4, 1.5)), rate_hz, rng)
    total = resonate(total, rate_hz, rng, low_hz=100, high_hz=1500)
    air = coloured_noise(count, rate_hz, rng, slope_db_per_octave=-5)
    return total + air * rms(total) * np.float32(log_uniform(rng, 0.1, 1.5))


def turbine(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """A jet or a turbine: broad roar and several whining tones that glide together."""
    roar = coloured_noise(count, rate_hz, rng, slope_db_per_octave=rng.uniform(-6, -1))
    glide = through(np.exp2(rng.normal(0, 0.3, int(rng.integers(2, 5)))), count)
    total = roar * wander(count, rate_hz, rng, change_hz=1, low=0.5)
    for pitch in log_uniforms(rng, 800, 8000, int(rng.integers(1, 5))):
        total += np.float32(log_uniform(rng, 0.03, 0.8)) * sine(
            np.float32(pitch) * glide, rate_hz, rng.random()
        )
    return total * through(rng.uniform(0.2, 1, 4), count)


def hand_saw(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Strokes of a saw, file or brush: rasping noise, to and fro, teeth faster in the middle of a stroke."""
    number, part = cycles(count, rate_hz, rng, per_s=log_uniform(rng, 1.2, 7), jitter=0.15)
    stroke = half_sine(part, rng.uniform(0.4, 1.5))
    loud = rng.uniform(0.4, 1.0, int(number[-1]) + 1)
    loud[1::2] *= rng.uniform(0.2, 1.0)
    teeth = 1 + np.float32(rng.uniform(0, 1)) * sine(
        np.float32(log_uniform(rng, 40, 300)) * (stroke + 0.1), rate_hz
    )
    noise = band_noise(
        count, rate_hz, rng, low_hz=log_uniform(rng, 200, 1500), high_hz=log_uniform(rng, 3000, 10000)
    )
    rasp = noise * teeth * stroke * loud.astype(np.float32)[number]
    return resonate(rasp, rate_hz, rng, low_hz=300, high_hz=5000)


def drill(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """An electric motor with gears, perhaps hammering: drills, mixers, shavers, grinders."""
    pitch = revolutions(count, rate_hz, rng, low_hz=60, high_hz=900)
    pitch *= (
        1 - np.exp(-np.arange(count, dtype=np.float32) / np.float32(rng.uniform(0.01, 0.2) * rate_hz)) * 0.7
    )
    whine = harmonics(pitch, rolled_off(40, rng, power=(0.1, 1.2)), rate_hz, rng)
    whine += (
        rms(whine) * np.float32(log_uniform(rng, 0.1, 1)) * high_pass(white_noise(count, rng), 1000, rate_hz)
    )
    if chance(rng, 0.4):
        whine *= pulses(
            count, rate_hz, rng, per_s=rng.uniform(12, 50), sharpness=rng.uniform(1, 6), jitter=0.02
        )
    return resonate(whine, rate_hz, rng, low_hz=400, high_hz=6000)


def vacuum_cleaner(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """A blower: a broad rush of air through resonances, and the motor's whine with its harmonics."""
    air = coloured_noise(count, rate_hz, rng, slope_db_per_octave=rng.uniform(-5, 0))
    air = resonate(air, rate_hz, rng, low_hz=150, high_hz=4000)
    base_hz, move = log_uniform(rng, 90, 900), rng.uniform(0, 0.03)
    pitch = np.float32(base_hz) * wander(count, rate_hz, rng, change_hz=2, low=1 - move, high=1 + move)
    motor = harmonics(pitch, rolled_off(12, rng), rate_hz, rng) * np.float32(log_uniform(rng, 0.05, 1.0))
    strokes = wander(count, rate_hz, rng, change_hz=log_uniform(rng, 0.4, 3), low=rng.uniform(0.4, 0.95))
    return (unit(air) + motor) * strokes


def fan(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """A fan or air conditioner: noise that blades cut, steady for ever."""
    air = coloured_noise(count, rate_hz, rng, slope_db_per_octave=rng.uniform(-8, -2))
    per_s = log_uniform(rng, 8, 150)
    depth = np.float32(log_uniform(rng, 0.02, 0.6))
    blades = sine(np.full(count, per_s, np.float32), rate_hz)
    hum = harmonics(np.full(count, per_s * rng.integers(1, 6), np.float32), rolled_off(8, rng), rate_hz, rng)
    return np.asarray(air * (1 + depth * blades) + np.float32(log_uniform(rng, 0.01, 0.5)) * hum, np.float32)


def electric_hum(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Mains hum, a transformer, a neon tube: steady harmonics, some buzz."""
    base_hz = float(rng.choice([50.0, 60.0, 100.0, 120.0, 400.0, log_uniform(rng, 40, 400)]))
    number = int(rng.choice([4, 12, 60, 150]))
    hum = harmonics(
        np.full(count, base_hz, np.float32), rolled_off(number, rng, power=(0.0, 2)), rate_hz, rng
    )
    hum *= wander(count, rate_hz, rng, change_hz=3, low=rng.uniform(0.6, 1))
    return hum + rms(hum) * np.float32(log_uniform(rng, 0.003, 0.3)) * white_noise(count, rng)


def train(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Wheels on rails: rumble, squeal, and the clatter of joints in pairs."""
    roll = coloured_noise(count, rate_hz, rng, slope_db_per_octave=rng.uniform(-7, -3))
    roll *= wander(count, rate_hz, rng, change_hz=4, low=0.5)
    onsets = regular_onsets(count, rate_hz, rng, per_s=log_uniform(rng, 0.7, 4))
    gap = int(rng.uniform(0.08, 0.25) * rate_hz)
    onsets = np.sort(np.concatenate([onsets, onsets[onsets + gap < count] + gap]))
    kernels = burst_kernels(rate_hz, rng, decay_s=(0.01, 0.06), length_s=0.25, colour=(2.0, 5.0), kinds=4)
    total = roll + np.float32(log_uniform(rng, 0.3, 4)) * scatter(count, onsets, kernels, rng, spread_db=2)
    if chance(rng, 0.4):
        squeal = sine(wander(count, rate_hz, rng, change_hz=3, low=1800, high=3500), rate_hz)
        total += squeal * np.float32(rng.uniform(0.05, 0.5)) * wander(count, rate_hz, rng, change_hz=1.5) ** 4
    return total


def looping_machine(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """A machine with a cycle: printers, looms, presses; what it does once, it does again."""
    length = int(log_uniform(rng, 0.08, 1.2) * rate_hz)
    knocks = tone_kernels(rate_hz, rng, pitch_hz=(60, 4000), decay_s=(0.004, 0.05), kinds=6, partials=4)
    onsets = np.sort(rng.integers(0, length, int(rng.integers(1, 9))))
    once = scatter(length, onsets, knocks, rng, spread_db=6)
    for centre_hz in log_uniforms(rng, 200, 6000, int(rng.integers(0, 4))):
        gate = np.roll(
            half_sine(np.linspace(0, 1, length, dtype=np.float32), rng.uniform(1, 20)), rng.integers(length)
        )
        once += band_pass(white_noise(length, rng), centre_hz, rate_hz, q=rng.uniform(0.5, 4)) * gate
    looped = np.resize(np.roll(once, int(rng.integers(length))), count)
    motor = coloured_noise(count, rate_hz, rng, slope_db_per_octave=-5) * np.float32(
        log_uniform(rng, 0.005, 0.3)
    )
    return looped * wander(count, rate_hz, rng, change_hz=3, low=0.7) + motor * rms(once)


def starting_motor(count: int, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """A motor that starts, runs and stops: a window, a lens, a toy, a starter that cranks."""
    shape = np.concatenate([[0.2], rng.uniform(0.8, 1.2, int(rng.integers(2, 5))), [0.2]])
    pitch = np.float32(log_uniform(rng, 80, 1200)) * through(shape, count)
    whine = harmonics(pitch, rolled_off(30, rng), rate_hz, rng)
    whine *= 1 + np.float32(rng.uniform(0, 0.9)) * sine(pitch * np.float32(rng.uniform(0.02, 0.2)), rate_hz)
    fade = swell(count, rate_hz, attack_s=0.02, decay_s=100) * np.clip(
        (1.0 - np.linspace(0, 1, count)) * 10, 0, 1
    )
    return resonate(whine, rate_hz, rng, low_hz=300, high_hz=4000) * fade.astype(np.float32)
