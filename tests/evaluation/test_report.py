"""Reports: they come back as they went, and mark a best one only where it stands clear."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soundalike.core.errors import InvalidInputError
from soundalike.evaluation import (
    Interval,
    Report,
    Score,
    TaskResult,
    clear_best,
    markdown_report,
    markdown_table,
    score_table,
)

NUMBERS = st.none() | st.floats(allow_nan=True, allow_infinity=True)
SCORES = st.builds(Score, st.text(max_size=8), NUMBERS, NUMBERS, NUMBERS, NUMBERS)
FACTS = st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3)
RESULTS = st.builds(
    TaskResult,
    st.text(max_size=8),
    st.text(max_size=8),
    st.lists(SCORES, max_size=3).map(tuple),
    st.dictionaries(st.text(max_size=8), NUMBERS, max_size=3),
    st.integers(0, 10**9),
    st.integers(0, 10**9),
    FACTS,
)


def result(encoder: str, *scores: Score, task: str = "esc10") -> TaskResult:
    return TaskResult(task, encoder, scores, {"dog": 0.5}, 400, 0)


@settings(deadline=None, max_examples=30)
@given(st.builds(Report, st.lists(RESULTS, max_size=3).map(tuple), FACTS))
def test_a_report_comes_back_from_json_as_it_went(report: Report) -> None:
    assert Report.from_json(report.to_json()) == report
    assert markdown_report(report).startswith("# Evaluation\n")


def test_golden_json_opens() -> None:
    """What version 1 looks like, for ever."""
    text = """{"format_version": 1, "results": [{"task": "esc10", "encoder": "ear", "scores": [
      {"name": "map", "value": 0.7, "low": 0.65, "high": 0.75, "chance": 0.1},
      {"name": "hubness", "value": 1.5, "low": null, "high": null, "chance": 0.2}],
      "per_class": {"dog": 0.8, "rain": null}, "queries": 399, "left_out": 1, "facts": {"seed": "0"}}],
      "facts": {"date": "2026-11-23"}}"""
    report = Report.from_json(text)
    assert (report.tasks, report.encoders) == (("esc10",), ("ear",))
    assert report.results[0].score("map") == Score("map", 0.7, 0.65, 0.75, 0.1)
    assert report.results[0].score("mrr") is None
    assert report.results[0].per_class == {"dog": 0.8, "rain": None}
    assert json.loads(report.to_json()) == json.loads(text)


def test_what_json_cannot_hold_is_none() -> None:
    score = Score.of("map", Interval(0.5, math.nan, math.inf, 0.95))
    assert score == Score("map", 0.5, None, None, None)
    assert "NaN" not in Report((result("a", score),)).to_json()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "Expected an evaluation report as JSON"),
        ("[]", "Expected an evaluation report as JSON"),
        ('{"results": []}', "format_version"),
        ('{"format_version": 9, "results": []}', "of format 9; this version reads 1"),
        ('{"format_version": 1, "results": [{"scores": []}]}', "task"),
        ('{"format_version": 1, "results": [], "extra": 1}', "extra"),
    ],
)
def test_what_is_no_report_says_why(text: str, says: str) -> None:
    with pytest.raises(InvalidInputError, match=says):
        Report.from_json(text)


@pytest.mark.parametrize(
    ("scores", "best"),
    [
        ([("map", 0.8, 0.7, 0.9), ("map", 0.5, 0.4, 0.6)], 0),
        ([("map", 0.5, 0.4, 0.6), ("map", 0.8, 0.7, 0.9), ("map", 0.1, 0.0, 0.2)], 1),
        ([("map", 0.8, 0.6, 0.9), ("map", 0.5, 0.4, 0.6)], None),
        ([("map", 0.8, 0.7, 0.9)], None),
        ([("map", 0.8, None, None), ("map", 0.1, 0.0, 0.2)], None),
        ([("first_rank", 9.0, 8.0, 10.0), ("first_rank", 2.0, 1.0, 3.0)], 1),
        ([("first_rank", 9.0, 2.0, 10.0), ("first_rank", 2.0, 1.0, 3.0)], None),
        ([("hubness", 9.0, None, None), ("hubness", 1.0, None, None)], None),
        ([("map", 0.8, 0.7, 0.9), ("map", 0.8, 0.7, 0.9)], None),
    ],
)
def test_the_best_is_marked_only_where_it_stands_clear(
    scores: list[tuple[str, float, Any, Any]], best: int | None
) -> None:
    results = [result(f"e{n}", Score(*score)) for n, score in enumerate(scores)]
    assert clear_best(results, scores[0][0]) == (None if best is None else f"e{best}")
    bold = [cells[0].best for cells in score_table(Report(tuple(results)), "esc10").cells]
    assert [n for n, some in enumerate(bold) if some] == ([] if best is None else [best])


def test_an_encoder_without_the_measure_is_no_ground_to_call_another_the_best() -> None:
    assert clear_best([result("a", Score("map", 0.9, 0.8, 1.0)), result("b")], "map") is None


def test_a_table_shows_intervals_chance_and_what_is_missing() -> None:
    report = Report(
        (
            result("ear", Score("map", 0.8, 0.75, 0.85, 0.1), Score("first_rank", 12.25, 11.0, 13.0)),
            result("spectral", Score("map", 0.5, 0.45, 0.55, 0.1004)),
            result("other task", Score("p@1", 1.0), task="fsdd"),
        )
    )
    assert markdown_table(report, "esc10").splitlines() == [
        "| encoder | map | first_rank |",
        "|---|---|---|",
        "| ear | **0.800** (0.750–0.850) | 12.2 (11.0–13.0) |",
        "| spectral | 0.500 (0.450–0.550) | - |",
        "| chance | 0.100 | - |",
    ]
    assert markdown_table(report, "fsdd", ("p@1", "map")).splitlines()[2:] == ["| other task | 1.000 | - |"]


def test_names_cannot_break_a_table() -> None:
    hostile = result("a|b\n<script>", Score("map", 0.5), task="x\n# y")
    text = markdown_report(Report((hostile,), {"command": "a\n\n| b"}))
    assert r"| a\|b &lt;script&gt; | 0.500 |" in text
    assert "## x # y\n" in text
    assert "- command: a \\| b\n" in text
