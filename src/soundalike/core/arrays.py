"""Array types and the checks that public functions make of arrays at their border."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from soundalike.core.errors import InvalidInputError

FloatArray: TypeAlias = NDArray[np.float32]
IntArray: TypeAlias = NDArray[np.int64]
BoolArray: TypeAlias = NDArray[np.bool_]


def check_audio(samples: NDArray[Any], *, what: str = "samples") -> FloatArray:
    """Check that an array can be taken as audio.

    Args:
        samples: Floating-point array of shape ``(..., T)``.
        what: The argument's name, for the message.

    Returns:
        The same values as float32; the same array where it was float32 already.

    Raises:
        InvalidInputError: Not floating point, no axis, or a value that is NaN or infinite.
    """
    array = np.asarray(samples)
    if array.dtype.kind != "f":
        raise InvalidInputError(f"{what} must be floating point; got dtype {array.dtype}.")
    if array.ndim < 1:
        raise InvalidInputError(f"{what} must have shape (..., T); got a single number.")
    single = _as_float32(array)
    if not np.isfinite(single).all():
        bad = int(single.size - np.isfinite(single).sum())
        raise InvalidInputError(f"{what} must be finite; {bad} of {single.size} values are NaN or infinite.")
    return single


def check_vectors(vectors: NDArray[Any], dims: int | None = None, *, what: str = "vectors") -> FloatArray:
    """Check that an array can be taken as a stack of embeddings.

    Args:
        vectors: Floating-point array of shape ``(N, D)``.
        dims: The D that is expected, or None for any.
        what: The argument's name, for the message.

    Returns:
        The same values as C-contiguous float32.

    Raises:
        InvalidInputError: Another shape, another D, not floating point, or not finite.
    """
    array = np.asarray(vectors)
    if array.ndim != 2 or array.dtype.kind != "f":
        raise InvalidInputError(
            f"{what} must be a floating-point array of shape (N, D); got shape {array.shape}, {array.dtype}."
        )
    if dims is not None and array.shape[1] != dims:
        raise InvalidInputError(f"{what} must have {dims} dimensions; got {array.shape[1]}.")
    single = np.ascontiguousarray(_as_float32(array))
    if not np.isfinite(single).all():
        raise InvalidInputError(f"{what} must be finite; some values are NaN or infinite.")
    return single


def _as_float32(array: NDArray[Any]) -> FloatArray:
    """Convert; what does not fit becomes infinite, for the caller to find."""
    with np.errstate(over="ignore"):
        return array.astype(np.float32, copy=False)
