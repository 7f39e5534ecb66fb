"""Votes and hubs: against loops, against scikit-learn, and where the answer is known."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy.stats import skew
from sklearn.neighbors import KNeighborsClassifier

from soundalike.core.errors import InvalidInputError
from soundalike.evaluation import (
    hubness,
    hubness_by_chance,
    k_occurrence,
    knn_accuracy,
    knn_votes,
    nearest_in_gallery,
    retrieval_scores,
)


def loop_vote(labels: list[int]) -> int:
    """The most frequent label; among equals the one that comes first."""
    if not labels:
        return -1
    counts = Counter(labels)
    return next(label for label in labels if counts[label] == max(counts.values()))


def test_votes_equal_those_of_a_loop() -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 4, 50)
    neighbours = rng.integers(-1, 50, (300, 7))
    neighbours[3] = -1
    votes = knn_votes(neighbours, codes)
    for row, winner in zip(neighbours.tolist(), votes.tolist(), strict=True):
        assert winner == loop_vote([int(codes[n]) for n in row if n >= 0])


def test_accuracy_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    centres = rng.normal(size=(3, 8))
    labels = rng.integers(0, 3, 240)
    vectors = (centres[labels] + rng.normal(size=(240, 8))).astype(np.float32)
    names = np.array(["bell", "dog", "rain"])[labels]
    for k in (1, 3):
        peer = KNeighborsClassifier(k, weights="uniform").fit(vectors[:160], names[:160])
        theirs = peer.predict(vectors[160:]) == names[160:]
        ours = knn_accuracy(vectors[:160], names[:160], vectors[160:], names[160:], k, metric="euclidean")
        # With three classes and k = 3 a vote of one each is broken differently: by nearness here.
        assert np.count_nonzero(ours != theirs) <= (0 if k == 1 else 8)
        assert ours.mean() == pytest.approx(theirs.mean(), abs=0.05)


def test_folds_are_an_exclusion() -> None:
    rng = np.random.default_rng(2)
    labels, folds = rng.integers(0, 3, 90), np.arange(90) % 3
    vectors = (rng.normal(size=(3, 5))[labels] + rng.normal(size=(90, 5))).astype(np.float32)
    scores = retrieval_scores(vectors, labels, exclude=folds)
    for fold in range(3):
        train, test = folds != fold, folds == fold
        right = knn_accuracy(vectors[train], labels[train], vectors[test], labels[test], 5)
        np.testing.assert_array_equal(scores.per_query("knn@5")[test], right)


def test_a_label_that_was_never_trained_is_never_guessed() -> None:
    vectors = np.eye(3, dtype=np.float32)
    right = knn_accuracy(vectors[:2], np.array(["a", "b"]), vectors, np.array(["a", "b", "zither"]))
    assert right.tolist() == [1.0, 1.0, 0.0]


def test_nearest_are_those_of_a_full_sort() -> None:
    rng = np.random.default_rng(3)
    queries, gallery = (rng.normal(size=(size, 9)).astype(np.float32) for size in (20, 70))
    far = np.linalg.norm(queries[:, None].astype(np.float64) - gallery[None], axis=2)
    found = nearest_in_gallery(queries, gallery, 6, metric="euclidean", block_rows=3)
    np.testing.assert_array_equal(found, np.argsort(far, axis=1)[:, :6])
    assert nearest_in_gallery(queries, gallery[:4], 6).shape == (20, 4)


def test_equally_near_ones_are_drawn_evenly() -> None:
    same = np.ones((10, 3), np.float32)
    found = nearest_in_gallery(np.ones((2000, 3), np.float32), same, 2, rng=4)
    counts = k_occurrence(found, 10)
    assert counts.sum() == 4000
    assert counts.min() > 330
    drawn = retrieval_scores(np.ones((1000, 3), np.float32), np.zeros(1000), ks=(1,)).neighbours
    assert len(set(drawn[:, 0].tolist())) > 500, "no row comes first because of where it stands"


def test_hubness_is_the_skewness_of_scipy() -> None:
    neighbours = np.random.default_rng(5).integers(0, 40, (200, 5)) ** 2 // 40
    counts = k_occurrence(neighbours, 40)
    assert counts.sum() == 1000
    assert hubness(neighbours, 40) == pytest.approx(float(skew(counts)))


def test_hubness_of_one_hub_is_known() -> None:
    """All N - 1 others choose row 0, which chooses row 1: for large N the skewness is the root of N."""
    size = 400
    neighbours = np.zeros((size, 1), np.int64)
    neighbours[0] = 1
    assert hubness(neighbours, size) == pytest.approx(np.sqrt(size), rel=0.01)
    assert hubness(np.roll(np.arange(size), 1)[:, None], size) == 0.0


def test_hubness_grows_with_the_dimension() -> None:
    rng = np.random.default_rng(6)
    low, high = (rng.normal(size=(500, dims)).astype(np.float32) for dims in (3, 100))
    few = retrieval_scores(low, np.zeros(500), metric="euclidean").mean("hubness")
    many = retrieval_scores(high, np.zeros(500), metric="euclidean").mean("hubness")
    assert abs(few) < 1.0 < 2.0 < many


@pytest.mark.parametrize("use", ["", "exclude", "within", "both", "uneven"])
def test_hubness_by_chance_is_that_of_drawn_neighbours(use: str) -> None:
    rng = np.random.default_rng(7)
    recording = rng.integers(0, 12, 120)
    place = (np.arange(120) > 90).astype(np.int64)
    if use == "uneven":  # three of four items are of one recording: the others are chosen far more often
        recording = np.maximum(np.arange(120) - 89, 0)
    exclude = recording if use in ("exclude", "both", "uneven") else None
    within = place if use in ("within", "both") else None
    found = []
    for seed in range(40):
        codes = np.ones((120, 1), np.uint8)
        scores = retrieval_scores(
            codes, np.zeros(120), metric="hamming", exclude=exclude, within=within, rng=seed
        )
        found.append(scores.mean("hubness"))
    chance = scores.chance("hubness")
    assert chance == hubness_by_chance(10, scores.candidates, exclude, within)
    assert abs(np.mean(found) - chance) < 0.12
    if use == "uneven":
        assert chance > 1.0


def test_what_cannot_be_done_says_why() -> None:
    vectors = np.eye(3, dtype=np.float32)
    with pytest.raises(InvalidInputError, match="at least one neighbour; got k = 0"):
        nearest_in_gallery(vectors, vectors, 0)
    with pytest.raises(InvalidInputError, match=r"one label per vector: 3 and 3; got shapes \(2,\)"):
        knn_accuracy(vectors, np.zeros(2), vectors, np.zeros(3))
    with pytest.raises(InvalidInputError, match="must have 3 dimensions; got 2"):
        nearest_in_gallery(np.zeros((1, 2), np.float32), vectors, 1)
