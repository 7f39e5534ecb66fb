"""From a file, or a stretch of one, to the vector that it is searched with."""

from __future__ import annotations

import hashlib
import io
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, TypeAlias

import numpy as np

from soundalike.audio import Segmenter, Segments, decode_region, open_audio
from soundalike.core.arrays import FloatArray
from soundalike.core.errors import AudioError, QueryError
from soundalike.core.units import human_duration
from soundalike.encoders import Encoder

AudioSource: TypeAlias = str | os.PathLike[str] | BinaryIO

_BLOCK_S = 10.0
_SOUGHT_S = 60.0  # stretches up to this long are sought and held at once; longer ones are streamed
_CHUNK_BYTES = 1 << 20
_ID_DIGITS = 32


def listen(
    file: AudioSource, encoder: Encoder, *, start_s: float | None = None, duration_s: float | None = None
) -> FloatArray:
    """Make one vector of a file, or of a stretch of it, as a whole sound's is made.

    Args:
        file: A path, or an open binary file that can seek.
        encoder: What listens.
        start_s: Where to begin; at the beginning by default.
        duration_s: For how long; to the end by default. A stretch that reaches beyond the end ends there.

    Returns:
        Shape ``(D,)``, float32.

    Raises:
        AudioError: It is no audio that can be decoded, or cannot be read.
        QueryError: The stretch is empty or lies outside the sound, or nothing in it sounds.
    """
    check_region(start_s, duration_s)
    spec = encoder.spec
    segmenter = Segmenter(spec.window_samples, spec.hop_samples, spec.rate_hz, spec.silence_db)
    vectors: list[FloatArray] = []
    for block in _stretch(file, spec.rate_hz, start_s or 0.0, duration_s):
        vectors += _encoded(segmenter.push(block), encoder)
    vectors += _encoded(segmenter.finish(), encoder)
    if not vectors:
        what = "The query" if start_s is None and duration_s is None else "That part of the query"
        raise QueryError(f"{what} is silent: nothing in it is louder than the noise of 16 bits.")
    return encoder.pool(np.concatenate(vectors))


def content_id(file: AudioSource) -> str:
    """The id that a sound with these bytes has in any library.

    Raises:
        AudioError: The file cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with _opened(file) as opened:
            while chunk := opened.read(_CHUNK_BYTES):
                digest.update(chunk)
    except OSError as error:
        raise AudioError(f"{_name(file)} cannot be read: {error.strerror or error}.") from error
    return digest.hexdigest()[:_ID_DIGITS]


def check_region(start_s: float | None, duration_s: float | None) -> None:
    """Raise QueryError where a stretch is empty or begins before the beginning."""
    if start_s is not None and not (math.isfinite(start_s) and start_s >= 0):
        raise QueryError(f"A part of a sound starts at 0 seconds or later; got {start_s}.")
    if duration_s is not None and not (math.isfinite(duration_s) and duration_s > 0):
        raise QueryError(f"A part of a sound must last longer than 0 seconds; got {duration_s}.")


def outside(start_s: float, total_s: float) -> QueryError:
    """The error for a stretch that begins behind the end."""
    return QueryError(
        f"The sound lasts {human_duration(total_s)}; nothing is left of it at {human_duration(start_s)}."
    )


def _stretch(
    file: AudioSource, rate_hz: int, start_s: float, duration_s: float | None
) -> Iterator[FloatArray]:
    """Decode the blocks of a stretch."""
    first = round(start_s * rate_hz)
    last = None if duration_s is None else first + max(1, round(duration_s * rate_hz))
    at = 0
    source = Path(file) if isinstance(file, str | os.PathLike) else file
    if duration_s is not None and duration_s <= _SOUGHT_S:
        with _opened(file):
            yield decode_region(source, start_s, duration_s, rate_hz, name=_name(file))
        return
    with _opened(file), open_audio(source, rate_hz=rate_hz, name=_name(file)) as reader:
        for block in reader.blocks(max(1, int(_BLOCK_S * rate_hz))):
            part = block[max(first - at, 0) : None if last is None else max(last - at, 0)]
            at += len(block)
            if len(part):
                yield np.ascontiguousarray(part)
            if last is not None and at >= last:
                return
    if at <= first:
        raise outside(start_s, at / rate_hz)


def _encoded(segments: Segments | None, encoder: Encoder) -> list[FloatArray]:
    if segments is None or segments.silent.all():
        return []
    sounding = ~segments.silent
    return [encoder.encode_at(segments.samples, segments.starts[sounding], segments.lengths[sounding])]


class _opened:  # noqa: N801 (a context, used like a function)
    """Open a path, or go to the beginning of what is open, and back there afterwards."""

    def __init__(self, file: AudioSource) -> None:
        self._own = isinstance(file, str | os.PathLike)
        try:
            self._file: BinaryIO = open(file, "rb") if isinstance(file, str | os.PathLike) else file  # noqa: SIM115
            self._file.seek(0)
        except (io.UnsupportedOperation, ValueError) as error:
            raise AudioError(f"{_name(file)} must be a file that can seek, open for reading.") from error
        except OSError as error:
            raise AudioError(f"{_name(file)} cannot be read: {error.strerror or error}.") from error

    def __enter__(self) -> BinaryIO:
        return self._file

    def __exit__(self, *exc: object) -> None:
        if self._own:
            self._file.close()
        else:
            self._file.seek(0)


def _name(file: AudioSource) -> str:
    if isinstance(file, str | os.PathLike):
        return Path(file).name
    name = getattr(file, "name", None)
    return Path(name).name if isinstance(name, str) else "The query"
