"""Log-mel spectra: the power in each mel band over time, in decibels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from soundalike.core.arrays import FloatArray
from soundalike.core.errors import InvalidInputError
from soundalike.features.mel import MelConfig, MelNorm, MelScale, mel_filter_bank
from soundalike.features.stft import LANES, StftConfig, frame, power_of_frames, round_up_to_lanes

DB_PER_NEPER = np.float32(10.0 / np.log(10.0))
"""What the natural logarithm of a power is multiplied with to make dB of it."""


@dataclass(frozen=True, slots=True)
class LogMelConfig:
    """What a log-mel spectrum is made with.

    Attributes:
        rate_hz: Sample rate in Hz.
        frame_samples: Length of a frame.
        hop_samples: Distance between the starts of two frames.
        bands: Number of mel bands.
        low_hz: Lower edge of the lowest band.
        high_hz: Upper edge of the highest band.
        scale: The mel formula: see :class:`soundalike.features.mel.MelConfig`.
        norm: The height of the bands: see :class:`soundalike.features.mel.MelConfig`.
        floor_db: Lowest level, in dB relative to a full-scale sine: what stands for no power at all.
    """

    rate_hz: int = 24000
    frame_samples: int = 480
    hop_samples: int = 240
    bands: int = 40
    low_hz: float = 20.0
    high_hz: float = 12000.0
    scale: MelScale = "slaney"
    norm: MelNorm = "peak"
    floor_db: float = -160.0

    def __post_init__(self) -> None:
        if not -300.0 <= self.floor_db <= 0.0:
            raise InvalidInputError(f"floor_db lies between -300 and 0 dB; got {self.floor_db:g}.")

    @property
    def stft(self) -> StftConfig:
        """How the recording is cut into frames."""
        return StftConfig(self.frame_samples, self.hop_samples)

    @property
    def mel(self) -> MelConfig:
        """The filter bank."""
        return MelConfig(
            self.rate_hz, self.frame_samples, self.bands, self.low_hz, self.high_hz, self.scale, self.norm
        )


def log_mel_of_frames(frames: FloatArray, config: LogMelConfig) -> FloatArray:
    """Take the log-mel spectrum of each of many frames.

    A frame's spectrum is the same bit for bit whatever other frames stand beside it. The filter bank is
    applied as a sparse matrix, one band after the other, because a dense product's order of additions
    depends on the number of frames and threads.

    Args:
        frames: Shape ``(N, frame_samples)``, float32, not windowed.
        config: What to make; its hop is not used.

    Returns:
        Levels in dB relative to a full-scale sine, shape ``(bands, N)``, float32.
    """
    count = len(frames)
    if count % LANES:
        frames = np.pad(frames, ((0, round_up_to_lanes(count) - count), (0, 0)))
    mel = np.asarray(sparse_bank(config.mel) @ power_of_frames(frames), dtype=np.float32)
    np.maximum(mel, np.float32(10.0 ** (config.floor_db / 10.0)), out=mel)
    np.log(mel, out=mel)
    mel *= DB_PER_NEPER
    return mel[:, :count]


def log_mel(samples: NDArray[Any], config: LogMelConfig) -> FloatArray:
    """Take the log-mel spectra of recordings over time.

    Args:
        samples: Floating point, shape ``(..., T)``, at ``config.rate_hz``, finite, full scale at 1.0.
        config: What to make.

    Returns:
        Levels in dB relative to a full-scale sine, shape ``(..., bands, N)``, float32.

    Raises:
        InvalidInputError: Not audio, or shorter than one frame.

    Example:
        >>> second = np.sin(2 * np.pi * 1000 * np.arange(24000) / 24000)
        >>> levels = log_mel(second, LogMelConfig())
        >>> levels.shape, bool(abs(levels.max()) < 3)
        ((40, 99), True)
    """
    frames = frame(samples, config.stft)
    levels = log_mel_of_frames(frames.reshape(-1, config.frame_samples), config)
    return np.moveaxis(levels.reshape(config.bands, *frames.shape[:-1]), 0, -2)


@lru_cache(maxsize=16)
def sparse_bank(config: MelConfig) -> scipy.sparse.csr_array[Any]:
    """A filter bank as a sparse matrix: what it makes of a spectrum does not depend on its neighbours."""
    return scipy.sparse.csr_array(mel_filter_bank(config))
