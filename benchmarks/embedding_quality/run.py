"""How good are embeddings, and how fast? ``python benchmarks/embedding_quality/run.py [--quick]``."""

from __future__ import annotations

import argparse
import dataclasses
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.embedding_quality.targets import Measured, against_targets
from benchmarks.results import Table, write_results
from soundalike.audio import decode, segment
from soundalike.encoders import Encoder
from soundalike.encoders.published import published_encoder
from soundalike.encoders.published_conversion import write_published
from soundalike.evaluation import Score
from soundalike.library import DEFAULT_ENCODER, demo_sounds
from soundalike.studies import (
    Contender,
    Evaluation,
    EvaluationProgress,
    LabelTask,
    NearDuplicateTask,
    contenders,
    evaluate,
    find_tasks,
)

HERE = Path(__file__).parent
SEED = 6
TEACHER = "efficientat-mn04"
QUICK_SOUNDS, QUICK_ORIGINALS = 200, 16
SPEED_S, QUICK_SPEED_S, ROUNDS = 300.0, 30.0, 3
RESAMPLES = 1000
SETS = ("esc10", "fsdd", "philharmonia", "near-duplicates")

Task = LabelTask | NearDuplicateTask
Samples = NDArray[np.float32]


def arguments() -> argparse.Namespace:
    """What was asked for on the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="a seeded part of every set; writes nothing")
    parser.add_argument("--data", type=Path, default=None, help="the folder of esc10, fsdd and philharmonia")
    parser.add_argument("--encoder", action="append", default=[], help="name or path; repeatable")
    parser.add_argument("--teacher", default=None, help="name or path of the teacher")
    parser.add_argument("--archive", type=Path, help="the teacher's .pt file, for its last layer alone")
    parser.add_argument("--out", type=Path, default=HERE, help="the folder that RESULTS.md is written to")
    return parser.parse_args()


def tasks_of(data: Path, *, quick: bool) -> list[Task]:
    """All tasks of the sets that are there; of the bundled sounds where there is none."""
    if not (data / "esc10").is_dir():
        tasks: list[Task] = [*find_tasks([str(demo_sounds())], None)]
        tasks += find_tasks(["near-duplicates"], demo_sounds())
    else:
        tasks = [*find_tasks(SETS, data)]
    return [part_of(task) for task in tasks] if quick else tasks


def part_of(task: Task) -> Task:
    """A seeded part of a task."""
    rng = np.random.default_rng(SEED)
    rows = np.sort(rng.permutation(len(task.items))[:QUICK_SOUNDS]).tolist()
    if isinstance(task, LabelTask):
        return task.part(rows)
    items = tuple(task.items[row] for row in rows)
    note = f"A part: {len(items):,} of {len(task.items):,} sounds."
    return dataclasses.replace(task, items=items, originals=QUICK_ORIGINALS, notes=(*task.notes, note))


def speed(field: Sequence[Contender], task: Task, seconds: float) -> dict[str, float]:
    """Hours of audio per hour of one thread, samples in memory: medians of rounds in which all take turns."""
    paths = [Path(item.uri) for item in task.items[:: max(1, len(task.items) // 80)]]
    audio: dict[int, list[Samples]] = {}
    for rate_hz in {contender.encoder.spec.rate_hz for contender in field}:
        audio[rate_hz], left = [], seconds
        for path in paths:
            samples = decode(path, rate_hz=rate_hz).samples[: max(0, round(left * rate_hz))]
            if len(samples):
                audio[rate_hz].append(samples)
            left -= len(samples) / rate_hz
    taken: dict[str, list[float]] = {contender.label: [] for contender in field}
    with threadpool_limits(1):
        for round_ in range(ROUNDS + 1):
            for contender in field:
                began = time.process_time()
                length = sum(listened(contender.encoder, s) for s in audio[contender.encoder.spec.rate_hz])
                if round_:  # the first loads code and fills caches
                    taken[contender.label].append(length / (time.process_time() - began))
    return {label: statistics.median(values) for label, values in taken.items()}


def listened(encoder: Encoder, samples: Samples) -> float:
    """Make the vector of a sound; returns its seconds."""
    spec = encoder.spec
    cut = segment(
        samples,
        window_samples=spec.window_samples,
        hop_samples=spec.hop_samples,
        rate_hz=spec.rate_hz,
        silence_db=spec.silence_db,
    )
    sounding = ~cut.silent
    if sounding.any():
        encoder.pool(encoder.encode_at(cut.samples, cut.starts[sounding], cut.lengths[sounding]))
    return len(samples) / spec.rate_hz


def retrieval_table(found: Evaluation) -> Table:
    """Mean average precision of every contender in every task by labels."""
    tasks = [task for task in found.report.tasks if found.report.of_task(task)[0].score("map")]
    table = Table("Mean average precision (95 % interval)", ["", *tasks])
    for name in found.report.encoders:
        cells = [result.score("map") for task in tasks for result in found.report.of_task(task)
                 if result.encoder == name]  # fmt: skip
        table.rows.append([name, *(cell(score) for score in cells)])
    scores = [found.report.of_task(task)[0].score("map") for task in tasks]
    table.rows.append(["chance", *(f"{score.chance or 0.0:.3f}" for score in scores if score is not None)])
    return table


def accuracy_table(found: Evaluation) -> Table:
    """What else is told of a task by labels: neighbours, and how unevenly they are chosen."""
    measures = ("p@1", "knn@5", "fold_knn@5", "ndcg@10", "hubness")
    table = Table("Neighbours", ["task", "encoder", *measures])
    for result in found.report.results:
        if result.score("map") is not None:
            table.rows.append([result.task, result.encoder, *(cell(result.score(m)) for m in measures)])
    return table


def copies_table(found: Evaluation) -> Table:
    """Share of copies found first."""
    results = found.report.of_task("near-duplicates")
    kinds = [score.name for score in results[0].scores]
    table = Table(f"Copies found first, of {results[0].queries} of each kind (95 % interval)", ["", *kinds])
    table.rows += [[r.encoder, *(cell(r.score(kind)) for kind in kinds)] for r in results]
    return table


def speed_table(speeds: Mapping[str, float], seconds: float) -> Table:
    """How fast each listens."""
    table = Table(f"Speed, one thread, {seconds:g} s of audio in memory", ["", "hours of audio per hour"])
    table.rows += [[name, f"{value:,.0f}"] for name, value in speeds.items()]
    return table


def cell(score: Score | None) -> str:
    """A figure with its interval."""
    if score is None or score.value is None:
        return "-"
    interval = f" ({score.low:.3f}–{score.high:.3f})" if score.low is not None else ""
    return f"{score.value:.3f}{interval}"


def measured(found: Evaluation, speeds: Mapping[str, float], label: str) -> Measured:
    """The figures of one contender: mean average precision by task, share of copies by kind, speed."""
    results = [result for result in found.report.results if result.encoder == label]
    return Measured(
        label,
        {r.task: s.value for r in results if (s := r.score("map")) is not None and s.value is not None},
        {
            s.name: s.value
            for r in results
            if r.task == "near-duplicates"
            for s in r.scores
            if s.value is not None
        },
        speeds[label],
    )


def _without_folder(argument: str) -> str:
    """An argument as results tell it: where somebody's files lie says nothing to others."""
    path = Path(argument)
    return "/".join(path.parts[-2:]) if path.is_absolute() or ".." in path.parts else argument


