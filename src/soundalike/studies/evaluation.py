"""Evaluate encoders on tasks: listen once with all of them, score each, keep what a report needs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

import numpy as np

import soundalike
from soundalike.core.arrays import BoolArray, FloatArray, IntArray
from soundalike.core.errors import InvalidInputError, NotFoundError
from soundalike.evaluation import Report, TaskResult
from soundalike.sources import Item
from soundalike.studies.field import Contender
from soundalike.studies.listening import AudibleItem, Heard, listen, listen_to_items
from soundalike.studies.scoring import Ranked, score_copies, score_labels
from soundalike.studies.tasks import TASKS, LabelTask, LeftOut, NearDuplicateTask, Task, task_names
from soundalike.studies.tasks.copies import Copy, make_copies

_ORIGINALS_AT_ONCE = 16  # their copies lie in memory together: some tens of megabytes


@dataclass(frozen=True, slots=True)
class EvaluationProgress:
    """How far an evaluation is.

    Attributes:
        stage: ``"listening"``, ``"copying"`` or ``"scoring"``.
        done: Sounds, copied originals, or results so far.
        total: How many there are in this stage.
        audio_s: Seconds of audio listened to in this stage.
        elapsed_s: Seconds since this stage began.
    """

    stage: str
    done: int
    total: int
    audio_s: float
    elapsed_s: float


OnEvaluation: TypeAlias = Callable[[EvaluationProgress], None]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What came of an evaluation.

    Attributes:
        report: The figures.
        ranked: What pictures are made of: an entry for each contender and task by labels.
        left_out: Files that took no part, each with the reason.
    """

    report: Report
    ranked: tuple[Ranked, ...]
    left_out: tuple[LeftOut, ...]


def find_tasks(wanted: Sequence[str], data: Path | None) -> list[Task]:
    """Turn what a user names into tasks.

    Args:
        wanted: Names of tasks or sets (see ``TASKS``), or paths of folders of folders.
        data: Where the sets lie; not needed for folders.

    Returns:
        The tasks, each once.

    Raises:
        NotFoundError: Neither a task nor a folder, or the sounds are not there.
        InvalidInputError: A task without ``data``, or a folder that is not laid out as expected.
    """
    tasks: dict[str, Task] = {}
    for word in wanted:
        names = task_names(word)
        if names and word != "folders":
            if data is None:
                raise InvalidInputError(
                    f"The task {word} needs the folder that its sounds lie in: --data DIR."
                )
            tasks |= {name: TASKS.load(name)(data) for name in names}
            continue
        folder = data if word == "folders" else Path(word).expanduser()
        if folder is None or not folder.is_dir():
            raise NotFoundError(
                f"There is no task and no folder called {word!r}; the tasks are: {', '.join(TASKS.names())}."
            )
        name = f"folders: {folder.absolute().name}"
        name = name if name not in tasks else f"folders: {folder.absolute()}"
        tasks[name] = replace(TASKS.load("folders")(folder), name=name)
    return list(tasks.values())


def evaluate(
    tasks: Sequence[Task],
    field: Sequence[Contender],
    *,
    seed: int = 0,
    resamples: int = 1000,
    on_progress: OnEvaluation = lambda _progress: None,
) -> Evaluation:
    """Score every contender in every task, on the same sounds.

    A sound of several tasks is listened to once. A sound that cannot be used takes part for no contender, and
    is listed with the reason.

    Args:
        tasks: What is asked, at least one.
        field: Who is asked, at least one; labels differ.
        seed: Of everything that is drawn: originals to copy, copies, bootstrap.
        resamples: Draws of the bootstrap.
        on_progress: Told how far it is.

    Returns:
        Figures, what pictures are made of, and what took no part.

    Raises:
        InvalidInputError: No task, no contender, or a task of which no sound could be used.
        EncoderError: An encoder fails.
    """
    if not tasks or not field:
        raise InvalidInputError(f"Expected tasks and encoders; got {len(tasks)} and {len(field)}.")
    run = _Run(tasks, field, seed, resamples, on_progress)
    for task in tasks:
        if isinstance(task, LabelTask):
            run.by_labels(task)
        else:
            run.by_copies(task)
    facts = {
        "soundalike": soundalike.__version__,
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "seed": str(seed),
        "intervals": f"95 %, percentile bootstrap of {resamples:,} draws; near-repeats that a task knows of "
        "are drawn together",
        **{task.name: " ".join([task.question, *task.notes]) for task in tasks},
        **{one.label: one.note for one in field if one.note},
    }
    return Evaluation(Report(tuple(run.results), facts), tuple(run.ranked), tuple(run.left_out.values()))


