"""The vectors of an index, in blocks: a memory-mapped one that was saved, and what was added since."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from soundalike.core.arrays import BoolArray, FloatArray, IntArray, check_vectors
from soundalike.core.errors import InvalidInputError, NotFoundError
from soundalike.index.distances import lengths_of

ROWS_AT_ONCE = 16384
"""Rows per step of every pass over the vectors: 12 MB at 180 dimensions, so that memory stays bounded."""


@dataclass(slots=True)
class Block:
    """A stack of vectors in the order of their ids.

    Attributes:
        ids: Shape ``(N,)``, int64, growing.
        vectors: Shape ``(N, D)``, float32; may be a memory-mapped file.
        lengths: Euclidean length of each, shape ``(N,)``, float32.
        alive: False where a vector was removed, shape ``(N,)``.
        saved: True where it mirrors a file and takes no more rows.
    """

    ids: IntArray
    vectors: FloatArray
    lengths: FloatArray
    alive: BoolArray
    saved: bool = False

    def find(self, ids: IntArray) -> tuple[IntArray, BoolArray]:
        """Positions of ids, and whether each is there and alive."""
        if len(self.ids) == 0:
            return np.zeros(len(ids), np.int64), np.zeros(len(ids), np.bool_)
        at = np.minimum(np.searchsorted(self.ids, ids), len(self.ids) - 1).astype(np.int64)
        return at, (self.ids[at] == ids) & self.alive[at]


class Rows:
    """Vectors that can be added to and removed from, without copying those that lie in a file.

    Args:
        dims: Size D of every vector.
        saved: A first block that lies in a file, or None.
    """

    def __init__(self, dims: int, saved: Block | None = None) -> None:
        if dims < 1:
            raise InvalidInputError(f"A vector has at least 1 dimension; got {dims}.")
        self.dims = dims
        self.blocks: list[Block] = [] if saved is None else [saved]

    def __len__(self) -> int:
        return sum(int(np.count_nonzero(block.alive)) for block in self.blocks)

    def add(self, ids: IntArray, vectors: FloatArray) -> None:
        """Add vectors ``(N, D)`` under new ids ``(N,)``; see ``Index.add``."""
        vectors = check_vectors(vectors, self.dims)
        ids = check_ids(ids)
        if len(ids) != len(vectors):
            raise InvalidInputError(f"Expected one id per vector; got {len(ids)} and {len(vectors)}.")
        if len(ids) == 0:
            return
        order = np.argsort(ids, kind="stable")
        ids, vectors = ids[order], vectors[order]
        if ids[0] < 0:
            raise InvalidInputError(f"An id is not negative; got {int(ids[0])}.")
        if (ids[1:] == ids[:-1]).any():
            raise InvalidInputError("Every id may be given once; some are given twice.")
        for block in self.blocks:
            _, there = block.find(ids)
            if there.any():
                raise InvalidInputError(f"Id {int(ids[there][0])} is there already.")
        new = Block(ids, vectors, lengths_of(vectors), np.ones(len(ids), np.bool_))
        if self.blocks and not self.blocks[-1].saved and len(self.blocks[-1].ids) < ROWS_AT_ONCE:
            new = _merged(self.blocks.pop(), new)
        self.blocks.append(new)

    def remove(self, ids: IntArray) -> int:
        """Forget vectors; returns how many were forgotten."""
        ids = np.unique(check_ids(ids))
        forgotten = 0
        for block in self.blocks:
            at, there = block.find(ids)
            block.alive[at[there]] = False
            forgotten += int(np.count_nonzero(there))
        return forgotten

    def take(self, ids: IntArray) -> FloatArray:
        """The vectors of some ids, shape ``(N, D)``."""
        ids = check_ids(ids)
        out = np.empty((len(ids), self.dims), np.float32)
        found = np.zeros(len(ids), np.bool_)
        for block in self.blocks:
            at, there = block.find(ids)
            out[there] = block.vectors[at[there]]
            found |= there
        if not found.all():
            raise NotFoundError(f"There is no vector with id {int(ids[~found][0])}.")
        return out

    def in_order(self) -> Iterator[tuple[IntArray, FloatArray, FloatArray]]:
        """All living rows in the order of their ids, as ``(ids, vectors, lengths)``, a step at a time."""
        if not self.blocks:
            return
        ids = np.concatenate([block.ids[block.alive] for block in self.blocks])
        owner = np.concatenate(
            [np.full(np.count_nonzero(b.alive), n, np.int32) for n, b in enumerate(self.blocks)]
        )
        place = np.concatenate([np.flatnonzero(block.alive) for block in self.blocks])
        order = np.argsort(ids, kind="stable")
        for first in range(0, len(order), ROWS_AT_ONCE):
            rows = order[first : first + ROWS_AT_ONCE]
            vectors = np.empty((len(rows), self.dims), np.float32)
            lengths = np.empty(len(rows), np.float32)
            for number in np.unique(owner[rows]):
                mine = owner[rows] == number
                block, at = self.blocks[number], place[rows[mine]]
                vectors[mine], lengths[mine] = block.vectors[at], block.lengths[at]
            yield ids[rows], vectors, lengths


def check_ids(ids: IntArray) -> IntArray:
    """Take ids as an int64 array of shape ``(N,)``.

    Raises:
        InvalidInputError: Another shape, or not whole numbers.
    """
    array = np.asarray(ids)
    if array.size == 0:
        return np.zeros(0, np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise InvalidInputError(
            f"Ids must be whole numbers of shape (N,); got {array.dtype} of shape {array.shape}."
        )
    return array.astype(np.int64, copy=False)


def _merged(a: Block, b: Block) -> Block:
    """Two small blocks as one; removed rows are left behind."""
    ids = np.concatenate([a.ids[a.alive], b.ids])
    order = np.argsort(ids, kind="stable")
    return Block(
        ids[order],
        np.concatenate([a.vectors[a.alive], b.vectors])[order],
        np.concatenate([a.lengths[a.alive], b.lengths])[order],
        np.ones(len(ids), np.bool_),
    )
