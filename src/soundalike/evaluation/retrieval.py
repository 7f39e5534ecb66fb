"""How well does one sound find the others of its kind? All figures of a ranking, for every query."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from soundalike.core.arrays import IntArray
from soundalike.core.errors import InvalidInputError
from soundalike.evaluation.bootstrap import bootstrap_interval
from soundalike.evaluation.distances import Metric
from soundalike.evaluation.neighbours import hubness, hubness_by_chance, knn_votes, shuffled_vote_accuracy
from soundalike.evaluation.ranking import RankedBlock, rank_relevance
from soundalike.evaluation.report import Score
from soundalike.evaluation.ties import Figures, TieGroups

HUBNESS_K = 10

# Candidates, relevant ones, neighbours, and figures by name, of some queries.
_Scored: TypeAlias = tuple[IntArray, IntArray, IntArray, dict[str, Figures]]


@dataclass(frozen=True, slots=True, eq=False)
class RetrievalScores:
    """Every query's figures, by the names of measures.

    ======================== ==================================================================== ======
    name                     per query                                                            best
    ======================== ==================================================================== ======
    ``map``                  average precision over the full ranking                              1
    ``mrr``                  1 / rank of the first relevant item                                  1
    ``p@k``                  share of relevant items among the first k; ``p@1`` is 1-NN accuracy  1
    ``ndcg@k``               discounted gain among the first k against the best possible          1
    ``knn@k``                1 where most of the k nearest have the query's label                 1
    ``first_rank``           rank of the first relevant item, from 1                              1
    ``first_rank_normalised`` share of the irrelevant items that come before it                   0
    ``hubness``              skewness of the 10-occurrence; one figure for all                    low
    ======================== ==================================================================== ======

    Queries that no candidate is relevant to have NaN and are left out of means.

    Attributes:
        classes: The labels, sorted, shape ``(C,)``.
        codes: Which of them each query has, shape ``(N,)``.
        candidates: How many items each query was compared with, shape ``(N,)``.
        relevant: How many of them are relevant, shape ``(N,)``.
        neighbours: The nearest of each, nearest first, shape ``(N, K)``; -1 where there are fewer.
        figures: Name to figures ``(N,)``.
        chance_figures: Name to the figures that a random ranking has, exactly, shape ``(N,)``.
        chance_hubness: The hubness of neighbours by lot.
        ks: The cut-offs.
    """

    classes: NDArray[Any]
    codes: IntArray
    candidates: IntArray
    relevant: IntArray
    neighbours: IntArray
    figures: dict[str, Figures]
    chance_figures: dict[str, Figures] = field(repr=False)
    chance_hubness: float
    ks: tuple[int, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all measures, ``hubness`` included."""
        return (*self.figures, "hubness")

    @property
    def queries(self) -> int:
        """How many queries count."""
        return int(np.count_nonzero(self.relevant))

    @property
    def left_out(self) -> int:
        """How many queries have nothing relevant to find, and do not count."""
        return len(self.relevant) - self.queries

    def per_query(self, name: str) -> Figures:
        """Figures of one measure, shape ``(N,)``, NaN where a query does not count."""
        if name not in self.figures:
            raise InvalidInputError(f"Expected one of {', '.join(self.figures)}; got {name!r}.")
        return self.figures[name]

    def mean(self, name: str) -> float:
        """Mean of a measure over the queries that count; NaN where none does."""
        if name == "hubness":
            return hubness(self.neighbours[:, :HUBNESS_K], len(self.codes))
        return _mean(self.per_query(name))

    def chance(self, name: str) -> float:
        """What a ranking that knows nothing has in the mean.

        Exact for all but ``knn@k`` with k above 1, where labels are dealt out anew twenty times (seed 0).
        """
        if name == "hubness":
            return self.chance_hubness
        if name.startswith("knn@") and name != "knn@1":
            near = self.neighbours[:, : int(name[4:])]
            return shuffled_vote_accuracy(near, self.codes, np.random.default_rng(0))
        return _mean(self.chance_figures["p@1" if name == "knn@1" else name])

    def per_class(self, name: str = "map") -> dict[str, float]:
        """Mean of a measure for each label, NaN where no query of it counts."""
        values = self.per_query(name)
        return {str(label): _mean(values[self.codes == code]) for code, label in enumerate(self.classes)}

    def score(
        self,
        name: str,
        groups: NDArray[Any] | None = None,
        *,
        resamples: int = 1000,
        rng: np.random.Generator | int = 0,
    ) -> Score:
        """One measure with its bootstrap interval of 95 % and chance level.

        Args:
            name: One of ``names``. Hubness is no mean over queries and has no interval.
            groups: What each query belongs to, shape ``(N,)``; see
                :func:`soundalike.evaluation.bootstrap_interval`.
            resamples: How many draws.
            rng: Draws; or its seed.
        """
        if name == "hubness":
            return Score(name, self.mean(name), None, None, self.chance(name))
        found = bootstrap_interval(self.per_query(name), groups, resamples=resamples, rng=rng)
        return Score.of(name, found, self.chance(name))

    def scores(
        self,
        names: Iterable[str] | None = None,
        groups: NDArray[Any] | None = None,
        *,
        resamples: int = 1000,
        seed: int = 0,
    ) -> tuple[Score, ...]:
        """Several measures, all of them by default; the same draws for each."""
        chosen = self.names if names is None else names
        return tuple(self.score(name, groups, resamples=resamples, rng=seed) for name in chosen)


