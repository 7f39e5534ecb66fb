"""What is wished for when an encoder is trained on a library, how far it is, and what came of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from soundalike.core.errors import InvalidInputError
from soundalike.library import SwitchReport
from soundalike.studies.comparison import Comparison
from soundalike.studies.switch_rule import Decision
from soundalike.studies.tasks import LeftOut
from soundalike.training import Recipe

_PATHS = ("folder", "manifest", "page")

Stage: TypeAlias = Literal["reading", "training", "comparing", "embedding"]


@dataclass(frozen=True, slots=True)
class EmbeddingConfig:
    """How an embedding is trained on a library.

    Attributes:
        recipe: A recipe's name, its file, or itself; None takes the one that goes with the start.
        minutes: How long, counted over interruptions; the recipe's by default.
        steps: How many steps; with ``minutes`` too, what comes first ends it.
        start: Name or path of an encoder that soundalike has trained; ``"nothing"``; None takes the encoder
            in use where it is such a one, else the shipped one, else nothing.
        name: What to call the new encoder; by default ``own``, then ``own-2`` and so on.
        folder: The run's folder; ``training/NAME`` in the library by default.
        seed: Of everything that is drawn.
        switch: ``"if better"``; ``"always"``; ``"never"``.
        anew: Whether to forget what the folder holds of an earlier run.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        jobs: Worker processes that compute the library's vectors; by default one per processor.
        longest_s: How much of a file's beginning is read at most.
        hours: How much audio is read in all at most; sounds are drawn where there is more. An hour at 32 kHz
            takes 230 MB in the run's folder.
    """

    recipe: str | Path | Recipe | None = None
    minutes: float | None = None
    steps: int | None = None
    start: str | None = None
    name: str | None = None
    folder: Path | None = None
    seed: int = 1
    switch: Literal["if better", "always", "never"] = "if better"
    anew: bool = False
    device: str = "auto"
    jobs: int | None = None
    longest_s: float = 300.0
    hours: float = 8.0

    def __post_init__(self) -> None:
        if self.seed < 0 or not self.longest_s > 0.0 or not self.hours > 0.0:
            raise InvalidInputError(
                "seed is not negative, longest_s and hours are above 0; "
                f"got {self.seed}, {self.longest_s:g} and {self.hours:g}."
            )


@dataclass(frozen=True, slots=True)
class EmbeddingProgress:
    """How far it is.

    Attributes:
        stage: ``"reading"`` the sounds, ``"training"``, ``"comparing"`` the encoders, or ``"embedding"`` the
            library with the new one.
        share: Share of the stage that is done; None where that is not known yet.
        elapsed_s: Seconds since the stage began, interruptions not counted.
        text: The stage's own figures, in words.
    """

    stage: Stage
    share: float | None
    elapsed_s: float
    text: str


OnEmbedding: TypeAlias = Callable[[EmbeddingProgress], None]


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """What came of it.

    Attributes:
        name: The new encoder's name.
        folder: The run's folder.
        started_from: Name of the encoder that it started from, or ``"nothing"``.
        recipe: The recipe's fingerprint.
        trained_on: How many sounds were trained on.
        held_out: How many were held out.
        held_out_by: What was kept together: ``"folder"``, ``"sub-folder"`` or ``"sound"``.
        steps: Steps done.
        elapsed_s: Seconds of training.
        finished: False where Ctrl-C came; the same call again goes on.
        figures: The last that training has logged.
        left_out: Files that took no part, each with the reason.
        notes: What the user should know, as sentences.
        manifest: The new encoder; None where training was stopped.
        comparison: Old and new on the sounds held out.
        page: The comparison as a page for the browser.
        decision: Whether the new one is better, and why.
        switched: What was done to the library; None where it was left alone.
        problem: Why it could not be switched although it should; the same call tries again.
    """

    name: str
    folder: Path
    started_from: str
    recipe: str
    trained_on: int
    held_out: int
    held_out_by: str
    steps: int
    elapsed_s: float
    finished: bool
    figures: Mapping[str, float] = field(default_factory=dict)
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()
    manifest: Path | None = None
    comparison: Comparison | None = None
    page: Path | None = None
    decision: Decision | None = None
    switched: SwitchReport | None = None
    problem: str | None = None


def report_as_json(report: TrainingReport) -> dict[str, Any]:
    """Write a report as plain values for JSON."""
    document: dict[str, Any] = {
        one.name: getattr(report, one.name)
        for one in dataclasses.fields(report)
        if one.name not in ("comparison", "switched")
    }
    document |= {name: None if document[name] is None else str(document[name]) for name in _PATHS}
    document |= {
        "left_out": [dataclasses.asdict(one) for one in report.left_out],
        "decision": dataclasses.asdict(report.decision) if report.decision else None,
        "notes": list(report.notes),
        "figures": dict(report.figures),
        "differences": [dataclasses.asdict(one) for one in report.comparison.differences]
        if report.comparison
        else [],
    }
    switched = report.switched
    document["switched"] = switched is not None and switched.switched
    return document
