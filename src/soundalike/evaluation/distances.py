"""Distances from blocks of queries to all of a gallery, such that equal vectors are equally far."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from soundalike.core.arrays import FloatArray, check_vectors
from soundalike.core.errors import InvalidInputError

Metric: TypeAlias = Literal["cosine", "euclidean", "hamming"]
METRICS: tuple[Metric, ...] = ("cosine", "euclidean", "hamming")

# A block of 4 million float64 distances: 32 MB, and about as much again for its keys and masks.
_BLOCK_DISTANCES = 4_000_000
# Float32 vectors that should be parallel differ by about 1e-15 in cosine: below this, nothing is known.
_COSINE_FLOOR = 1e-12
# The same for squared lengths, of which float64 loses about 1e-16 where close vectors are subtracted.
_SQUARE_FLOOR = 1e-13


class Gallery:
    """Vectors prepared to be measured from.

    Rows that are equal are measured once, so that they are equally far from any query to the last bit,
    which a matrix product alone does not promise.

    Args:
        vectors: Floating point ``(N, D)`` for cosine and euclidean; packed bits ``(N, D)``, uint8, for
            hamming.
        metric: How to measure. A cosine distance to a vector of length zero is 1.

    Raises:
        InvalidInputError: Another metric, shape or dtype, or values that are not finite.

    Example:
        >>> gallery = Gallery(np.eye(3, dtype=np.float32), "cosine")
        >>> gallery.distances(np.array([[2.0, 0.0, 0.0]], np.float32)).tolist()
        [[0.0, 1.0, 1.0]]
    """

    def __init__(self, vectors: NDArray[Any], metric: Metric) -> None:
        if metric not in METRICS:
            raise InvalidInputError(f"A metric is one of {', '.join(METRICS)}; got {metric!r}.")
        self.metric = metric
        checked = _check(vectors, metric)
        self._size, self._dims = (int(length) for length in checked.shape)
        self._inverse: NDArray[np.int64] | None = None
        if self._size and self._dims:
            rows, inverse = _distinct(checked)
            if len(rows) < self._size:
                checked, self._inverse = rows, inverse
        self._centre = np.zeros(self._dims)
        if metric == "euclidean" and len(checked):
            self._centre = checked.mean(axis=0, dtype=np.float64)
        self._prepared = self._prepare(checked)
        self._squares = np.square(self._prepared).sum(axis=1) if metric == "euclidean" else np.zeros(0)

    def __len__(self) -> int:
        return self._size

    def distances(self, queries: NDArray[Any]) -> FloatArray:
        """Measure from each query to every row.

        Args:
            queries: As the gallery's vectors, ``(B, D)``.

        Returns:
            Shape ``(B, N)``, float32, none below 0: cosine distances up to 2, Euclidean lengths, or counts
            of differing bits.
        """
        asked = self._prepare(_check(queries, self.metric, self._dims))
        if self.metric == "cosine":
            far = asked @ self._prepared.T
            np.subtract(1.0, far, out=far)
            far[far < _COSINE_FLOOR] = 0.0
        elif self.metric == "euclidean":
            sizes = np.square(asked).sum(axis=1)[:, None] + self._squares
            far = asked @ self._prepared.T
            far *= -2.0
            far += sizes
            far[far < _SQUARE_FLOOR * sizes] = 0.0
            np.sqrt(far, out=far)
        else:
            far = np.zeros((len(asked), len(self._prepared)), np.uint32)
            for word in range(self._prepared.shape[1]):
                far += np.bitwise_count(asked[:, word, None] ^ self._prepared[:, word])
        single = far.astype(np.float32)
        return single if self._inverse is None else np.take(single, self._inverse, axis=1)

    def _prepare(self, vectors: NDArray[Any]) -> NDArray[Any]:
        """Bring checked vectors into the form that is multiplied: units, differences, or 64-bit words."""
        if self.metric == "hamming":
            padded = np.zeros((len(vectors), -(-self._dims // 8) * 8), np.uint8)
            padded[:, : self._dims] = vectors
            return padded.view(np.uint64)
        double = vectors.astype(np.float64)
        if self.metric == "euclidean":
            return np.asarray(double - self._centre)
        lengths = np.sqrt(np.square(double).sum(axis=1, keepdims=True))
        return np.asarray(double / np.where(lengths > 0.0, lengths, 1.0))


def distance_blocks(
    queries: NDArray[Any], gallery: Gallery, block_rows: int | None = None
) -> Iterator[tuple[slice, FloatArray]]:
    """Measure from many queries, as many at a time as fit into a bounded piece of memory.

    Args:
        queries: Shape ``(Q, D)``.
        gallery: What is measured to, N rows.
        block_rows: Queries B at a time; by default so many that a block holds 4 million distances.

    Yields:
        Which queries, and their distances ``(B, N)``, float32.
    """
    rows = block_rows or max(1, _BLOCK_DISTANCES // max(1, len(gallery)))
    for start in range(0, len(queries), rows):
        part = slice(start, min(start + rows, len(queries)))
        yield part, gallery.distances(queries[part])


def _check(vectors: NDArray[Any], metric: Metric, dims: int | None = None) -> NDArray[Any]:
    if metric != "hamming":
        return check_vectors(vectors, dims) + np.float32(
            0.0
        )  # no negative zeros: equal rows have equal bytes
    codes = np.asarray(vectors)
    if codes.ndim != 2 or codes.dtype != np.uint8:
        raise InvalidInputError(
            f"Codes must be packed bits, uint8, of shape (N, D); got shape {codes.shape}, {codes.dtype}."
        )
    if dims is not None and codes.shape[1] != dims:
        raise InvalidInputError(f"Codes must have {dims} bytes; got {codes.shape[1]}.")
    return np.ascontiguousarray(codes)


def _distinct(vectors: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Each different row once, and which of them each row is."""
    whole = np.dtype((np.void, vectors.dtype.itemsize * vectors.shape[1]))
    _, first, inverse = np.unique(vectors.view(whole)[:, 0], return_index=True, return_inverse=True)
    return vectors[first], inverse
