"""Short-time power spectra: frames of a recording, windowed, transformed and squared."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from soundalike.core.arrays import FloatArray, check_audio
from soundalike.core.errors import InvalidInputError

LANES = 16
"""Float32 values in the widest vector registers: columns in multiples of it all see the same instructions."""


@dataclass(frozen=True, slots=True)
class StftConfig:
    """How a recording is cut into frames.

    Attributes:
        frame_samples: Length of a frame, which is the length of its transform too.
        hop_samples: Distance between the starts of two frames.
    """

    frame_samples: int
    hop_samples: int

    def __post_init__(self) -> None:
        if self.frame_samples < 2 or self.hop_samples < 1:
            raise InvalidInputError(
                f"A frame has at least 2 samples and a hop at least 1; got {self.frame_samples} and "
                f"{self.hop_samples}."
            )

    @property
    def bins(self) -> int:
        """Number of frequency bins F, from 0 Hz to half the rate."""
        return self.frame_samples // 2 + 1


def count_frames(samples: int, config: StftConfig) -> int:
    """Count the frames that lie wholly inside a recording.

    Args:
        samples: Length of the recording.
        config: How it is cut.

    Returns:
        The number of frames: 0 where the recording is shorter than one.

    Example:
        >>> count_frames(23040, StftConfig(frame_samples=480, hop_samples=240))
        95
    """
    return max(0, 1 + (samples - config.frame_samples) // config.hop_samples)


def round_up_to_lanes(count: int) -> int:
    """Round a number of columns up to whole vector registers.

    Example:
        >>> round_up_to_lanes(17)
        32
    """
    return -(-count // LANES) * LANES


@lru_cache(maxsize=16)
def hann_window(samples: int) -> FloatArray:
    """The periodic Hann window.

    Args:
        samples: Its length.

    Returns:
        Shape ``(samples,)``, float32, read-only: 0 at the start, 1 in the middle.

    Example:
        >>> hann_window(4).tolist()
        [0.0, 0.5, 1.0, 0.5]
    """
    window = (0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(samples) / samples)).astype(np.float32)
    window.setflags(write=False)
    return window


def frame(samples: NDArray[Any], config: StftConfig) -> FloatArray:
    """Cut recordings into overlapping frames without copying them.

    Args:
        samples: Floating point, shape ``(..., T)``, finite.
        config: How to cut.

    Returns:
        A read-only view of shape ``(..., N, frame_samples)``, float32: the frames that lie wholly inside.

    Raises:
        InvalidInputError: Not audio, or shorter than one frame.
    """
    audio = check_audio(samples)
    if audio.shape[-1] < config.frame_samples:
        raise InvalidInputError(
            f"Expected at least one frame of {config.frame_samples} samples; got {audio.shape[-1]} samples."
        )
    return sliding_window_view(audio, config.frame_samples, axis=-1)[..., :: config.hop_samples, :]


def power_of_frames(
    frames: FloatArray, window: FloatArray | None = None, fft_samples: int | None = None
) -> FloatArray:
    """Take the power spectrum of each of many frames.

    A frame's spectrum is the same bit for bit whatever other frames stand beside it: their number is rounded
    up to whole vector registers, so that every one goes through the same instructions.

    Args:
        frames: Shape ``(N, frame_samples)``, float32, not windowed.
        window: What each is multiplied with, shape ``(frame_samples,)``, float32; by default the periodic
            Hann window, scaled as is said below.
        fft_samples: Length of the transform, at least that of a frame, which is filled up with zeros; by
            default that of a frame.

    Returns:
        Shape ``(F, N)``, float32, frequencies first. With the default window a sine of amplitude 1 at the
        centre of a bin has power 1 there, and a constant of 1 has power 4 at 0 Hz.
    """
    count, length = frames.shape
    windowed = np.empty((round_up_to_lanes(count), fft_samples or length), np.float32)
    np.multiply(frames, scaled_window(length) if window is None else window, out=windowed[:count, :length])
    windowed[count:] = 0.0
    windowed[:count, length:] = 0.0
    spectra = scipy.fft.rfft(windowed.T, axis=0, workers=1)
    power = np.square(spectra.real)
    power += np.square(spectra.imag)
    return power[:, :count]


def power_spectrogram(samples: NDArray[Any], config: StftConfig) -> FloatArray:
    """Take the power spectra of recordings over time.

    Args:
        samples: Floating point, shape ``(..., T)``, finite, full scale at 1.0.
        config: How the recording is cut into frames.

    Returns:
        Shape ``(..., F, N)``, float32, scaled as in :func:`power_of_frames`.

    Raises:
        InvalidInputError: Not audio, or shorter than one frame.

    Example:
        >>> second = np.sin(2 * np.pi * 1000 * np.arange(24000) / 24000)
        >>> power = power_spectrogram(second, StftConfig(frame_samples=480, hop_samples=240))
        >>> power.shape, int(power[:, 0].argmax()) * 24000 // 480
        ((241, 99), 1000)
    """
    frames = frame(samples, config)
    count = frames.shape[-2]
    power = power_of_frames(frames.reshape(-1, config.frame_samples))
    return np.moveaxis(power.reshape(config.bins, *frames.shape[:-2], count), 0, -2)


@lru_cache(maxsize=16)
def scaled_window(samples: int) -> FloatArray:
    """The periodic Hann window, scaled so that a sine of amplitude 1 has power 1: read-only, float32."""
    window = hann_window(samples)
    scaled = window * np.float32(2.0 / window.sum(dtype=np.float64))
    scaled.setflags(write=False)
    return scaled
