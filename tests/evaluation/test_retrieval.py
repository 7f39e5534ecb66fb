"""Figures of rankings: against loops, against scikit-learn, and where the answer is known."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, ndcg_score

from soundalike.audio import decode
from soundalike.core.errors import InvalidInputError
from soundalike.evaluation import Metric, TieGroups, retrieval_scores

KS = (1, 3, 10)


def load_naive() -> ModuleType:
    spec = importlib.util.spec_from_file_location("naive", Path(__file__).with_name("naive.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


naive = load_naive()


def made(size: int, seed: int, metric: Metric) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[np.int64]]:
    """Vectors, labels and recordings; labels are somewhat clustered."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, size)
    recordings = rng.integers(0, size // 3, size)
    if metric == "hamming":
        return rng.integers(0, 256, (size, 3), dtype=np.uint8), labels, recordings
    centres = rng.normal(size=(4, 6))
    vectors = (centres[labels] + rng.normal(size=(size, 6))).astype(np.float32)
    return vectors, labels, recordings


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("use", ["", "exclude", "within", "both"])
def test_figures_equal_those_of_loops(metric: Metric, use: str) -> None:
    vectors, labels, recordings = made(60, 1, metric)
    exclude = recordings if use in ("exclude", "both") else None
    within = recordings % 2 if use in ("within", "both") else None
    scores = retrieval_scores(vectors, labels, metric=metric, exclude=exclude, within=within, ks=KS)
    for query in range(len(labels)):
        others = naive.candidates_of(query, len(labels), exclude, within)
        relevance = [bool(labels[n] == labels[query]) for n in others]
        assert scores.candidates[query] == len(others)
        assert scores.relevant[query] == sum(relevance)
        far = [naive.distance(vectors[query], vectors[n], metric) for n in others]
        expected = naive.figures(naive.ranked(far, relevance), KS)
        for name, value in expected.items():
            assert scores.per_query(name)[query] == pytest.approx(value, abs=1e-12), name
        nearest = [others[n] for n in np.argsort(far)[:10]]
        assert scores.neighbours[query, : len(nearest)].tolist() == nearest
        assert (scores.neighbours[query, len(nearest) :] == -1).all()


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1)), min_size=3, max_size=6).filter(
        lambda rows: len({label for _, label in rows}) == 2
    )
)
def test_ties_are_worth_what_their_orders_are_worth_in_the_mean(rows: list[tuple[int, int]]) -> None:
    codes = np.array([[place] for place, _ in rows], np.uint8)
    labels = np.array([label for _, label in rows])
    scores = retrieval_scores(codes, labels, metric="hamming", ks=(1, 2, 5))
    for query in range(len(rows)):
        others = naive.candidates_of(query, len(rows), None, None)
        relevance = [bool(labels[n] == labels[query]) for n in others]
        if not any(relevance):
            assert np.isnan(scores.per_query("map")[query])
            continue
        far = [naive.distance(codes[query], codes[n], "hamming") for n in others]
        for name, value in naive.expected_figures(far, relevance, (1, 2, 5)).items():
            assert scores.per_query(name)[query] == pytest.approx(value, abs=1e-12), name


@pytest.mark.parametrize("metric", ["cosine", "euclidean", "hamming"])
def test_vectors_that_are_all_the_same_score_as_chance_does(metric: Metric) -> None:
    _, labels, recordings = made(200, 2, metric)
    one = np.full((200, 7), 37, np.uint8) if metric == "hamming" else np.full((200, 7), 0.1, np.float32)
    scores = retrieval_scores(one, labels, metric=metric, exclude=recordings)
    for name in ("map", "mrr", "p@1", "p@10", "ndcg@5", "first_rank", "first_rank_normalised"):
        assert scores.mean(name) == pytest.approx(scores.chance(name), abs=1e-12)
    assert scores.mean("map") < 0.4
    for name in ("knn@1", "knn@5"):
        assert scores.mean(name) < 0.45
    assert abs(scores.mean("hubness")) < 1.5, "neighbours are drawn: no item is everybody's first"


