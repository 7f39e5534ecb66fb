"""Changed copies of a kind that no training by deformation makes: what they show was not learnt by heart."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np

from soundalike.core.arrays import FloatArray
from soundalike.core.errors import InvalidInputError
from soundalike.core.units import db_to_gain
from soundalike.studies.tasks.copies import CopyKind
from soundalike.synthesis import reverberate

_TREMOLO_HZ = (3.0, 8.0)


def _unchanged(samples: FloatArray, _rate_hz: int, _rng: np.random.Generator) -> FloatArray:
    return samples


def _in_a_room(
    samples: FloatArray, rate_hz: int, rng: np.random.Generator, *, decay_s: float, wet: float
) -> FloatArray:
    return reverberate(samples, rate_hz=rate_hz, rng=rng, decay_s=decay_s, wet=wet)


def overdrive(
    samples: FloatArray, _rate_hz: int, _rng: np.random.Generator, *, drive_db: float
) -> FloatArray:
    """Drive a sound into a soft limit, as an amplifier does: its peaks are rounded, overtones come in.

    Args:
        samples: Shape ``(T,)``, float32.
        drive_db: How far its peak lies above the limit.

    Returns:
        Shape ``(T,)``, with the same peak as before.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> driven = overdrive(np.array([0.0, 0.1, 0.5], np.float32), 8000, rng, drive_db=12.0)
        >>> [round(float(value), 2) for value in driven]
        [0.0, 0.33, 0.5]
    """
    peak = float(np.abs(samples).max())
    if peak == 0.0:
        return samples
    drive = db_to_gain(drive_db)
    limited = np.tanh(samples * np.float32(drive / peak)) * np.float32(peak / np.tanh(drive))
    return np.asarray(limited, np.float32)


def tremolo(samples: FloatArray, rate_hz: int, rng: np.random.Generator, *, depth: float) -> FloatArray:
    """Let a sound swell and fade some times a second.

    Args:
        samples: Shape ``(T,)``, float32.
        rate_hz: Sample rate.
        rng: Draws the speed and where the first swell is.
        depth: By which share it fades, 0 to 1.

    Returns:
        Shape ``(T,)``.
    """
    turns = rng.uniform(*_TREMOLO_HZ) * np.arange(len(samples)) / rate_hz + rng.random()
    swell = 1.0 - depth * (0.5 + 0.5 * np.cos(2.0 * np.pi * turns))
    return np.asarray(samples * swell, np.float32)


UNSEEN_KINDS: tuple[CopyKind, ...] = (
    CopyKind("MP3 at 64 kbit/s", _unchanged, "mp3"),
    CopyKind("reverberation", partial(_in_a_room, decay_s=0.8, wet=0.4)),
    CopyKind("overdrive", partial(overdrive, drive_db=18.0)),
    CopyKind("tremolo", partial(tremolo, depth=0.8)),
)
"""MP3; a room that dies away by 60 dB in 0.8 s; a soft limit 18 dB below the peak; fading by four fifths."""


def unseen_kinds(trained: Iterable[str]) -> tuple[CopyKind, ...]:
    """Leave out what a recipe trains on: a plug-in may have brought it.

    Args:
        trained: The kinds of deformation that the recipe uses, and those that the start was made with.

    Returns:
        At least one kind.

    Raises:
        InvalidInputError: It trains on all of them.

    Example:
        >>> [kind.name for kind in unseen_kinds(["noise", "tremolo"])]
        ['MP3 at 64 kbit/s', 'reverberation', 'overdrive']
    """
    known = {name.lower() for name in trained}
    kept = tuple(kind for kind in UNSEEN_KINDS if kind.name.split()[0].lower() not in known)
    if not kept:
        raise InvalidInputError(
            f"Training makes use of {', '.join(sorted(known))}: no deformation is left to judge by."
        )
    return kept