class _Log:
    """A line now and then."""

    def __init__(self) -> None:
        self._told_s = time.monotonic()

    def __call__(self, progress: EvaluationProgress) -> None:
        if time.monotonic() - self._told_s > 30.0:
            self._told_s = time.monotonic()
            print(f"{progress.stage}: {progress.done} of {progress.total}", file=sys.stderr)


def last_layer(archive: Path, folder: Path) -> Path:
    """Write the teacher's last layer alone as an encoder: what the project's targets name."""
    published = published_encoder(TEACHER)
    named = dataclasses.replace(published, name=f"{TEACHER}-last-layer")
    return write_published(named, archive, folder, blocks=0)


def main() -> None:
    """Evaluate everybody on everything, then race them on the same samples."""
    with tempfile.TemporaryDirectory() as scratch:
        run(arguments(), Path(scratch))


def run(asked: argparse.Namespace, scratch: Path) -> None:
    """See :func:`main`; ``scratch`` is an empty folder."""
    named = os.environ.get("SOUNDALIKE_TEST_DATA")
    data = asked.data or (Path(named) if named else HERE.parents[2] / "shared" / "data")
    tasks = tasks_of(data, quick=asked.quick)
    beside = [asked.teacher] if asked.teacher else []
    if asked.archive:
        beside.append(last_layer(asked.archive, scratch))
    field = contenders(asked.encoder or [DEFAULT_ENCODER], beside=beside, seed=SEED)
    found = evaluate(tasks, field, seed=SEED, resamples=RESAMPLES, on_progress=_Log())
    seconds = QUICK_SPEED_S if asked.quick else SPEED_S
    speeds = speed(field, tasks[0], seconds)
    figures = {contender.label: measured(found, speeds, contender.label) for contender in field}
    main_ones = [figures[contender.label] for contender in field if contender.role == "asked for"]
    others = [figures[contender.label] for contender in field if contender.role == "beside"]
    teacher, last = (others[0], others[-1]) if others else (None, None)
    baseline = figures["mfcc-statistics"]
    tables = [retrieval_table(found), copies_table(found), speed_table(speeds, seconds)]
    tables += [against_targets(one, teacher, baseline, last) for one in main_ones]
    notes = [
        f"Seed {SEED}; {len(found.left_out)} files left out.",
        f"Intervals: percentile bootstrap of {RESAMPLES} draws; near-repeats are drawn together.",
        "mfcc-statistics and log-mel-mean are standardised over each task's sounds, without labels.",
        "An untrained copy is the same network with its weights drawn anew.",
        "docs/evaluation.md says what each task excludes, and how often its labels were looked at.",
        *(f"{task.name}: {' '.join([task.question, *task.notes])}" for task in tasks),
    ]
    write_results(
        asked.out,
        "How good are embeddings, and how fast?",
        " ".join(["python benchmarks/embedding_quality/run.py", *map(_without_folder, sys.argv[1:])]),
        [*tables, accuracy_table(found)],
        {"seed": SEED} | {one.label: dataclasses.asdict(one) for one in figures.values()},
        notes,
        quick=asked.quick,
    )


if __name__ == "__main__":
    main()
