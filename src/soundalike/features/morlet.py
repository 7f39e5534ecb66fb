"""Morlet wavelets: complex sines under a bell, evenly spaced in octaves, as filters of a filter bank."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from soundalike.core.errors import InvalidInputError

ComplexArray: TypeAlias = NDArray[np.complex64]

_SIGMAS = 3.5  # the bell is cut where it has fallen to exp(-3.5² / 2) = 0.2 % of its height
_HALF_POWER = math.sqrt(math.log(2.0))


@dataclass(frozen=True, slots=True)
class MorletConfig:
    """A bank of Morlet wavelets.

    Attributes:
        rate_hz: Sample rate in Hz.
        bands: Number of wavelets.
        low_hz: Centre of the lowest.
        high_hz: Centre of the highest; with its band, it lies below half the rate.
        bandwidth_octaves: Distance between the two frequencies where a wavelet passes half the power.
    """

    rate_hz: int = 32000
    bands: int = 64
    low_hz: float = 40.0
    high_hz: float = 12000.0
    bandwidth_octaves: float = 0.25

    def __post_init__(self) -> None:
        if self.bands < 2 or not 0.0 < self.bandwidth_octaves <= 1.0:
            raise InvalidInputError(
                "A bank has at least 2 wavelets of a bandwidth above 0 and at most 1 octave; "
                f"got {self.bands} and {self.bandwidth_octaves:g}."
            )
        top_hz = self.high_hz * 2.0 ** (self.bandwidth_octaves / 2.0)
        if not 0.0 < self.low_hz < self.high_hz or top_hz > self.rate_hz / 2:
            raise InvalidInputError(
                f"Wavelets lie above 0 Hz and, with their bands, below half the rate, {self.rate_hz / 2:g} "
                f"Hz, lowest first; got {self.low_hz:g} to {self.high_hz:g} Hz."
            )


def morlet_centres_hz(config: MorletConfig) -> NDArray[np.float64]:
    """Frequencies that the wavelets stand at, evenly spaced in octaves.

    Args:
        config: The bank.

    Returns:
        Shape ``(bands,)``, lowest first.

    Example:
        >>> morlet_centres_hz(MorletConfig(bands=3, low_hz=100.0, high_hz=400.0)).round(6).tolist()
        [100.0, 200.0, 400.0]
    """
    return np.geomspace(config.low_hz, config.high_hz, config.bands)


def morlet_wavelets(
    centres_hz: NDArray[np.floating[Any]], rate_hz: float, bandwidth_octaves: float
) -> ComplexArray:
    """Build complex Morlet wavelets.

    A wavelet at the frequency f is::

        w(t) = g · exp(-t² / (2 s²)) · exp(2πi f t),     s = 1 / (2π σ),
        σ = f · sinh(b · ln 2 / 2) / sqrt(ln 2)

    where b is the bandwidth in octaves: its spectrum is a bell of spread σ around f, which passes half the
    power at two frequencies whose ratio is 2^b, up to a small shift of both. The constant g is chosen such
    that a sine of amplitude 1 at f has a response of magnitude 1.

    Args:
        centres_hz: Frequencies in Hz, above 0, shape ``(F,)``.
        rate_hz: Sample rate in Hz.
        bandwidth_octaves: See :class:`MorletConfig`.

    Returns:
        Shape ``(F, taps)``, complex64, ``taps`` odd and as the lowest needs it: the wavelets' values in
        time order, time 0 in the middle. A wavelet is the conjugate of its mirror image, so that a
        convolution with it is a correlation with it.

    Source:
        Morlet et al. 1982, Wave propagation and sampling theory, part II, equation 9; the even spacing in
        octaves and the use on samples as in Vinyard, Cochlea.

    Example:
        >>> wavelets = morlet_wavelets(np.array([1000.0]), 16000, 0.25)
        >>> tone = np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)
        >>> bool(abs(abs(np.convolve(tone, wavelets[0], "valid")).mean() - 1.0) < 1e-3)
        True
    """
    spread_hz = centres_hz * math.sinh(bandwidth_octaves * math.log(2.0) / 2.0) / _HALF_POWER
    spread_s = 1.0 / (2.0 * math.pi * spread_hz)
    half = math.ceil(_SIGMAS * float(spread_s.max()) * rate_hz)
    time_s = np.arange(-half, half + 1) / rate_hz
    bell = np.exp(-0.5 * (time_s / spread_s[:, None]) ** 2)
    bell[np.abs(time_s) > _SIGMAS * spread_s[:, None]] = 0.0
    bell *= 2.0 / bell.sum(axis=1, keepdims=True)
    return np.asarray(bell * np.exp(2j * np.pi * centres_hz[:, None] * time_s), dtype=np.complex64)


def half_band_filter(taps: int = 77) -> NDArray[np.float32]:
    """Build the low-pass filter that stands before halving a rate.

    Args:
        taps: Its length, odd.

    Returns:
        Shape ``(taps,)``, float32, symmetric, of gain 1 at 0 Hz. With 77 taps the level at 0.225 of the rate
        is down by less than 0.1 dB, and from 0.275 on by more than 60 dB.

    Source:
        A Kaiser window of 60 dB on a sinc: Kaiser 1974, Nonrecursive digital filter design using the
        I0-sinh window function.
    """
    if taps < 3 or taps % 2 == 0:
        raise InvalidInputError(f"A half-band filter has an odd number of taps, at least 3; got {taps}.")
    time = np.arange(taps) - taps // 2
    kernel = np.sinc(time / 2.0) * np.kaiser(taps, 5.9)
    return np.asarray(kernel / kernel.sum(), dtype=np.float32)