def retrieval_scores(
    vectors: NDArray[Any],
    labels: NDArray[Any],
    *,
    metric: Metric = "cosine",
    exclude: NDArray[Any] | None = None,
    within: NDArray[Any] | None = None,
    ks: Sequence[int] = (1, 5, 10),
    rng: np.random.Generator | int = 0,
    block_rows: int | None = None,
) -> RetrievalScores:
    """Let every item ask for the others in turn, and score the full ranking.

    Exact, in memory that grows with N, never with N x N. Where items are equally far from a query, figures
    are expected values over their random order, so that vectors that are all the same score as chance does.

    Args:
        vectors: Floating point ``(N, D)``, or packed bits (uint8) for ``hamming``.
        labels: Items of equal label are relevant to each other, any dtype that can be sorted, ``(N,)``.
        metric: ``cosine``, ``euclidean`` or ``hamming``.
        exclude: Items that share this value with a query are neither hits nor misses, shape ``(N,)``: its
            source recording, speaker or fold.
        within: Only items that share this value with a query are candidates, shape ``(N,)``.
        ks: Cut-offs for ``p@k``, ``ndcg@k`` and ``knn@k``.
        rng: Draws the order of neighbours that are equally far (``knn@k`` and hubness); or its seed.
        block_rows: Queries at a time, which changes memory and no result.

    Returns:
        Every query's figures; see :class:`RetrievalScores`.

    Raises:
        InvalidInputError: Arrays of unlike lengths, cut-offs below 1, vectors that the metric does not take.

    Source:
        Manning, Raghavan and Schütze 2008, Introduction to information retrieval, chapter 8; ties as in
        McSherry and Najork 2008.

    Example:
        >>> vectors = np.array([[1, 0], [0.9, 0.1], [0, 1], [0.1, 0.9]], np.float32)
        >>> scores = retrieval_scores(vectors, np.array(["bell", "bell", "rain", "rain"]))
        >>> scores.mean("map"), round(scores.chance("map"), 3)
        (1.0, 0.611)
    """
    cuts = tuple(dict.fromkeys(int(k) for k in ks))
    if not cuts or min(cuts) < 1:
        raise InvalidInputError(f"Expected cut-offs of at least 1; got {tuple(ks)}.")
    ranked = rank_relevance(
        vectors, labels, metric=metric, exclude=exclude, within=within,
        neighbours=max(*cuts, HUBNESS_K), rng=rng, block_rows=block_rows,
    )  # fmt: skip
    blocks = [_scored(block, cuts) for block in ranked]
    if not blocks:
        raise InvalidInputError("Expected at least one vector; got none.")
    return _joined(blocks, cuts, np.asarray(labels), exclude, within)


def _joined(
    blocks: Sequence[_Scored],
    ks: tuple[int, ...],
    labels: NDArray[Any],
    exclude: NDArray[Any] | None,
    within: NDArray[Any] | None,
) -> RetrievalScores:
    """Put the blocks together, and add what needs all of them: votes and chance levels."""
    candidates, relevant, neighbours = (np.concatenate([block[n] for block in blocks]) for n in range(3))
    figures = {name: np.concatenate([block[3][name] for block in blocks]) for name in blocks[0][3]}
    classes, codes = np.unique(labels, return_inverse=True)
    counts = relevant > 0
    for k in ks:
        right = knn_votes(neighbours[:, :k], codes) == codes
        figures[f"knn@{k}"] = np.where(counts, right.astype(np.float64), np.nan)
    return RetrievalScores(
        classes=classes,
        codes=codes,
        candidates=candidates,
        relevant=relevant,
        neighbours=neighbours,
        figures=figures,
        chance_figures=_chance(candidates, relevant, ks),
        chance_hubness=hubness_by_chance(HUBNESS_K, candidates, exclude, within),
        ks=ks,
    )


def _scored(block: RankedBlock, ks: tuple[int, ...]) -> _Scored:
    figures = _figures(block.ties, block.candidates, block.relevant, ks)
    return block.candidates, block.relevant, block.neighbours, figures


def _chance(candidates: IntArray, relevant: IntArray, ks: tuple[int, ...]) -> dict[str, Figures]:
    """The figures of rankings in which everything is tied, once for each different pair of counts."""
    pairs, which = np.unique(np.stack([candidates, relevant], axis=1), axis=0, return_inverse=True)
    ties = TieGroups.at_random(pairs[:, 0], pairs[:, 1])
    figures = _figures(ties, pairs[:, 0], pairs[:, 1], ks)
    return {name: values[which.reshape(-1)] for name, values in figures.items()}


def _figures(
    ties: TieGroups, candidates: IntArray, relevant: IntArray, ks: tuple[int, ...]
) -> dict[str, Figures]:
    first = ties.first_rank()
    irrelevant = candidates - relevant
    figures = {"map": ties.average_precision(), "mrr": ties.reciprocal_rank()}
    figures |= {f"p@{k}": ties.precision_at(k) for k in ks}
    figures |= {f"ndcg@{k}": ties.ndcg_at(k) for k in ks}
    figures |= {"first_rank": first, "first_rank_normalised": (first - 1.0) / np.maximum(irrelevant, 1)}
    counts = relevant > 0
    return {name: np.where(counts, values, np.nan) for name, values in figures.items()}


def _mean(values: Figures) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")