def test_copies_are_tied_whatever_lies_between() -> None:
    rng = np.random.default_rng(3)
    few = rng.normal(size=(7, 33)).astype(np.float32)
    which = rng.integers(0, 7, 300)
    labels = rng.integers(0, 2, 300)
    for metric in ("cosine", "euclidean"):
        scores = retrieval_scores(few[which], labels, metric=metric)
        tied = [
            np.bincount(which[np.arange(300) != query], labels[np.arange(300) != query] == labels[query], 7)
            for query in range(300)
        ]
        expected = [
            tied[query][which[query]] / (np.count_nonzero(which == which[query]) - 1) for query in range(300)
        ]
        np.testing.assert_allclose(scores.per_query("p@1"), expected, atol=1e-12)


def test_louder_copies_are_tied_in_cosine() -> None:
    rng = np.random.default_rng(4)
    shape = rng.normal(size=64).astype(np.float32)
    vectors = shape * rng.uniform(0.01, 3.0, (100, 1)).astype(np.float32)
    labels = np.arange(100) % 2
    scores = retrieval_scores(vectors, labels)
    assert scores.mean("map") == pytest.approx(scores.chance("map"), abs=1e-12)


def test_average_precision_and_ndcg_are_those_of_scikit_learn() -> None:
    vectors, labels, _ = made(80, 5, "cosine")
    scores = retrieval_scores(vectors, labels, ks=(10,))
    units = vectors / np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    likeness = units @ units.T
    for query in range(80):
        others = np.arange(80) != query
        truth = labels[others] == labels[query]
        theirs = average_precision_score(truth, likeness[query, others])
        assert scores.per_query("map")[query] == pytest.approx(theirs, abs=1e-12)
        theirs = ndcg_score(truth[None], likeness[query, others][None], k=10)
        assert scores.per_query("ndcg@10")[query] == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize("metric", ["cosine", "euclidean", "hamming"])
def test_block_size_changes_nothing(metric: Metric) -> None:
    vectors, labels, recordings = made(101, 6, metric)
    whole = retrieval_scores(vectors, labels, metric=metric, exclude=recordings, block_rows=101)
    for rows in (1, 7, 100):
        parts = retrieval_scores(vectors, labels, metric=metric, exclude=recordings, block_rows=rows)
        np.testing.assert_array_equal(parts.neighbours, whole.neighbours)
        for name in whole.figures:
            np.testing.assert_array_equal(parts.per_query(name), whole.per_query(name), err_msg=name)


def test_perfect_separation_scores_one() -> None:
    labels = np.repeat(np.arange(5), 12)
    vectors = (np.eye(5)[labels] + 0.01 * np.random.default_rng(7).normal(size=(60, 5))).astype(np.float32)
    scores = retrieval_scores(vectors, labels)
    for name in ("map", "mrr", "p@10", "ndcg@10", "knn@1", "knn@10", "first_rank"):
        assert scores.mean(name) == pytest.approx(1.0, abs=1e-12), name
    assert scores.mean("first_rank_normalised") == 0.0
    assert scores.per_class() == {str(label): pytest.approx(1.0) for label in range(5)}


def test_shuffled_labels_score_near_chance() -> None:
    vectors, labels, recordings = made(400, 8, "cosine")
    shuffled = np.random.default_rng(8).permutation(labels)
    true = retrieval_scores(vectors, labels, exclude=recordings)
    scores = retrieval_scores(vectors, shuffled, exclude=recordings)
    for name in ("map", "mrr", "p@1", "p@10", "ndcg@10", "knn@10"):
        assert scores.mean(name) == pytest.approx(scores.chance(name), abs=0.06), name
        assert true.mean(name) > true.chance(name) + 0.1, name


def test_order_of_the_items_changes_nothing() -> None:
    vectors, labels, recordings = made(90, 9, "euclidean")
    order = np.random.default_rng(9).permutation(90)
    scores = retrieval_scores(vectors, labels, metric="euclidean", exclude=recordings)
    moved = retrieval_scores(vectors[order], labels[order], metric="euclidean", exclude=recordings[order])
    for name in scores.figures:
        np.testing.assert_allclose(moved.per_query(name), scores.per_query(name)[order], atol=1e-12)
    assert moved.mean("hubness") == pytest.approx(scores.mean("hubness"))


