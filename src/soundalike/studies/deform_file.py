"""One sound deformed in every way, written for listening: what training takes to be the same sound."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.random import Generator

from soundalike.audio import (
    Filter,
    add_noise,
    change_gain,
    coloured_noise,
    crop,
    decode_region,
    encode_wav,
    mix,
    open_audio,
    shift_pitch,
    stretch_time,
)
from soundalike.core.arrays import FloatArray
from soundalike.core.errors import AudioError, InvalidInputError
from soundalike.core.units import human_count
from soundalike.library import demo_sounds

MAX_SECONDS = 600.0
_NEARBY_S = (1.0, 10.0)  # Jansen et al. 2018 take segments within 10 s for alike
_SHORTEST_NEARBY_S = 0.25
_LONGEST_STRETCH = 1.25
_MIXED_IN = "loops/loop_breakbeat.flac"  # of the bundled sounds: easy to tell from nearly anything


@dataclass(frozen=True, slots=True)
class DeformedFile:
    """A file that was written.

    Attributes:
        path: Where it lies.
        kind: The deformation's name, as recipes name it; ``"original"`` and ``"nearby"`` too.
        what: What was done, in words.
        duration_s: How long it is.
        level_db: How much softer it was written than it is, so that nothing is clipped: 0 or negative, the
            same for all files of one run.
    """

    path: Path
    kind: str
    what: str
    duration_s: float
    level_db: float


def write_deformed(
    file: Path, out: Path, *, seed: int = 0, seconds: float = 30.0, other: Path | None = None
) -> list[DeformedFile]:
    """Write a sound deformed by every kind, in two strengths each, beside the original and what follows it.

    Args:
        file: Any sound file.
        out: The folder to write WAV files to; made where there is none.
        seed: For noise, filters and the place of a crop: the same seed gives the same files.
        seconds: How much of the file's start is taken, at most 600.
        other: The sound that is mixed in, from its start on, repeated as long as needed; None takes a bundled
            drum loop.

    Returns:
        The files in the order of their names, the original first. They are mono, at the file's own rate.

    Raises:
        AudioError: A file is no sound, or silent.
        InvalidInputError: The folder cannot be written to, or a number is out of range.
    """
    if not 0.0 < seconds <= MAX_SECONDS:
        raise InvalidInputError(f"seconds must be above 0 and at most {MAX_SECONDS:g}; got {seconds:g}.")
    if seed < 0:
        raise InvalidInputError(f"A seed is not negative; got {seed}.")
    if out.exists() and not out.is_dir():
        raise InvalidInputError(f"{out} is a file; expected a folder to write to.")
    with open_audio(file, rate_hz=8000) as reader:
        rate_hz = reader.info.rate_hz
    whole = decode_region(file, 0.0, seconds + max(_NEARBY_S), rate_hz)
    sound = whole[: max(1, round(seconds * rate_hz))]
    if not sound.any():
        raise AudioError(f"{file.name} is silent: there is nothing to deform.")
    mixed_in = decode_region(other or demo_sounds() / _MIXED_IN, 0.0, seconds, rate_hz)
    if not mixed_in.any():
        raise AudioError(f"The first {seconds:g} s of {other} are silent: there is nothing to mix in.")
    made = [("original", "", "as it is", sound)]
    made += _nearby(whole, len(sound), rate_hz)
    made += _deformed(sound, np.resize(mixed_in, len(sound)), rate_hz, np.random.default_rng(seed))
    return _write(made, out, rate_hz)


_Made = tuple[str, str, str, FloatArray]  # kind, a word for the file's name, what was done, samples


def _nearby(whole: FloatArray, length: int, rate_hz: int) -> list[_Made]:
    """Cut stretches that start later in the same file, as far as it goes."""
    found = []
    for offset_s in _NEARBY_S:
        stretch = whole[round(offset_s * rate_hz) :][:length]
        if len(stretch) >= min(length, round(_SHORTEST_NEARBY_S * rate_hz)) and stretch.any():
            found.append(("nearby", f"{offset_s:g}s", f"from {offset_s:g} s on in the same file", stretch))
    return found


def _deformed(sound: FloatArray, mixed_in: FloatArray, rate_hz: int, rng: Generator) -> Iterator[_Made]:
    """Deform a sound by every kind, mildly and strongly."""
    one = sound[None]
    yield from _moved(one, rate_hz)
    for colour, exponent, snr_db in (("pink", 1.0, 20), ("white", 0.0, 5)):
        noise = coloured_noise(np.array([exponent]), len(sound), rate_hz=rate_hz, rng=rng)
        noisy = add_noise(one, snr_db, noise)[0]
        yield "noise", f"{colour}_{snr_db}db", f"{colour} noise {snr_db} dB below the sound", noisy
    for snr_db in (10, 0):
        mixed = mix(one, mixed_in[None], snr_db)[0]
        yield "mix", f"{snr_db}db", f"mixed with another sound {snr_db} dB below it", mixed
    for gain_db, word in ((-12, "softer"), (6, "louder")):
        size = abs(gain_db)
        yield "gain", f"{size}db_{word}", f"{size} dB {word}", change_gain(one, gain_db)[0]
    equaliser, cut = Filter(gain_db=6.0, pass_share=0.0), Filter(gain_db=12.0, pass_share=1.0)
    yield "filter", "6db", "equaliser of ±6 dB", equaliser.apply(one, rate_hz=rate_hz, rng=rng)[0]
    what = "equaliser of ±12 dB, then a low-pass or high-pass"
    yield "filter", "12db_pass", what, cut.apply(one, rate_hz=rate_hz, rng=rng)[0]
    for percent in (80, 40):
        length = max(1, round(percent / 100 * len(sound)))
        start = rng.integers(0, len(sound) - length, size=1, endpoint=True)
        kept = crop(one, start, np.array([length]))[0, :length]
        what = f"{percent} % of it, from {start[0] / rate_hz:.2f} s on"
        yield "crop", f"{percent}_percent", what, kept


def _moved(one: FloatArray, rate_hz: int) -> Iterator[_Made]:
    """Deform a row in pitch and in time."""
    for kind, word, sign in (("pitch_up", "higher", 1.0), ("pitch_down", "lower", -1.0)):
        for semitones in (1, 4):
            steps = human_count(semitones, "semitone")
            shifted = shift_pitch(one, sign * semitones, rate_hz)[0]
            yield kind, steps.replace(" ", "_"), f"{steps} {word}", shifted
    room = np.pad(one, ((0, 0), (0, math.ceil(one.shape[1] * (_LONGEST_STRETCH - 1.0)))))
    for kind, factor in (
        ("stretch", 1.1),
        ("stretch", _LONGEST_STRETCH),
        ("compress", 0.9),
        ("compress", 0.8),
    ):
        length = max(1, round(one.shape[1] * factor))
        stretched = stretch_time(room, factor, rate_hz)[0, :length]
        yield kind, f"{factor:g}", f"{factor:g} times as long", stretched


def _write(made: list[_Made], out: Path, rate_hz: int) -> list[DeformedFile]:
    """Write all sounds, softened by the same factor where one of them would be clipped."""
    loudest = max(float(np.abs(samples).max()) for *_, samples in made)
    scale = min(1.0, 1.0 / loudest)
    level_db = float(20.0 * np.log10(scale))
    written = []
    try:
        out.mkdir(parents=True, exist_ok=True)
        for number, (kind, word, what, samples) in enumerate(made):
            path = out / f"{number:02d}_{kind}{'_' if word else ''}{word}.wav"
            path.write_bytes(encode_wav(samples * np.float32(scale), rate_hz))
            written.append(DeformedFile(path, kind, what, len(samples) / rate_hz, level_db))
    except OSError as error:
        raise InvalidInputError(f"{out} cannot be written to: {error.strerror or error}.") from error
    return written
