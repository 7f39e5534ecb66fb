"""A report as a folder that any browser shows: one page, its pictures, and the figures as JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from soundalike.core.errors import InvalidInputError
from soundalike.evaluation.plots import LIGHT, THEMES, Theme, png
from soundalike.evaluation.report import Report, TaskResult
from soundalike.evaluation.table import (
    BEST_IS_CLEAR,
    CHANCE,
    ScoreTable,
    counts_of,
    meaning_of,
    number,
    score_table,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAGE = "index.html"
FIGURES = "report.json"
PICTURES = "pictures"


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture in a report.

    Attributes:
        name: Part of its file's name: lower-case letters, digits and hyphens, unique in the report.
        title: What it shows: its heading, and its text for who cannot see it.
        draw: Draws it in given colours; called once for light and once for dark.
        task: The task that it belongs to; empty for all.
        caption: What a reader must know to read it rightly.
    """

    name: str
    title: str
    draw: Callable[[Theme], Figure]
    task: str = ""
    caption: str = ""


def write_report(folder: Path, report: Report, pictures: Sequence[Picture] = ()) -> Path:
    """Write a report as a page that needs nothing from elsewhere.

    Args:
        folder: Where; made when it is absent. Files of an earlier report in it are replaced.
        report: What was found.
        pictures: What to show beside the tables, in this order.

    Returns:
        The page's path.

    Raises:
        InvalidInputError: Names of pictures that are not fit for files, or not unique.
        MissingExtraError: There are pictures, and matplotlib is not installed.
    """
    names = [picture.name for picture in pictures]
    for name in names:
        fit = name.isascii() and name.replace("-", "").isalnum() and name == name.lower()
        if not fit or names.count(name) > 1:
            raise InvalidInputError(
                f"A picture's name takes lower-case letters, digits and hyphens, once each; got {name!r}."
            )
    folder.mkdir(parents=True, exist_ok=True)
    if pictures:
        (folder / PICTURES).mkdir(exist_ok=True)
    for picture in pictures:
        for theme in THEMES:
            (folder / _file(picture, theme)).write_bytes(png(picture.draw(theme)))
    (folder / FIGURES).write_text(report.to_json(), encoding="utf-8")
    (folder / PAGE).write_text(_page(report, pictures), encoding="utf-8")
    return folder / PAGE


def _page(report: Report, pictures: Sequence[Picture]) -> str:
    general = [picture for picture in pictures if picture.task not in report.tasks]
    parts = [_task(report, task, [p for p in pictures if p.task == task]) for task in report.tasks]
    parts += [f"<section>{''.join(_picture(picture) for picture in general)}</section>"] if general else []
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in report.facts.items())
    return (
        f"{_HEAD}<h1>Evaluation</h1>\n{_contents(report)}\n{''.join(parts)}\n"
        f"<section><h2>How this was found</h2><dl>{facts}</dl>\n<p>{escape(BEST_IS_CLEAR)} "
        f'All figures are in <a href="{FIGURES}">{FIGURES}</a>.</p></section>\n</main></body></html>\n'
    )


def _contents(report: Report) -> str:
    if len(report.tasks) < 2:
        return ""
    links = (f'<a href="#task-{n}">{escape(task)}</a>' for n, task in enumerate(report.tasks))
    return f"<nav>{' '.join(links)}</nav>"


def _task(report: Report, task: str, pictures: Sequence[Picture]) -> str:
    results = report.of_task(task)
    table = score_table(report, task)
    return (
        f'<section id="task-{report.tasks.index(task)}"><h2>{escape(task)}</h2>'
        f'<p class="faint">{escape(counts_of(results))}</p>{_table(table)}{_meanings(table)}'
        f"{''.join(_picture(picture) for picture in pictures)}{_by_label(results)}{_facts(results)}"
        "</section>\n"
    )


def _table(table: ScoreTable) -> str:
    head = "".join(
        f'<th scope="col" title="{escape(meaning_of(name))}">{escape(name)}</th>' for name in table.columns
    )
    rows = []
    for name, cells in zip(table.rows, table.cells, strict=True):
        kind = ' class="chance"' if name == CHANCE else ""
        figures = "".join(
            f"<td>{'<strong>' if cell.best else ''}{escape(cell.text)}{'</strong>' if cell.best else ''}"
            f"{f'<small>{escape(cell.interval)}</small>' if cell.interval else ''}</td>"
            for cell in cells
        )
        rows.append(f'<tr{kind}><th scope="row">{escape(name)}</th>{figures}</tr>')
    return _scrolled(f'<th scope="col">encoder</th>{head}', rows)


