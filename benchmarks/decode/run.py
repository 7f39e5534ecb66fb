"""How many hours of audio does one core decode to mono at 32 kHz in an hour, and how does that compare?

Every reader gets the same files in the same process, in turns, on one thread: ours; a bare PyAV loop that
resamples frame by frame; librosa.load; soundfile with soxr. The best of the turns counts. Files are made from
seeded noise and tones by PyAV's encoders: one-shots of 0.3 s and pieces of 30 s.

Run: ``python benchmarks/decode/run.py [--quick] [--out RESULTS.md]``. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", NUMBA_NUM_THREADS="1")

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream

from soundalike.audio import decode

RATE_HZ = 32000
SEED = 1
# FFmpeg's own Vorbis files are not read to their end by libsndfile, so that Ogg stands here with Opus.
FORMATS = {
    "mp3": ("mp3", "libmp3lame", 44100),
    "flac": ("flac", "flac", 44100),
    "wav": ("wav", "pcm_s16le", 44100),
    "ogg": ("opus", "libopus", 48000),
}
Reader = Callable[[Path], int]


def write(path: Path, codec: str, rate_hz: int, seconds: float, seed: int) -> None:
    """Write a stereo file: a tone that glides, with noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(rate_hz * seconds)) / rate_hz
    tone = 0.4 * np.sin(2 * np.pi * (300 * t + 100 * np.cumsum(np.sin(t)) / rate_hz))
    samples = (tone + rng.normal(0, 0.05, (2, len(t)))).astype(np.float32)
    with av.open(path, "w") as container:
        stream = container.add_stream(codec, rate=rate_hz, layout="stereo")
        assert isinstance(stream, AudioStream)
        stream.codec_context.open(strict=False)
        frame = AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
        frame.sample_rate = rate_hz
        size = stream.codec_context.frame_size or 4096
        resampler = AudioResampler(stream.format.name, "stereo", rate_hz, size)
        for piece in [*resampler.resample(frame), *resampler.resample(None), None]:
            container.mux(stream.encode(piece))


def ours(path: Path) -> int:
    """Read with soundalike."""
    return len(decode(path, rate_hz=RATE_HZ).samples)


def bare_pyav(path: Path) -> int:
    """Read with PyAV the way that its documentation shows."""
    parts = []
    with av.open(str(path)) as container:
        container.streams.audio[0].codec_context.thread_count = 1
        resampler = AudioResampler(format="flt", layout="mono", rate=RATE_HZ)
        for frame in container.decode(audio=0):
            parts += [out.to_ndarray()[0] for out in resampler.resample(frame)]
        parts += [out.to_ndarray()[0] for out in resampler.resample(None)]
    return len(np.concatenate(parts))


def peers() -> dict[str, Reader]:
    """The other readers that are installed."""
    found: dict[str, Reader] = {"bare PyAV": bare_pyav}
    try:
        import librosa
        import soundfile
        import soxr  # type: ignore[import-untyped]
    except ImportError:
        return found

    def with_librosa(path: Path) -> int:
        return len(librosa.load(path, sr=RATE_HZ, mono=True)[0])

    def with_soundfile(path: Path) -> int:
        samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
        return len(soxr.resample(samples.mean(axis=1), rate_hz, RATE_HZ))

    found.update({"librosa.load": with_librosa, "soundfile + soxr": with_soundfile})
    return found


def measure(readers: dict[str, Reader], paths: list[Path], turns: int) -> dict[str, float]:
    """Give the best time in seconds of process time for each reader, taking turns."""
    best = dict.fromkeys(readers, float("inf"))
    for reader in readers.values():
        count = reader(paths[0])  # also imports and caches
        if not 0.9 < count / ours(paths[0]) < 1.1:
            raise RuntimeError(f"{paths[0].name}: a reader gave {count} samples, ours {ours(paths[0])}")
    for _ in range(turns):
        for name, reader in readers.items():
            start = time.process_time()
            for path in paths:
                reader(path)
            best[name] = min(best[name], time.process_time() - start)
    return best


def main() -> None:
    """Measure, print a table, and the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer files: ends within a minute")
    parser.add_argument("--out", type=Path, help="also write the table to this file")
    arguments = parser.parse_args()
    kinds = {"one-shots of 0.3 s": (0.3, 40 if arguments.quick else 200), "pieces of 30 s": (30.0, 3)}
    turns = 3 if arguments.quick else 7
    readers: dict[str, Reader] = {"soundalike": ours, **peers()}
    lines = [f"| files | format | {' | '.join(readers)} |", "|---|---|" + "---|" * len(readers)]
    figures: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind, (seconds, count) in kinds.items():
            for name, (extension, codec, rate_hz) in FORMATS.items():
                paths = [Path(folder) / f"{seconds}-{index}.{extension}" for index in range(count)]
                for index, path in enumerate(paths):
                    write(path, codec, rate_hz, seconds, SEED + index)
                times = measure(readers, paths, turns)
                speed = {reader: seconds * count / took for reader, took in times.items()}
                per_file = {reader: took / count * 1e3 for reader, took in times.items()}
                cells = [f"{speed[reader]:.0f} h/h, {per_file[reader]:.2f} ms" for reader in readers]
                lines.append(f"| {kind} | {name} | {' | '.join(cells)} |")
                figures[f"{name}, {kind}"] = {
                    "hours_per_core_hour": round(speed["soundalike"], 1),
                    "ms_per_file": round(per_file["soundalike"], 3),
                    "faster_than": {
                        reader: round(took / times["soundalike"], 2)
                        for reader, took in times.items()
                        if reader != "soundalike"
                    },
                }
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    about = {
        "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores",
        "commit": commit,
        "seed": SEED,
        "rate_hz": RATE_HZ,
        "quick": arguments.quick,
    }
    table = "\n".join(lines)
    print(table)
    if arguments.out:
        text = f"# Decoding\n\n{__doc__}\n{table}\n\n{json.dumps(about)}\n"
        arguments.out.write_text(text, encoding="utf-8")
    print(json.dumps({**about, "figures": figures}))


if __name__ == "__main__":
    main()
