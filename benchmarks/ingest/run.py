"""How much longer than decoding does it take to index? ``benchmarks/ingest/run.py [--quick]``."""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.ingest.corpora import make_long, make_one_shots
from benchmarks.results import Table, write_results
from soundalike.library import load_encoder

HERE = Path(__file__).parent
SEED = 1
COLUMNS = [
    "files",
    "hours",
    "index s",
    "decode s",
    "index / decode",
    "the same in processor time",
    "hours per core-hour",
    "files/s per core",
]
LIBROSA = """
import sys, librosa
total = 0.0
for path in sys.stdin.read().split(chr(0)):
    samples, rate = librosa.load(path, sr=int(sys.argv[1]))
    librosa.feature.mfcc(y=samples, sr=rate, n_mfcc=20)
    total += len(samples) / rate
print(total)
"""


def timed(command: list[str], stdin: str = "") -> tuple[float, float, str]:
    """Run a command; returns wall seconds, processor seconds of it and its children, and its output."""
    before, began = os.times(), time.perf_counter()
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=True)
    wall_s, after = time.perf_counter() - began, os.times()
    cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
    return wall_s, cpu_s, done.stdout


def index(places: list[str], library: Path, jobs: int) -> tuple[float, float]:
    """Time a whole ``soundalike index`` into a new library."""
    shutil.rmtree(library, ignore_errors=True)
    command = [
        sys.executable,
        "-m",
        "soundalike",
        "index",
        *places,
        "--library",
        str(library),
        "--jobs",
        str(jobs),
    ]
    wall_s, cpu_s, _ = timed(command)
    return wall_s, cpu_s


def measure(paths: list[Path], places: list[str], work: Path, jobs: int, runs: int) -> tuple[float, ...]:
    """Time index and decoding in turn.

    Returns:
        Median wall seconds of both, the median ratio of the pairs, the median ratio of processor seconds, the
        processor seconds of the cheapest index, and the seconds of audio.
    """
    rate_hz = load_encoder().spec.rate_hz
    names = "\0".join(str(path) for path in paths)
    pairs, audio_s, least_cpu_s = [], 0.0, float("inf")
    for _ in range(runs):
        floor_s, floor_cpu_s, said = timed(
            [sys.executable, str(HERE / "decode_only.py"), str(rate_hz), str(jobs)], names
        )
        audio_s = float(said)
        whole_s, cpu_s = index(places, work / "library", jobs)
        least_cpu_s = min(least_cpu_s, cpu_s)
        pairs.append((whole_s, floor_s, whole_s / floor_s, cpu_s / floor_cpu_s))
    medians = [statistics.median(column) for column in zip(*pairs, strict=True)]
    return (*medians, least_cpu_s, audio_s)


def librosa_table(cases: dict[str, tuple[list[Path], list[str]]]) -> Table:
    """Time a peer on some of the files of each kind."""
    peer = Table(
        "librosa's load + mfcc of the same files, one process",
        ["files", "hours per core-hour", "files/s"],
    )
    rate = str(load_encoder().spec.rate_hz)
    for name, (paths, _) in cases.items():
        if name == "all":
            continue
        few = paths[: 200 if name == "one-shots" else 10]
        wall_s, cpu_s, said = timed([sys.executable, "-c", LIBROSA, rate], "\0".join(map(str, few)))
        peer.rows.append([name, float(said) / cpu_s, len(few) / wall_s])
    return peer


def main() -> None:
    """Make the files, time everything, write the results."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    jobs = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    minutes, shots, runs = (10.0, 1000, 1) if quick else (60.0, 10_000, 3)
    table = Table(
        f"`soundalike index` with {jobs} workers against decoding and resampling alone",
        COLUMNS,
    )
    figures: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        made = make_long(work / "long", minutes)
        everything = [path for paths in made.values() for path in paths]
        shots_made = make_one_shots(work / "shots", shots, SEED)
        cases = {
            **{name: (paths, [str(work / "long" / name)]) for name, paths in made.items()},
            "one-shots": (shots_made, [str(work / "shots")]),
            "all": (everything + shots_made, [str(work / "long"), str(work / "shots")]),
        }
        for name, (paths, places) in cases.items():
            whole_s, floor_s, ratio, cpu_ratio, cpu_s, audio_s = measure(paths, places, work, jobs, runs)
            hours = audio_s / 3600
            table.rows.append(
                [
                    f"{name} ({len(paths):,})",
                    hours,
                    whole_s,
                    floor_s,
                    ratio,
                    cpu_ratio,
                    audio_s / cpu_s,
                    len(paths) / cpu_s,
                ]
            )
            figures |= {
                f"{name}_ratio": round(ratio, 3),
                f"{name}_cpu_ratio": round(cpu_ratio, 3),
                f"{name}_hours_per_core_hour": round(audio_s / cpu_s, 1),
            }
            if name == "one-shots":
                figures["one_shots_files_per_core_s"] = round(len(paths) / cpu_s, 1)
        peer = librosa_table(cases)
    write_results(
        HERE,
        "How much longer than decoding does it take to index?",
        "python benchmarks/ingest/run.py" + (" --quick" if quick else ""),
        [table, peer],
        figures,
        [
            f"Medians of {runs} runs, index and decoding in turn; whole processes. Seed {SEED}.",
            "Decoding alone uses the same decoder, resampler and number of processes.",
            "A core-hour is an hour of processor time, of the parent and all workers together.",
        ],
        quick=quick,
    )


if __name__ == "__main__":
    main()
