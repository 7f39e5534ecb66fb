"""Train the encoder that soundalike ships, from the corpus and a teacher to its file; or one without.

Four steps, each of which goes on where it stopped; with none named, those that the recipe needs::

    python scripts/corpus/build.py --work work --out corpus --against esc10 --against fsdd
    python scripts/train_ear.py --corpus corpus --teacher mn04_as_mAP_432.pt --work ear

``textures`` synthesises sounds, ``clips`` draws clips of the corpus and of these and has them labelled by the
teacher, ``train`` trains the student, ``export`` writes ``ear.onnx`` and ``ear.json``. The recipe ``ear``
labels its clips while it trains, for a GPU; ``--recipe distill`` learns from clips that were labelled before.

With a recipe that needs no teacher the steps ``train`` and ``export`` are enough::

    python scripts/train_ear.py train export --corpus corpus --work ear --recipe ntxent --run ntxent
"""

from __future__ import annotations

import argparse
import hashlib
import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # the scripts are no installed package

import numpy as np
import torch
from numpy.typing import NDArray
from scripts.corpus.kinship import with_kinship

from soundalike.core.errors import SoundalikeError
from soundalike.encoders.pt_archive import read_state_dict
from soundalike.encoders.published import audioset_class_names
from soundalike.synthesis import texture, texture_names, vary
from soundalike.training import (
    ExportConfig,
    Progress,
    RunConfig,
    TrainingPairs,
    TrainingResult,
    TrainingSounds,
    TrainingSoundsWriter,
    export_encoder,
    load_recipe,
    train,
)
from soundalike.training.average import average_with
from soundalike.training.clips import ClipConfig, ClipSource, PlainClips
from soundalike.training.distillation import (
    DistillationBatches,
    DistillationConfig,
    DistillationObjective,
    fit_tags,
)
from soundalike.training.export import TagLayer
from soundalike.training.initial import initial_weights
from soundalike.training.labelled import Clips, label_clips, open_clips
from soundalike.training.live import LiveDistillationBatches, LiveDistillationConfig
from soundalike.training.loop import choose_device
from soundalike.training.mobilenet import load_teacher
from soundalike.training.parsing import config_from_mapping
from soundalike.training.prefetch import Batches
from soundalike.training.recipe import Recipe
from soundalike.training.relations import Relation
from soundalike.training.sound_bank import SoundBank
from soundalike.training.teacher import MobileNetTeacher

MODELS = Path(__file__).parents[1] / "src" / "soundalike" / "encoders" / "models"
STEPS = ("textures", "clips", "train", "export")
TEXTURES = 9000
TEXTURE_S = 5.0
TEXTURE_SEED = 11
VARIED = 2.0 / 3.0  # the share of textures that go through random effects
HELD_OUT_CLIPS = 2000
CLIPS = ClipConfig(clip_s=4.0)
STEPS_FOR_TAGS = 300
STEPS_TO_BEGIN_WITH = 12  # whose batches tell the principal components of the network that is gone on from


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the steps that were asked for; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        return _run(options, load_recipe(options.recipe))
    except SoundalikeError as error:
        raise SystemExit(str(error)) from error


def _run(options: argparse.Namespace, recipe: Recipe) -> int:
    result: TrainingResult | None = None
    for step in options.steps or [step for step in STEPS if step in _needed(recipe)]:
        print(f"== {step}", flush=True)
        if step == "textures":
            make_textures(options.work / "textures", recipe.input.rate_hz, options.textures)
        elif step == "clips":
            make_clips(options, recipe)
        elif step == "train":
            result = train_student(options, recipe)
            if not result.finished:
                print("Stopped; the same command goes on.", flush=True)
                return 130
        else:
            result = result or train_student(options, recipe)
            export_student(options, recipe, result)
    return 0


def _needed(recipe: Recipe) -> set[str]:
    """The steps that a recipe needs."""
    steps = {"train", "export"}
    if "distillation" in recipe.objective.kind:
        steps.add("textures")
    if recipe.objective.kind == "distillation":
        steps.add("clips")
    return steps


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("steps", nargs="*", choices=[*STEPS, []], help="which steps; all by default")
    parser.add_argument("--corpus", type=Path, required=True, help="what scripts/corpus/build.py wrote")
    parser.add_argument("--teacher", type=Path, help="the .pt file of an EfficientAT network")
    parser.add_argument("--work", type=Path, required=True, help="folder for textures, clips and the run")
    parser.add_argument("--recipe", default="ear", help="name or TOML file of the student's recipe")
    parser.add_argument("--textures", type=int, default=TEXTURES, help="how many to synthesise")
    parser.add_argument("--clips", type=int, default=120_000, help="how many to label")
    parser.add_argument("--minutes", type=float, help="how long to train; the recipe's by default")
    parser.add_argument("--initial", type=Path, help="an exported network to go on from")
    parser.add_argument("--training-steps", type=int, help="how many steps to train, instead of minutes")
    parser.add_argument(
        "--weights", type=float, nargs="+", help="of the vector's parts, where not the recipe's"
    )
    parser.add_argument(
        "--average",
        type=float,
        help="export weights of which these count so much, those of --initial the rest",
    )
    parser.add_argument("--processes", type=int, default=2, help="how many label at once")
    parser.add_argument("--run", default="run", help="name of the run's folder in the work folder")
    parser.add_argument("--models", type=Path, default=MODELS, help="where the encoder is written")
    parser.add_argument("--name", default="ear", help="what the encoder is called")
    parser.add_argument("--version", type=int, default=1, help="the encoder's version")
    return parser


