"""Short-time spectra there and back, and resonances that move."""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from soundalike.core.arrays import FloatArray
from soundalike.features import hann_window

OVERLAP = 2
"""Frames that cover a sample: with root-Hann windows on both ways, two of them add up to one."""


def frame_length(rate_hz: int, frame_s: float = 0.016) -> int:
    """The power of two that is nearest to a duration, at least 64 samples."""
    return int(max(64, 2 ** round(np.log2(rate_hz * frame_s))))


def to_spectra(samples: FloatArray, frame_samples: int) -> NDArray[np.complex64]:
    """Take short-time spectra that :func:`from_spectra` turns back exactly.

    Args:
        samples: Shape ``(T,)``, float32.
        frame_samples: Length of a frame, even.

    Returns:
        Shape ``(N, F)``, complex64: frames every half length, the first one centred on the first sample.
    """
    hop = frame_samples // OVERLAP
    frames = 1 + -(-len(samples) // hop)
    padded = np.zeros((frames + 1) * hop, np.float32)
    padded[hop : hop + len(samples)] = samples
    blocks = padded.reshape(frames + 1, hop)
    cut = np.concatenate([blocks[:-1], blocks[1:]], axis=1)
    return scipy.fft.rfft(cut * np.sqrt(hann_window(frame_samples)), axis=1)


def from_spectra(spectra: NDArray[np.complex64], count: int, frame_samples: int) -> FloatArray:
    """Turn short-time spectra into samples.

    Args:
        spectra: Shape ``(N, F)``, as :func:`to_spectra` gives them.
        count: Number of samples.
        frame_samples: Length of a frame.

    Returns:
        Shape ``(count,)``, float32.
    """
    hop = frame_samples // OVERLAP
    cut = scipy.fft.irfft(spectra, frame_samples, axis=1).astype(np.float32, copy=False)
    cut *= np.sqrt(hann_window(frame_samples))
    blocks = np.zeros((len(cut) + 1, hop), np.float32)
    blocks[:-1] += cut[:, :hop]
    blocks[1:] += cut[:, hop:]
    return blocks.ravel()[hop : hop + count]


def formant_filter(
    samples: FloatArray,
    rate_hz: int,
    centres_hz: NDArray[np.floating],
    bandwidths_hz: NDArray[np.floating],
    gains: NDArray[np.floating] | None = None,
) -> FloatArray:
    """Filter a sound by resonances that move: a mouth, a gust, a hollow that fills.

    Args:
        samples: Shape ``(T,)``, float32.
        rate_hz: Sample rate.
        centres_hz: Shape ``(P, K)``: K centres at P points that are spread evenly over the sound.
        bandwidths_hz: Shape ``(K,)``: width at half the power.
        gains: Shape ``(K,)``; 1 for all when None.

    Returns:
        Shape ``(T,)``, float32.
    """
    size = frame_length(rate_hz)
    spectra = to_spectra(samples, size)
    points = np.asarray(centres_hz, np.float64)
    place = np.linspace(0, len(points) - 1, len(spectra))
    before = np.minimum(place.astype(np.int64), max(len(points) - 2, 0))
    after = np.minimum(before + 1, len(points) - 1)
    part = (place - before)[:, None]
    centres = points[before] * (1 - part) + points[after] * part
    bins_hz = np.arange(size // 2 + 1, dtype=np.float32) * np.float32(rate_hz / size)
    weights = np.ones(points.shape[1]) if gains is None else gains
    response = np.zeros(spectra.shape, np.float32)
    for centre, width, weight in zip(centres.T, bandwidths_hz, weights, strict=True):
        offset = (bins_hz - centre[:, None].astype(np.float32)) * np.float32(2.0 / width)
        response += np.float32(weight) / np.sqrt(1.0 + offset * offset)
    return from_spectra(spectra * response, len(samples), size)
