"""Exact search of blocks of vectors: one matrix product per step, then true distances of the few."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from soundalike.core.arrays import BoolArray, FloatArray, IntArray, check_vectors
from soundalike.core.errors import InvalidInputError
from soundalike.index.base import Metric
from soundalike.index.distances import distances_to, lengths_of
from soundalike.index.rows import ROWS_AT_ONCE, Block

_QUERIES_AT_ONCE = 64  # with 16384 rows per step, a table of products has 4 MB
_GATHER_BELOW = 0.5  # gathering a row costs about as much as multiplying two that follow each other
# For few queries memory is what takes time: one thread is as fast. BLAS would share the work among threads
# that wait for each other in spinning loops: on a busy machine ten times as long.
_WITHOUT_BLAS = 4
_ROUNDING = 2.0**-24  # of float32


class Nearest:
    """The k nearest found so far of each query, with ties broken by the smaller id.

    Args:
        queries: How many queries, Q.
        k: How many to keep of each.
    """

    def __init__(self, queries: int, k: int) -> None:
        self.k = k
        self.ids: IntArray = np.full((queries, k), -1, np.int64)
        self.distances: FloatArray = np.full((queries, k), np.inf, np.float32)

    def offer(self, query: int, ids: IntArray, distances: FloatArray) -> None:
        """Take in candidates ``(N,)`` of one query, not offered before."""
        had = self.ids[query] >= 0
        ids = np.concatenate([self.ids[query][had], ids])
        distances = np.concatenate([self.distances[query][had], distances])
        order = np.lexsort((ids, distances))[: self.k]
        self.ids[query, : len(order)] = ids[order]
        self.distances[query, : len(order)] = distances[order]


def check_query(queries: FloatArray, k: int, dims: int, allowed: BoolArray | None) -> FloatArray:
    """Check what ``Index.query`` was given; returns the queries as float32 ``(Q, D)``.

    Raises:
        InvalidInputError: Queries of another shape, k below 1, or a mask that is none.
    """
    if k < 1:
        raise InvalidInputError(f"At least 1 neighbour must be asked for; got {k}.")
    if allowed is not None and (np.asarray(allowed).ndim != 1 or np.asarray(allowed).dtype != np.bool_):
        raise InvalidInputError("The mask of allowed ids must be a boolean array of one axis.")
    return check_vectors(queries, dims, what="queries")


def kept_rows(block: Block, allowed: BoolArray | None) -> BoolArray | None:
    """Which rows of a block may be found, or None for all of them."""
    keep = None if block.alive.all() else block.alive
    if allowed is None:
        return keep
    inside = np.searchsorted(block.ids, len(allowed))  # a mask that is too short allows nothing beyond it
    mask = np.zeros(len(block.ids), np.bool_)
    mask[:inside] = allowed[block.ids[:inside]]
    return mask if keep is None else mask & keep


def scan(
    blocks: Sequence[Block],
    queries: FloatArray,
    metric: Metric,
    nearest: Nearest,
    keep: Sequence[BoolArray | None],
) -> None:
    """Offer to ``nearest`` the exact neighbours of each query among the rows of some blocks.

    Args:
        blocks: Where to look.
        queries: Shape ``(Q, D)``, float32.
        metric: How to measure.
        nearest: Takes what is found; may hold neighbours from elsewhere already.
        keep: For each block, which of its rows may be found; None for all.
    """
    for block, mask in zip(blocks, keep, strict=True):
        for rows, vectors, lengths in _steps(block, mask):
            for first in range(0, len(queries), _QUERIES_AT_ONCE):
                some = queries[first : first + _QUERIES_AT_ONCE]
                rough, slack = _rough_distances(some, vectors, lengths, metric)
                for n, query in enumerate(some):
                    near = _worth_measuring(rough[n], slack[n], nearest, first + n, metric)
                    if len(near):
                        true = distances_to(query, vectors[near], metric)
                        nearest.offer(first + n, block.ids[rows[near]], true)


def _steps(block: Block, mask: BoolArray | None) -> Iterator[tuple[IntArray, FloatArray, FloatArray]]:
    """Cut the rows of a block that are kept into steps: positions, vectors and lengths."""
    total = len(block.ids)
    sparse = mask is not None and np.count_nonzero(mask) < _GATHER_BELOW * total
    if mask is not None and sparse:
        chosen = np.flatnonzero(mask)
        for first in range(0, len(chosen), ROWS_AT_ONCE):
            rows = chosen[first : first + ROWS_AT_ONCE]
            yield rows, block.vectors[rows], block.lengths[rows]
        return
    for first in range(0, total, ROWS_AT_ONCE):
        rows = np.arange(first, min(first + ROWS_AT_ONCE, total))
        vectors, lengths = block.vectors[first : rows[-1] + 1], block.lengths[first : rows[-1] + 1]
        if mask is None or mask[rows].all():
            yield rows, vectors, lengths
        elif mask[rows].any():
            some = mask[rows]
            yield rows[some], vectors[some], lengths[some]


def _rough_distances(
    queries: FloatArray, vectors: FloatArray, lengths: FloatArray, metric: Metric
) -> tuple[FloatArray, FloatArray]:
    """Cosine distances, or squared euclidean ones, ``(Q, N)``, and how far off each query's may be ``(Q,)``.

    A product of D terms in float32 is off by at most ``D`` roundings of the product of the two lengths.
    """
    dims = queries.shape[1]
    if len(queries) <= _WITHOUT_BLAS:
        products = np.stack([np.einsum("nd,d->n", vectors, query) for query in queries])
    else:
        products = queries @ vectors.T
    query_lengths = lengths_of(queries)
    if metric == "cosine":
        scale = np.where(query_lengths > 0, query_lengths, 1)[:, None] * np.where(lengths > 0, lengths, 1)
        np.divide(products, scale, out=products)
        np.subtract(1.0, products, out=products)
        return products, np.full(len(queries), 2 * (dims + 8) * _ROUNDING, np.float32)
    products *= -2.0
    products += np.square(lengths)
    products += np.square(query_lengths)[:, None]
    longest = float(lengths.max(initial=0.0))
    slack = 2 * (dims + 8) * _ROUNDING * np.square(query_lengths + longest)
    return products, slack.astype(np.float32)


def _worth_measuring(
    rough: FloatArray, slack: np.float32, nearest: Nearest, query: int, metric: Metric
) -> IntArray:
    """Positions of the rows that may be among the k nearest, given rough distances ``(N,)``."""
    k = nearest.k
    last = float(nearest.distances[query, -1])
    limit = (last * last if metric == "euclidean" else last) * (1 + 4 * _ROUNDING) + slack
    near = np.flatnonzero(rough <= limit)
    if len(near) > 4 * k:
        there = rough[near]
        near = near[there <= np.partition(there, k - 1)[k - 1] + 2 * slack]
    return near
