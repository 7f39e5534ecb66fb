"""``soundalike train embedding``: an encoder of one's own sounds, compared with the one in use."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from soundalike.cli.console import Exit, JsonOption, LibraryOption, err, print_json, printable, say, say_of
from soundalike.cli.encoders import tell_switch
from soundalike.cli.live_line import LiveLine
from soundalike.core.units import human_count, human_duration
from soundalike.library import Library

if TYPE_CHECKING:
    from soundalike.studies import Comparison, EmbeddingProgress, TrainingReport

_SHOWN = 5
_WIDTH = 110  # of a table that goes to no terminal
_STOPPED = "Stopped. What was done is kept; run the same command again to go on."


RecipeOption = Annotated[
    str | None,
    typer.Option(
        "--recipe",
        metavar="NAME",
        help="How to train: a recipe's name or TOML file. [default: finetune, or ntxent from nothing]",
        show_default=False,
    ),
]
MinutesOption = Annotated[
    float | None,
    typer.Option("--minutes", metavar="M", help="How long to train. [default: 30]", show_default=False),
]
StepsOption = Annotated[
    int | None, typer.Option("--steps", min=1, help="How many steps; with --minutes, what comes first.")
]
StartOption = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="NAME",
        help="What to start from: an encoder that soundalike has trained, or nothing. [default: the "
        "library's encoder where it is one, else the one that comes with soundalike, else nothing]",
        show_default=False,
    ),
]
NameOption = Annotated[
    str | None,
    typer.Option(
        "--name",
        metavar="NAME",
        help="What to call the new encoder. [default: own, own-2, …]",
        show_default=False,
    ),
]
OutOption = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="DIR",
        help="Where to keep the training. [default: training/NAME in the library]",
        show_default=False,
    ),
]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="Of everything that is drawn.")]
ForceOption = Annotated[
    bool,
    typer.Option("--force", help="Switch even if it is not better, or the files of some sounds are away."),
]
NoSwitchOption = Annotated[bool, typer.Option("--no-switch", help="Never switch; only train and show.")]
AnewOption = Annotated[
    bool, typer.Option("--anew/--resume", help="Forget an unfinished training, or go on with it.")
]
DeviceOption = Annotated[
    str, typer.Option("--device", metavar="NAME", help="auto, cpu or cuda: what trains.")
]
JobsOption = Annotated[
    int | None,
    typer.Option("--jobs", min=1, help="Worker processes for new vectors. [default: one per processor]"),
]


def embedding(
    library: LibraryOption = None,
    recipe: RecipeOption = None,
    minutes: MinutesOption = None,
    steps: StepsOption = None,
    start: StartOption = None,
    name: NameOption = None,
    to: OutOption = None,
    seed: SeedOption = 1,
    force: ForceOption = False,
    no_switch: NoSwitchOption = False,
    anew: AnewOption = False,
    device: DeviceOption = "auto",
    jobs: JobsOption = None,
    json: JsonOption = False,
) -> None:
    """Train an encoder on the library's own sounds, and listen with it if it is better.

    A fifth of the sounds, whole folders, is held out; on these the new encoder is compared with the one in
    use. Ctrl-C stops cleanly, and the same command goes on. The old vectors stay.
    """
    from soundalike.studies import EmbeddingConfig, report_as_json, train_on_library

    if force and no_switch:
        raise typer.BadParameter("--force and --no-switch exclude each other.")
    if minutes is not None and not minutes > 0.0:
        raise typer.BadParameter(f"--minutes is above 0; got {minutes:g}.")
    switch: Literal["if better", "always", "never"] = "always" if force else "if better"
    config = EmbeddingConfig(
        recipe=recipe,
        minutes=minutes,
        steps=steps,
        start=start,
        name=name,
        folder=to.expanduser().absolute() if to is not None else None,
        seed=seed,
        switch="never" if no_switch else switch,
        anew=anew,
        device=device,
        jobs=jobs,
    )
    opened = Library.open(library, create=False)
    try:
        with EmbeddingBar() as bar:
            report = train_on_library(opened, config, on_progress=bar)
    except KeyboardInterrupt:
        say(_STOPPED)
        raise typer.Exit(Exit.STOPPED) from None
    if json:
        comparison = dataclasses.asdict(report.comparison) if report.comparison else None
        print_json(report_as_json(report) | {"comparison": comparison})
    else:
        _tell(report, opened, forced=force)
    _end(report)


def _end(report: TrainingReport) -> None:
    """End with a status that says what is open."""
    if not report.finished or (report.switched is not None and report.switched.interrupted):
        raise typer.Exit(Exit.STOPPED)
    if report.problem is not None:
        raise typer.Exit(Exit.FAILED)
    if report.left_out:
        raise typer.Exit(Exit.SOME_FAILED)


def _tell(report: TrainingReport, library: Library, *, forced: bool) -> None:
    """Tell people what came of it."""
    for note in report.notes:
        say(note)
    for left in report.left_out[:_SHOWN]:
        say_of("left out", left.uri, left.reason)
    if len(report.left_out) > _SHOWN:
        say(f"… and {len(report.left_out) - _SHOWN:,} more: {report.folder / 'sounds' / 'left-out.json'}")
    say(
        f"Trained {report.name} for {human_count(report.steps, 'step')} in "
        f"{human_duration(report.elapsed_s)}, starting from {report.started_from}, on "
        f"{human_count(report.trained_on, 'sound')}; {report.held_out:,} were held out by "
        f"{report.held_out_by}."
    )
    if not report.finished or report.comparison is None or report.decision is None:
        say(_STOPPED)
        return
    _show(report.comparison)
    say(("Better: " if report.decision.switch else "Not better: ") + report.decision.why)
    say(f"In pictures: {report.page}")
    if report.problem is not None:
        say_of("not switched", report.name, report.problem)
    elif report.switched is not None:
        tell_switch(report.switched, library)
    else:
        say(
            f"{library.path} listens as before. To switch all the same: "
            f"soundalike encoders use {report.manifest}"
        )
    has_switched = report.switched is not None and report.switched.switched
    if forced and has_switched and not report.decision.switch:
        say("It was switched because of --force.")


def _show(comparison: Comparison) -> None:
    """A row for each measure, a column for each encoder, and the change from old to new."""
    results = comparison.report.results
    changes = {one.measure: one for one in comparison.differences}
    table = Table(
        title=Text(f"{human_count(comparison.sounds, 'held-out sound')}", style="bold"),
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("")
    for result in results[:2]:
        table.add_column(Text(printable(result.encoder)), justify="right")
    table.add_column("change", justify="right")
    for result in results[2:]:
        table.add_column(Text(printable(result.encoder)), justify="right")
    for score in results[0].scores:
        cells = [_cell(one.score(score.name)) for one in results]
        change = changes.get(score.name)
        shown = _figure(f"{change.change:+.3f}", change.low, change.high, sign="+") if change else Text("")
        label = Text(score.name if change else f"  {score.name}", style="bold" if change else "dim")
        table.add_row(label, *cells[:2], shown, *cells[2:])
    console = Console(highlight=False)
    console.print(table, width=None if console.is_terminal else _WIDTH)


def _cell(score: Any) -> Text:
    if score is None or score.value is None:
        return Text("-")
    return _figure(f"{score.value:.3f}", score.low, score.high)


def _figure(text: str, low: float | None, high: float | None, sign: str = "") -> Text:
    """A figure, and below it its interval."""
    figure = Text(text)
    if low is not None and high is not None:
        between = " to " if sign else "–"
        figure.append(f"\n{low:{sign}.2f}{between}{high:{sign}.2f}", style="dim")
    return figure


class EmbeddingBar(LiveLine):
    """How far a training is."""

    def __init__(self, console: Console = err) -> None:
        super().__init__(console=console, tells_stages=True, first="looking")

    def __call__(self, progress: EmbeddingProgress) -> None:
        """Show how far it is."""
        total = None if progress.share is None else 1.0
        self.show(progress.stage, progress.elapsed_s, describe(progress), progress.share or 0.0, total)


def describe(progress: EmbeddingProgress) -> str:
    """Put the figures of a progress into words: what is done, and how long the rest will take."""
    share = progress.share
    if share is None or share <= 0.0 or progress.elapsed_s < 1.0:
        return progress.text
    left_s = progress.elapsed_s * (1.0 - min(1.0, share)) / share
    return f"{progress.text}, {human_duration(left_s)} left" if share < 1.0 else progress.text
