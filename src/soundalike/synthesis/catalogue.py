"""All textures by name, and the one way to make one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from soundalike.core.arrays import FloatArray
from soundalike.core.errors import InvalidInputError
from soundalike.core.registry import Registry
from soundalike.synthesis.granular import sample_count
from soundalike.synthesis.levels import normalise

Texture: TypeAlias = Callable[[int, int, np.random.Generator], FloatArray]
"""A family of sounds: number of samples, sample rate in Hz and source of randomness, to shape ``(T,)``."""

LOWEST_RATE_HZ = 8000
SILENT = 1e-4
LONGEST_GAP_S = 10
"""Between barks it is silent: a sound that falls into a gap is drawn again, longer, and cut out."""

FAMILIES = {
    "noise": ("steady_noise", "banded_noise", "wind", "rumble", "hiss", "whoosh", "radio_static"),
    "impulses": ("crackle", "pulse_train"),
    "tones": (
        "harmonic_tone", "chord", "melody", "fm_tone", "bell", "plucked_string", "gliding_tone", "siren",
        "alarm", "horn", "whistle", "drone",
    ),
    "machines": (
        "engine", "chain_saw", "rotor", "propeller", "turbine", "hand_saw", "drill", "vacuum_cleaner", "fan",
        "electric_hum", "train", "looping_machine", "starting_motor",
    ),
    "water_fire": (
        "rain", "waves", "stream", "drips", "boiling", "splash", "fire", "frying", "thunder", "explosion",
        "debris",
    ),
    "voices": (
        "speech", "singing", "crying", "laughter", "coughing", "sneezing", "breathing", "crowd", "shouting",
    ),
    "calls": (
        "barking", "howling", "lowing", "bird_song", "cooing", "insects", "buzzing", "frogs", "squeaking",
    ),
    "rhythms": (
        "ticking", "footsteps", "typing", "applause", "knocking", "drumming", "jingling", "rustling",
        "creaking", "shaking", "scraping",
    ),
}  # fmt: skip
"""The families of each file; a name is that of its function."""

TEXTURES: Registry[Texture] = Registry(
    "texture",
    "soundalike.textures",
    {name: f"soundalike.synthesis.{module}:{name}" for module, names in FAMILIES.items() for name in names},
)


def texture_names() -> tuple[str, ...]:
    """The names of all textures, sorted; plug-ins add theirs by the entry points ``soundalike.textures``."""
    return tuple(TEXTURES.names())


def texture(name: str, *, duration_s: float, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Make a sound of a family, with parameters drawn anew.

    Args:
        name: One of :func:`texture_names`.
        duration_s: How long it is, in seconds.
        rate_hz: Sample rate, at least 8000.
        rng: The source of randomness: the same state gives the same sound.

    Returns:
        Shape ``(duration_s * rate_hz,)`` rounded, float32, finite, its largest magnitude 1.

    Raises:
        InvalidInputError: A rate below 8000 Hz, or a duration of no sample.
        NotFoundError: No texture has this name.

    Example:
        >>> sound = texture("rain", duration_s=0.5, rate_hz=32000, rng=np.random.default_rng(1))
        >>> sound.shape, float(abs(sound).max())
        ((16000,), 1.0)
    """
    if rate_hz < LOWEST_RATE_HZ:
        raise InvalidInputError(f"Textures have a rate of at least {LOWEST_RATE_HZ} Hz; got {rate_hz}.")
    count = sample_count(duration_s, rate_hz)
    family = TEXTURES.load(name)
    made = family(count, rate_hz, rng)
    longer = count
    while (peak := float(np.max(np.abs(made)))) < SILENT and longer < LONGEST_GAP_S * rate_hz:
        longer = min(4 * longer, LONGEST_GAP_S * rate_hz)
        made = family(longer, rate_hz, rng)
    if peak < SILENT:
        raise InvalidInputError(f"The texture {name!r} gave silence for {longer / rate_hz:g} s.")
    if longer > count:
        start = min(max(int(np.argmax(np.abs(made))) - count // 2, 0), longer - count)
        made = made[start : start + count]
    return normalise(made.astype(np.float32, copy=False))
