"""What an ingest tells: while it runs, and at its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from soundalike.core.units import human_count, human_duration


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that could not be used, or was used with a doubt, and why."""

    uri: str
    reason: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an ingest is. Everything that ``files_done`` counts is committed.

    Attributes:
        stage: ``"looking"`` while sources are scanned, ``"listening"``, ``"tidying"`` at the end.
        files_done: Files committed so far, failed ones too.
        files_total: Files to work on; while looking, the files seen so far.
        bytes_done: Bytes of the files committed so far.
        bytes_total: Bytes of all files to work on.
        audio_s: Seconds of audio analysed so far, those of unfinished long files too.
        failed: How many files could not be used so far.
        elapsed_s: Seconds since the ingest began.
    """

    stage: str
    files_done: int = 0
    files_total: int = 0
    bytes_done: int = 0
    bytes_total: int = 0
    audio_s: float = 0.0
    failed: int = 0
    elapsed_s: float = 0.0


OnProgress: TypeAlias = Callable[[Progress], None]


@dataclass(slots=True)
class Report:
    """What an ingest did; every list holds the uris of files.

    Attributes:
        added: Files whose sound is new to the library (or to this encoder).
        duplicates: New files whose bytes the library knew already: nothing was computed.
        changed: Files that were known and have other bytes now.
        unchanged: Files that were left alone: same size and time as before.
        moved: Files that are known sounds at a new place, where the old one has gone.
        missing: Files that have vanished since the last look; their sounds are kept.
        failed: Files that could not be used, with the reason.
        warnings: Files that were used, but are odd: cut short, say.
        audio_s: Seconds of audio that were analysed.
        elapsed_s: Seconds that it took.
        interrupted: True where it was stopped before the end; running it again goes on from there.
    """

    added: list[str] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    warnings: list[Failure] = field(default_factory=list)
    audio_s: float = 0.0
    elapsed_s: float = 0.0
    interrupted: bool = False

    def __str__(self) -> str:
        """Summarise in one line for people."""
        heard = f" ({human_duration(self.audio_s)} of audio)" if self.audio_s else ""
        parts = [f"{human_count(len(self.added), 'sound')} added{heard}"]
        for files, words in (
            (self.duplicates, "with known content"),
            (self.changed, "changed"),
            (self.unchanged, "unchanged"),
            (self.moved, "moved"),
            (self.missing, "missing"),
            (self.failed, "failed"),
            (self.warnings, "with a warning"),
        ):
            if files:
                parts.append(f"{len(files):,} {words}")
        text = ", ".join(parts) + f", in {human_duration(self.elapsed_s)}"
        return text + ("; stopped before the end" if self.interrupted else "")
