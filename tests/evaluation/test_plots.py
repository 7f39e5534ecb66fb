"""Pictures: what they show is there, names cannot break them, and nothing keeps state."""

from __future__ import annotations

import builtins
import io
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread
from sklearn.neighbors import KNeighborsClassifier

from soundalike.core.errors import InvalidInputError, MissingExtraError
from soundalike.evaluation import (
    DARK,
    LIGHT,
    Example,
    Metric,
    Score,
    ShownSound,
    TaskResult,
    class_bars,
    example_figure,
    good_and_bad,
    map_figure,
    png,
    retrieval_scores,
    score_bars,
    tsne,
)

HOSTILE = "_$x_{$ <b>\n鐘 \\frac a very long name that does not end before the line does"


def texts(figure: Any) -> str:
    """All that is written in a figure."""
    from matplotlib.text import Text

    return "\n".join(text.get_text() for text in figure.findobj(Text))


def lengths(figure: Any) -> list[float]:
    """How long the bars of a figure are."""
    return [float(bar.get_width()) for bar in figure.axes[0].patches]


def pixels(figure: Any) -> Any:
    return imread(io.BytesIO(png(figure)))


def clusters(size: int, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, size)
    return (5 * rng.normal(size=(3, 8))[labels] + rng.normal(size=(size, 8))).astype(np.float32), labels


@pytest.mark.parametrize("metric", ["cosine", "euclidean", "hamming"])
def test_near_vectors_stay_near_in_the_plane(metric: Metric) -> None:
    vectors, labels = clusters(90)
    given = np.packbits(vectors > 0, axis=1) if metric == "hamming" else vectors
    if metric == "hamming":
        given = np.repeat(given, 4, axis=1)
    places = tsne(given, metric)
    assert places.shape == (90, 2)
    np.testing.assert_array_equal(places, tsne(given, metric))
    guesses = KNeighborsClassifier(3).fit(places[:60], labels[:60]).predict(places[60:])
    assert (guesses == labels[60:]).mean() > 0.7


@pytest.mark.parametrize("size", [0, 1, 2, 3, 5])
def test_few_vectors_have_places_too(size: int) -> None:
    places = tsne(np.random.default_rng(1).normal(size=(size, 4)).astype(np.float32))
    assert places.shape == (size, 2)
    assert np.isfinite(places).all()
    assert png(map_figure(places, ["a"] * size)).startswith(b"\x89PNG")


def test_vectors_that_are_all_the_same_have_places_too() -> None:
    assert np.isfinite(tsne(np.ones((12, 4), np.float32))).all()


def test_a_map_names_the_most_frequent_labels_and_greys_the_rest() -> None:
    labels = [f"label {n:02}" for n in range(30) for _ in range(1 + (n < 20))]
    places = np.random.default_rng(2).normal(size=(len(labels), 2))
    written = texts(map_figure(places, labels, "A map"))
    assert "label 19" in written
    assert "label 20" not in written
    assert "10 other labels" in written
    assert "A map" in written
    with pytest.raises(InvalidInputError, match=r"shape \(2, 2\); got \(3, 2\)"):
        map_figure(np.zeros((3, 2)), ["a", "b"])


def test_bars_are_as_long_as_the_figures() -> None:
    figure = class_bars({"new": {"dog": 0.75, "rain": 0.5}, "old": {"dog": 0.25, "rain": None}})
    assert sorted(lengths(figure)) == [0.0, 0.25, 0.5, 0.75]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["rain", "dog"]
    with pytest.raises(InvalidInputError, match="at least one label"):
        class_bars({"new": {}})


def test_scores_show_interval_and_chance() -> None:
    results = [
        TaskResult("t", "new", (Score("map", 0.8, 0.7, 0.9, 0.1),)),
        TaskResult("t", "old", (Score("map", 0.5),)),
        TaskResult("t", "none", (Score("map", None),)),
    ]
    figure = score_bars(results, "map", "Scores")
    assert lengths(figure) == [0.5, 0.8]
    spans = [tuple(np.asarray(line.get_xdata()).tolist()) for line in figure.axes[0].lines]
    assert (0.7, 0.9) in spans
    written = texts(figure)
    assert "chance" in written
    assert "0.800" in written
    assert "none" not in written
    assert "chance" not in texts(score_bars(results[1:], "map"))
    ranks = [TaskResult("t", "new", (Score("first_rank", 30.0, 25.0, 40.0, 90.0),))]
    assert score_bars(ranks, "first_rank").axes[0].get_xlim()[1] > 90.0
    with pytest.raises(InvalidInputError, match="score named 'mrr'; got none"):
        score_bars(results, "mrr")


