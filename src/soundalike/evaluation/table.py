"""A report as tables: encoders down, measures across, the best marked only where it stands clear."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from soundalike.evaluation.report import Report, Score, TaskResult

CHANCE = "chance"
BEST_IS_CLEAR = (
    "Intervals are 95 % bootstrap intervals. Bold: the best, where its interval lies clear of every other's."
)
MEASURES = {
    "map": "mean average precision over the full ranking",
    "mrr": "mean of 1 / rank of the first right one",
    "p": "share of right ones among the first {k}",
    "ndcg": "discounted gain of the first {k} against the best possible",
    "knn": "share of labels guessed right by the vote of {k} neighbours",
    "fold_knn": "share of labels guessed right by {k} neighbours from other folds",
    "recall": "share of targets among the first {k}",
    "first_rank": "mean rank of the first right one",
    "first_rank_normalised": "share of wrong ones that come before the first right one",
    "hubness": "skewness of how often each is a neighbour of others",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in one place of a table.

    Attributes:
        text: The figure, or ``-``.
        interval: Its bounds, or empty.
        best: True where it is clearly the best of its column.
    """

    text: str
    interval: str = ""
    best: bool = False


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """One task's table.

    Attributes:
        columns: Names of the measures.
        rows: Names of the encoders, and ``chance`` last where it is known.
        cells: One tuple per row, one cell per column.
    """

    columns: tuple[str, ...]
    rows: tuple[str, ...]
    cells: tuple[tuple[Cell, ...], ...]


def score_table(report: Report, task: str, measures: Sequence[str] | None = None) -> ScoreTable:
    """Lay one task's scores out.

    Args:
        report: The report.
        task: The task's name.
        measures: Which columns; by default all that any encoder has.
    """
    results = report.of_task(task)
    named = dict.fromkeys(score.name for result in results for score in result.scores)
    columns = tuple(named if measures is None else measures)
    best = {name: clear_best(results, name) for name in columns}
    cells = [
        tuple(_cell(result.score(name), best=best[name] == result.encoder) for name in columns)
        for result in results
    ]
    rows = [result.encoder for result in results]
    chances = tuple(_chance(results, name) for name in columns)
    if any(cell.text != "-" for cell in chances):
        rows.append(CHANCE)
        cells.append(chances)
    return ScoreTable(columns, tuple(rows), tuple(cells))


def clear_best(results: Sequence[TaskResult], measure: str) -> str | None:
    """The encoder whose interval is better than, and apart from, that of every other.

    Args:
        results: One per encoder.
        measure: The measure to compare by.

    Returns:
        Its name; None where intervals touch, one is missing, or there is nobody to compare with.
    """
    spans: list[tuple[float, float, str]] = []
    for result in results:
        score = result.score(measure)
        if score is None or score.low is None or score.high is None:
            return None
        sign = -1.0 if score.lower_is_better else 1.0
        low, high = sorted((sign * score.low, sign * score.high))
        spans.append((low, high, result.encoder))
    if len(spans) < 2:
        return None
    low, _, encoder = max(spans)
    return encoder if all(high < low for _, high, other in spans if other != encoder) else None


def markdown_table(report: Report, task: str, measures: Sequence[str] | None = None) -> str:
    """One task's table as Markdown.

    Args:
        report: The report.
        task: The task's name.
        measures: Which columns; by default all.

    Example:
        >>> rows = [TaskResult("t", name, (Score("map", 0.5, 0.4, 0.6),)) for name in ("new", "old")]
        >>> print(markdown_table(Report(tuple(rows)), "t"))
        | encoder | map |
        |---|---|
        | new | 0.500 (0.400–0.600) |
        | old | 0.500 (0.400–0.600) |
    """
    table = score_table(report, task, measures)
    lines = [["encoder", *table.columns]]
    for name, cells in zip(table.rows, table.cells, strict=True):
        lines.append([name, *(_marked(cell) for cell in cells)])
    text = ["| " + " | ".join(_escaped(part) for part in line) + " |" for line in lines]
    return "\n".join([text[0], "|---" * len(lines[0]) + "|", *text[1:]])


def markdown_report(report: Report) -> str:
    """The whole report as Markdown: facts, then a table for each task."""
    parts = ["# Evaluation", "\n".join(f"- {_escaped(n)}: {_escaped(v)}" for n, v in report.facts.items())]
    for task in report.tasks:
        parts += [f"## {_escaped(task)}", counts_of(report.of_task(task)), markdown_table(report, task)]
    return "\n\n".join(part for part in [*parts, BEST_IS_CLEAR] if part) + "\n"


def counts_of(results: Sequence[TaskResult]) -> str:
    """Say how many queries count: ``"400 queries"``, ``"390 queries; 10 had nothing to find"``."""
    counts = dict.fromkeys((result.queries, result.left_out) for result in results)
    return " / ".join(
        f"{queries:,} queries" + (f"; {left_out:,} had nothing to find" if left_out else "")
        for queries, left_out in counts
    )


def meaning_of(measure: str) -> str:
    """Say in words what a measure is; empty for one that is not known."""
    name, _, k = measure.partition("@")
    return MEASURES.get(name, "").format(k=k)


def number(value: float) -> str:
    """Write a figure: three decimals below ten, one above."""
    return f"{value:.3f}" if abs(value) < 10.0 else f"{value:,.1f}"


def _cell(score: Score | None, *, best: bool) -> Cell:
    if score is None or score.value is None:
        return Cell("-")
    known = score.low is not None and score.high is not None
    interval = f"{number(score.low)}–{number(score.high)}" if known else ""  # type: ignore[arg-type]
    return Cell(number(score.value), interval, best)


def _chance(results: Sequence[TaskResult], measure: str) -> Cell:
    scores = [result.score(measure) for result in results]
    levels = [score.chance for score in scores if score is not None and score.chance is not None]
    if not levels:
        return Cell("-")
    texts = dict.fromkeys(number(level) for level in (min(levels), max(levels)))
    return Cell("–".join(texts))


def _marked(cell: Cell) -> str:
    text = f"**{cell.text}**" if cell.best else cell.text
    return f"{text} ({cell.interval})" if cell.interval else text


def _escaped(text: str) -> str:
    """Keep a name from ending its cell, spanning lines, or being read as HTML."""
    return " ".join(escape(text, quote=False).replace("\\", "\\\\").replace("|", "\\|").split())
