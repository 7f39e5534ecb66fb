"""What a clip's own levels say without a teacher: its spectrum's shape, how it spreads and how it changes."""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from soundalike.core.arrays import FloatArray
from soundalike.core.errors import InvalidInputError
from soundalike.training.labelled import levels_db

CEPSTRA = 24
STATISTICS = 3 * CEPSTRA
RANGE_DB = 80.0
SOUNDING_DB = 50.0  # frames whose loudest band lies further below the clip's loudest do not count
_CLIPS_AT_ONCE = 500


def level_statistics(levels: NDArray[np.uint8], lengths: NDArray[np.integer]) -> FloatArray:
    """Take the means, spreads and mean changes of the cepstra of clips over the frames that sound.

    Args:
        levels: Steps below the loudest of each clip, shape ``(N, bands, frames)``: see
            :class:`soundalike.training.labelled.LabelledClips`.
        lengths: Frames of each, shape ``(N,)``.

    Returns:
        Shape ``(N, STATISTICS)``, float32: coefficients 1 to 24 of each, in dB.

    Raises:
        InvalidInputError: There are too few bands for so many coefficients.

    Source:
        Davis and Mermelstein 1980, section II, on levels in dB.
    """
    if levels.shape[1] <= CEPSTRA:
        raise InvalidInputError(f"{CEPSTRA} cepstra need more bands than that; got {levels.shape[1]}.")
    out = np.empty((len(lengths), STATISTICS), np.float32)
    frames = np.arange(levels.shape[2])
    for first in range(0, len(lengths), _CLIPS_AT_ONCE):
        rows = slice(first, first + _CLIPS_AT_ONCE)
        db = np.maximum(levels_db(levels[rows]), np.float32(-RANGE_DB))
        sounding = (db.max(axis=1) > -SOUNDING_DB) & (frames < lengths[rows, None])
        cepstra = np.asarray(scipy.fft.dct(db, axis=1, norm="ortho")[:, 1 : CEPSTRA + 1], np.float32)
        both = sounding[:, 1:] & sounding[:, :-1]
        mean = _mean(cepstra, sounding)
        spread = np.sqrt(_mean(np.square(cepstra - mean[:, :, None], dtype=np.float32), sounding))
        change = _mean(np.abs(np.diff(cepstra, axis=2)), both)
        out[rows] = np.concatenate([mean, spread, change], axis=1)
    return out


def _mean(values: FloatArray, counted: NDArray[np.bool_]) -> FloatArray:
    """Means over the frames that count: ``(B, C, N)`` and ``(B, N)`` to ``(B, C)``; 0 where none does."""
    total = np.einsum("bcn,bn->bc", values, counted.astype(np.float32))
    return np.asarray(total / np.maximum(counted.sum(axis=1), 1)[:, None], np.float32)