def test_examples_are_marked_by_more_than_colour() -> None:
    picture = np.random.default_rng(3).normal(size=(16, 20))
    query = ShownSound("q.wav", "dog", picture)
    hits = (
        ShownSound("a.wav", "dog", picture, right=True),
        ShownSound("b.wav", "rain", picture, right=False),
    )
    figure = example_figure([Example(query, hits, "precision 0.5"), Example(query, ())], "Examples")
    written = texts(figure)
    for part in ("✓ dog", "✗ rain", "precision 0.5", "q.wav", "Examples"):
        assert part in written
    assert png(figure).startswith(b"\x89PNG")
    with pytest.raises(InvalidInputError, match="at least one example"):
        example_figure([])
    with pytest.raises(InvalidInputError, match=r"shape \(F, N\); got \(3,\)"):
        example_figure([Example(ShownSound("q", "a", np.zeros(3)), ())])


def test_silence_and_nothing_can_be_drawn() -> None:
    for picture in (np.zeros((8, 8)), np.zeros((8, 0)), np.full((4, 4), -np.inf), np.full((4, 4), np.nan)):
        assert png(example_figure([Example(ShownSound("", "", picture), ())])).startswith(b"\x89PNG")


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_names_cannot_break_a_picture(theme: Any) -> None:
    vectors, _ = clusters(12)
    results = [TaskResult("t", HOSTILE, (Score(HOSTILE, 0.5, 0.4, 0.6, 0.1),))]
    sound = ShownSound(HOSTILE, HOSTILE, np.zeros((4, 4)), right=True)
    figures = [
        map_figure(tsne(vectors), [HOSTILE] * 12, HOSTILE, theme),
        class_bars({HOSTILE: {HOSTILE: 0.4}}, HOSTILE, theme),
        score_bars(results, HOSTILE, HOSTILE, theme),
        example_figure([Example(sound, (sound,), HOSTILE)], HOSTILE, theme),
    ]
    for figure in figures:
        corner = pixels(figure)[0, 0, :3]
        paper = [int(theme.paper[n : n + 2], 16) / 255 for n in (1, 3, 5)]
        np.testing.assert_allclose(corner, paper, atol=0.01)


def test_good_and_bad_queries_are_the_ends_and_of_different_kinds() -> None:
    rng = np.random.default_rng(4)
    labels = np.arange(60) % 3
    vectors = (np.eye(3)[labels] + 0.4 * rng.normal(size=(60, 3))).astype(np.float32)
    scores = retrieval_scores(vectors, labels)
    good, bad = good_and_bad(scores, 3)
    precision = scores.per_query("map")
    assert len(good) == len(bad) == 3
    assert precision[good].min() > precision[bad].max()
    assert precision[bad[0]] == precision.min()
    assert precision[good[0]] == precision.max()
    assert len(set(labels[good].tolist())) == len(set(labels[bad].tolist())) == 3
    alone = retrieval_scores(np.eye(3, dtype=np.float32), np.arange(3))
    assert [len(rows) for rows in good_and_bad(alone)] == [0, 0]


@pytest.mark.parametrize(
    ("missing", "ask"),
    [
        ("matplotlib", lambda: class_bars({"a": {"b": 0.5}})),
        ("sklearn", lambda: tsne(np.ones((4, 2), np.float32))),
    ],
)
def test_what_is_not_installed_is_named(
    missing: str, ask: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def refuse(name: str, *rest: Any, **more: Any) -> Any:
        if name.partition(".")[0] == missing:
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingExtraError, match=r"soundalike\[evaluate\]"):
        ask()


def test_the_figures_need_no_extra() -> None:
    code = (
        "import sys, soundalike.evaluation\n"
        "print([name for name in ('matplotlib', 'sklearn', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_drawing_leaves_no_state() -> None:
    code = (
        "import sys\nfrom soundalike.evaluation import class_bars, png\n"
        "png(class_bars({'a': {'b': 0.5}}))\nprint('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
