"""The cepstrum: the cosine transform of a log spectrum, which separates its coarse shape from its detail."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from soundalike.core.arrays import FloatArray
from soundalike.core.errors import InvalidInputError
from soundalike.features.stft import round_up_to_lanes


def cepstrum(levels: NDArray[Any], count: int, *, axis: int = -2) -> FloatArray:
    """Take the first coefficients of the orthonormal cosine transform (DCT-II) over the bands.

    Coefficient 0 is the mean level times the square root of the number of bands; the others do not change
    when a constant is added to all bands.

    Args:
        levels: Log spectra, floating point, with bands along ``axis``: ``(..., bands, N)`` as
            :func:`soundalike.features.logmel.log_mel` gives them.
        count: How many coefficients to keep, from coefficient 0 on: 1 to the number of bands.
        axis: The axis of the bands.

    Returns:
        The same shape with ``count`` in place of the bands, float32.

    Raises:
        InvalidInputError: ``count`` does not fit the number of bands.

    Source:
        Davis and Mermelstein 1980, Comparison of parametric representations for monosyllabic word
        recognition, equation 1, in the orthonormal scaling and with coefficient 0.

    Example:
        >>> cepstrum(np.full((4, 1), 3.0), 2).round(3).ravel().tolist()
        [6.0, 0.0]
    """
    array = np.asarray(levels, dtype=np.float32)
    if array.ndim <= max(axis, -axis - 1):
        raise InvalidInputError(f"levels must have an axis {axis} of bands; got shape {array.shape}.")
    if not 1 <= count <= array.shape[axis]:
        raise InvalidInputError(
            f"{array.shape[axis]} bands have 1 to {array.shape[axis]} coefficients; got a count of {count}."
        )
    bands_first = np.moveaxis(array, axis, 0)
    columns = bands_first.reshape(len(bands_first), -1)
    missing = round_up_to_lanes(columns.shape[1]) - columns.shape[1]
    if missing:  # so that a spectrum's cepstrum does not depend on how many others stand beside it
        columns = np.pad(columns, ((0, 0), (0, missing)))
    transformed = scipy.fft.dct(columns, type=2, norm="ortho", axis=0, workers=1)
    kept = transformed[:count, : columns.shape[1] - missing].reshape(count, *bands_first.shape[1:])
    return np.moveaxis(kept, 0, axis)