def _meanings(table: ScoreTable) -> str:
    rows = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(meaning_of(name))}</dd>"
        for name in table.columns
        if meaning_of(name)
    )
    return f"<details><summary>What the columns mean</summary><dl>{rows}</dl></details>" if rows else ""


def _by_label(results: Sequence[TaskResult]) -> str:
    labels = sorted({label for result in results for label in result.per_class})
    if not labels:
        return ""
    head = '<th scope="col">label</th>' + "".join(
        f'<th scope="col">{escape(result.encoder)}</th>' for result in results
    )
    rows = []
    for label in labels:
        values = (result.per_class.get(label) for result in results)
        cells = "".join(f"<td>{'-' if value is None else number(value)}</td>" for value in values)
        rows.append(f'<tr><th scope="row">{escape(label)}</th>{cells}</tr>')
    return f"<details><summary>By label</summary>{_scrolled(head, rows)}</details>"


def _facts(results: Sequence[TaskResult]) -> str:
    rows = "".join(
        f"<dt>{escape(result.encoder)}: {escape(name)}</dt><dd>{escape(text)}</dd>"
        for result in results
        for name, text in result.facts.items()
    )
    return f"<details><summary>About the encoders</summary><dl>{rows}</dl></details>" if rows else ""


def _scrolled(head: str, rows: Sequence[str]) -> str:
    body = "\n".join(rows)
    return (
        f'<div class="scrolls" tabindex="0"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _picture(picture: Picture) -> str:
    caption = f"<p>{escape(picture.caption)}</p>" if picture.caption else ""
    sources = "".join(
        f'<source srcset="{_file(picture, theme)}" media="(prefers-color-scheme: {theme.name})">'
        for theme in THEMES
        if theme is not LIGHT
    )
    return (
        f"<figure><figcaption><h3>{escape(picture.title)}</h3>{caption}</figcaption><picture>{sources}"
        f'<img src="{_file(picture, LIGHT)}" alt="{escape(picture.title)}" loading="lazy">'
        "</picture></figure>\n"
    )


def _file(picture: Picture, theme: Theme) -> str:
    return f"{PICTURES}/{picture.name}-{theme.name}.png"


_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>Evaluation</title>
<style>
:root {
  --paper: #ffffff; --ink: #1c2128; --faint: #5d6672;
  --line: #dfe3e8; --shade: #f5f7f9; --mark: #0064a0;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #16191e; --ink: #e6e9ee; --faint: #9aa3ae;
    --line: #333a43; --shade: #1e2329; --mark: #6cbcf5;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 64rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.75rem; margin: 0 0 .75rem; }
h2 { font-size: 1.3rem; margin: 2.5rem 0 .25rem; overflow-wrap: anywhere; }
h3 { font-size: 1rem; margin: 0; overflow-wrap: anywhere; }
a { color: var(--mark); }
nav { display: flex; flex-wrap: wrap; gap: .25rem 1rem; }
.faint, small, figcaption p { color: var(--faint); }
p.faint { margin: 0 0 .75rem; }
.scrolls { overflow-x: auto; border: 1px solid var(--line); border-radius: .5rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .45rem .65rem; text-align: right; white-space: nowrap; vertical-align: top; }
thead th { background: var(--shade); font-weight: 600; font-size: .875rem; }
tbody tr { border-top: 1px solid var(--line); }
th:first-child { text-align: left; position: sticky; left: 0; background: var(--paper); font-weight: 500; }
tbody th { white-space: normal; min-width: 8rem; max-width: 15rem; overflow-wrap: anywhere; }
thead th:first-child { background: var(--shade); }
td small { display: block; font-size: .75rem; }
td strong { color: var(--mark); }
.chance th, .chance td { color: var(--faint); font-style: italic; }
details { margin: .75rem 0; }
summary { cursor: pointer; color: var(--faint); }
details .scrolls { margin-top: .5rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; margin: .5rem 0; }
dt { color: var(--faint); }
dd { margin: 0; overflow-wrap: anywhere; }
figure { margin: 1.75rem 0; }
figcaption p { margin: .1rem 0 0; }
img { display: block; max-width: 100%; height: auto; margin-top: .5rem; }
@media (max-width: 40rem) { dl { grid-template-columns: 1fr; } dd { margin-bottom: .4rem; } }
</style></head><body><main>
"""