def test_same_recording_is_neither_hit_nor_miss() -> None:
    """Two takes of each recording: without the rule they find each other, with it they find strangers."""
    vectors = np.array([[1, 0], [1, 0.01], [0, 1], [0.01, 1], [0.02, 1], [0, 0.9]], np.float32)
    labels = np.array(["dog", "dog", "rain", "dog", "rain", "rain"])
    recording = np.array([1, 1, 2, 3, 4, 2])
    assert retrieval_scores(vectors, labels).per_query("p@1")[0] == 1.0
    scores = retrieval_scores(vectors, labels, exclude=recording)
    assert scores.candidates.tolist() == [4, 4, 4, 5, 5, 4]
    assert scores.relevant.tolist() == [1, 1, 1, 2, 2, 1]
    assert scores.per_query("p@1")[0] == 0.0


def test_queries_with_nothing_to_find_are_left_out_and_counted() -> None:
    vectors, _, _ = made(10, 10, "cosine")
    labels = np.array([0, 0, 0, 1, 1, 1, 1, 2, 3, 4])
    scores = retrieval_scores(vectors, labels)
    assert (scores.queries, scores.left_out) == (7, 3)
    for name in scores.figures:
        assert np.isnan(scores.per_query(name)).tolist() == [label > 1 for label in labels]
        assert np.isfinite(scores.mean(name))
    assert np.isnan(scores.per_class()["4"])


def test_nothing_to_find_at_all_gives_no_figure() -> None:
    scores = retrieval_scores(np.eye(3, dtype=np.float32), np.arange(3))
    assert (scores.queries, scores.left_out) == (0, 3)
    assert np.isnan(scores.mean("map"))
    assert scores.score("map").value is None
    one = retrieval_scores(np.ones((1, 4), np.float32), np.zeros(1))
    assert one.left_out == 1
    assert one.mean("hubness") == 0.0


def test_golden_figures() -> None:
    """Found once by hand: items at 0, 1, 3, 7, 15, 31 on a line, labels a b a a b a."""
    places = np.array([[0.0], [1.0], [3.0], [7.0], [15.0], [31.0]], np.float32)
    scores = retrieval_scores(places, np.array(list("abaaba")), metric="euclidean", ks=(2,))
    a0 = (1 / 2 + 2 / 3 + 3 / 5) / 3  # b a a b a
    a2 = (1 / 2 + 2 / 3 + 3 / 5) / 3  # from 3: 1b 0a 7a 15b 31a
    a3 = (1 / 1 + 2 / 3 + 3 / 5) / 3  # from 7: 3a 1b 0a 15b 31a: 4, 6, 7, 8, 24
    a5 = (1 / 2 + 2 / 3 + 3 / 5) / 3  # from 31: 15b 7a 3a 1b 0a
    b1 = 1 / 4  # from 1: 0a 3a 7a 15b
    b4 = 1 / 3  # from 15: 7a 3a 1b 0a 31a: 8, 12, 14, 15, 16
    np.testing.assert_allclose(scores.per_query("map"), [a0, b1, a2, a3, b4, a5], atol=1e-12)
    np.testing.assert_allclose(scores.per_query("p@2"), [0.5, 0, 0.5, 0.5, 0, 0.5], atol=1e-12)
    np.testing.assert_allclose(scores.per_query("first_rank"), [2, 4, 2, 1, 3, 2], atol=1e-12)


def test_chance_of_average_precision_is_the_mean_of_drawn_rankings() -> None:
    rng = np.random.default_rng(11)
    labels = np.repeat([0, 1], [8, 12])
    drawn = [
        retrieval_scores(rng.normal(size=(20, 40)).astype(np.float32), rng.permutation(labels))
        for _ in range(150)
    ]
    for name in ("map", "mrr", "ndcg@10", "first_rank", "knn@5"):
        means = np.array([scores.mean(name) for scores in drawn])
        off = means.mean() - drawn[0].chance(name)
        assert abs(off) < 4.5 * means.std() / np.sqrt(len(means)) + 0.02 * (name == "knn@5"), name


