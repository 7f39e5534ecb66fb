"""The progress of an ingest on a terminal: files, hours of audio, rate, time left."""

from __future__ import annotations

from rich.console import Console
from rich.progress import TextColumn, TimeElapsedColumn

from soundalike.cli.console import err
from soundalike.cli.live_line import LiveLine
from soundalike.core.units import human_duration
from soundalike.library import Progress


class IngestProgress(LiveLine):
    """How far an ingest is."""

    def __init__(self, console: Console = err) -> None:
        left = TextColumn("{task.fields[left]}")
        super().__init__(TimeElapsedColumn(), left, console=console, first="looking")

    def __call__(self, progress: Progress) -> None:
        """Show how far it is."""
        done, total = _share(progress)
        left_s = time_left_s(progress)
        left = f"{human_duration(left_s)} left" if left_s is not None else ""
        self.show(progress.stage, progress.elapsed_s, describe(progress), done, total, left)


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
