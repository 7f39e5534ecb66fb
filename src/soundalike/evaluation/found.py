"""Is the one right sound found? Ranks of a known target: near-duplicates, copies, renderings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundalike.core.arrays import IntArray
from soundalike.core.errors import InvalidInputError
from soundalike.evaluation.bootstrap import bootstrap_interval
from soundalike.evaluation.distances import Gallery, Metric, distance_blocks
from soundalike.evaluation.report import Score
from soundalike.evaluation.ties import Figures, TieGroups


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Where each query's target stands.

    Attributes:
        rank: Its rank from 1, shape ``(Q,)``, in the mean over all orders of what is equally far.
        figures: ``mrr`` and ``recall@k`` (found among the first k), each ``(Q,)``.
        candidates: The size N of the gallery.
    """

    rank: Figures
    figures: dict[str, Figures]
    candidates: int

    def per_query(self, name: str) -> Figures:
        """Figures of one measure, shape ``(Q,)``."""
        if name not in self.figures:
            raise InvalidInputError(f"Expected one of {', '.join(self.figures)}; got {name!r}.")
        return self.figures[name]

    def mean(self, name: str) -> float:
        """Mean of a measure over all queries; NaN where there are none."""
        values = self.per_query(name)
        return float(values.mean()) if len(values) else float("nan")

    def chance(self, name: str) -> float:
        """What a ranking that knows nothing has in the mean: ``k / N`` for ``recall@k``."""
        nothing = TieGroups.at_random(np.array([self.candidates]), np.array([1]))
        return float(_figure(nothing, name)[0])

    def score(
        self,
        name: str,
        groups: NDArray[Any] | None = None,
        *,
        resamples: int = 1000,
        rng: np.random.Generator | int = 0,
    ) -> Score:
        """One measure with its bootstrap interval of 95 % and chance level."""
        found = bootstrap_interval(self.per_query(name), groups, resamples=resamples, rng=rng)
        return Score.of(name, found, self.chance(name))


def found_first(
    query_vectors: NDArray[Any],
    gallery_vectors: NDArray[Any],
    target_index: IntArray,
    *,
    metric: Metric = "cosine",
    ks: Sequence[int] = (1, 10),
    block_rows: int | None = None,
) -> Found:
    """Rank a whole gallery for each query and see where its one target stands.

    Args:
        query_vectors: Shape ``(Q, D)``: of copies that were re-encoded, trimmed, made noisy, …
        gallery_vectors: Shape ``(N, D)``: of the originals and whatever else there is.
        target_index: The row of the gallery that each query should find, shape ``(Q,)``.
        metric: How to measure; see :class:`soundalike.evaluation.Gallery`.
        ks: Cut-offs for ``recall@k``.
        block_rows: Queries at a time.

    Returns:
        Ranks and figures. A target that shares its place with others is found in part: with one other at
        distance 0, ``recall@1`` is 0.5.

    Raises:
        InvalidInputError: Targets outside the gallery, or not one per query.

    Example:
        >>> gallery = np.eye(3, dtype=np.float32)
        >>> found_first(gallery[:2] + 0.1, gallery, np.array([0, 1])).mean("recall@1")
        1.0
    """
    gallery = Gallery(gallery_vectors, metric)
    targets = np.asarray(target_index)
    if targets.shape != (len(query_vectors),) or targets.dtype.kind not in "iu":
        raise InvalidInputError(
            f"Expected one target per query, whole numbers of shape ({len(query_vectors)},); "
            f"got {targets.dtype} of shape {targets.shape}."
        )
    if len(targets) and not (targets.min() >= 0 and targets.max() < len(gallery)):
        raise InvalidInputError(
            f"Targets must lie in the gallery's {len(gallery)} rows; got {targets.min()} to {targets.max()}."
        )
    before, size = np.zeros(len(targets), np.int64), np.ones(len(targets), np.int64)
    for rows, distances in distance_blocks(np.asarray(query_vectors), gallery, block_rows):
        own = distances[np.arange(len(distances)), targets[rows]][:, None]
        before[rows] = np.count_nonzero(distances < own, axis=1)
        size[rows] = np.count_nonzero(distances == own, axis=1)
    queries = np.arange(len(targets))
    ties = TieGroups(queries, before, size, np.zeros_like(size), np.ones_like(size), len(targets))
    names = ["mrr", *(f"recall@{k}" for k in ks)]
    return Found(ties.first_rank(), {name: _figure(ties, name) for name in names}, len(gallery))


def _figure(ties: TieGroups, name: str) -> Figures:
    if name == "mrr":
        return ties.reciprocal_rank()
    k = int(name.partition("@")[2])
    return ties.precision_at(k) * k
