"""Copies of a sound as people make them: louder, re-encoded, trimmed, noisy, transposed; files in memory."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO, TypeAlias

import av
import numpy as np

from soundalike.audio import open_audio
from soundalike.audio.deform import shift_pitch
from soundalike.core.arrays import FloatArray
from soundalike.core.errors import InvalidInputError
from soundalike.core.interrupts import without_interrupts
from soundalike.core.units import db_to_gain
from soundalike.studies.listening import Audible

MP3_HZ = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_OPUS_HZ = 48000
_BIT_RATE = 64_000
_MOST_SHARE, _MOST_S = 0.1, 0.5  # cut off either end
_BLOCK_S = 60.0
_TARGET = 0.95
_FORMATS = {  # FFmpeg's names of container, codec and samples
    "wav": ("wav", "pcm_f32le", "flt"),
    "mp3": ("mp3", "libmp3lame", "fltp"),
    "opus": ("ogg", "libopus", "flt"),
}

Change: TypeAlias = Callable[[FloatArray, int, np.random.Generator], FloatArray]
"""Samples ``(T,)``, their rate in Hz and what draws, to the samples of the copy."""


@dataclass(frozen=True, slots=True)
class CopyKind:
    """One way to copy a sound.

    Attributes:
        name: What it is called in reports.
        change: What is done to the samples.
        file_format: ``"wav"`` (32-bit float, so that nothing is clipped), ``"mp3"`` or ``"opus"``, both at
            64 kbit/s.
        target: The share of copies that a good encoder finds first; None where it is only reported.
    """

    name: str
    change: Change
    file_format: str = "wav"
    target: float | None = None


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of a sound, as a file in memory.

    Attributes:
        uri: What it is called in reports.
        name: A file name with the format's extension.
        content: The file's bytes.
    """

    uri: str
    name: str
    content: bytes

    def open(self) -> BinaryIO:
        """Give its bytes."""
        return io.BytesIO(self.content)


def make_copies(original: Audible, kinds: Sequence[CopyKind], rng: np.random.Generator) -> dict[str, Copy]:
    """Copy a sound in several ways: decode it once at its own rate, mix it to mono, change it, write files.

    Args:
        original: What to copy.
        kinds: How.
        rng: Draws what is random about each kind.

    Returns:
        The copies by the names of their kinds.

    Raises:
        AudioError: The original cannot be decoded.
    """
    samples, rate_hz = decode_at_own_rate(original)
    copies = {}
    for kind in kinds:
        changed = kind.change(samples, rate_hz, rng)
        content = encode_file(changed, rate_hz, kind.file_format)
        copies[kind.name] = Copy(f"{original.uri} ({kind.name})", f"copy.{kind.file_format}", content)
    return copies


def encode_file(samples: FloatArray, rate_hz: int, file_format: str) -> bytes:
    """Write mono samples as a file.

    Args:
        samples: Shape ``(T,)``, float32, full scale at 1.0.
        rate_hz: Their rate; Opus resamples to 48 kHz.
        file_format: ``"wav"`` (32-bit float), ``"mp3"`` or ``"opus"`` (both 64 kbit/s).

    Returns:
        The file's bytes.

    Raises:
        InvalidInputError: Another format, or a rate that it cannot hold.

    Example:
        >>> encode_file(np.zeros(100, np.float32), 16000, "wav")[:4]
        b'RIFF'
    """
    if file_format not in _FORMATS or (file_format == "mp3" and rate_hz not in MP3_HZ):
        raise InvalidInputError(
            f"A copy is a file of format {', '.join(_FORMATS)}, an MP3 at {MP3_HZ} Hz; "
            f"got {file_format!r} at {rate_hz} Hz."
        )
    container_name, codec, sample_format = _FORMATS[file_format]
    file = io.BytesIO()
    with without_interrupts, av.open(file, "w", format=container_name) as container:
        stream: Any = container.add_stream(codec, rate=_OPUS_HZ if file_format == "opus" else rate_hz)
        stream.layout = "mono"
        if file_format != "wav":
            stream.bit_rate = _BIT_RATE
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples, dtype=np.float32)[None], format=sample_format, layout="mono"
        )
        frame.sample_rate = rate_hz
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def decode_at_own_rate(original: Audible) -> tuple[FloatArray, int]:
    """Decode a sound to mono at its own rate, or at 44.1 kHz where MP3 cannot hold that.

    Returns:
        Samples ``(T,)``, and their rate in Hz.

    Raises:
        AudioError: It cannot be decoded.
    """
    with original.open() as file:
        with open_audio(file, rate_hz=44100, name=original.name) as reader:
            own_hz = reader.info.rate_hz
        file.seek(0)
        rate_hz = own_hz if own_hz in MP3_HZ else 44100
        with open_audio(file, rate_hz=rate_hz, name=original.name) as reader:
            return np.concatenate(list(reader.blocks(int(_BLOCK_S * rate_hz)))), rate_hz


def _gain(samples: FloatArray, _rate_hz: int, _rng: np.random.Generator, *, gain_db: float) -> FloatArray:
    return samples * np.float32(db_to_gain(gain_db))


def _unchanged(samples: FloatArray, _rate_hz: int, _rng: np.random.Generator) -> FloatArray:
    return samples


def _trim(samples: FloatArray, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Cut up to a tenth, at most half a second, off each end."""
    most = min(_MOST_SHARE * len(samples), _MOST_S * rate_hz)
    start, end = (int(part) for part in np.ceil(rng.uniform(0.0, most, 2)))
    return samples[start : max(start + 1, len(samples) - end)]


def _noise(samples: FloatArray, _rate_hz: int, rng: np.random.Generator, *, snr_db: float) -> FloatArray:
    """Add white noise whose mean power lies so far below the sound's."""
    level = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
    noise = rng.standard_normal(len(samples), np.float32) * np.float32(level / db_to_gain(snr_db))
    return samples + noise


def _transpose(samples: FloatArray, rate_hz: int, rng: np.random.Generator) -> FloatArray:
    """Move it a semitone up or down."""
    semitones = float(rng.choice([-1.0, 1.0]))
    return np.asarray(shift_pitch(samples[None], semitones, rate_hz)[0])


KINDS: tuple[CopyKind, ...] = (
    CopyKind("+12 dB", partial(_gain, gain_db=12.0), target=_TARGET),
    CopyKind("-12 dB", partial(_gain, gain_db=-12.0), target=_TARGET),
    CopyKind("MP3 64 kbit/s", _unchanged, "mp3", target=_TARGET),
    CopyKind("Opus 64 kbit/s", _unchanged, "opus", target=_TARGET),
    CopyKind("trimmed", _trim, target=_TARGET),
    CopyKind("noise at 20 dB", partial(_noise, snr_db=20.0), target=_TARGET),
    CopyKind("a semitone off", _transpose),
)
"""The kinds that are looked for; the last is only reported, as another note is another sound to many."""
