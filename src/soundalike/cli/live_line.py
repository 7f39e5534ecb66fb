"""One line that shows how far something is: live on a terminal, now and then in a log."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, TaskID, TextColumn

from soundalike.cli.console import err


class LiveLine:
    """A live line on a terminal; elsewhere a line now and then, so that a log stays readable.

    Args:
        *columns: What stands behind the text on a terminal, such as the time left.
        console: Where it is shown.
        log_every_s: Seconds between two lines of a log.
        tells_stages: Whether a new stage has a line in the log at once.
        first: What is shown before anything is known; nothing by default.
    """

    def __init__(
        self,
        *columns: ProgressColumn,
        console: Console = err,
        log_every_s: float = 15.0,
        tells_stages: bool = False,
        first: str = "",
    ) -> None:
        self._console, self._log_every_s, self._tells_stages = console, log_every_s, tells_stages
        bar = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=24))
        text = TextColumn("{task.fields[text]}")
        self._bars = Progress(*bar, text, *columns, console=console, transient=True)
        self._first = self._stage = first
        self._task: TaskID | None = None
        self._logged_s = 0.0

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bars.start()
            if self._first:
                self._task = self._bars.add_task(self._first, total=None, text="", left="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._bars.stop()

    def show(
        self, stage: str, elapsed_s: float, text: str, done: float, total: float | None, left: str = ""
    ) -> None:
        """Show how far it is.

        Args:
            stage: What is going on.
            elapsed_s: Seconds since it began.
            text: The figures in words.
            done: How much is done.
            total: Of how much; None where that is not known.
            left: For a column of that name.
        """
        is_new, self._stage = stage != self._stage, stage
        if not self._console.is_terminal:
            if (is_new and self._tells_stages) or elapsed_s - self._logged_s >= self._log_every_s:
                self._logged_s = elapsed_s
                self._console.print(f"{stage}: {text}", markup=False)
            return
        if self._task is None or (is_new and self._tells_stages):  # a stage's time left is its own
            if self._task is not None:
                self._bars.remove_task(self._task)
            self._task = self._bars.add_task(stage, total=total, text="", left="")
        self._bars.update(
            self._task, description=stage, completed=done, total=total, text=text, left=left
        )  # fmt: skip