def make_textures(folder: Path, rate_hz: int, count: int) -> None:
    """Synthesise sounds of every family in turn, most of them through random effects."""
    if (folder / "sounds.json").exists() and len(TrainingSounds(folder)) == count:
        return
    clock = _clock(count, "textures")
    names = texture_names()
    jobs = [(number, names[number % len(names)], rate_hz) for number in range(count)]
    with (
        TrainingSoundsWriter(folder, rate_hz) as writer,
        get_context("fork").Pool(os.cpu_count()) as pool,
    ):
        for number, samples in enumerate(pool.imap(_texture, jobs, 16)):
            name = names[number % len(names)]
            facts = {"kind": "synthetic", "package": "synthetic", "licence": "CC0-1.0"}
            writer.add(samples, name=f"{name}/{number}", group=f"synthetic/{name}", facts=facts)
            if number % 500 == 0:
                clock(number)


def _texture(job: tuple[int, str, int]) -> NDArray[np.float32]:
    number, name, rate_hz = job
    rng = np.random.default_rng([TEXTURE_SEED, number])
    duration_s = TEXTURE_S if rng.random() < 0.8 else float(rng.uniform(0.3, TEXTURE_S))
    samples = texture(name, duration_s=duration_s, rate_hz=rate_hz, rng=rng)
    if rng.random() < VARIED:
        samples = vary(samples, rate_hz=rate_hz, rng=rng)
    peak = max(float(np.abs(samples).max()), 1e-6)
    return np.asarray(samples * (0.7 / peak), np.float32)


def make_clips(options: argparse.Namespace, recipe: Recipe) -> None:
    """Draw clips of the corpus and the textures; the teacher labels them."""
    if options.teacher is None:
        raise SystemExit("Clips are labelled by a teacher: name its file with --teacher.")
    sounds = [TrainingSounds(options.corpus / "train"), TrainingSounds(options.work / "textures")]
    for one in sounds:
        one.hold_in_memory()
    jobs: list[tuple[str, Clips, int]] = [("clips", ClipSource(sounds, CLIPS), options.clips)]
    config = distillation_config(recipe)
    if config.relations:
        related = related_clips(options, config)
        jobs.append(("related", related, len(related.sounds)))
    teacher = MobileNetTeacher(options.teacher)
    for folder, source, count in jobs:
        label_clips(
            source, teacher, recipe.input, options.work / folder, count, processes=options.processes,
            on_progress=_clock(count, "clips" if folder == "clips" else "clips of related sounds"),
        )  # fmt: skip


def distillation_config(recipe: Recipe) -> DistillationConfig:
    """The settings of a recipe that learns from labelled clips."""
    return config_from_mapping(DistillationConfig, recipe.objective.settings, "objective")


def related_clips(options: argparse.Namespace, config: DistillationConfig) -> PlainClips:
    """The sounds of the corpus that relations tell of, as they are."""
    sounds = TrainingSounds(options.corpus / "train")
    sounds.sounds = with_kinship(sounds.sounds)
    taking_part = [Relation(relation, sounds.sounds).rows for relation in config.relations]
    return PlainClips(sounds, np.unique(np.concatenate(taking_part)).tolist(), CLIPS.clip_s)


def batches_for(options: argparse.Namespace, recipe: Recipe) -> Batches:
    """What the recipe learns from: labelled clips, or pairs of the corpus's own segments."""
    if recipe.objective.kind == "live-distillation":
        return live_batches(options, recipe)
    if recipe.objective.kind != "distillation":
        sounds = TrainingSounds(options.corpus / "train")
        sounds.hold_in_memory()
        return TrainingPairs(sounds, recipe)
    config = distillation_config(recipe)
    related = None
    if config.relations:
        plain = related_clips(options, config).sounds
        related = (open_clips(options.work / "related", len(plain)), plain)
    return DistillationBatches(
        open_clips(options.work / "clips", options.clips), recipe.input, config, related=related,
        batch_size=recipe.batch_size, seed=recipe.seed, held_out=HELD_OUT_CLIPS,
    )  # fmt: skip


