"""How loud a sound is, and its outline for drawing, gathered while it is decoded."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from soundalike.core.arrays import FloatArray
from soundalike.core.errors import InvalidInputError
from soundalike.core.units import gain_to_db

MAX_PEAKS = 1024  # pairs: one for every pixel column of a wide waveform
_FEW = 64  # samples of a bucket


class Levels:
    """Adds up loudness, peak and outline over a stream of samples; the same whatever the sizes of the blocks.

    The outline has one pair (minimum, maximum) for every ``2**k`` samples, with the smallest ``k`` that needs
    no more than ``MAX_PEAKS`` pairs.
    """

    def __init__(self) -> None:
        self._count = 0
        self._power = 0.0
        self._bucket = 1
        self._low = np.empty(0, np.float32)
        self._high = np.empty(0, np.float32)
        self._rest = np.empty((2, 0), np.float32)  # extremes of the bucket that is not yet full
        self._rest_count = 0

    def push(self, samples: FloatArray) -> None:
        """Take the next samples, shape ``(T,)``, float32."""
        if not len(samples):
            return
        self._count += len(samples)
        wide = samples.astype(np.float64)
        self._power += float(np.dot(wide, wide))
        while self._count > self._bucket * MAX_PEAKS:
            self._merge()
        missing = self._bucket - self._rest_count if self._rest_count else 0
        self._add_to_rest(samples[:missing])
        after = samples[missing:]
        whole = len(after) // self._bucket * self._bucket
        if whole:
            low, high = _extremes(after[:whole], self._bucket)
            self._low = np.concatenate([self._low, low])
            self._high = np.concatenate([self._high, high])
        self._add_to_rest(after[whole:])

    def _add_to_rest(self, samples: FloatArray) -> None:
        if not len(samples):
            return
        both = np.concatenate([self._rest.ravel(), samples])
        self._rest = np.array([[both.min()], [both.max()]], np.float32)
        self._rest_count += len(samples)
        if self._rest_count == self._bucket:
            self._low = np.append(self._low, self._rest[0])
            self._high = np.append(self._high, self._rest[1])
            self._rest, self._rest_count = np.empty((2, 0), np.float32), 0

    def _merge(self) -> None:
        """Make every bucket twice as long."""
        self._bucket *= 2
        if not len(self._low):  # at most a bucket that is not yet full, and now is less so
            return
        if len(self._low) % 2:
            odd = np.array([[self._low[-1]], [self._high[-1]]], np.float32)
            both = np.concatenate([odd, self._rest], axis=1)
            self._rest = np.array([[both[0].min()], [both[1].max()]], np.float32)
            self._rest_count += self._bucket // 2
            self._low, self._high = self._low[:-1], self._high[:-1]
        self._low = self._low.reshape(-1, 2).min(axis=1)
        self._high = self._high.reshape(-1, 2).max(axis=1)

    @property
    def loudness_dbfs(self) -> float:
        """Root mean square over all samples in dB relative to full scale, no lower than -120."""
        mean = self._power / self._count if self._count else 0.0
        return round(gain_to_db(math.sqrt(mean)), 4)

    @property
    def peak_dbfs(self) -> float:
        """Greatest magnitude of a sample in dB relative to full scale, no lower than -120."""
        low = min([float(part.min()) for part in (self._low, self._rest[0]) if len(part)], default=0.0)
        high = max([float(part.max()) for part in (self._high, self._rest[1]) if len(part)], default=0.0)
        return round(gain_to_db(max(-low, high)), 4)

    def peaks(self) -> bytes:
        """Give the outline: int8 pairs (minimum, maximum), oldest first, 127 at full scale."""
        pairs = np.stack([np.append(self._low, self._rest[0]), np.append(self._high, self._rest[1])], axis=1)
        packed: NDArray[np.int8] = np.rint(np.clip(pairs, -1.0, 1.0) * 127.0).astype(np.int8)
        return packed.tobytes()


def _extremes(samples: FloatArray, bucket: int) -> tuple[FloatArray, FloatArray]:
    """Minimum and maximum of every ``bucket`` samples, a power of two that divides their number."""
    low = high = samples
    while bucket > 1 and bucket <= _FEW:  # numpy reduces short rows slowly, and whole columns fast
        low, high = np.minimum(low[::2], low[1::2]), np.maximum(high[::2], high[1::2])
        bucket //= 2
    if bucket == 1:
        return low, high
    return low.reshape(-1, bucket).min(axis=1), high.reshape(-1, bucket).max(axis=1)


def unpack_peaks(packed: bytes) -> NDArray[np.int8]:
    """Give an outline back as an array.

    Args:
        packed: What :meth:`Levels.peaks` gave.

    Returns:
        Shape ``(n, 2)``, int8: minimum and maximum, 127 at full scale.

    Raises:
        InvalidInputError: An odd number of bytes.

    Example:
        >>> levels = Levels()
        >>> levels.push(np.array([0.5, -1.0, 0.25], np.float32))
        >>> unpack_peaks(levels.peaks()).tolist()
        [[64, 64], [-127, -127], [32, 32]]
    """
    if len(packed) % 2:
        raise InvalidInputError(f"Peaks are pairs of bytes; got {len(packed)} bytes.")
    return np.frombuffer(packed, np.int8).reshape(-1, 2)
