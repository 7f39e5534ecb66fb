"""What an evaluation found: scores of encoders in tasks, and the facts that they were found with."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from soundalike.core.errors import InvalidInputError
from soundalike.evaluation.bootstrap import Interval

FORMAT_VERSION = 1
_LOWER_IS_BETTER = ("first_rank", "first_rank_normalised", "hubness")


@dataclass(frozen=True, slots=True)
class Score:
    """One measure.

    Attributes:
        name: The measure: ``map``, ``p@5``, …; see :class:`soundalike.evaluation.RetrievalScores`.
        value: What was found; None where nothing could be.
        low: Lower bound of the 95 % interval; None where there is none.
        high: Upper bound.
        chance: What a ranking that knows nothing finds; None where that is not known.
    """

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    chance: float | None = None

    def __post_init__(self) -> None:
        for part in ("value", "low", "high", "chance"):
            number = getattr(self, part)
            object.__setattr__(self, part, None if number is None else _finite(number))

    @classmethod
    def of(cls, name: str, interval: Interval, chance: float | None = None) -> Self:
        """Make a score of a bootstrap interval."""
        return cls(name, interval.value, interval.low, interval.high, chance)

    @property
    def lower_is_better(self) -> bool:
        """True for ranks and hubness."""
        return self.name in _LOWER_IS_BETTER


@dataclass(frozen=True, slots=True)
class TaskResult:
    """How one encoder did in one task.

    Attributes:
        task: The task's name: ``esc10``, ``folders``, …
        encoder: The encoder's name.
        scores: Its measures, in the order in which they are shown.
        per_class: Mean average precision of each label, where the task has labels.
        queries: How many queries count.
        left_out: How many had nothing to find.
        facts: What else belongs to the result: the encoder's fingerprint, the rule of the labels, …
    """

    task: str
    encoder: str
    scores: tuple[Score, ...]
    per_class: Mapping[str, float | None] = field(default_factory=dict)
    queries: int = 0
    left_out: int = 0
    facts: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        clean = {name: None if value is None else _finite(value) for name, value in self.per_class.items()}
        object.__setattr__(self, "per_class", clean)
        object.__setattr__(self, "scores", tuple(self.scores))

    def score(self, name: str) -> Score | None:
        """The score of that name, or None."""
        return next((score for score in self.scores if score.name == name), None)


@dataclass(frozen=True, slots=True)
class Report:
    """Results of several encoders in several tasks.

    Attributes:
        results: One per encoder and task, in the order in which they are shown.
        facts: Date, versions, seeds, command: what one needs to find the same again.

    Example:
        >>> report = Report((TaskResult("esc10", "spectral", (Score("map", 0.48, 0.45, 0.51, 0.11),)),))
        >>> Report.from_json(report.to_json()) == report
        True
    """

    results: tuple[TaskResult, ...]
    facts: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "results", tuple(self.results))

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks, in the order in which they first come."""
        return tuple(dict.fromkeys(result.task for result in self.results))

    @property
    def encoders(self) -> tuple[str, ...]:
        """Names of the encoders, in the order in which they first come."""
        return tuple(dict.fromkeys(result.encoder for result in self.results))

    def of_task(self, task: str) -> tuple[TaskResult, ...]:
        """All encoders' results in one task."""
        return tuple(result for result in self.results if result.task == task)

    def to_json(self) -> str:
        """Write as JSON; what is not known is null."""
        document = {"format_version": FORMAT_VERSION} | asdict(self)
        return json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what :meth:`to_json` wrote.

        Raises:
            InvalidInputError: It is no such report, or one of a later version.
        """
        try:
            document: dict[str, Any] = json.loads(text)
            version = document.pop("format_version")
            if version != FORMAT_VERSION:
                raise InvalidInputError(
                    f"The report is of format {version}; this version reads {FORMAT_VERSION}."
                )
            results = [
                TaskResult(**row | {"scores": tuple(Score(**score) for score in row["scores"])})
                for row in document.pop("results")
            ]
            return cls(results=tuple(results), **document)
        except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
            raise InvalidInputError(f"Expected an evaluation report as JSON; {error!r}.") from error


def _finite(number: float) -> float | None:
    """A plain float, or None for what JSON cannot hold."""
    return float(number) if math.isfinite(number) else None
