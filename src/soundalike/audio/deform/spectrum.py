"""Random filters: a smooth equaliser, a low-pass, a high-pass, without delay."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from soundalike.audio.deform.base import check_batch, check_per_row, check_range, silence_from, sounding_part
from soundalike.core.arrays import FloatArray
from soundalike.core.errors import InvalidInputError

_MOST_DB = 60.0
_LOWEST_HZ = 20.0  # below it a curve stays as it is there
_RINGING_S = 0.05  # zeros behind each row, so that its filtered end does not come round to its start


def shape_spectrum(
    samples: FloatArray, gains_db: NDArray[np.floating], frequencies_hz: ArrayLike, rate_hz: int
) -> FloatArray:
    """Make frequencies of each row stronger or weaker, by a curve through given points.

    Args:
        samples: Shape ``(B, T)``, float32, finite.
        gains_db: Shape ``(B, P)``: gain at each point; within ±60. Between points it is linear over the
            logarithm of frequency; outside of them it stays as at the nearest.
        frequencies_hz: Shape ``(P,)``: the points, above 0 and rising.
        rate_hz: Sample rate.

    Returns:
        Shape ``(B, T)``, float32. Phases stay as they are, so that nothing is delayed; zeros that end a row
        stay zeros.

    Raises:
        InvalidInputError: An array is not what was expected.

    Example:
        >>> low, high = (np.sin(np.arange(8000) * f * np.pi / 4000) for f in (100, 2000))
        >>> rows = np.stack([low, high]).astype(np.float32)
        >>> curves = np.array([[0.0, -40.0], [0.0, -40.0]])
        >>> shaped = shape_spectrum(rows, curves, [500, 1000], 8000)[:, 4000:4020]
        >>> [f"{peak:.2f}" for peak in shaped.max(axis=1)]
        ['1.00', '0.01']
    """
    batch = check_batch(samples)
    points_hz = np.asarray(frequencies_hz, np.float64)
    if points_hz.ndim != 1 or not len(points_hz) or points_hz[0] <= 0 or (np.diff(points_hz) <= 0).any():
        raise InvalidInputError(f"frequencies_hz must be above 0 and rise; got {points_hz.tolist()}.")
    gains = np.asarray(gains_db, np.float64)
    if gains.shape != (len(batch), len(points_hz)) or not (np.abs(gains) <= _MOST_DB).all():
        raise InvalidInputError(
            f"gains_db must have shape {(len(batch), len(points_hz))} within ±{_MOST_DB:g}; "
            f"got shape {gains.shape}."
        )
    octaves = _octaves(batch.shape[1], rate_hz)
    return _filter(batch, _curves(gains, np.log2(points_hz), octaves), rate_hz)


def limit_band(
    samples: FloatArray,
    low_hz: ArrayLike,
    high_hz: ArrayLike,
    rate_hz: int,
    *,
    slope_db: float = 24.0,
    floor_db: float = 60.0,
) -> FloatArray:
    """Weaken what lies outside of a band of frequencies: high-pass and low-pass in one.

    Args:
        samples: Shape ``(B, T)``, float32, finite.
        low_hz: One number, or shape ``(B,)``: what is lower is weakened; 0 weakens nothing.
        high_hz: One number, or shape ``(B,)``: what is higher is weakened; infinity weakens nothing.
        rate_hz: Sample rate.
        slope_db: By how much, for each octave outside of the band.
        floor_db: By how much at most.

    Returns:
        Shape ``(B, T)``, float32; as for :func:`shape_spectrum`.

    Raises:
        InvalidInputError: An argument is not what was expected.

    Example:
        >>> tone = np.sin(np.arange(8000) * np.pi / 4).astype(np.float32)[None]  # 1000 Hz
        >>> f"{limit_band(tone, 2000, np.inf, 8000)[0, 3990:4010].max():.3f}"
        '0.063'
    """
    batch = check_batch(samples)
    lows = check_per_row(low_hz, len(batch), "low_hz", 0.0, np.inf)
    highs = check_per_row(high_hz, len(batch), "high_hz", _LOWEST_HZ, np.inf)
    check_per_row([slope_db, floor_db], 2, "slope_db and floor_db", 0.0, 120.0)
    octaves = _octaves(batch.shape[1], rate_hz)
    return _filter(batch, _band_curves(lows, highs, octaves, slope_db, floor_db), rate_hz)


def _transform_samples(samples: int, rate_hz: int) -> int:
    return int(scipy.fft.next_fast_len(samples + round(_RINGING_S * rate_hz), real=True))


def _octaves(samples: int, rate_hz: int) -> FloatArray:
    """The logarithm to base 2 of each bin's frequency in Hz: shape ``(F,)``."""
    frequencies_hz = scipy.fft.rfftfreq(_transform_samples(samples, rate_hz), 1.0 / rate_hz)
    return np.asarray(np.log2(np.maximum(frequencies_hz, _LOWEST_HZ)), np.float32)