class _Run:
    """One evaluation on its way."""

    def __init__(
        self,
        tasks: Sequence[Task],
        field: Sequence[Contender],
        seed: int,
        resamples: int,
        on_progress: OnEvaluation,
    ) -> None:
        self._field = field
        self._seed = seed
        self._resamples = resamples
        self._on_progress = on_progress
        self._began = time.monotonic()
        self.results: list[TaskResult] = []
        self.ranked: list[Ranked] = []
        self.left_out = {out.uri: out for task in tasks for out in task.left_out}
        items = {item.uri: item for task in tasks for item in task.items}
        self._row = {uri: row for row, uri in enumerate(items)}
        self._total = len(tasks) * len(field)
        self._heard = self._listen(list(items.values()))

    def by_labels(self, task: LabelTask) -> None:
        """Score a task by labels."""
        rows, usable = self._rows(task)
        for contender, vectors, silent in self._of_each(self._heard):
            result, ranked = score_labels(
                task, contender, vectors[rows], silent[rows], usable,
                seed=self._seed, resamples=self._resamples,
            )  # fmt: skip
            self._keep(result)
            self.ranked.append(ranked)

    def by_copies(self, task: NearDuplicateTask) -> None:
        """Copy sounds, and look for their originals."""
        rows, usable = self._rows(task)
        gallery = rows[usable]
        copies = self._copies(task, self._originals(task, rows, usable))
        place = {int(row): at for at, row in enumerate(gallery)}
        for at, (contender, vectors, silent) in enumerate(self._of_each(self._heard)):
            asked = {
                kind: (heard.vectors[at], np.array([place[row] for row in originals], np.int64))
                for kind, (heard, originals) in copies.items()
            }
            self._keep(
                score_copies(
                    task,
                    contender,
                    vectors[gallery],
                    silent[gallery],
                    asked,
                    seed=self._seed,
                    resamples=self._resamples,
                )
            )

    def _listen(self, items: list[Item]) -> Heard:
        heard = listen_to_items(items, self._encoders, self._stage("listening", len(items)))
        for row, reason in heard.failed.items():
            self.left_out[items[row].uri] = LeftOut(items[row].uri, reason)
        return heard

    @property
    def _encoders(self) -> list[soundalike.encoders.Encoder]:
        return [contender.encoder for contender in self._field]

    def _rows(self, task: Task) -> tuple[IntArray, IntArray]:
        """Where a task's sounds lie among all that were heard, and which of the task's could be used."""
        rows = np.array([self._row[item.uri] for item in task.items], np.int64)
        usable = np.array(
            [at for at, row in enumerate(rows.tolist()) if row not in self._heard.failed], np.int64
        )
        if not len(usable):
            first = self._heard.failed[int(rows[0])]
            raise InvalidInputError(
                f"Not one sound of {task.name} could be used. {task.items[0].uri}: {first}"
            )
        return rows, usable

    def _of_each(self, heard: Heard) -> list[tuple[Contender, FloatArray, BoolArray]]:
        return list(zip(self._field, heard.vectors, heard.silent, strict=True))

    def _originals(self, task: NearDuplicateTask, rows: IntArray, usable: IntArray) -> list[tuple[int, Item]]:
        """Draw sounds that every contender hears something in: their rows among all, and the files."""
        audible = ~np.any(self._heard.silent, axis=0)
        fit = {int(at) for at in usable if audible[rows[at]]}
        order = [at for at in task.drawing_order(self._seed).tolist() if at in fit]
        if not order:
            raise InvalidInputError(f"All sounds of {task.name} are silent: there is nothing to look for.")
        return [(int(rows[at]), task.items[at]) for at in order[: task.originals]]

    def _copies(
        self, task: NearDuplicateTask, originals: list[tuple[int, Item]]
    ) -> dict[str, tuple[Heard, list[int]]]:
        """Copy some originals at a time and listen; gives what was heard of each kind, and whose copies."""
        rng = np.random.default_rng([self._seed, 1])
        tell = self._stage("copying", len(originals))
        parts: dict[str, list[Heard]] = {kind.name: [] for kind in task.kinds}
        whose: dict[str, list[int]] = {kind.name: [] for kind in task.kinds}
        audio_s = 0.0
        for first in range(0, len(originals), _ORIGINALS_AT_ONCE):
            some = originals[first : first + _ORIGINALS_AT_ONCE]
            made = [make_copies(AudibleItem(item), task.kinds, rng) for _, item in some]
            for kind in task.kinds:
                heard = listen([copies[kind.name] for copies in made], self._encoders)
                kept = self._without_failed(heard, [copies[kind.name] for copies in made])
                parts[kind.name].append(kept)
                whose[kind.name] += [row for at, (row, _) in enumerate(some) if at not in heard.failed]
                audio_s += heard.audio_s
            tell(first + len(some), audio_s)
        return {name: (_joined(parts[name]), whose[name]) for name in parts}

    def _without_failed(self, heard: Heard, copies: Sequence[Copy]) -> Heard:
        """Leave out copies that could not be used, and list them."""
        for row, reason in heard.failed.items():
            self.left_out[copies[row].uri] = LeftOut(copies[row].uri, reason)
        kept = [row for row in range(len(copies)) if row not in heard.failed]
        return Heard([vectors[kept] for vectors in heard.vectors], [silent[kept] for silent in heard.silent])

    def _keep(self, result: TaskResult) -> None:
        self.results.append(result)
        done, elapsed_s = len(self.results), time.monotonic() - self._began
        self._on_progress(EvaluationProgress("scoring", done, self._total, 0.0, elapsed_s))

    def _stage(self, stage: str, total: int) -> Callable[[int, float], None]:
        began = self._began = time.monotonic()

        def tell(done: int, audio_s: float) -> None:
            self._on_progress(EvaluationProgress(stage, done, total, audio_s, time.monotonic() - began))

        return tell


def _joined(parts: Sequence[Heard]) -> Heard:
    return Heard(
        [np.concatenate(vectors) for vectors in zip(*(part.vectors for part in parts), strict=True)],
        [np.concatenate(silent) for silent in zip(*(part.silent for part in parts), strict=True)],
    )
