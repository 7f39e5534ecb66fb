"""Vectors of one sort, whole sounds or segments, with what they belong to: one index and a few columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundalike.core.arrays import BoolArray, FloatArray, IntArray
from soundalike.core.errors import IndexFormatError
from soundalike.index import Index, OpenFolder, SavingFolder
from soundalike.search.calibration import Calibration, calibrate

FloatColumn = NDArray[np.float64]

_DTYPES: dict[str, np.dtype[Any]] = {
    "ids": np.dtype("<i8"),
    "owner": np.dtype("<i4"),
    "start_s": np.dtype("<f8"),
    "duration_s": np.dtype("<f8"),
}


@dataclass(slots=True)
class Columns:
    """What vectors belong to; one entry per vector, by growing id.

    Attributes:
        ids: ``vector_id`` of each, shape ``(N,)``, int64.
        owner: Code of the sound that each belongs to, shape ``(N,)``, int32.
        start_s: Where in the sound it starts, shape ``(N,)``, float64; 0 for whole sounds.
        duration_s: How long it lasts, shape ``(N,)``, float64.
    """

    ids: IntArray
    owner: NDArray[np.int32]
    start_s: FloatColumn
    duration_s: FloatColumn

    @classmethod
    def empty(cls) -> Columns:
        """Columns of no vectors."""
        return cls(np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0), np.empty(0))

    def __len__(self) -> int:
        return len(self.ids)

    def then(self, more: Columns) -> Columns:
        """These vectors and later ones."""
        return Columns(
            np.concatenate([self.ids, more.ids]),
            np.concatenate([self.owner, more.owner]),
            np.concatenate([self.start_s, more.start_s]),
            np.concatenate([self.duration_s, more.duration_s]),
        )

    def where(self, mask: BoolArray) -> Columns:
        """Some of the vectors."""
        return Columns(self.ids[mask], self.owner[mask], self.start_s[mask], self.duration_s[mask])

    def save(self, folder: SavingFolder, prefix: str) -> None:
        """Write to a folder of derived files."""
        for name, dtype in _DTYPES.items():
            with folder.create(f"{prefix}-{name}") as file:
                file.write(np.ascontiguousarray(getattr(self, name), dtype).data)

    @classmethod
    def load(cls, folder: OpenFolder, prefix: str) -> Columns:
        """Read what ``save`` wrote.

        Raises:
            IndexFormatError: The columns do not fit together.
        """
        arrays = {name: folder.array(f"{prefix}-{name}", dtype) for name, dtype in _DTYPES.items()}
        lengths = {len(array) for array in arrays.values()}
        if len(lengths) != 1 or (np.diff(arrays["ids"]) <= 0).any():
            raise IndexFormatError(f"The columns of {prefix} in {folder.path} do not fit together.")
        return cls(**arrays)


@dataclass(slots=True)
class VectorSet:
    """An index over the vectors of one sort, and their columns. Silent vectors are in neither.

    Attributes:
        index: Knows the vectors by ``vector_id``.
        columns: What they belong to.
        calibration: From distances to scores.
        calibrated: How many vectors there were when that was fitted.
        saved: How many vectors the files that it was opened from hold; the rest came since.
        removed: How many of those are gone.
    """

    index: Index
    columns: Columns
    calibration: Calibration
    calibrated: int = 0
    saved: int = 0
    removed: int = 0

    def __len__(self) -> int:
        return len(self.columns)

    def add(self, columns: Columns, vectors: FloatArray) -> None:
        """Take in later vectors ``(N, D)``."""
        if len(columns):
            self.index.add(columns.ids, vectors)
            self.columns = self.columns.then(columns)

    def keep_only(self, ids: IntArray) -> None:
        """Forget every vector whose id is not among some, given in growing order."""
        at = np.searchsorted(ids, self.columns.ids)
        stay = np.zeros(len(self), np.bool_)
        inside = at < len(ids)
        stay[inside] = ids[at[inside]] == self.columns.ids[inside]
        if not stay.all():
            self.removed += self.index.remove(self.columns.ids[~stay])
            self.columns = self.columns.where(stay)

    def calibrate(self, *, anew: bool = False) -> None:
        """Fit scores, where there are a tenth more or fewer vectors than last time, or ``anew``.

        A library that grows sound by sound keeps its scores meanwhile.
        """
        if anew or not 0.9 * self.calibrated <= len(self) <= 1.1 * self.calibrated:
            self.calibration = calibrate(self.columns.ids, self.index.vectors_of, self.index.metric)
            self.calibrated = len(self)

    def rows_of(self, ids: IntArray) -> IntArray:
        """Positions in the columns of ids that are there."""
        return np.searchsorted(self.columns.ids, ids).astype(np.int64)

    def allow(self, rows: BoolArray) -> BoolArray:
        """A mask over ids, as the index takes it, from one over rows ``(N,)``."""
        mask = np.zeros(int(self.columns.ids[-1]) + 1 if len(self) else 0, np.bool_)
        mask[self.columns.ids[rows]] = True
        return mask

    @property
    def outdated(self) -> bool:
        """Whether so much changed that the files are worth writing anew."""
        added = len(self) + self.removed - self.saved
        return added > 0.1 * self.saved or self.removed > 0.2 * self.saved
