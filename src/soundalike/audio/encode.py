"""Samples to WAV bytes, and previews of formats that a browser cannot play."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from soundalike.audio.container import AudioFile
from soundalike.audio.mixing import frame_channels, full_scale
from soundalike.audio.region import Region, check_region
from soundalike.core.arrays import FloatArray, check_audio
from soundalike.core.errors import AudioError, InvalidInputError

MAX_PREVIEW_S = 60.0
MAX_PREVIEW_BYTES = 1 << 28  # made in memory; a minute of eight channels at 192 kHz has 184 MB
_MAX_WAV_BYTES = 0xFFFFFFFF - 1000


def encode_wav(samples: FloatArray, rate_hz: int) -> bytes:
    """Write samples as a 16-bit PCM WAV file.

    Args:
        samples: Shape ``(T,)`` or ``(C, T)``, floating point, full scale at 1.0; beyond it is clipped.
        rate_hz: Sample rate.

    Returns:
        The file's bytes.

    Raises:
        InvalidInputError: Another shape, a value that is not finite, or more than a WAV file can hold.

    Example:
        >>> len(encode_wav(np.zeros(100, np.float32), 16000))
        244
    """
    channels = np.atleast_2d(check_audio(samples))
    if channels.ndim != 2 or not 1 <= channels.shape[0] <= 65535:
        raise InvalidInputError(f"samples must have shape (T,) or (C, T); got {samples.shape}.")
    if not 1 <= rate_hz < 1 << 31 or channels.size * 2 > _MAX_WAV_BYTES:
        raise InvalidInputError(f"{channels.size} samples at {rate_hz} Hz do not fit into a WAV file.")
    return _wav_file([_to_int16(channels)], channels.shape[0], rate_hz)


def _to_int16(channels: FloatArray) -> NDArray[np.int16]:
    """Samples ``(C, T)`` as they lie in a WAV file: ``(T, C)``, clipped at full scale."""
    return np.asarray(np.rint(np.clip(channels.T, -1.0, 1.0) * 32767.0), "<i2", order="C")


def _wav_file(pieces: list[NDArray[np.int16]], channels: int, rate_hz: int) -> bytes:
    """Put a header before pieces of shape ``(T, C)``."""
    frame_bytes = channels * 2
    form = struct.pack(
        "<HHIIHH", 1, channels, rate_hz, rate_hz * frame_bytes & 0xFFFFFFFF, frame_bytes & 0xFFFF, 16
    )
    data_bytes = sum(piece.nbytes for piece in pieces)
    return b"".join(
        [
            struct.pack("<4sI4s", b"RIFF", 36 + data_bytes, b"WAVE"),
            struct.pack("<4sI", b"fmt ", len(form)) + form,
            struct.pack("<4sI", b"data", data_bytes),
            *(piece.data for piece in pieces),
        ]
    )


def cut_preview(file: AudioFile, start_s: float, duration_s: float, *, name: str = "") -> bytes:
    """Cut a stretch of a file, in its own channels and at its own rate, as a 16-bit WAV file.

    Args:
        file: A path, or an open binary file that can seek (it is left open).
        start_s: Where the stretch starts, in seconds.
        duration_s: How long it is; more than 60 s, or than fits into 256 MiB, is cut off.
        name: The file's name, for messages and as a hint for the format.

    Returns:
        The bytes of a WAV file; shorter where the file ends before.

    Raises:
        AudioError: It cannot be read, is no audio, or ends before ``start_s``.
        InvalidInputError: A negative start or no duration.
    """
    check_region(start_s, duration_s)
    with Region(file, name) as region:
        own_hz, channels = region.info.rate_hz, region.info.channels
        count = min(round(min(duration_s, MAX_PREVIEW_S) * own_hz), MAX_PREVIEW_BYTES // (2 * channels))
        count = max(1, count)
        pieces = []
        for frame, skip, stop in region.frames(round(start_s * own_hz), count):
            if frame.layout.nb_channels == channels:
                zero, full = full_scale(frame)
                with np.errstate(over="ignore", invalid="ignore"):
                    wide = frame_channels(frame)[:, skip:stop].astype(np.float32)
                    scaled = (wide - np.float32(zero)) / np.float32(full)
                # 16 bits at once: a minute of many channels at a high rate is large.
                pieces.append(_to_int16(np.nan_to_num(scaled, nan=0.0, posinf=0.0, neginf=0.0)))
        if not pieces:
            raise AudioError(f"{region.label} ends before {start_s:g} s.")
        return _wav_file(pieces, channels, own_hz)