def live_batches(options: argparse.Namespace, recipe: Recipe) -> LiveDistillationBatches:
    """Clips that are drawn and labelled where the student is trained."""
    if options.teacher is None:
        raise SystemExit("Clips are labelled by a teacher: name its file with --teacher.")
    config = config_from_mapping(LiveDistillationConfig, recipe.objective.settings, "objective")
    sounds = [TrainingSounds(options.corpus / "train"), TrainingSounds(options.work / "textures")]
    for one in sounds:
        one.sounds = with_kinship(one.sounds)
    archive = options.teacher.read_bytes()
    return LiveDistillationBatches(
        SoundBank(sounds, choose_device("auto")),
        load_teacher(read_state_dict(archive)),
        hashlib.sha256(archive).hexdigest(),
        recipe.input,
        config,
        batch_size=recipe.batch_size,
        seed=recipe.seed,
    )


def train_student(options: argparse.Namespace, recipe: Recipe) -> TrainingResult:
    """Train, or bring back what was trained."""
    torch.set_flush_denormal(True)
    data = batches_for(options, recipe)
    initial = None
    if options.initial is not None:
        some = [np.asarray(data.batch(step)["inputs"]) for step in range(STEPS_TO_BEGIN_WITH)]
        initial = initial_weights(options.initial, recipe, np.concatenate(some))

    def show(progress: Progress) -> None:
        figures = ", ".join(f"{name} {value:.4f}" for name, value in progress.figures.items())
        print(f"{100 * progress.share:5.1f} % {progress.elapsed_s:6.0f} s  {figures}", flush=True)

    return train(
        recipe, data, options.work / options.run, minutes=options.minutes, on_progress=show,
        steps=options.training_steps, initial=initial,
        run=RunConfig(log_steps=100, workers=0 if recipe.objective.kind == "live-distillation" else 1),
    )  # fmt: skip


def export_student(options: argparse.Namespace, recipe: Recipe, result: TrainingResult) -> None:
    """Write the encoder with its tags."""
    objective, network = result.objective, result.network
    if options.average is not None:
        _average(options, recipe, result)
    scaling = np.ones(recipe.network.dims, np.float32)
    if options.weights:
        scaling = recipe.network.rescaling(options.weights)
        recipe = replace(recipe, network=recipe.network.with_weights(options.weights))
        network.config = recipe.network
    tags = None
    if isinstance(objective, DistillationObjective) and objective.tags is not None:
        layer = torch.nn.Linear(objective.tags.in_features, objective.tags.out_features)
        with torch.no_grad():  # what the vectors were scaled with goes into the layer
            layer.weight.copy_(objective.tags.weight * objective.config.scale / torch.from_numpy(scaling))
            layer.bias.copy_(objective.tags.bias)
        tags = TagLayer(layer, "vectors", audioset_class_names())
    said = "labelled by EfficientAT mn04" if tags is not None else "without labels"
    about = ExportConfig(
        name=options.name,
        version=options.version,
        licence="Apache-2.0",
        training_data=f"Free recordings and synthesised sound, {said}: see docs/model-card.md.",
        half=True,
    )
    print(export_encoder(network, recipe, options.models, about, tags), flush=True)


def _average(options: argparse.Namespace, recipe: Recipe, result: TrainingResult) -> None:
    """Average the weights with those that training began from, and fit the tags to what comes of it."""
    if options.initial is None:
        raise SystemExit(
            "Weights are averaged with those that training began from: name its file by --initial."
        )
    average_with(result.network, options.initial, options.average)
    if isinstance(result.objective, DistillationObjective) and result.objective.tags is not None:
        result.network.eval()
        loss = fit_tags(result.objective, result.network, batches_for(options, recipe), STEPS_FOR_TAGS)
        print(f"tags: cross-entropy {loss:.5f}", flush=True)


def _clock(total: int, what: str) -> Callable[[int], None]:
    """Prints how far something is, and how long it will still take."""
    begun = time.perf_counter()
    first: list[int] = []

    def show(done: int) -> None:
        if not first:
            first.append(done)
        made = done - first[0]
        left_s = (time.perf_counter() - begun) * (total - done) / made if made else float("nan")
        left = f", {left_s / 60:.0f} min left" if 0.0 < left_s < math.inf else ""
        print(f"{min(done, total)} of {total} {what}{left}", flush=True)

    return show


if __name__ == "__main__":
    sys.exit(main())
