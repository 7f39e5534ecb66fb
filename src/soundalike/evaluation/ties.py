"""What a ranking is worth when some of it is tied: expected values over all orders of what is equally far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundalike.core.arrays import IntArray

Figures = NDArray[np.float64]

_TERMS_AT_ONCE = 2_000_000
# J > j has a chance of at most exp(-j relevant / size): what is left beyond this many sizes is below 1e-18.
_SIZES_THAT_MATTER = 42


@dataclass(frozen=True, slots=True, eq=False)
class TieGroups:
    """The stretches of several rankings in which relevant candidates lie.

    A stretch is a run of candidates that are equally far from the query: one relevant candidate alone, or
    several of which some are relevant. Whatever lies in a stretch is thought of as in random order, and
    every figure is its exact expected value: vectors that are all the same score what chance scores.

    Attributes:
        query: Which ranking each stretch belongs to, shape ``(G,)``, rising.
        before: How many candidates are nearer than the stretch, shape ``(G,)``.
        size: How many candidates it holds, shape ``(G,)``.
        relevant_before: How many relevant candidates are nearer, shape ``(G,)``.
        relevant: How many it holds, at least one, shape ``(G,)``.
        queries: How many rankings B there are, those without a stretch included.

    Source:
        McSherry and Najork 2008, Computing information retrieval performance measures efficiently in the
        presence of tied scores; the sums are closed here with harmonic numbers.
    """

    query: IntArray
    before: IntArray
    size: IntArray
    relevant_before: IntArray
    relevant: IntArray
    queries: int

    @classmethod
    def at_random(cls, candidates: IntArray, relevant: IntArray) -> TieGroups:
        """Rankings that know nothing: everything is tied.

        Args:
            candidates: How many candidates each has, shape ``(B,)``.
            relevant: How many of them are relevant, shape ``(B,)``.
        """
        some = np.flatnonzero(relevant > 0)
        nothing = np.zeros(len(some), np.int64)
        return cls(some, nothing, candidates[some], nothing, relevant[some], len(candidates))

    def average_precision(self) -> Figures:
        """Mean over the relevant candidates of the precision at each one's rank, shape ``(B,)``."""
        harmonic = np.concatenate([[0.0], np.cumsum(1.0 / np.arange(1.0, self._longest() + 1.0))])
        reach = np.where(
            self.size == 1,
            1.0 / (self.before + 1.0),
            harmonic[self.before + self.size] - harmonic[self.before],
        )
        others = (self.relevant - 1.0) / np.maximum(self.size - 1.0, 1.0)
        precisions = (self.relevant / self.size) * (
            (self.relevant_before + 1.0) * reach + others * (self.size - (self.before + 1.0) * reach)
        )
        return self._sum(precisions) / self._relevant_in_all()

    def precision_at(self, k: int) -> Figures:
        """Share of relevant ones among the first ``k``, shape ``(B,)``; places left empty count as misses."""
        inside = np.clip(k - self.before, 0, self.size)
        return self._sum(self.relevant * inside / self.size) / k

    def ndcg_at(self, k: int) -> Figures:
        """Discounted gain of the first ``k`` against the best that could be, shape ``(B,)``.

        Source:
            Järvelin and Kekäläinen 2002, with gain 1 for a relevant candidate and discount log2(rank + 1).
        """
        gains = np.concatenate([[0.0], np.cumsum(1.0 / np.log2(np.arange(2.0, self._longest() + 2.0)))])
        last = np.minimum(k, self.before + self.size)
        got = (gains[last] - gains[np.minimum(k, self.before)]) * self.relevant / self.size
        best = gains[np.minimum(k, self._relevant_in_all(nothing=0).astype(np.int64))]
        return self._sum(got) / np.where(best > 0.0, best, np.nan)

    def first_rank(self) -> Figures:
        """Rank of the nearest relevant candidate, from 1, shape ``(B,)``."""
        first = self._first()
        rank = self.before[first] + (self.size[first] + 1.0) / (self.relevant[first] + 1.0)
        return self._place(rank, first)

    def reciprocal_rank(self) -> Figures:
        """One divided by the rank of the nearest relevant candidate, shape ``(B,)``."""
        first = self._first()
        before, size, relevant = self.before[first], self.size[first], self.relevant[first]
        values = 1.0 / (before + 1.0)
        mixed = np.flatnonzero(size > relevant)
        terms = _terms(size[mixed], relevant[mixed])
        parts = np.cumsum(terms) // _TERMS_AT_ONCE
        for part in np.unique(parts):
            some = mixed[parts == part]
            values[some] = _expected_reciprocal(before[some], size[some], relevant[some])
        return self._place(values, first)

    def _longest(self) -> int:
        return int((self.before + self.size).max(initial=1))

    def _first(self) -> IntArray:
        return np.flatnonzero(self.relevant_before == 0)

    def _sum(self, values: Figures) -> Figures:
        return np.bincount(self.query, values, self.queries).astype(np.float64)

    def _relevant_in_all(self, nothing: float = np.nan) -> Figures:
        count = np.bincount(self.query, self.relevant, self.queries)
        return np.where(count > 0, count, nothing)

    def _place(self, values: NDArray[Any], stretches: IntArray) -> Figures:
        out = np.full(self.queries, np.nan)
        out[self.query[stretches]] = values
        return out


def _expected_reciprocal(before: IntArray, size: IntArray, relevant: IntArray) -> Figures:
    """Expected 1 / (before + J), J the place of the first of ``relevant`` among ``size`` in random order.

    J = j with the chance C(size - j, relevant - 1) / C(size, relevant).
    """
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1.0, size.max() + 1.0)))])
    terms = _terms(size, relevant)
    starts = np.cumsum(terms) - terms
    owner = np.repeat(np.arange(len(size)), terms)
    j = np.arange(len(owner)) - starts[owner] + 1
    n, r = size[owner], relevant[owner]
    log_chance = (
        log_factorial[n - j] - log_factorial[n - j - r + 1] - log_factorial[n]
        + log_factorial[n - r] + np.log(r)
    )  # fmt: skip
    return np.add.reduceat(np.exp(log_chance) / (before[owner] + j), starts)


def _terms(size: IntArray, relevant: IntArray) -> IntArray:
    """How many places the first relevant one can have, as far as they matter."""
    return np.asarray(np.minimum(size - relevant + 1, -(-_SIZES_THAT_MATTER * size // relevant)))