@pytest.mark.parametrize(
    ("candidates", "relevant"), [(7, 7), (5, 2), (2000, 1), (3000, 2999), (20_000, 400), (20_000, 19)]
)
def test_chance_of_the_reciprocal_rank_is_that_of_a_loop(candidates: int, relevant: int) -> None:
    """Also where places that do not matter are passed over."""
    left, expected = 1.0, 0.0
    for rank in range(1, candidates - relevant + 2):
        found_here = left * relevant / (candidates - rank + 1)
        expected += found_here / rank
        left -= found_here
    ties = TieGroups.at_random(np.array([candidates]), np.array([relevant]))
    assert ties.reciprocal_rank()[0] == pytest.approx(expected, abs=1e-12)


def test_a_score_has_its_interval_and_chance() -> None:
    vectors, labels, recordings = made(120, 12, "cosine")
    scores = retrieval_scores(vectors, labels, exclude=recordings)
    score = scores.score("map", recordings, rng=1)
    assert score.low is not None
    assert score.high is not None
    assert score.chance is not None
    assert score.chance < score.low < scores.mean("map") < score.high
    assert score.value == scores.mean("map")
    assert [some.name for some in scores.scores()] == list(scores.names)
    assert scores.score("hubness").low is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"labels": np.zeros(4)}, r"labels must have shape \(5,\)"),
        ({"exclude": np.zeros((5, 1))}, r"exclude must have shape \(5,\)"),
        ({"within": np.zeros(6)}, r"within must have shape \(5,\)"),
        ({"ks": (0,)}, "at least 1"),
        ({"ks": ()}, "at least 1"),
        ({"metric": "manhattan"}, "cosine, euclidean, hamming; got 'manhattan'"),
        ({"metric": "hamming"}, "packed bits, uint8"),
        ({"vectors": np.full((5, 2), np.nan, np.float32)}, "finite"),
        ({"vectors": np.zeros((5,), np.float32)}, r"shape \(N, D\)"),
        ({"vectors": np.zeros((0, 2), np.float32), "labels": np.zeros(0)}, "at least one vector"),
    ],
)
def test_what_cannot_be_scored_says_why(change: dict[str, Any], says: str) -> None:
    given_: dict[str, Any] = {"vectors": np.ones((5, 2), np.float32), "labels": np.zeros(5)} | change
    with pytest.raises(InvalidInputError, match=says):
        retrieval_scores(**given_)


def test_a_measure_that_is_none_says_which_there_are() -> None:
    scores = retrieval_scores(np.eye(4, dtype=np.float32), np.zeros(4))
    with pytest.raises(InvalidInputError, match=r"map, mrr, p@1.*got 'p@7'"):
        scores.per_query("p@7")


def test_real_voices_find_their_speaker_in_other_digits(shared_data: Path) -> None:
    """By a plain long-term spectrum: better than chance, worse than perfect."""
    files = [
        file for digit in "0369" for file in sorted((shared_data / "fsdd").rglob(f"{digit}_*_[0-3].wav"))
    ]
    assert len(files) == 4 * 6 * 4
    spectra = [np.abs(np.fft.rfft(decode(file, rate_hz=8000).samples.ravel(), 16384)) for file in files]
    bands = np.array(spectra)[:, :8192].reshape(len(files), 128, 64).mean(axis=2)
    digits, speakers = np.array([file.stem.split("_")[:2] for file in files]).T
    vectors = np.log(bands + 1e-6).astype(np.float32)
    scores = retrieval_scores(vectors, speakers, metric="euclidean", exclude=digits)
    assert (scores.candidates == 72).all()
    assert (scores.relevant == 12).all()
    found = scores.score("map", speakers)
    assert found.low is not None
    assert scores.chance("map") < found.low
    assert scores.mean("map") < 0.99
