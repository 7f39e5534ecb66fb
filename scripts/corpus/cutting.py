"""One file of audio to the stretches of it that the corpus keeps."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from soundalike.audio import decode
from soundalike.core.arrays import FloatArray
from soundalike.core.errors import SoundalikeError

RATE_HZ = 32000
MIN_S = 0.1
SILENT_PEAK = 1e-3  # -60 dB: below, 16 bits leave little of a sound
STRETCH_S = 20.0
_FULL_SCALE = 32767.0


@dataclass(frozen=True)
class Cut:
    """What a file gave.

    Attributes:
        path: Its path inside the package.
        stretches: Start in seconds, and int16 samples of shape ``(T,)``, of each stretch.
        bytes_hash: Hash of the file's bytes.
        samples_hash: Hash of its decoded samples.
        duration_s: Duration of the whole file.
        dropped: Why it gave none, as a word; empty where it gave some.
    """

    path: str
    stretches: tuple[tuple[float, NDArray[np.int16]], ...]
    bytes_hash: str
    samples_hash: str
    duration_s: float
    dropped: str = ""


def cut_file(folder: Path, path: str, max_file_s: float) -> Cut:
    """Decode a file and cut it.

    Args:
        folder: Where the package's files lie.
        path: Path inside it.
        max_file_s: How much of it to keep; a longer file gives stretches of 20 s spread evenly over it.

    Returns:
        Its stretches, or why there are none.
    """
    with (folder / path).open("rb") as file:
        bytes_hash = hashlib.file_digest(file, "sha256").hexdigest()
    try:
        samples = decode(folder / path, rate_hz=RATE_HZ).samples
    except SoundalikeError:
        return Cut(path, (), bytes_hash, "", 0.0, "unreadable")
    duration_s = len(samples) / RATE_HZ
    samples_hash = hash_of_samples(samples)
    if duration_s < MIN_S:
        return Cut(path, (), bytes_hash, samples_hash, duration_s, "short")
    stretches = tuple(
        (start / RATE_HZ, to_int16(stretch))
        for start, stretch in stretches_of(samples, max_file_s)
        if np.abs(stretch).max() >= SILENT_PEAK
    )
    return Cut(path, stretches, bytes_hash, samples_hash, duration_s, "" if stretches else "silent")


def stretches_of(samples: FloatArray, max_file_s: float) -> list[tuple[int, FloatArray]]:
    """Cut what is kept of a sound: all of it, or stretches spread evenly over it.

    Args:
        samples: Shape ``(T,)``, at 32 kHz.
        max_file_s: How much to keep, at least 20 s.

    Returns:
        First sample and samples of each stretch, in order.
    """
    if len(samples) <= max_file_s * RATE_HZ:
        return [(0, samples)]
    length = round(STRETCH_S * RATE_HZ)
    count = max(1, int(max_file_s // STRETCH_S))
    starts = np.linspace(0, len(samples) - length, count + 2)[1:-1].round().astype(int)
    return [(start, samples[start : start + length]) for start in starts.tolist()]


def to_int16(samples: FloatArray) -> NDArray[np.int16]:
    """Samples as the corpus keeps them: int16, clipped at full scale."""
    return np.asarray(np.rint(np.clip(samples, -1.0, 1.0) * np.float32(_FULL_SCALE)), np.int16)


def to_float(samples: NDArray[np.int16]) -> FloatArray:
    """The reverse of :func:`to_int16`."""
    return samples.astype(np.float32) / np.float32(_FULL_SCALE)


def hash_of_samples(samples: FloatArray) -> str:
    """Hash of decoded samples, rounded to 16 bits."""
    return hashlib.sha256(to_int16(samples).tobytes()).hexdigest()
