"""Rank all candidates of every query, block by block, and keep only what figures are made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundalike.core.arrays import BoolArray, IntArray
from soundalike.core.errors import InvalidInputError
from soundalike.evaluation.distances import Gallery, Metric, distance_blocks
from soundalike.evaluation.ties import TieGroups

# The key of what is no candidate. Even, so that it is not relevant; above the bits of infinity.
_NOBODY = np.uint32(0xFFFFFFFE)
_ONE = np.uint32(1)
_LARGEST = np.iinfo(np.uint64).max
_MIX = (np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53))


@dataclass(frozen=True, slots=True, eq=False)
class RankedBlock:
    """The rankings of some queries.

    Attributes:
        rows: Which queries B these are.
        candidates: How many items each was compared with, shape ``(B,)``.
        relevant: How many of these are relevant, shape ``(B,)``.
        ties: Where the relevant ones lie.
        neighbours: Rows of the nearest candidates, nearest first, shape ``(B, K)``; -1 where there are
            fewer. What is equally far stands in an order drawn at random.
    """

    rows: slice
    candidates: IntArray
    relevant: IntArray
    ties: TieGroups
    neighbours: IntArray


def rank_relevance(
    vectors: NDArray[Any],
    labels: NDArray[Any],
    *,
    metric: Metric = "cosine",
    exclude: NDArray[Any] | None = None,
    within: NDArray[Any] | None = None,
    neighbours: int = 0,
    rng: np.random.Generator | int = 0,
    block_rows: int | None = None,
) -> Iterator[RankedBlock]:
    """Let every item ask for the others in turn; those of its own label are relevant.

    Args:
        vectors: Shape ``(N, D)``; see :class:`soundalike.evaluation.Gallery`.
        labels: What counts as the same, any dtype that can be compared, shape ``(N,)``.
        metric: How to measure.
        exclude: Items that share this value with a query are neither hits nor misses, shape ``(N,)``: the
            source recording, the speaker, the fold. A query itself never is a candidate.
        within: Only items that share this value with a query are candidates, shape ``(N,)``.
        neighbours: How many nearest rows K to keep.
        rng: Draws the order of neighbours that are equally far; or its seed.
        block_rows: Queries at a time, which changes memory and no result.

    Yields:
        Blocks in the order of the rows.

    Raises:
        InvalidInputError: Arrays of unlike lengths, or vectors that are not what the metric takes.
    """
    gallery = Gallery(vectors, metric)
    codes = as_codes(labels, len(gallery), "labels")
    excluded = None if exclude is None else as_codes(exclude, len(gallery), "exclude")
    inside = None if within is None else as_codes(within, len(gallery), "within")
    rng = np.random.default_rng(rng)
    item_keys, query_keys = rng.integers(0, _LARGEST, (2, len(gallery)), dtype=np.uint64, endpoint=True)
    for rows, distances in distance_blocks(np.asarray(vectors), gallery, block_rows):
        candidate = _candidates(rows, excluded, inside, distances.shape)
        # Floats that are not negative are ordered as their bits are, and the sign bit is free for relevance:
        # one sort of integers ranks and keeps the labels.
        keys = distances.view(np.uint32) << _ONE
        keys |= codes[rows, None] == codes
        keys[~candidate] = _NOBODY
        ordered = np.sort(keys, axis=1)
        ties = _tie_groups(ordered)
        yield RankedBlock(
            rows,
            np.count_nonzero(candidate, axis=1),
            np.bincount(ties.query, ties.relevant, len(keys)).astype(np.int64),
            ties,
            _nearest(keys, ordered, item_keys, query_keys[rows], neighbours),
        )


def as_codes(values: NDArray[Any], size: int, what: str) -> NDArray[np.int32]:
    """Number the values of an array: equal ones equally.

    Args:
        values: Shape ``(N,)``, any dtype that can be sorted.
        size: The N that is expected.
        what: The argument's name, for the message.

    Returns:
        Shape ``(N,)``, from 0 in sorted order.
    """
    array = np.asarray(values)
    if array.shape != (size,):
        raise InvalidInputError(f"{what} must have shape ({size},), one per vector; got {array.shape}.")
    return np.unique(array, return_inverse=True)[1].astype(np.int32)


def _candidates(
    rows: slice,
    excluded: NDArray[np.int32] | None,
    inside: NDArray[np.int32] | None,
    shape: tuple[int, ...],
) -> BoolArray:
    candidate = np.ones(shape, np.bool_) if excluded is None else excluded[rows, None] != excluded
    if inside is not None:
        candidate &= inside[rows, None] == inside
    candidate[np.arange(shape[0]), np.arange(rows.start, rows.stop)] = False
    return candidate


def _tie_groups(ordered: NDArray[np.uint32]) -> TieGroups:
    """Find the stretches with relevant ones; among equally far ones these were sorted last."""
    rows, places = np.divmod(np.flatnonzero((ordered & _ONE).astype(np.bool_)), max(1, ordered.shape[1]))
    values = ordered[rows, places]
    new = np.ones(len(rows), np.bool_)
    new[1:] = (rows[1:] != rows[:-1]) | (values[1:] != values[:-1])
    starts = np.flatnonzero(new)
    relevant = np.diff(starts, append=len(rows))
    query, first, value = rows[starts], places[starts], values[starts] ^ _ONE
    before = first.copy()
    tied = np.flatnonzero((first > 0) & (ordered[query, first - 1] == value))
    before[tied] = _leftmost(ordered, query[tied], value[tied], first[tied])
    relevant_before = starts - np.searchsorted(rows, query)
    return TieGroups(query, before, first + relevant - before, relevant_before, relevant, len(ordered))


def _leftmost(
    ordered: NDArray[np.uint32], rows: IntArray, values: NDArray[np.uint32], high: IntArray
) -> IntArray:
    """Bisect in many sorted rows at once: where the value first stands, at or before ``high``."""
    low = np.zeros_like(high)
    while (low < high).any():
        middle = (low + high) // 2
        less = ordered[rows, middle] < values
        low, high = np.where(less, middle + 1, low), np.where(less, high, middle)
    return low


def _nearest(
    keys: NDArray[np.uint32],
    ordered: NDArray[np.uint32],
    item_keys: NDArray[np.uint64],
    query_keys: NDArray[np.uint64],
    k: int,
) -> IntArray:
    """The columns of the k smallest keys of each row, equal ones by lot."""
    size = keys.shape[1]
    out = np.full((len(keys), k), -1, np.int64)
    if not k or not keys.size:
        return out
    border = ordered[:, min(k, size) - 1] | _ONE
    inside = keys <= border[:, None]
    plain = (np.count_nonzero(inside, axis=1) == k) & (border < _NOBODY)
    if plain.any():
        columns = (np.flatnonzero(inside[plain]) % size).reshape(-1, k)
        near = _drawn(np.take_along_axis(keys[plain], columns, 1), item_keys[columns], query_keys[plain])
        out[plain] = np.take_along_axis(columns, np.argsort(near, axis=1), 1)
    if not plain.all():
        near = _drawn(keys[~plain], item_keys, query_keys[~plain])
        width = min(k, size)
        columns = np.argpartition(near, width - 1, axis=1)[:, :width]
        best = np.take_along_axis(near, columns, 1)
        columns = np.take_along_axis(columns, np.argsort(best, axis=1), 1)
        nobody = np.take_along_axis(keys[~plain], columns, 1) == _NOBODY
        out[~plain, :width] = np.where(nobody, -1, columns)
    return out


def _drawn(
    keys: NDArray[np.uint32], item_keys: NDArray[np.uint64], query_keys: NDArray[np.uint64]
) -> NDArray[np.uint64]:
    """Keys that are ordered by distance, then by a lot for each pair; relevance has no say.

    A lot is a hash of the pair: the same whatever the blocks are, and different for every query, so that
    no item is everybody's first among equals (the finalizer of MurmurHash3; Appleby, public domain).
    """
    lots = item_keys ^ query_keys[:, None]
    for factor in _MIX:
        lots ^= lots >> np.uint64(33)
        lots *= factor
    lots ^= lots >> np.uint64(33)
    return ((keys >> _ONE).astype(np.uint64) << np.uint64(32)) | (lots >> np.uint64(32))
