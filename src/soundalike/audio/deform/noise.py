"""Additive noise: white, pink or brown, at a set ratio to each sound's own power."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from soundalike.audio.deform.base import (
    between,
    check_batch,
    check_per_row,
    check_range,
    energy,
    sounding_part,
)
from soundalike.core.arrays import FloatArray
from soundalike.core.errors import InvalidInputError

COLOURS = {"white": 0.0, "pink": 1.0, "brown": 2.0}
"""By how much the power of each colour falls: as 1 over frequency to this."""
_FLAT_BELOW_HZ = 20.0  # else most of brown noise would lie where nobody hears it


def coloured_noise(
    exponents: NDArray[np.floating], samples: int, *, rate_hz: int, rng: Generator
) -> FloatArray:
    """Make Gaussian noise whose power falls with frequency.

    Args:
        exponents: Shape ``(B,)``: 0 is white, 1 pink, 2 brown.
        samples: T.
        rate_hz: Sample rate.
        rng: Where the noise comes from.

    Returns:
        Shape ``(B, T)``, float32, of power about 1; flat below 20 Hz.

    Example:
        >>> rng = np.random.default_rng(1)
        >>> pink = coloured_noise(np.array([1.0]), 32000, rate_hz=32000, rng=rng)
        >>> power = np.abs(np.fft.rfft(pink[0])) ** 2
        >>> bool(power[100:200].sum() > 5 * power[1000:1100].sum())
        True
    """
    size = scipy.fft.next_fast_len(samples, real=True)
    frequencies_hz = np.maximum(scipy.fft.rfftfreq(size, 1.0 / rate_hz), _FLAT_BELOW_HZ)
    fall, colour = np.unique(np.asarray(exponents, np.float64), return_inverse=True)
    shapes = np.exp(-0.5 * np.outer(fall, np.log(frequencies_hz)))
    shapes *= np.sqrt(size / 2.0) / np.sqrt(np.square(shapes).mean(axis=1, keepdims=True))
    parts = rng.standard_normal((len(exponents), 2 * len(frequencies_hz)), np.float32)
    spectra = parts.view(np.complex64)
    spectra *= shapes.astype(np.float32)[colour]
    noise: FloatArray = scipy.fft.irfft(spectra, n=size, axis=-1, workers=1, overwrite_x=True)
    return noise[:, :samples]


def add_noise(samples: FloatArray, snr_db: ArrayLike, noise: FloatArray) -> FloatArray:
    """Add noise to each row where it sounds.

    Args:
        samples: Shape ``(B, T)``, float32, finite.
        snr_db: One number, or shape ``(B,)``: power of the sound to power of the noise, both from the row's
            first to its last sample that is not zero; -60 to 120.
        noise: Shape ``(B, T)``, float32, of any power.

    Returns:
        Shape ``(B, T)``, float32. Zeros before and after a sound stay zeros, and a silent row silent.

    Raises:
        InvalidInputError: An array is not what was expected.

    Example:
        >>> sound, noise = np.ones((1, 8), np.float32), np.full((1, 8), 5, np.float32)
        >>> f"{add_noise(sound, 20.0, noise)[0, 0]:.3f}"
        '1.100'
    """
    batch, added = check_batch(samples), check_batch(noise)
    if added.shape != batch.shape:
        raise InvalidInputError(f"noise must have the samples' shape {batch.shape}; got {added.shape}.")
    wanted_db = check_per_row(snr_db, len(batch), "snr_db", -60.0, 120.0)
    first, stop = sounding_part(batch)
    if (stop - first < batch.shape[1]).any():
        added = np.where(between(first, stop, batch.shape[1]), added, np.float32(0.0))
    gains = gains_for_ratio(energy(batch), energy(added), wanted_db)
    return batch + added * gains[:, None]


def gains_for_ratio(
    sound: NDArray[np.float64], other: NDArray[np.float64], ratio_db: NDArray[np.float64]
) -> FloatArray:
    """Give the factors that bring other sounds to a ratio of energies; 0 where either is silent."""
    heard = (sound > 0.0) & (other > 0.0)
    share = np.divide(sound, other, out=np.zeros_like(sound), where=heard)
    return np.asarray(np.sqrt(share) * 10.0 ** (-ratio_db / 20.0), np.float32)


@dataclass(frozen=True, slots=True)
class Noise:
    """Add noise to each row, of a colour and at a ratio of its own.

    Attributes:
        lowest_snr_db: The least ratio of sound to noise: the most noise.
        highest_snr_db: The greatest.
        colours: Which colours are drawn from: of ``"white"``, ``"pink"``, ``"brown"``.
    """

    lowest_snr_db: float = 5.0
    highest_snr_db: float = 30.0
    colours: tuple[str, ...] = ("white", "pink", "brown")

    def __post_init__(self) -> None:
        check_range("snr_db", self.lowest_snr_db, self.highest_snr_db, -60.0, 120.0)
        if not self.colours or not set(self.colours) <= set(COLOURS):
            raise InvalidInputError(f"colours must be some of {', '.join(COLOURS)}; got {self.colours}.")

    def apply(
        self, samples: FloatArray, *, rate_hz: int, rng: Generator, others: FloatArray | None = None
    ) -> FloatArray:
        """Add noise to each row; see :class:`Deformation`."""
        del others
        batch = check_batch(samples)
        snr_db = rng.uniform(self.lowest_snr_db, self.highest_snr_db, len(batch))
        exponents = np.array([COLOURS[colour] for colour in self.colours])
        chosen = exponents[rng.integers(len(exponents), size=len(batch))]
        return add_noise(batch, snr_db, coloured_noise(chosen, batch.shape[1], rate_hz=rate_hz, rng=rng))
