"""How many one-second segments does one core deform in a second, of each kind, and at what quality?

One batch of segments goes through every kind on one thread, in turns with a plain Fourier transform of the
same batch and back, and with librosa's functions row by row; the best of the turns counts, in seconds of
process time. Beside the speed stands what became of sounds whose ideal deformation is known: a struck note
with vibrato, moved by four semitones and compared with the note made at the other pitch; a click in noise,
stretched.

Run: ``python benchmarks/deform/run.py [--quick]``. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", NUMBA_NUM_THREADS="1")
sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from benchmarks.results import Table, write_results
from soundalike.audio import (
    DEFORMATIONS,
    Deformation,
    decode,
    default_deformations,
    deformation_from,
    shift_pitch,
    stretch_time,
)
from soundalike.library import demo_sounds

RATE_HZ = 32000
SEED = 1
QUESTION = "How many one-second segments does one core deform in a second, and how well?"
Work = Callable[[], object]
Rows = NDArray[np.float32]


def real_segments(count: int) -> Rows:
    """Seconds of the bundled sounds, one after another, again from the start where they are too few."""
    paths = sorted(demo_sounds().rglob("*.flac"))
    joined = np.concatenate([decode(path, rate_hz=RATE_HZ).samples for path in paths])
    return np.resize(joined, (count, RATE_HZ)).astype(np.float32)


def ours(rows: Rows) -> dict[str, Work]:
    """Every kind with its default settings, and the mix of all."""

    def work(deformation: Deformation) -> Work:
        return lambda: deformation.apply(rows, rate_hz=RATE_HZ, rng=np.random.default_rng(SEED))

    kinds = {name: work(deformation_from(name)) for name in DEFORMATIONS if name != "unchanged"}
    return {**kinds, "all kinds, evenly": work(default_deformations())}


def peers(rows: Rows) -> dict[str, Work]:
    """The kinds that librosa has, with parameters from the same ranges, row by row as it takes them."""
    try:
        import librosa
    except ImportError:
        return {}
    rng = np.random.default_rng(SEED)
    semitones, factors = rng.uniform(0.5, 4.0, len(rows)), rng.uniform(1.05, 1.25, len(rows))

    def shift(sign: float) -> Work:
        return lambda: [
            librosa.effects.pitch_shift(row, sr=RATE_HZ, n_steps=sign * steps)
            for row, steps in zip(rows, semitones, strict=True)
        ]

    def stretch(power: float) -> Work:
        return lambda: [
            librosa.effects.time_stretch(row, rate=factor**power)
            for row, factor in zip(rows, factors, strict=True)
        ]

    return {"pitch_up": shift(1), "pitch_down": shift(-1), "stretch": stretch(-1), "compress": stretch(1)}


def segments_per_second(works: dict[str, tuple[Work, int]], turns: int) -> dict[str, float]:
    """Take turns; give the best rate of each work, which comes with its number of segments."""
    best = dict.fromkeys(works, float("inf"))
    for _ in range(turns):
        for name, (work, _) in works.items():
            start = time.process_time()
            work()
            best[name] = min(best[name], time.process_time() - start)
    return {name: works[name][1] / took for name, took in best.items()}


def vibrato_note(fundamental_hz: float) -> Rows:
    """A struck string with vibrato: harmonics that decay, the higher the faster."""
    time_s = np.arange(RATE_HZ) / RATE_HZ
    phase = 2 * np.pi * fundamental_hz * (time_s + 0.02 * np.sin(10 * np.pi * time_s) / (10 * np.pi))
    waves = [np.exp(-time_s * (1.5 + n / 2)) / n * np.sin(n * phase + n) for n in range(1, 12)]
    return np.asarray(0.3 * sum(waves), np.float32)


def band_levels_db(samples: Rows) -> NDArray[np.float64]:
    """Levels in third-octave bands every 10 ms, no lower than 60 dB below the loudest."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, 1024)[::320] * np.hanning(1024)
    power = np.abs(np.fft.rfft(frames)) ** 2
    edges = np.unique(np.rint(100.0 * 2.0 ** (np.arange(22) / 3.0) * 1024 / RATE_HZ).astype(int))
    bands = np.add.reduceat(power, edges, axis=1)[:, :-1]
    return np.asarray(10 * np.log10(bands + 1e-6 * bands.max()))


