"""What nearest neighbours say: votes for a label, and how unevenly items are chosen as neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundalike.core.arrays import IntArray
from soundalike.core.errors import InvalidInputError
from soundalike.evaluation.distances import Gallery, Metric, distance_blocks

_PAIRS_AT_ONCE = 8_000_000
_PERMUTATIONS = 20


def knn_votes(neighbours: IntArray, codes: IntArray) -> IntArray:
    """Let neighbours vote for a label.

    Args:
        neighbours: Rows of the nearest, nearest first, shape ``(Q, K)``; -1 where there are fewer.
        codes: Label of every row, from 0, shape ``(N,)``.

    Returns:
        The label with the most votes, shape ``(Q,)``, among equals that of the nearest; -1 where there is no
        neighbour.

    Example:
        >>> knn_votes(np.array([[0, 1, 2]]), np.array([7, 4, 4])).tolist()
        [4]
    """
    neighbours = np.asarray(neighbours)
    queries, k = neighbours.shape
    if not queries or not k or not len(codes):
        return np.full(queries, -1, np.int64)
    labels = np.where(neighbours < 0, -1, np.asarray(codes)[neighbours])
    winners = np.empty(queries, np.int64)
    step = max(1, _PAIRS_AT_ONCE // (k * k))
    for start in range(0, queries, step):
        part = labels[start : start + step]
        votes = np.count_nonzero(part[:, :, None] == part[:, None, :], axis=2)
        votes[part < 0] = 0
        winners[start : start + step] = part[np.arange(len(part)), votes.argmax(axis=1)]
    return winners


def nearest_in_gallery(
    queries: NDArray[Any],
    gallery: NDArray[Any],
    k: int,
    *,
    metric: Metric = "cosine",
    rng: np.random.Generator | int = 0,
    block_rows: int | None = None,
) -> IntArray:
    """Find the nearest rows of another array.

    Args:
        queries: Shape ``(Q, D)``.
        gallery: Shape ``(N, D)``.
        k: How many.
        metric: How to measure; see :class:`soundalike.evaluation.Gallery`.
        rng: Draws the order of what is equally far; or its seed.
        block_rows: Queries at a time.

    Returns:
        Rows of the gallery, nearest first, shape ``(Q, min(k, N))``.
    """
    if k < 1:
        raise InvalidInputError(f"Expected at least one neighbour; got k = {k}.")
    prepared = Gallery(gallery, metric)
    generator = np.random.default_rng(rng)
    found = [np.zeros((0, min(k, len(prepared))), np.int64)]
    for _, distances in distance_blocks(np.asarray(queries), prepared, block_rows):
        lots = generator.integers(0, 1 << 32, size=distances.shape, dtype=np.uint64)
        keys = (distances.view(np.uint32).astype(np.uint64) << np.uint64(32)) | lots
        width = min(k, keys.shape[1])
        columns = np.argpartition(keys, width - 1, axis=1)[:, :width] if width else found[0][:0]
        order = np.argsort(np.take_along_axis(keys, columns, 1), axis=1)
        found.append(np.take_along_axis(columns, order, 1))
    return np.concatenate(found)


def knn_accuracy(
    train_vectors: NDArray[Any],
    train_labels: NDArray[Any],
    test_vectors: NDArray[Any],
    test_labels: NDArray[Any],
    k: int = 1,
    *,
    metric: Metric = "cosine",
    rng: np.random.Generator | int = 0,
) -> NDArray[np.float64]:
    """Guess the labels of one part by the neighbours in another: a fixed division into train and test.

    For folds, give their numbers as ``exclude`` to :func:`soundalike.evaluation.retrieval_scores`, which
    tests every fold on all others.

    Args:
        train_vectors: Shape ``(N, D)``.
        train_labels: Shape ``(N,)``.
        test_vectors: Shape ``(Q, D)``.
        test_labels: Shape ``(Q,)``.
        k: How many neighbours vote; see :func:`knn_votes`.
        metric: How to measure.
        rng: Draws among what is equally far; or its seed.

    Returns:
        1 where the guess is right, else 0, shape ``(Q,)``; the mean is the accuracy.

    Example:
        >>> train = np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)
        >>> knn_accuracy(train, np.array(["a", "b"]), np.array([[0.9, 0.1]], np.float32), np.array(["a"]))
        array([1.])
    """
    train, test = np.asarray(train_labels), np.asarray(test_labels)
    if train.shape != (len(train_vectors),) or test.shape != (len(test_vectors),):
        raise InvalidInputError(
            f"Expected one label per vector: {len(train_vectors)} and {len(test_vectors)}; "
            f"got shapes {train.shape} and {test.shape}."
        )
    classes, codes = np.unique(train, return_inverse=True)
    near = nearest_in_gallery(test_vectors, train_vectors, k, metric=metric, rng=rng)
    guesses = knn_votes(near, codes)
    right = (guesses >= 0) & (classes[np.maximum(guesses, 0)] == test) if len(classes) else guesses >= 0
    return np.asarray(right, np.float64)


def shuffled_vote_accuracy(neighbours: IntArray, codes: IntArray, rng: np.random.Generator) -> float:
    """Accuracy of the votes when labels are dealt out anew: the chance level of k-NN.

    Args:
        neighbours: As for :func:`knn_votes`, of all N rows.
        codes: Label of every row, shape ``(N,)``.
        rng: Deals the labels.

    Returns:
        The mean over 20 deals.
    """
    known = neighbours[:, 0] >= 0 if neighbours.size else np.zeros(len(neighbours), np.bool_)
    if not known.any():
        return float("nan")
    shares = []
    for _ in range(_PERMUTATIONS):
        dealt = rng.permutation(codes)
        shares.append(float((knn_votes(neighbours, dealt) == dealt)[known].mean()))
    return float(np.mean(shares))


def k_occurrence(neighbours: IntArray, size: int) -> IntArray:
    """Count how often each row is among the nearest of another.

    Args:
        neighbours: Rows of the nearest, shape ``(Q, K)``; -1 is nobody.
        size: How many rows N there are.

    Returns:
        Shape ``(N,)``.
    """
    named = np.asarray(neighbours).ravel()
    return np.bincount(named[named >= 0], minlength=size)


def hubness(neighbours: IntArray, size: int) -> float:
    """Skewness of the k-occurrence: far above 0 where a few items are near to everything.

    Args:
        neighbours: Rows of the nearest, shape ``(Q, K)``; -1 is nobody.
        size: How many rows N there are.

    Returns:
        The third standardised moment of the counts; 0 where all are chosen equally often.

    Source:
        Radovanović, Nanopoulos and Ivanović 2010, Hubs in space, equation 1.

    Example:
        >>> round(hubness(np.array([[1], [0], [0], [0]]), 4), 3)  # row 0 is the nearest of all others
        0.816
    """
    counts = k_occurrence(neighbours, size).astype(np.float64)
    if not len(counts) or counts.std() == 0.0:
        return 0.0
    return float(np.mean((counts - counts.mean()) ** 3) / counts.std() ** 3)


def hubness_by_chance(
    k: int,
    candidates: IntArray,
    exclude: NDArray[Any] | None = None,
    within: NDArray[Any] | None = None,
) -> float:
    """Skewness that the k-occurrence has when every query draws its neighbours by lot.

    A row is chosen by each query that it is a candidate of with the chance k / candidates, independently of
    other queries: the moments of these sums are exact, and so is their mixture over rows.

    Args:
        k: How many neighbours each query takes.
        candidates: How many candidates each query has, shape ``(N,)``.
        exclude: As it was given when neighbours were ranked, shape ``(N,)``.
        within: Likewise.

    Returns:
        The skewness of the pooled distribution.
    """
    size = len(candidates)
    chance = np.minimum(1.0, k / np.maximum(candidates, 1)) * (candidates > 0)
    mean, variance, third = (
        _summed_over_candidates(power, exclude, within)
        for power in (
            chance,
            chance * (1.0 - chance),
            chance * (1.0 - chance) * (1.0 - 2.0 * chance),
        )
    )
    if not size:
        return 0.0
    off = mean - mean.mean()
    spread = float(np.mean(variance + off**2))
    return float(np.mean(third + 3.0 * variance * off + off**3) / spread**1.5) if spread > 1e-12 else 0.0


def _summed_over_candidates(
    values: NDArray[np.float64], exclude: NDArray[Any] | None, within: NDArray[Any] | None
) -> NDArray[np.float64]:
    """For each row, the sum of the values of all rows that it is a candidate of; none of itself."""
    inside = np.unique(np.zeros(len(values)) if within is None else within, return_inverse=True)[1]
    total = np.bincount(inside, values)[inside]
    if exclude is None:
        return np.asarray(total - values)
    excluded = np.unique(exclude, return_inverse=True)[1]
    pair = np.unique(inside * len(values) + excluded, return_inverse=True)[1]
    return np.asarray(total - np.bincount(pair, values)[pair])
