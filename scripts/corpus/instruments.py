"""Single notes of General MIDI programmes and percussion, rendered by FluidSynth out of free sound fonts."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from scripts.corpus.cutting import RATE_HZ, SILENT_PEAK
from scripts.corpus.fetch import download
from scripts.corpus.midi import PERCUSSION_CHANNEL, Note, midi_file, starts_s
from scripts.corpus.programmes import DRUM_KITS, DRUM_PITCHES, PROGRAMMES, pitch_range
from scripts.corpus.shards import ShardWriter, read_summary

from soundalike.audio import decode
from soundalike.core.arrays import FloatArray

VERSION = 1
_MAX_NOTE_S = 3.0
_TAIL_S = 1.0  # after key up, for what rings on
_FLOOR = 1e-3  # of a note's peak: what is quieter behind the last louder sample is cut off
_MIN_NOTE_S = 0.3


@dataclass(frozen=True)
class SoundFont:
    """A sound font and how much is rendered of it.

    Attributes:
        package: Debian's package.
        path: Path of the font inside it.
        licence: As read in its copyright file.
        notes: Notes of every programme.
        hits: Velocities of every percussion sound of every kit.
    """

    package: str
    path: str
    licence: str
    notes: int
    hits: int


FONTS = (
    SoundFont("fluid-soundfont-gm", "usr/share/sounds/sf2/FluidR3_GM.sf2", "MIT", 36, 2),
    SoundFont("timgm6mb-soundfont", "usr/share/sounds/sf2/TimGM6mb.sf2", "GPL-2", 12, 1),
)


@dataclass(frozen=True)
class _Job:
    font: Path
    programme: int
    channel: int
    notes: tuple[Note, ...]


def make_instruments_shard(font: SoundFont, work: Path, seed: int, processes: int) -> Path:
    """Render a sound font into a shard, unless there is one of the same settings.

    Args:
        font: Which, and how much of it.
        work: The folder for working files.
        seed: Decides pitches, velocities and durations.
        processes: How many renderings run at a time.

    Returns:
        The shard's folder; its sounds have the facts ``programme`` and ``note``.

    Raises:
        FileNotFoundError: ``fluidsynth`` is not installed.
    """
    shard = work / "shards" / f"{font.package}-rendered"
    settings = sha256(json.dumps([VERSION, seed, asdict(font)]).encode()).hexdigest()
    if read_summary(shard, settings) is not None:
        return shard
    if shutil.which("fluidsynth") is None:
        raise FileNotFoundError("fluidsynth renders the instruments: apt-get install fluidsynth.")
    shutil.rmtree(shard, ignore_errors=True)
    jobs = list(_jobs(font, _font_file(font, work), seed))
    with ShardWriter(shard, settings) as writer, get_context("fork").Pool(processes) as pool:
        for job, sounds in zip(jobs, pool.imap(_render, jobs), strict=True):
            for number, (note, samples) in enumerate(zip(job.notes, sounds, strict=True)):
                writer.add_made(
                    samples,
                    name=_name(font, job, number),
                    group=_group(font, job),
                    facts=_facts(font, job, note),
                )
        summary = writer.summary
    print(f"{shard.name}: {summary.files} notes, {summary.hours:.2f} h", flush=True)
    return shard


def _jobs(font: SoundFont, file: Path, seed: int) -> Iterator[_Job]:
    for programme in range(len(PROGRAMMES)):
        rng = np.random.default_rng([seed, programme])
        low, high = pitch_range(programme)
        pitches = rng.permutation(np.linspace(low, high, font.notes).round().astype(int))
        notes = [_note(int(pitch), rng) for pitch in pitches]
        yield _Job(file, programme, 0, tuple(notes))
    for kit in DRUM_KITS:
        rng = np.random.default_rng([seed, 1000 + kit])
        notes = [_note(pitch, rng) for pitch in DRUM_PITCHES for _ in range(font.hits)]
        yield _Job(file, kit, PERCUSSION_CHANNEL, tuple(notes))


def _note(pitch: int, rng: np.random.Generator) -> Note:
    held_s = float(np.exp(rng.uniform(np.log(0.15), np.log(_MAX_NOTE_S - _TAIL_S))))
    return Note(pitch, int(rng.integers(35, 128)), held_s, held_s + _TAIL_S)


def _render(job: _Job) -> list[FloatArray]:
    with tempfile.TemporaryDirectory() as folder:
        midi, wav = Path(folder) / "notes.mid", Path(folder) / "notes.wav"
        midi.write_bytes(midi_file(job.notes, programme=job.programme, channel=job.channel))
        command = ["fluidsynth", "-n", "-i", "-q", "-g", "0.7", "-R", "0", "-C", "0", "-r", str(RATE_HZ)]
        command += ["-T", "wav", "-O", "s16", "-F", str(wav), str(job.font), str(midi)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        samples = decode(wav, rate_hz=RATE_HZ).samples
    starts = [round(start * RATE_HZ) for start in starts_s(job.notes)]
    slots = [round(note.slot_s * RATE_HZ) for note in job.notes]
    return [without_tail(samples[start : start + slot]) for start, slot in zip(starts, slots, strict=True)]


def without_tail(samples: FloatArray) -> FloatArray:
    """Cut off what is 60 dB below a note's peak at its end, down to 0.3 s.

    Args:
        samples: Shape ``(T,)``.

    Returns:
        Its beginning; empty where the note is silent.
    """
    peak = float(np.abs(samples).max(initial=0.0))
    if peak < SILENT_PEAK:
        return samples[:0]
    last = int(np.flatnonzero(np.abs(samples) > _FLOOR * peak)[-1]) + 1
    return samples[: max(last, round(_MIN_NOTE_S * RATE_HZ))]


def _font_file(font: SoundFont, work: Path) -> Path:
    file = work / "fonts" / Path(font.path).name
    if not file.exists():
        package = download(font.package, work / "packages")
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        with subprocess.Popen(
            ["dpkg-deb", "--fsys-tarfile", str(package)], stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
                for member in archive:
                    opened = archive.extractfile(member) if member.name.endswith(font.path) else None
                    if opened is not None:
                        with part.open("wb") as out:
                            shutil.copyfileobj(opened, out)
        part.replace(file)
    return file


def _facts(font: SoundFont, job: _Job, note: Note) -> dict[str, str]:
    drum = job.channel == PERCUSSION_CHANNEL
    return {
        "licence": font.licence,
        "package": font.package,
        "kind": "drum" if drum else "instrument",
        "programme": f"kit {job.programme}, key {note.pitch}" if drum else PROGRAMMES[job.programme],
        "note": str(note.pitch),
        "velocity": str(note.velocity),
    }


def _group(font: SoundFont, job: _Job) -> str:
    return f"{font.package}/{'kit' if job.channel == PERCUSSION_CHANNEL else 'programme'} {job.programme}"


def _name(font: SoundFont, job: _Job, number: int) -> str:
    note = job.notes[number]
    return f"{_group(font, job)}/{number:03d} note {note.pitch} velocity {note.velocity}"
