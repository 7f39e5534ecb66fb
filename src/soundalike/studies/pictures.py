"""The pictures of an evaluation's report: scores, labels, maps, and queries that go well and badly."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from soundalike.audio import open_audio
from soundalike.core.arrays import FloatArray, IntArray
from soundalike.core.errors import MissingExtraError, SoundalikeError
from soundalike.evaluation import (
    Example,
    Picture,
    Report,
    ShownSound,
    TaskResult,
    Theme,
    class_bars,
    example_figure,
    good_and_bad,
    map_figure,
    score_bars,
    tsne,
    write_report,
)
from soundalike.features import LogMelConfig, log_mel
from soundalike.sources import Item, open_item
from soundalike.studies.evaluation import Evaluation
from soundalike.studies.scoring import Ranked

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEFT_OUT = "left-out.json"
"""The file that lists what took no part."""

_MAPPED = 1500  # sounds on a map, at most: a layout of them takes some ten seconds
_EXAMPLES, _HITS = 3, 5
_SHOWN_S = 5.0  # of a sound, from its start
_LABELS_IN_BARS = 60
_CONTENDERS_IN_BARS = 5
_SPECTROGRAM = LogMelConfig(bands=64, frame_samples=960, hop_samples=480)


@dataclass(frozen=True, slots=True)
class WrittenReport:
    """What was written.

    Attributes:
        page: The page's path.
        missing: Why there are no pictures, where they were wanted.
    """

    page: Path
    missing: MissingExtraError | None = None


def pictures_of(evaluation: Evaluation, asked: Sequence[str], *, seed: int = 0) -> list[Picture]:
    """Choose what to show beside the tables.

    Args:
        evaluation: What came of an evaluation.
        asked: Labels of the contenders that maps and examples are of.
        seed: Of the sounds on a map where there are many, and of the layout.

    Returns:
        For each task by labels: scores with their intervals, average precision of each label, and for each of
        ``asked`` a map and examples.
    """
    report = evaluation.report
    pictures: list[Picture] = []
    for place, task in enumerate(report.tasks):
        ranked = [r for r in evaluation.ranked if r.task == task]
        has_answers = any(result.queries for result in report.of_task(task))
        if ranked and has_answers:  # which copies are found is said by the table alone
            pictures += _of_labels(report, task, _slug(task, place), ranked, asked, seed)
    return pictures


def _of_labels(
    report: Report, task: str, slug: str, ranked: Sequence[Ranked], asked: Sequence[str], seed: int
) -> list[Picture]:
    results = report.of_task(task)
    found = [
        Picture(
            f"{slug}-scores",
            f"Mean average precision in {task}",
            partial(_scores, results),
            task,
            "With intervals of 95 %.",
        )
    ]
    per_class = {result.encoder: dict(result.per_class) for result in results[:_CONTENDERS_IN_BARS]}
    if len(results[0].per_class) <= _LABELS_IN_BARS:
        found.append(
            Picture(
                f"{slug}-labels",
                f"Average precision of each label in {task}",
                partial(_bars, per_class),
                task,
            )
        )
    for number, one in enumerate(r for r in ranked if r.label in asked):
        places, rows = _layout(one, seed)
        labels = one.labels[rows].tolist()
        found.append(
            Picture(
                f"{slug}-map-{number}",
                f"{task} as {one.label} hears it",
                partial(_map, places, labels),
                task,
                "t-SNE: near sounds stay near; axes, and distances between clusters, mean nothing.",
            )
        )
        for kind, chosen in zip(("well", "badly"), good_and_bad(one.scores, _EXAMPLES), strict=True):
            if len(chosen):
                found.append(
                    Picture(
                        f"{slug}-{kind}-{number}",
                        f"Queries that go {kind} with {one.label} in {task}",
                        partial(_examples, one, chosen),
                        task,
                        "Each row is a query and the first that it finds.",
                    )
                )
    return found


def _scores(results: Sequence[TaskResult], theme: Theme) -> Figure:
    return score_bars(results, "map", theme=theme)


def _bars(per_class: dict[str, dict[str, float | None]], theme: Theme) -> Figure:
    return class_bars(per_class, theme=theme)


def _map(places: NDArray[np.float64], labels: list[str], theme: Theme) -> Figure:
    return map_figure(places, labels, theme=theme)


def _examples(ranked: Ranked, rows: IntArray, theme: Theme) -> Figure:
    return example_figure([_example(ranked, row) for row in rows.tolist()], theme=theme)


def _example(ranked: Ranked, row: int) -> Example:
    near = [int(n) for n in ranked.scores.neighbours[row][:_HITS] if n >= 0]
    precision = float(ranked.scores.per_query("map")[row])
    return Example(
        _shown(ranked, row),
        tuple(_shown(ranked, n, right=bool(ranked.labels[n] == ranked.labels[row])) for n in near),
        f"AP {precision:.2f}",
    )


def _shown(ranked: Ranked, row: int, *, right: bool | None = None) -> ShownSound:
    item = ranked.items[row]
    return ShownSound(item.name, str(ranked.labels[row]), _spectrogram(_Key(item)), right)


def _layout(ranked: Ranked, seed: int) -> tuple[NDArray[np.float64], IntArray]:
    rows = np.arange(len(ranked.labels))
    if len(rows) > _MAPPED:
        rows = np.sort(np.random.default_rng(seed).choice(len(rows), _MAPPED, replace=False))
    return tsne(ranked.vectors[rows], ranked.metric, seed=seed), rows


class _Key:
    """An item that can be looked up: the same file is drawn in light and dark."""

    def __init__(self, item: Item) -> None:
        self.item = item

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and other.item.uri == self.item.uri

    def __hash__(self) -> int:
        return hash(self.item.uri)


@lru_cache(maxsize=256)
def _spectrogram(key: _Key) -> FloatArray:
    """The beginning of a sound as a picture; empty where it is too short for one frame or cannot be read."""
    rate_hz = _SPECTROGRAM.rate_hz
    try:
        with (
            open_item(key.item) as file,
            open_audio(file, rate_hz=rate_hz, name=key.item.name) as reader,
        ):
            samples = next(reader.blocks(int(_SHOWN_S * rate_hz)))
        return log_mel(samples, _SPECTROGRAM)
    except (SoundalikeError, OSError, StopIteration):
        return np.zeros((_SPECTROGRAM.bands, 0), np.float32)


def write_evaluation(
    folder: Path, evaluation: Evaluation, asked: Sequence[str], *, plots: bool = True, seed: int = 0
) -> WrittenReport:
    """Write an evaluation as a page for the browser, its figures as JSON, and the list of what took no part.

    Args:
        folder: Where; made when it is absent.
        evaluation: What to write.
        asked: See :func:`pictures_of`.
        plots: False leaves pictures out.
        seed: See :func:`pictures_of`.

    Returns:
        Where the page is, and why it has no pictures where they were wanted but could not be made.
    """
    missing: MissingExtraError | None = None
    try:
        pictures = pictures_of(evaluation, asked, seed=seed) if plots else []
        page = write_report(folder, evaluation.report, pictures)
    except MissingExtraError as error:
        missing = error
        page = write_report(folder, evaluation.report)
    left_out = [asdict(out) for out in evaluation.left_out]
    (folder / LEFT_OUT).write_text(json.dumps(left_out, indent=1) + "\n", encoding="utf-8")
    return WrittenReport(page, missing)


def _slug(task: str, place: int) -> str:
    """Make a task's name fit for files; its place tells it from others that then read the same."""
    return f"{place + 1}-" + (re.sub(r"[^a-z0-9]+", "-", task.lower()).strip("-") or "task")
