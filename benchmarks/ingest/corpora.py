"""The files that an ingest is timed on: the same audio as wav, flac and mp3, and thousands of one-shots."""

from __future__ import annotations

import os
from pathlib import Path
from typing import cast

import av
import numpy as np
from numpy.typing import NDArray

from soundalike.audio import decode, encode_wav

RATE_HZ = 44100


def real_audio(minutes: float) -> NDArray[np.float32]:
    """Real recordings, one after the other: ESC-10 where it is, else the bundled sounds.

    Args:
        minutes: How much; what there is is repeated as often as needed.
    """
    root = Path(__file__).parents[2]
    named = os.environ.get("SOUNDALIKE_TEST_DATA")
    shared = (Path(named) if named else root.parent / "shared" / "data") / "esc10"
    folder = shared if shared.is_dir() else root / "src" / "soundalike" / "data" / "demo"
    wanted = int(minutes * 60 * RATE_HZ)
    pieces: list[NDArray[np.float32]] = []
    have = 0
    for path in sorted(p for p in folder.rglob("*") if p.suffix in {".ogg", ".flac", ".wav"}):
        pieces.append(decode(path, rate_hz=RATE_HZ).samples)
        have += len(pieces[-1])
        if have >= wanted:
            break
    return np.resize(np.concatenate(pieces), wanted)


def write(path: Path, samples: NDArray[np.float32], codec: str, bit_rate: int = 0) -> None:
    """Write stereo audio (the second channel 10 ms late) with one of PyAV's encoders."""
    stereo = np.stack([samples, np.roll(samples, RATE_HZ // 100)])
    if codec == "wav":
        path.write_bytes(encode_wav(stereo, RATE_HZ))
        return
    with av.open(str(path), "w") as container:
        stream = cast(av.AudioStream, container.add_stream(codec, rate=RATE_HZ))
        stream.layout = "stereo"
        if bit_rate:
            stream.bit_rate = bit_rate
        pcm = np.clip(np.round(stereo * 32767), -32768, 32767).astype(np.int16)
        for first in range(0, pcm.shape[1], RATE_HZ):
            part = np.ascontiguousarray(pcm[:, first : first + RATE_HZ])
            frame = av.AudioFrame.from_ndarray(part.T.reshape(1, -1), format="s16", layout="stereo")
            frame.sample_rate = RATE_HZ
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def make_long(folder: Path, minutes: float, file_s: float = 60.0) -> dict[str, list[Path]]:
    """Write the same audio as files of a minute in each format."""
    audio = real_audio(minutes)
    pieces = np.array_split(audio, max(1, round(len(audio) / (file_s * RATE_HZ))))
    made: dict[str, list[Path]] = {}
    for name, suffix, codec, bit_rate in (
        ("wav", ".wav", "wav", 0),
        ("flac", ".flac", "flac", 0),
        ("mp3", ".mp3", "libmp3lame", 192_000),
    ):
        (folder / name).mkdir(parents=True)
        made[name] = []
        for at, piece in enumerate(pieces):
            path = folder / name / f"take{at:03d}{suffix}"
            write(path, piece, codec, bit_rate)
            made[name].append(path)
    return made


def make_one_shots(folder: Path, count: int, seed: int) -> list[Path]:
    """Write wav files of about 0.3 s, each cut elsewhere out of real audio, so that no two are equal."""
    rng = np.random.default_rng(seed)
    audio = real_audio(10.0)
    paths = []
    for at in range(count):
        duration = int(rng.uniform(0.15, 0.45) * RATE_HZ)
        first = int(rng.integers(0, len(audio) - duration))
        fade = np.exp(-np.arange(duration) / (0.1 * RATE_HZ)).astype(np.float32)
        path = folder / f"pack{at // 500:02d}" / f"shot{at:05d}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_wav(audio[first : first + duration] * fade, RATE_HZ))
        paths.append(path)
    return paths
