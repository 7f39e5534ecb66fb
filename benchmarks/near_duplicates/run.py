"""Is a damaged copy found? ``python benchmarks/near_duplicates/run.py [--quick]``."""

from __future__ import annotations

import argparse
import io
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import av
import numpy as np
from numpy.typing import NDArray

from benchmarks.results import Table, write_results
from soundalike.audio import decode
from soundalike.library import Library, demo_sounds

HERE = Path(__file__).parent
SEED = 3
RATE_HZ = 44100
LEVEL_DB = -8.0
CUT_S = 0.1
BIT_RATE = 64_000


def damaged(path: Path) -> io.BytesIO:
    """Copy a sound at -8 dB, without its first 0.1 s, as an MP3 of 64 kbit/s."""
    samples = decode(path, rate_hz=RATE_HZ).samples[int(CUT_S * RATE_HZ) :] * np.float32(
        10 ** (LEVEL_DB / 20)
    )
    return to_mp3(samples)


def to_mp3(samples: NDArray[np.float32]) -> io.BytesIO:
    """Encode mono audio as MP3."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=RATE_HZ)
        stream.layout, stream.bit_rate = "mono", BIT_RATE
        frame = av.AudioFrame.from_ndarray(
            np.clip(np.round(samples * 32767), -32768, 32767).astype(np.int16)[None],
            format="s16",
            layout="mono",
        )
        frame.sample_rate = RATE_HZ
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    file.seek(0)
    return file


def main() -> None:
    """Index ESC-10 and Philharmonia, search with damaged copies, count."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--data", type=Path, default=None)
    arguments = parser.parse_args()
    named = os.environ.get("SOUNDALIKE_TEST_DATA")
    data = arguments.data or (Path(named) if named else HERE.parents[2] / "shared" / "data")
    there = (data / "esc10").is_dir()
    places = [data / "esc10", data / "philharmonia"] if there else [demo_sounds()]
    wanted = 50
    with tempfile.TemporaryDirectory() as scratch:
        library = Library.open(Path(scratch) / "library")
        began = time.perf_counter()
        report = library.add(*places)
        index_s = time.perf_counter() - began
        rng = np.random.default_rng(SEED)
        long_enough = [s for s in library.sounds() if s.duration_s > 3 * CUT_S and not s.silent]
        chosen = rng.choice(len(long_enough), wanted, replace=False)
        ranks = []
        for at in chosen.tolist():
            sound = long_enough[at]
            hits = library.search(damaged(Path(sound.path)), limit=100)
            ranks.append(next((hit.rank for hit in hits if hit.sound.id == sound.id), 101))
    first = sum(rank == 1 for rank in ranks)
    table = Table("Damaged copies found", ["sounds indexed", "failed", "copies", "found first", "worst rank"])
    table.rows.append([len(report.added), len(report.failed), wanted, first, max(ranks)])
    what = "ESC-10 and Philharmonia" if there else "the bundled sounds (ESC-10 was not there)"
    notes = [
        f"Indexed: {what}. Indexing took {index_s:.1f} s. Seed {SEED}. {LEVEL_DB:g} dB, {CUT_S:g} s off, MP3."
    ]
    write_results(
        HERE,
        "Is a damaged copy found?",
        "python benchmarks/near_duplicates/run.py",
        [table],
        {"copies": wanted, "found_first": first, "worst_rank": max(ranks), "failed": len(report.failed)},
        notes,
        quick=arguments.quick,
    )


if __name__ == "__main__":
    main()
