"""Score encoders on the development set: how recipes are chosen, without a look at an evaluation set.

The mean average precision of each task by labels, and the share of changed copies whose original comes first
among the whole development set and a part of the sounds to train on::

    python scripts/score_development.py --corpus corpus --baselines ear/run/ear.json spectral
    python scripts/score_development.py --corpus corpus --teacher mn04_as_mAP_432.pt --targets

``--targets`` scores what a student would be taught, by several settings: the teacher's layers, as
:class:`soundalike.training.targets.Targets` makes them, beside the sound's own statistics, on stretches of
up to 5 s. Of a sound of several stretches the teacher's layers and the statistics are averaged first.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))  # the scripts are no installed package

from scripts.development_set import (
    TASKS,
    DevelopmentSet,
    Scores,
    Vectors,
    development_set,
    hear,
    in_processes,
    score,
)

from soundalike.core.arrays import FloatArray, IntArray
from soundalike.core.errors import EncoderError, TrainingError
from soundalike.core.fingerprint import fingerprint
from soundalike.encoders import Encoder, EncoderSpec, load_encoder
from soundalike.encoders.base import listening_fingerprint
from soundalike.encoders.onnx import OnnxEncoder
from soundalike.encoders.published import published_encoders
from soundalike.encoders.published_conversion import write_published
from soundalike.features.front_end import LogMelFrontEnd, front_end_spectra
from soundalike.studies.baselines import LogMelMean, MfccStatistics
from soundalike.studies.tasks.copies import KINDS
from soundalike.training import TrainingSounds, load_recipe
from soundalike.training.clips import ClipConfig, ClipSource
from soundalike.training.export import load_exported
from soundalike.training.labelled import quantise
from soundalike.training.own_statistics import STATISTICS, level_statistics
from soundalike.training.targets import TargetConfig, Targets
from soundalike.training.teacher import MobileNetTeacher, Teacher

WHITENING = (0.0, 0.5, 1.0)
OWN_WEIGHTS = (0.0, 0.3, 0.5, 0.7, 1.0, 1.4)
STATISTICS_ALONE = 10.0  # the highest own_weight: the teacher's components hardly count
FITTED_CLIPS = 3000
CLIP_S = 5.0
_PEAK = 0.7  # of the clips that a teacher labels
_LABEL_WIDTH = 32
_SHORT = {
    "MP3 64 kbit/s": "MP3", "Opus 64 kbit/s": "Opus", "noise at 20 dB": "noise", "a semitone off": "semitone",
}  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Score what was asked for; returns the exit code."""
    options = _parser().parse_args(arguments)
    if options.targets and options.teacher is None:
        raise SystemExit("Targets are made of what a teacher says: name its file with --teacher.")
    sounds = development_set(
        options.corpus, originals=options.originals, searched=options.searched, seed=options.seed,
        work=options.work, processes=options.processes,
    )  # fmt: skip
    if not sounds.questions:
        raise SystemExit(f"{options.corpus / 'dev'} holds no labels to score by.")
    print(header(sounds), flush=True)
    results: list[Scores] = []
    for result in _scored(options, sounds):
        results.append(result)
        print(line(result), flush=True)
        if options.json is not None:
            options.json.write_text(json.dumps([as_json(one) for one in results], indent=1), encoding="utf-8")
    print(chance_line(results[0]) if results else "Nothing was named to be scored.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("encoders", nargs="*", help="names, manifests or folders of encoders")
    parser.add_argument("--corpus", type=Path, required=True, help="what scripts/corpus/build.py wrote")
    parser.add_argument("--baselines", action="store_true", help="score what every encoder must beat, too")
    parser.add_argument("--teacher", type=Path, help="the .pt file of an EfficientAT network, scored too")
    parser.add_argument(
        "--weights", type=float, nargs="+", action="append", default=[],
        help="score as if the parts of vectors counted so; repeatable",
    )  # fmt: skip
    parser.add_argument("--targets", action="store_true", help="score what a student would be taught")
    parser.add_argument("--recipe", default="ear", help="whose front end makes the levels for --targets")
    parser.add_argument(
        "--clips", type=int, default=FITTED_CLIPS, help="how many clips targets are fitted to"
    )
    parser.add_argument("--dims", type=int, default=256, help="components of the teacher in a target")
    parser.add_argument("--last-weight", type=float, default=6.0, help="of the teacher's last layer")
    parser.add_argument(
        "--repeat-to-s", type=float, default=0.0, help="shorter clips are repeated before a teacher listens"
    )
    parser.add_argument("--originals", type=int, default=150, help="how many sounds are copied")
    parser.add_argument("--searched", type=int, default=1500, help="how many sounds to train on are searched")
    parser.add_argument("--work", type=Path, help="where copies and vectors are kept between runs")
    parser.add_argument("--json", type=Path, help="a file for all figures")
    parser.add_argument("--processes", type=int, default=2, help="how many listen at once")
    parser.add_argument("--seed", type=int, default=0, help="decides what is copied and searched, and how")
    return parser


def _scored(options: argparse.Namespace, sounds: DevelopmentSet) -> Iterator[Scores]:
    def scores_of(label: str, encoder: Encoder, *, standardise: bool = False) -> Scores:
        began = time.monotonic()
        heard = hear(encoder, sounds, work=options.work, processes=options.processes)
        print(f"{label}: listened for {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        return score(label, sounds, heard, metric=encoder.spec.metric, standardise=standardise)

    if options.baselines:
        yield scores_of("log-mel-mean", LogMelMean(), standardise=True)
        yield scores_of("mfcc-statistics", MfccStatistics(), standardise=True)
        yield scores_of("spectral", load_encoder("spectral"))
    if options.teacher is not None:
        teacher = teacher_as_installed(options.teacher)
        yield scores_of(teacher.spec.name, teacher)
    for name in options.encoders:
        yield scores_of(name[-_LABEL_WIDTH:], load_encoder(name))
        for weights in options.weights:
            yield _reweighted(load_encoder(name), weights, sounds, options)
    if options.targets:
        yield from scored_targets(options, sounds)


def _reweighted(
    encoder: Encoder, weights: Sequence[float], sounds: DevelopmentSet, options: argparse.Namespace
) -> Scores:
    """Score an encoder as if the parts of its vectors counted otherwise."""
    if not isinstance(encoder, OnnxEncoder):
        raise SystemExit(f"{encoder.spec.name} is no network, so its vectors have no parts to weigh.")
    _, recipe = load_exported(encoder.folder / encoder.manifest.file)
    vectors, silent = hear(encoder, sounds, work=options.work, processes=options.processes)
    other = vectors * recipe.network.rescaling(weights)
    other /= np.maximum(np.linalg.norm(other, axis=1, keepdims=True), np.float32(1e-12))
    return score(f"  by {', '.join(f'{weight:g}' for weight in weights)}", sounds, (other, silent))


def teacher_as_installed(archive: Path) -> Encoder:
    """Convert a published network as installing it would.

    Raises:
        EncoderError: It is none of the table of published encoders.
    """
    reasons = []
    for published in published_encoders().values():
        with tempfile.TemporaryDirectory() as folder:
            try:
                return load_encoder(write_published(published, archive, Path(folder)))
            except EncoderError as error:
                reasons.append(str(error))
    raise EncoderError(" ".join(reasons))


class SaidByTeacher(Encoder):
    """What a teacher's layers say of stretches of up to 5 s, and behind it the stretch's own statistics.

    Args:
        teacher: Who listens.
        front_end: What makes the levels that statistics are taken of: a student's.
        repeat_to_s: Shorter clips are repeated to this length before the teacher listens; their statistics
            are of the clip alone.
    """

    def __init__(self, teacher: Teacher, front_end: LogMelFrontEnd, repeat_to_s: float = 0.0) -> None:
        self.teacher, self.front_end = teacher, front_end
        rate_hz = teacher.spec.rate_hz
        self._least = round(repeat_to_s * rate_hz)
        inputs = [teacher.spec.fingerprint, listening_fingerprint()]
        digest = fingerprint("said-by-teacher", 1, [front_end, repeat_to_s], inputs)
        window = round(CLIP_S * rate_hz)
        self.spec = EncoderSpec(
            name="what the teacher says", fingerprint=digest, space=digest,
            dims=sum(teacher.spec.widths) + STATISTICS, metric="cosine", unit_length=False,
            rate_hz=rate_hz, window_samples=window, hop_samples=window,
        )  # fmt: skip

    def encode(self, segments: FloatArray, lengths: IntArray) -> FloatArray:
        """See :meth:`soundalike.encoders.base.Encoder.encode`."""
        pairs = zip(segments, lengths.tolist(), strict=True)
        return np.stack([self.describe(segment[:length]) for segment, length in pairs])

    def describe(self, clip: FloatArray) -> FloatArray:
        """Listen to one clip ``(T,)`` as training labels it: made equally loud, in levels of 8 bits."""
        loud = clip * np.float32(_PEAK / max(float(np.abs(clip).max()), 1e-9))
        padded = np.pad(loud, (0, max(0, self.front_end.frame_samples - len(loud))))
        levels = quantise(front_end_spectra(padded[None], self.front_end, self.spec.rate_hz)[0])
        own = level_statistics(levels[None], np.array([levels.shape[1]]))
        heard = np.resize(loud, self._least) if len(loud) < self._least else loud
        return np.concatenate([self.teacher.describe(heard)[0], own[0]])


def scored_targets(options: argparse.Namespace, sounds: DevelopmentSet) -> Iterator[Scores]:
    """Score the targets of all settings."""
    recipe = load_recipe(options.recipe)
    if not isinstance(recipe.input.front_end, LogMelFrontEnd):
        raise TrainingError(f"Statistics are taken of log-mel levels; {recipe.name} has another front end.")
    teacher = MobileNetTeacher(options.teacher)
    listener = SaidByTeacher(teacher, recipe.input.front_end, options.repeat_to_s)
    source = ClipSource([TrainingSounds(options.corpus / "train")], ClipConfig(clip_s=CLIP_S))

    def of_clip(number: int) -> FloatArray:
        return listener.describe(source.clip(number))

    clips = np.stack(list(in_processes(of_clip, range(options.clips), "clips to fit to", options.processes)))
    heard = hear(listener, sounds, work=options.work, processes=options.processes)
    for label, config in target_settings(options.dims, options.last_weight):
        yield score(label, sounds, as_targets(clips, heard, teacher.spec.widths, config))


def target_settings(dims: int, last_weight: float) -> Iterator[tuple[str, TargetConfig]]:
    """The settings that are compared, and what they are called."""
    base = TargetConfig(dims=dims, last_weight=last_weight)
    for whitening, own_weight in product(WHITENING, OWN_WEIGHTS):
        label = f"targets, whitening {whitening:g}, own {own_weight:g}"
        yield label, replace(base, whitening=whitening, own_weight=own_weight)
    yield "own statistics, nearly alone", replace(base, own_weight=STATISTICS_ALONE)


def as_targets(clips: FloatArray, heard: Vectors, widths: tuple[int, ...], config: TargetConfig) -> Vectors:
    """Turn what :class:`SaidByTeacher` said of sounds into targets, fitted to what it said of clips.

    Args:
        clips: Shape ``(M, F + S)``.
        heard: Vectors ``(N, F + S)``, and what was silent.
        widths: Channels of each of the teacher's layers, F together.
        config: How.

    Returns:
        Targets ``(N, K)``, zero for what was silent, and what was silent.
    """
    vectors, silent = heard
    size = sum(widths)
    targets = Targets(clips[:, :size], widths, clips[:, size:], config)
    said = targets.of(vectors[:, :size], vectors[:, size:])
    return np.where(silent[:, None], np.float32(0.0), said), silent


def header(sounds: DevelopmentSet) -> str:
    """What the figures are of, and the head of the table."""
    counts = ", ".join(f"{question.name} {len(question.rows)}" for question in sounds.questions)
    return (
        f"Sounds: {counts}; {len(sounds.originals)} copied in {len(KINDS)} ways, looked for among "
        f"{len(sounds.gallery)}. Tasks: mean average precision. Copies: share found first.\n"
        + _cells(["", *TASKS, "mean", *(kind.name for kind in KINDS), "mean"])
    )


def line(scores: Scores) -> str:
    """One encoder's line of the table."""
    tasks = {name: task.map for name, task in scores.tasks.items()}
    return _row(
        scores, scores.label, tasks, scores.mean, lambda kind: scores.copies[kind], scores.copies_mean
    )


def chance_line(scores: Scores) -> str:
    """What a ranking that knows nothing has."""
    tasks = {name: task.chance for name, task in scores.tasks.items()}
    share = 1.0 / scores.gallery
    return _row(scores, "chance", tasks, float(np.mean(list(tasks.values()))), lambda _kind: share, share)


def _row(
    scores: Scores,
    label: str,
    tasks: dict[str, float],
    mean: float,
    copies: Callable[[str], float],
    copies_mean: float,
) -> str:
    cells = [f"{tasks[name]:.3f}" if name in tasks else "-" for name in TASKS]
    kinds = [f"{copies(kind):.3f}" for kind in scores.copies]
    return _cells([label, *cells, f"{mean:.3f}", *kinds, f"{copies_mean:.3f}"])


def _cells(cells: Sequence[str]) -> str:
    first, *others = cells
    return f"| {first.ljust(_LABEL_WIDTH)} | {' | '.join(f'{_SHORT.get(one, one):>8}' for one in others)} |"


def as_json(scores: Scores) -> dict[str, object]:
    """All figures of one encoder."""
    return {**asdict(scores), "mean": scores.mean, "copies_mean": scores.copies_mean}


if __name__ == "__main__":
    sys.exit(main())
