"""The mel scale, and filter banks of triangles that are evenly spaced on it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from soundalike.core.arrays import FloatArray
from soundalike.core.errors import InvalidInputError

MelScale: TypeAlias = Literal["slaney", "htk"]
MelNorm: TypeAlias = Literal["area", "peak"]
MelTriangles: TypeAlias = Literal["hz", "mel"]

_LINEAR_HZ_PER_MEL = 200.0 / 3.0
_LOG_FROM_HZ = 1000.0
_LOG_FROM_MEL = _LOG_FROM_HZ / _LINEAR_HZ_PER_MEL
_LOG_STEP = math.log(6.4) / 27.0


@dataclass(frozen=True, slots=True)
class MelConfig:
    """A bank of triangular filters over the bins of a spectrum.

    Attributes:
        rate_hz: Sample rate in Hz.
        fft_samples: Length of the transform whose bins are weighted.
        bands: Number of filters.
        low_hz: Lower foot of the lowest triangle.
        high_hz: Upper foot of the highest triangle, at most half the rate.
        scale: ``"slaney"`` (linear below 1 kHz, logarithmic above) or ``"htk"`` (2595 log10(1 + f / 700)).
        norm: ``"peak"``: every triangle's apex is 1, so white noise rises with the band's width; ``"area"``:
            every triangle has area 1 over Hz, so white noise is level.
        triangles: Over which axis the sides of a triangle are straight: ``"hz"``, or ``"mel"`` as in Kaldi.
        allow_empty: Whether a band may be so narrow that no bin falls into it; it is 0 then, whatever sounds.
    """

    rate_hz: int
    fft_samples: int
    bands: int = 40
    low_hz: float = 20.0
    high_hz: float = 12000.0
    scale: MelScale = "slaney"
    norm: MelNorm = "peak"
    triangles: MelTriangles = "hz"
    allow_empty: bool = False

    def __post_init__(self) -> None:
        if self.bands < 1 or self.fft_samples < 2:
            raise InvalidInputError(
                "A mel filter bank needs at least 1 band and a transform of 2 samples; "
                f"got {self.bands} and {self.fft_samples}."
            )
        if not 0.0 <= self.low_hz < self.high_hz <= self.rate_hz / 2:
            raise InvalidInputError(
                f"Mel bands lie between 0 Hz and half the rate, {self.rate_hz / 2:g} Hz, lower edge first; "
                f"got {self.low_hz:g} to {self.high_hz:g} Hz."
            )
        if self.scale not in ("slaney", "htk") or self.norm not in ("area", "peak"):
            raise InvalidInputError(
                f"scale is 'slaney' or 'htk' and norm is 'area' or 'peak'; "
                f"got {self.scale!r} and {self.norm!r}."
            )
        if self.triangles not in ("hz", "mel"):
            raise InvalidInputError(f"triangles are drawn over 'hz' or 'mel'; got {self.triangles!r}.")


def hz_to_mel(frequency_hz: NDArray[Any] | float, scale: MelScale = "slaney") -> NDArray[np.float64]:
    """Turn frequencies into mels.

    Args:
        frequency_hz: Frequencies in Hz, not negative, any shape.
        scale: Which formula: see :class:`MelConfig`.

    Returns:
        Mels, float64, of the same shape.

    Source:
        HTK: Young et al., The HTK Book, section 5.4. Slaney 1998, Auditory Toolbox, version 2, Interval
        Research technical report 1998-010.

    Example:
        >>> round(float(hz_to_mel(1000.0)), 6), round(float(hz_to_mel(1000.0, "htk")), 1)
        (15.0, 1000.0)
    """
    hz = np.asarray(frequency_hz, dtype=np.float64)
    if scale == "htk":
        return np.asarray(2595.0 * np.log10(1.0 + hz / 700.0))
    above = _LOG_FROM_MEL + np.log(np.maximum(hz, _LOG_FROM_HZ) / _LOG_FROM_HZ) / _LOG_STEP
    return np.where(hz < _LOG_FROM_HZ, hz / _LINEAR_HZ_PER_MEL, above)


def mel_to_hz(mels: NDArray[Any] | float, scale: MelScale = "slaney") -> NDArray[np.float64]:
    """Turn mels into frequencies: the inverse of :func:`hz_to_mel`.

    Args:
        mels: Mels, not negative, any shape.
        scale: Which formula: see :class:`MelConfig`.

    Returns:
        Frequencies in Hz, float64, of the same shape.

    Example:
        >>> round(float(mel_to_hz(15.0)), 6)
        1000.0
    """
    mel = np.asarray(mels, dtype=np.float64)
    if scale == "htk":
        return np.asarray(700.0 * (10.0 ** (mel / 2595.0) - 1.0))
    above = _LOG_FROM_HZ * np.exp(_LOG_STEP * (np.maximum(mel, _LOG_FROM_MEL) - _LOG_FROM_MEL))
    return np.where(mel < _LOG_FROM_MEL, mel * _LINEAR_HZ_PER_MEL, above)


def mel_filter_bank(config: MelConfig) -> FloatArray:
    """Build the weights of a mel filter bank.

    Each filter is a triangle, whose feet stand below the apexes of its two neighbours.

    Args:
        config: What to build.

    Returns:
        Weights of shape ``(bands, fft_samples // 2 + 1)``, float32, not negative.

    Raises:
        InvalidInputError: A band is so narrow that no bin of the transform falls into it, and the config
            does not allow that.

    Source:
        Davis and Mermelstein 1980, Comparison of parametric representations for monosyllabic word
        recognition, section II; the scales as in :func:`hz_to_mel`. With the scale ``"htk"`` and triangles
        over ``"mel"`` it is the bank of Kaldi (Povey et al. 2011, The Kaldi speech recognition toolkit;
        ``mel-computations.cc``), whose factor of 1127 before the natural logarithm cancels out.

    Example:
        >>> mel_filter_bank(MelConfig(rate_hz=24000, fft_samples=480, bands=40)).shape
        (40, 241)
    """
    low, high = hz_to_mel(np.array([config.low_hz, config.high_hz]), config.scale)
    edges_mel: NDArray[np.float64] = np.linspace(low, high, config.bands + 2)
    edges_hz = mel_to_hz(edges_mel, config.scale)
    bins_hz = np.arange(config.fft_samples // 2 + 1) * (config.rate_hz / config.fft_samples)
    over_mel = config.triangles == "mel"
    edges = edges_mel if over_mel else edges_hz
    bins = hz_to_mel(bins_hz, config.scale) if over_mel else bins_hz
    left, apex, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising = (bins - left) / (apex - left)
    falling = (right - bins) / (right - apex)
    weights = np.maximum(0.0, np.minimum(rising, falling))
    if config.norm == "area":
        weights *= 2.0 / (edges_hz[2:, None] - edges_hz[:-2, None])
    empty = np.flatnonzero(weights.max(axis=1) == 0.0)
    if len(empty) and not config.allow_empty:
        raise InvalidInputError(
            f"{config.bands} bands are too narrow for bins of {config.rate_hz / config.fft_samples:g} Hz: "
            f"band {int(empty[0])} holds no bin; ask for fewer bands or a longer transform."
        )
    return weights.astype(np.float32)
