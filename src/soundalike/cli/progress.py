"""The progress of an ingest on a terminal: files, hours of audio, rate, time left."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from soundalike.cli.console import err
from soundalike.core.units import human_duration
from soundalike.library import Progress


class IngestProgress:
    """A live line on a terminal; elsewhere a line now and then, so that a log stays readable."""

    _LOG_EVERY_S = 15.0

    def __init__(self, console: Console = err) -> None:
        self._console = console
        self._bars = Bars(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[text]}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
            transient=True,
        )
        self._task: TaskID | None = None
        self._logged_s = 0.0

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bars.start()
            self._task = self._bars.add_task("looking", total=None, text="", left="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._bars.stop()

    def __call__(self, progress: Progress) -> None:
        """Show how far it is."""
        if self._task is not None:
            done, total = _share(progress)
            left = time_left_s(progress)
            self._bars.update(
                self._task,
                description=progress.stage,
                completed=done,
                total=total,
                text=describe(progress),
                left=f"{human_duration(left)} left" if left is not None else "",
            )
        elif progress.elapsed_s - self._logged_s >= self._LOG_EVERY_S:
            self._logged_s = progress.elapsed_s
            self._console.print(f"{progress.stage}: {describe(progress)}")


def describe(progress: Progress) -> str:
    """Put the figures of a progress into words."""
    if progress.stage == "looking":
        return f"{progress.files_total:,} files seen"
    text = f"{progress.files_done:,} of {progress.files_total:,} files, "
    text += f"{human_duration(progress.audio_s)} of audio"
    if progress.elapsed_s > 1.0 and progress.audio_s > 0.0:
        text += f" at {progress.audio_s / progress.elapsed_s:,.0f} times real time"
    return text + (f", {progress.failed:,} failed" if progress.failed else "")


def time_left_s(progress: Progress) -> float | None:
    """Estimate the time left from the share of bytes that is done; None while it cannot be told."""
    done, total = _share(progress)
    if progress.stage != "listening" or not total or done <= 0.0 or progress.elapsed_s < 2.0:
        return None
    return progress.elapsed_s * (total - done) / done


def _share(progress: Progress) -> tuple[float, float | None]:
    """How much of how much: bytes where they are known, files otherwise."""
    if progress.stage == "looking":
        return 0.0, None
    if progress.bytes_total:
        return float(progress.bytes_done), float(progress.bytes_total)
    return float(progress.files_done), float(progress.files_total) or None
