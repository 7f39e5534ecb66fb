"""Does an ingest survive SIGKILL at any moment? ``python benchmarks/crash/run.py [--quick]``."""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))


from benchmarks.ingest.corpora import make_one_shots
from benchmarks.results import Table, write_results
from soundalike.library import Library

HERE = Path(__file__).parent
SEED = 7


def command(sounds: Path, library: Path) -> list[str]:
    """The ingest that is killed."""
    return [sys.executable, "-m", "soundalike", "index", str(sounds), "--library", str(library)]


def contents(library: Path) -> dict[str, tuple[str, bytes]]:
    """Everything that must not depend on kills: by path, the sound and all its vectors."""
    opened = Library.open(library)
    vectors: dict[str, list[bytes]] = {}
    for segments in (False, True):
        names, rows = opened.vectors(segments=segments)
        for name, row in zip(names, rows, strict=True):
            vectors.setdefault(name, []).append(row.tobytes())
    return {s.path: (s.id, b"".join(sorted(vectors.get(s.path, [])))) for s in opened.sounds()}


def main() -> None:
    """Index once unbroken, then with kills, and compare."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    files, kills = (3000, 4) if quick else (6000, 20)
    rng = random.Random(SEED)
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        make_one_shots(work / "sounds", files, SEED)
        began = time.perf_counter()
        subprocess.run(command(work / "sounds", work / "unbroken"), check=True, capture_output=True)
        unbroken_s = time.perf_counter() - began
        expected = contents(work / "unbroken")
        lost = 0
        acknowledged: set[str] = set()
        seen_after: list[int] = []
        library = work / "killed"
        done_kills = 0
        while done_kills < kills:
            process = subprocess.Popen(
                command(work / "sounds", library), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            try:
                process.wait(timeout=rng.uniform(0.5, 1.1 * unbroken_s))
                shutil.rmtree(library)  # it ended before the kill: begin a new one
                acknowledged = set()
                continue
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            done_kills += 1
            there = set(contents(library)) if library.exists() else set()
            lost += len(acknowledged - there)
            acknowledged |= there
            seen_after.append(len(there))
        subprocess.run(command(work / "sounds", library), check=True, capture_output=True)
        same = contents(library) == expected
    table = Table(
        "An ingest killed again and again, then ended", ["files", "kills", "sounds lost", "same library"]
    )
    table.rows.append([files, kills, lost, "yes" if same else "no"])
    notes = [
        f"Sounds in the library after each kill: {', '.join(map(str, seen_after))}.",
        f"Compared: paths, sound ids, every vector's bytes. Unbroken: {unbroken_s:.1f} s. Seed {SEED}.",
    ]
    figures = {"kills": kills, "sounds_lost": lost, "same_library": same}
    name = "python benchmarks/crash/run.py" + (" --quick" if quick else "")
    write_results(
        HERE, "Does an ingest survive SIGKILL at any moment?", name, [table], figures, notes, quick=quick
    )
    if lost or not same:
        sys.exit(1)


if __name__ == "__main__":
    main()