def quality() -> Table:
    """Compare with the ideal, beside librosa where it is installed."""
    shifters: dict[str, Callable[[Rows, float], Rows]] = {
        "soundalike": lambda row, steps: shift_pitch(row[None], steps, RATE_HZ)[0]
    }
    stretchers: dict[str, Callable[[Rows, float], Rows]] = {
        "soundalike": lambda row, factor: stretch_time(row[None], factor, RATE_HZ)[0]
    }
    try:
        import librosa

        shifters["librosa"] = lambda row, steps: librosa.effects.pitch_shift(row, sr=RATE_HZ, n_steps=steps)
        stretchers["librosa"] = lambda row, factor: librosa.effects.time_stretch(row, rate=1 / factor)
    except ImportError:
        pass
    table = Table("Quality", ["of", *shifters])
    for steps in (-4.0, 4.0):
        ideal = band_levels_db(vibrato_note(300.0 * 2.0 ** (steps / 12.0)))
        errors = [
            np.abs(band_levels_db(f(vibrato_note(300.0), steps)) - ideal).mean() for f in shifters.values()
        ]
        table.rows.append(
            [f"note with vibrato, {steps:+g} semitones: mean error of band levels, dB", *map(float, errors)]
        )
    click = np.random.default_rng(SEED).normal(0.0, 0.003, RATE_HZ).astype(np.float32)
    click[12345] = 0.9
    for factor in (0.8, 1.2):
        shares = []
        for stretch in stretchers.values():
            place = round(12345 * factor)
            power = np.square(stretch(click, factor)[place - 1600 : place + 1600], dtype=np.float64)
            centre = int(power.argmax())
            shares.append(float(power[max(0, centre - 16) : centre + 16].sum() / power.sum()))
        table.rows.append(
            [f"click in noise, {factor:g} times as long: energy within 1 ms, of 100 ms", *shares]
        )
    return table


def main() -> None:
    """Measure, print the tables, and the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer segments and turns: ends within a minute")
    quick = parser.parse_args().quick
    count, turns = (64, 2) if quick else (256, 5)
    rows = real_segments(count)
    few = rows[: 8 if quick else 32]
    works: dict[str, tuple[Work, int]] = {
        "transform": (lambda: scipy.fft.irfft(scipy.fft.rfft(rows, workers=1), workers=1), count)
    }
    works |= {name: (work, count) for name, work in ours(rows).items()}
    librosas = peers(few)
    for work in peers(rows[:1]).values():
        work()  # imports and compiles
    works |= {f"librosa {name}": (work, len(few)) for name, work in librosas.items()}
    rates = segments_per_second(works, turns)
    table = Table(
        "Speed", ["kind", "segments per second", "times a transform and back", "times librosa's speed"]
    )
    for name in ours(rows[:1]):
        beside = f"{rates[name] / rates[f'librosa {name}']:.1f}" if name in librosas else "-"
        table.rows.append([name, round(rates[name]), f"{rates['transform'] / rates[name]:.1f}", beside])
    table.rows.append(["a transform of the batch and back", round(rates["transform"]), "1", "-"])
    write_results(
        Path(__file__).parent,
        QUESTION,
        "python benchmarks/deform/run.py",
        [table, quality()],
        {name: round(rate) for name, rate in rates.items()} | {"segments": count, "seed": SEED},
        [
            f"{count} segments of 1 s at {RATE_HZ} Hz of the bundled sounds in one batch; one thread.",
            f"Process time, best of {turns} turns; librosa with {len(few)} of the segments.",
            "Smaller errors and larger shares are better.",
        ],
        quick=quick,
    )


if __name__ == "__main__":
    main()
