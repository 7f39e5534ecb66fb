"""What every deformation is, and what all of them share: checks, and where in a row the sound lies."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from soundalike.core.arrays import BoolArray, FloatArray, IntArray, check_audio
from soundalike.core.errors import InvalidInputError


class Deformation(Protocol):
    """A change of sounds that leaves them alike; its settings are the ranges that it draws from."""

    def apply(
        self, samples: FloatArray, *, rate_hz: int, rng: Generator, others: FloatArray | None = None
    ) -> FloatArray:
        """Change each row in its own way.

        Args:
            samples: Shape ``(B, T)``, float32, finite; left as it is.
            rate_hz: Sample rate.
            rng: Where all randomness comes from.
            others: Sounds that may be mixed in, shape ``(M, T)``; None takes the batch itself. Only
                mixing reads it.

        Returns:
            Shape ``(B, T)``, float32: a new array.
        """
        ...


def check_batch(samples: NDArray[np.floating]) -> FloatArray:
    """Check that an array is a batch of sounds.

    Args:
        samples: Floating point, shape ``(B, T)`` with ``T`` at least 1.

    Returns:
        The same values as float32.

    Raises:
        InvalidInputError: Another shape, not floating point, or not finite.
    """
    batch = check_audio(samples)
    if batch.ndim != 2 or batch.shape[1] < 1:
        raise InvalidInputError(f"samples must have shape (B, T) with T at least 1; got {batch.shape}.")
    return batch


def check_per_row(
    values: ArrayLike, rows: int, what: str, lowest: float, highest: float
) -> NDArray[np.float64]:
    """Check a parameter that has one value per row, or one for all.

    Args:
        values: One number, or shape ``(B,)``.
        rows: B.
        what: Its name, for the message.
        lowest: The least value that is allowed.
        highest: The greatest.

    Returns:
        Shape ``(B,)``, float64.

    Raises:
        InvalidInputError: Another shape, or a value that is out of range or NaN.
    """
    given = np.asarray(values, np.float64)
    if given.shape not in {(), (rows,)}:
        raise InvalidInputError(f"{what} must be one number or have shape ({rows},); got {given.shape}.")
    if not ((given >= lowest) & (given <= highest)).all():
        raise InvalidInputError(f"{what} must be {lowest:g} to {highest:g}; got {given.tolist()}.")
    return np.broadcast_to(given, (rows,))


def check_range(what: str, lowest: float, highest: float, least: float, most: float) -> None:
    """Check the two ends of a range of settings.

    Raises:
        InvalidInputError: The ends are in the wrong order, or outside of what is allowed.
    """
    if not least <= lowest <= highest <= most:
        raise InvalidInputError(
            f"{what} must run from low to high within {least:g} to {most:g}; got {lowest:g} to {highest:g}."
        )


def sounding_part(samples: FloatArray) -> tuple[IntArray, IntArray]:
    """Find where the sound lies in each row: from its first to its last sample that is not zero.

    Args:
        samples: Shape ``(B, T)``.

    Returns:
        First sample and the one behind the last, each of shape ``(B,)``; both 0 for a silent row.

    Example:
        >>> first, stop = sounding_part(np.array([[0, 1, 0, 1, 0], [0, 0, 0, 0, 0]], np.float32))
        >>> first.tolist(), stop.tolist()
        ([1, 0], [4, 0])
    """
    sounds = samples != 0.0
    silent = ~sounds.any(axis=1)
    first = sounds.argmax(axis=1)
    stop = samples.shape[1] - sounds[:, ::-1].argmax(axis=1)
    stop[silent] = 0
    return first.astype(np.int64), stop.astype(np.int64)


def between(first: IntArray, stop: IntArray, count: int) -> BoolArray:
    """Mark the samples of each row from ``first`` to before ``stop``: shape ``(B, count)``."""
    at = np.arange(count)
    return (at >= first[:, None]) & (at < stop[:, None])


def silence_from(samples: FloatArray, stop: IntArray) -> FloatArray:
    """Set the samples of each row from ``stop`` on to zero, in place."""
    for row in np.flatnonzero(stop < samples.shape[1]):
        samples[row, max(0, stop[row]) :] = 0.0
    return samples


def energy(samples: FloatArray) -> NDArray[np.float64]:
    """Sum the squares of each row: shape ``(B,)``, float64."""
    sums: NDArray[np.float64] = np.einsum("bt,bt->b", samples, samples, dtype=np.float64)
    return sums
