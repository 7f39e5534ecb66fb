"""From vectors to figures: one contender's result in one task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soundalike.core.arrays import BoolArray, FloatArray, IntArray
from soundalike.evaluation import Metric, RetrievalScores, Score, TaskResult, found_first, retrieval_scores
from soundalike.sources import Item
from soundalike.studies.field import Contender
from soundalike.studies.tasks import LabelTask, NearDuplicateTask

MEASURES = ("map", "p@1", "p@5", "knn@5", "mrr", "ndcg@10", "first_rank", "hubness")
"""What is shown of a task by labels; see :class:`soundalike.evaluation.RetrievalScores`."""

FOLDS = "fold_knn@5"
"""Accuracy of five neighbours from other folds, where a set has official folds."""

_KS = (1, 5, 10)
_SMALLEST_DEVIATION = 1e-6  # dimensions that hardly vary are left as they are


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """What pictures are made of: one contender's vectors in one task by labels.

    Attributes:
        task: The task's name.
        label: The contender's.
        items: The sounds that could be used, N of them.
        labels: Their labels, shape ``(N,)``.
        vectors: Theirs, as they were compared, shape ``(N, D)``.
        metric: What they were compared with.
        scores: All figures of all queries.
    """

    task: str
    label: str
    items: tuple[Item, ...]
    labels: NDArray[np.str_]
    vectors: FloatArray
    metric: Metric
    scores: RetrievalScores


class Standardiser:
    """Brings each dimension to mean 0 and deviation 1 over a collection; leaves silence at zero.

    Args:
        vectors: The collection, shape ``(N, D)``.
        silent: Rows that take no part, shape ``(N,)``.
        active: False leaves vectors as they are.

    Example:
        >>> rows = np.array([[0.0, 2.0], [2.0, 6.0]], np.float32)
        >>> Standardiser(rows, np.zeros(2, bool), active=True)(rows, np.zeros(2, bool)).tolist()
        [[-1.0, -1.0], [1.0, 1.0]]
    """

    def __init__(self, vectors: FloatArray, silent: BoolArray, *, active: bool) -> None:
        heard = vectors[~silent].astype(np.float64)
        self._active = active and len(heard) > 0
        if self._active:
            self._mean = heard.mean(axis=0)
            deviation = heard.std(axis=0)
            self._deviation = np.where(deviation > _SMALLEST_DEVIATION, deviation, 1.0)

    def __call__(self, vectors: FloatArray, silent: BoolArray) -> FloatArray:
        """Transform vectors ``(N, D)``, those of silent rows to zeros."""
        if not self._active:
            return vectors
        moved = (vectors - self._mean) / self._deviation
        return np.asarray(np.where(silent[:, None], 0.0, moved), np.float32)


def score_labels(
    task: LabelTask,
    contender: Contender,
    vectors: FloatArray,
    silent: BoolArray,
    usable: IntArray,
    *,
    seed: int = 0,
    resamples: int = 1000,
) -> tuple[TaskResult, Ranked]:
    """Let every sound of a task ask for the others.

    Args:
        task: The task, of N sounds.
        contender: Whose vectors these are.
        vectors: Of whole sounds, shape ``(N, D)``.
        silent: Sounds that are silent to the contender, shape ``(N,)``: their vectors are zero, equally far
            from everything.
        usable: Rows of the sounds that could be used, rising.
        seed: Of the bootstrap, and of the order of what is equally far.
        resamples: Draws of the bootstrap.

    Returns:
        The result, and what pictures are made of.
    """
    quiet = silent[usable]
    standardise = Standardiser(vectors[usable], quiet, active=contender.standardise)
    compared = standardise(vectors[usable], quiet)
    labels = np.asarray(task.labels)[usable]
    metric = contender.encoder.spec.metric
    groups = _of(task.groups, usable)
    scores = retrieval_scores(
        compared, labels, metric=metric, exclude=_of(task.exclude, usable), within=_of(task.within, usable),
        ks=_KS, rng=seed,
    )  # fmt: skip
    found = list(scores.scores(MEASURES, groups, resamples=resamples, seed=seed))
    if task.folds is not None:
        folds = retrieval_scores(
            compared, labels, metric=metric, exclude=np.asarray(task.folds)[usable], ks=_KS, rng=seed
        )
        guess = folds.score("knn@5", groups, resamples=resamples, rng=seed)
        found.insert(4, Score(FOLDS, guess.value, guess.low, guess.high, guess.chance))
    result = TaskResult(
        task.name,
        contender.label,
        tuple(found),
        per_class=scores.per_class(),
        queries=scores.queries,
        left_out=scores.left_out,
        facts=_facts(contender, int(quiet.sum())),
    )
    items = tuple(task.items[row] for row in usable)
    return result, Ranked(task.name, contender.label, items, labels, compared, metric, scores)


def score_copies(
    task: NearDuplicateTask,
    contender: Contender,
    vectors: FloatArray,
    silent: BoolArray,
    copies: Mapping[str, tuple[FloatArray, IntArray]],
    *,
    seed: int = 0,
    resamples: int = 1000,
) -> TaskResult:
    """Look for the originals of copies.

    Args:
        task: The task.
        contender: Whose vectors these are.
        vectors: Of all sounds that could be used, shape ``(N, D)``.
        silent: Which are silent to the contender, shape ``(N,)``.
        copies: For each kind the vectors of copies ``(Q, D)`` and the rows of their originals ``(Q,)``.
        seed: Of the bootstrap.
        resamples: Its draws.

    Returns:
        A score for each kind, named by it: the share of copies whose original comes first.
    """
    standardise = Standardiser(vectors, silent, active=contender.standardise)
    gallery = standardise(vectors, silent)
    scores = []
    facts = _facts(contender, int(silent.sum()))
    for kind in task.kinds:
        asked, originals = copies[kind.name]
        found = found_first(
            standardise(asked, np.asarray(~asked.any(axis=1))),
            gallery,
            originals,
            metric=contender.encoder.spec.metric,
        )
        score = found.score("recall@1", resamples=resamples, rng=seed)
        scores.append(Score(kind.name, score.value, score.low, score.high, score.chance))
        facts[f"{kind.name}: among the first 10"] = f"{found.mean('recall@10'):.3f}"
    count = max((len(originals) for _, originals in copies.values()), default=0)
    return TaskResult(task.name, contender.label, tuple(scores), queries=count, facts=facts)


def _of(keys: tuple[str, ...] | None, rows: IntArray) -> NDArray[np.str_] | None:
    return None if keys is None else np.asarray(keys)[rows]


def _facts(contender: Contender, silent: int) -> dict[str, str]:
    spec = contender.encoder.spec
    facts = {
        "role": contender.role,
        "fingerprint": spec.fingerprint,
        "vectors": f"{spec.dims} dimensions, {spec.metric}"
        + (", standardised over the task's sounds" if contender.standardise else ""),
    }
    return facts | ({"silent sounds": f"{silent:,}"} if silent else {})
