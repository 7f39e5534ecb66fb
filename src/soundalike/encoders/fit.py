"""Fitting the constants that the ``spectral`` encoder standardises with, over a stream of recordings."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from soundalike.audio import segment
from soundalike.core.arrays import FloatArray, check_audio
from soundalike.core.errors import InvalidInputError
from soundalike.encoders.spectral import SpectralEncoder
from soundalike.encoders.spectral_config import SpectralConfig

_SMALLEST_SCALE = 1e-3  # dB; a statistic that hardly varies must not be blown up
_DIGITS = 5  # significant digits kept, so that machines whose last bits differ fit the same constants


class StreamingMoments:
    """Mean and standard deviation of rows that come batch by batch.

    Source:
        Chan, Golub and LeVeque 1983, Algorithms for computing the sample variance, equation 2.1.

    Example:
        >>> moments = StreamingMoments(1)
        >>> moments.add(np.array([[1.0], [3.0]])); moments.add(np.array([[5.0]]))
        >>> moments.count, moments.mean.tolist(), round(float(moments.deviation[0]), 3)
        (3, [3.0], 1.633)
    """

    def __init__(self, dims: int) -> None:
        self.count = 0
        self.mean: NDArray[np.float64] = np.zeros(dims)
        self._squares: NDArray[np.float64] = np.zeros(dims)

    def add(self, rows: NDArray[np.floating]) -> None:
        """Take in rows of shape ``(N, D)``."""
        if len(rows) == 0:
            return
        batch = np.asarray(rows, dtype=np.float64)
        mean = batch.mean(axis=0)
        total = self.count + len(batch)
        step = mean - self.mean
        self._squares += np.square(batch - mean).sum(axis=0) + step**2 * (self.count * len(batch) / total)
        self.mean += step * (len(batch) / total)
        self.count = total

    @property
    def deviation(self) -> NDArray[np.float64]:
        """The standard deviation of each column, divided by the number of rows; 0 before any row."""
        return np.asarray(np.sqrt(self._squares / max(1, self.count)))


def fit_spectral(
    recordings: Iterable[NDArray[np.floating]], config: SpectralConfig | None = None
) -> SpectralConfig:
    """Fit the standardising constants to recordings, of which one at a time is held in memory.

    Every recording weighs the same, however many segments it has, so that one long recording does not outvote
    a hundred short ones. Silent recordings are passed over.

    Args:
        recordings: Mono audio at ``config.log_mel.rate_hz``, each of shape ``(T,)``, floating point.
        config: All other settings; its own constants are not used. The default settings when None.

    Returns:
        The config with the constants fitted, rounded to five significant digits.

    Raises:
        InvalidInputError: Fewer than two recordings that are not silent, or one that is not mono audio.
    """
    bare = dataclasses.replace(config or SpectralConfig(), mean=(), scale=())
    encoder = SpectralEncoder(bare)
    moments, squares = StreamingMoments(bare.dims), StreamingMoments(bare.dims)
    for recording in recordings:
        samples = check_audio(recording, what="a recording")
        if samples.ndim != 1:
            raise InvalidInputError(f"Expected mono recordings of shape (T,); got shape {samples.shape}.")
        if len(samples) == 0:
            continue
        rows = _statistics_of(samples, encoder).astype(np.float64)
        if len(rows):
            moments.add(rows.mean(axis=0, keepdims=True))
            squares.add(rows.var(axis=0, keepdims=True))
    if moments.count < 2:
        raise InvalidInputError(
            f"Constants are fitted to at least 2 recordings with sound in them; got {moments.count}."
        )
    # The variance of a segment drawn from a recording drawn at random: between recordings plus within them.
    scale = np.maximum(np.sqrt(moments.deviation**2 + squares.mean), _SMALLEST_SCALE)
    return dataclasses.replace(bare, mean=_rounded(moments.mean), scale=_rounded(scale))


def _statistics_of(samples: FloatArray, encoder: SpectralEncoder) -> FloatArray:
    """Take the statistics of every segment of a recording in which something sounds."""
    spec = encoder.spec
    cut = segment(
        samples,
        window_samples=spec.window_samples,
        hop_samples=spec.hop_samples,
        rate_hz=spec.rate_hz,
        silence_db=spec.silence_db,
    )
    return encoder.statistics_at(cut.samples, cut.starts[~cut.silent], cut.lengths[~cut.silent])


def _rounded(values: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(float(f"{value:.{_DIGITS - 1}e}") for value in values)