def _curves(gains_db: NDArray[np.float64], points: NDArray[np.float64], octaves: FloatArray) -> FloatArray:
    """Draw a line through the points of each row: shape ``(B, F)``, in dB."""
    weights = np.stack([np.interp(octaves, points, unit) for unit in np.eye(len(points))])
    return np.asarray(gains_db, np.float32) @ np.asarray(weights, np.float32)


def _band_curves(
    low_hz: NDArray[np.float64],
    high_hz: NDArray[np.float64],
    octaves: FloatArray,
    slope_db: float,
    floor_db: float,
) -> FloatArray:
    """Fall on both sides of each row's band: shape ``(B, F)``, in dB."""
    low, high = (np.log2(np.clip(edge, _LOWEST_HZ, 1e9)).astype(np.float32) for edge in (low_hz, high_hz))
    outside = np.maximum(low[:, None] - octaves, octaves - high[:, None])
    return np.asarray(np.clip(-np.float32(slope_db) * outside, -floor_db, 0.0), np.float32)


def _filter(batch: FloatArray, curves_db: FloatArray, rate_hz: int) -> FloatArray:
    """Multiply the spectrum of each row by its curve."""
    count = batch.shape[1]
    size = _transform_samples(count, rate_hz)
    gains = np.exp(curves_db * np.float32(np.log(10.0) / 20.0))
    out = np.empty_like(batch)
    for row in range(len(batch)):  # row by row is quicker: a long spectrum stays in a core's cache
        spectrum = scipy.fft.rfft(batch[row], n=size, workers=1)
        spectrum *= gains[row]
        out[row] = scipy.fft.irfft(spectrum, n=size, workers=1, overwrite_x=True)[:count]
    return silence_from(out, sounding_part(batch)[1])


@dataclass(frozen=True, slots=True)
class Filter:
    """Filter each row by a smooth equaliser curve, and some rows by a low-pass or a high-pass too.

    Attributes:
        gain_db: The equaliser's points are drawn from minus this to plus this.
        points: How many points the curve has, evenly over the octaves from 60 Hz to half the rate.
        pass_share: How many of the rows also get a low-pass or a high-pass, 0 to 1.
        lowest_low_pass_hz: A low-pass starts no lower.
        highest_high_pass_hz: A high-pass starts no higher.
    """

    gain_db: float = 12.0
    points: int = 6
    pass_share: float = 0.5
    lowest_low_pass_hz: float = 1500.0
    highest_high_pass_hz: float = 500.0

    def __post_init__(self) -> None:
        check_range("gain_db", 0.0, self.gain_db, 0.0, _MOST_DB)
        check_range("points", 2, self.points, 2, 100)
        check_range("pass_share", 0.0, self.pass_share, 0.0, 1.0)
        check_range("lowest_low_pass_hz", _LOWEST_HZ, self.lowest_low_pass_hz, _LOWEST_HZ, 1e6)
        check_range("highest_high_pass_hz", _LOWEST_HZ, self.highest_high_pass_hz, _LOWEST_HZ, 1e6)

    def apply(
        self, samples: FloatArray, *, rate_hz: int, rng: Generator, others: FloatArray | None = None
    ) -> FloatArray:
        """Filter each row; see :class:`Deformation`."""
        del others
        batch = check_batch(samples)
        rows, half_hz = len(batch), rate_hz / 2.0
        octaves = _octaves(batch.shape[1], rate_hz)
        points = np.linspace(np.log2(min(60.0, half_hz / 4.0)), np.log2(half_hz), self.points)
        curves_db = _curves(rng.uniform(-self.gain_db, self.gain_db, (rows, self.points)), points, octaves)
        kind = rng.random(rows)  # of the share that passes a band only, one half low, the other high
        place = rng.random(rows)
        highest_hz = max(half_hz, self.lowest_low_pass_hz)
        lows = _LOWEST_HZ * (self.highest_high_pass_hz / _LOWEST_HZ) ** place
        highs = highest_hz * (self.lowest_low_pass_hz / highest_hz) ** place
        lows[kind >= self.pass_share / 2.0] = 0.0
        highs[(kind < self.pass_share / 2.0) | (kind >= self.pass_share)] = np.inf
        curves_db += _band_curves(lows, highs, octaves, slope_db=24.0, floor_db=40.0)
        return _filter(batch, curves_db, rate_hz)
