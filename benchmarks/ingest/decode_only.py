"""The floor of an ingest: only decode and resample. ``decode_only.py RATE JOBS < LIST``."""

from __future__ import annotations

import subprocess
import sys

from soundalike.audio import open_audio
from soundalike.core.errors import AudioError


def decode_all(paths: list[str], rate_hz: int) -> float:
    """Decode every file to mono at a rate; returns the seconds of audio."""
    audio_s = 0.0
    for path in paths:
        try:
            with open_audio(path, rate_hz=rate_hz) as reader:
                audio_s += sum(len(block) for block in reader.blocks(60 * rate_hz)) / rate_hz
        except AudioError:
            continue
    return audio_s


def main() -> None:
    """Share the files among processes of this same module, or, as one of them, decode them."""
    rate_hz, jobs = int(sys.argv[1]), int(sys.argv[2])
    paths = sys.stdin.read().split("\0")
    if jobs == 0:
        print(decode_all(paths, rate_hz))
        return
    workers = [
        subprocess.Popen(
            [sys.executable, __file__, str(rate_hz), "0"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(jobs)
    ]
    for at, worker in enumerate(workers):
        assert worker.stdin is not None
        worker.stdin.write("\0".join(paths[at::jobs]))
        worker.stdin.close()
    print(sum(float(worker.stdout.read()) for worker in workers if worker.stdout is not None))
    for worker in workers:
        worker.wait()


if __name__ == "__main__":
    main()
