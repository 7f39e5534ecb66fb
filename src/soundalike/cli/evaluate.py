"""``soundalike evaluate``: how good is an encoder, and how sure is that?"""

from __future__ import annotations

import json as json_format
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from soundalike.cli.console import Exit, JsonOption, err, out, print_json, printable, say, say_of
from soundalike.cli.live_line import LiveLine
from soundalike.core.errors import InvalidInputError
from soundalike.core.units import human_count, human_duration
from soundalike.library import Library

if TYPE_CHECKING:
    from soundalike.studies import Contender, Evaluation, EvaluationProgress, LabelTask, NearDuplicateTask

_SHOWN = 5
_COLUMNS = ("map", "p@1", "knn@5", "fold_knn@5", "hubness")  # what 80 characters hold; the report has all
_WIDTH = 120  # of tables that go to no terminal


def evaluate(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="WHAT",
            help="Tasks, sets of them, or folders of folders; none asks for the library's own folders.",
        ),
    ] = None,
    encoder: Annotated[
        list[str] | None,
        typer.Option(
            "--encoder", metavar="NAME", help="What to evaluate: names or paths; the library's by default."
        ),
    ] = None,
    beside: Annotated[
        list[str] | None,
        typer.Option("--beside", metavar="NAME", help="More encoders to compare with, such as a teacher."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="DIR", help="The folder that the sets of sounds lie in.")
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Where to write a page with pictures, and all figures."),
    ] = None,
    library: Annotated[
        Path | None,
        typer.Option("--library", metavar="PATH", help="A library whose own folders are asked for."),
    ] = None,
    plots: Annotated[bool, typer.Option("--plots/--no-plots", help="Pictures in the page.")] = True,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of everything that is drawn.")] = 0,
    json: JsonOption = False,
) -> None:
    """Measure how well encoders find what belongs together, beside what they must beat.

    Every sound in turn is searched with. Tasks: esc10, fsdd, philharmonia, near-duplicates (--data DIR says
    where their sounds lie); a folder of folders is a task whose labels are the folders.
    """
    from soundalike.studies import contenders, evaluate, find_tasks, library_task, write_evaluation

    if to is not None and to.exists() and not to.is_dir():
        raise InvalidInputError(f"--out names a folder to write to; {to} is a file.")
    tasks: list[LabelTask | NearDuplicateTask] = list(find_tasks(what or [], data))
    asked: list[Any] = list(encoder or [])
    if not tasks or library is not None:
        opened = Library.open(library, create=False)
        tasks.append(library_task(opened))
        asked = asked or [opened.encoder]
    field = contenders(asked or [_default()], beside=beside or [], seed=seed)
    try:
        with _Bar() as bar:
            found = evaluate(tasks, field, seed=seed, on_progress=bar)
    except KeyboardInterrupt:
        say("Stopped. Nothing was written.")
        raise typer.Exit(Exit.STOPPED) from None
    if json:
        left_out = [{"path": left.uri, "reason": left.reason} for left in found.left_out]
        print_json(json_format.loads(found.report.to_json()) | {"left_out": left_out})
    else:
        _show(found)
    if to is not None:
        written = write_evaluation(to, found, _asked(field), plots=plots, seed=seed)
        if written.missing is not None:
            say(f"Without pictures: {written.missing}")
        say(f"Written to {written.page}")
    _tell_left_out(found)


def _default() -> str:
    from soundalike.library import DEFAULT_ENCODER

    return DEFAULT_ENCODER


def _asked(field: Sequence[Contender]) -> list[str]:
    return [contender.label for contender in field if contender.role == "asked for"]


def _show(found: Evaluation) -> None:
    """A table for each task: figures with their intervals of 95 %, chance level last."""
    from soundalike.studies import score_table

    console = Console(highlight=False)
    for name in found.report.tasks:
        results = found.report.of_task(name)
        scores = [score.name for score in results[0].scores]
        shown = [score for score in _COLUMNS if score in scores]
        table = score_table(found.report, name, shown or scores)
        cells = [[_cell(c.text, c.interval, best=c.best) for c in row] for row in table.cells]
        rows, columns = list(table.rows), list(table.columns)
        if not shown:  # kinds of copies are many: one below the other
            rows, columns, cells = columns, rows, [list(row) for row in zip(*cells, strict=True)]
        drawn = _drawn(name, rows, columns, cells)
        console.print(drawn, width=None if console.is_terminal else _WIDTH)
        counted = f"{results[0].queries:,} queries"
        if results[0].left_out:
            counted += f"; {results[0].left_out:,} had nothing to find"
        out.print(f"{found.report.facts.get(name, '')} {counted}.\n", markup=False)


def _drawn(name: str, rows: Sequence[str], columns: Sequence[str], cells: Sequence[Sequence[Text]]) -> Table:
    title = Text(printable(name), style="bold")
    drawn = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    drawn.add_column("", overflow="fold")
    for column in columns:
        drawn.add_column(Text(printable(column)), justify="right", overflow="fold")
    for row, line in zip(rows, cells, strict=True):
        drawn.add_row(Text(printable(row)), *line)
    return drawn


def _cell(text: str, interval: str, *, best: bool) -> Text:
    cell = Text(text, style="bold" if best else "")
    if interval:
        cell.append(f"\n{interval}", style="dim")
    return cell


def _tell_left_out(found: Evaluation) -> None:
    """Name some of what took no part, and end with a status that says that there was such."""
    for left in found.left_out[:_SHOWN]:
        say_of("left out", left.uri, left.reason)
    if len(found.left_out) > _SHOWN:
        say(f"and {human_count(len(found.left_out) - _SHOWN, 'file')} more (--json or --out lists all)")
    if found.left_out:
        raise typer.Exit(Exit.SOME_FAILED)


class _Bar(LiveLine):
    """How far an evaluation is."""

    def __init__(self, console: Console = err) -> None:
        super().__init__(TimeRemainingColumn(), console=console, tells_stages=True)

    def __call__(self, progress: EvaluationProgress) -> None:
        """Show how far it is."""
        text = f"{progress.done:,} of {progress.total:,}"
        if progress.audio_s:
            text += f", {human_duration(progress.audio_s)} of audio"
        self.show(progress.stage, progress.elapsed_s, text, progress.done, progress.total)
