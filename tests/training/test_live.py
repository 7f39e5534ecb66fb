"""Distillation on a device: pure batches, labelled as the teacher would, related by facts; a student."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from soundalike.core.errors import TrainingError
from soundalike.encoders.published import EFFICIENTAT_FRONT_END, RATE_HZ
from soundalike.features.front_end import LogMelFrontEnd, front_end_spectra
from soundalike.training import (
    InputConfig,
    NetworkConfig,
    ObjectiveChoice,
    OptimiserConfig,
    Progress,
    Recipe,
    RunConfig,
    StageConfig,
    TrainingSounds,
    TrainingSoundsWriter,
    train,
)
from soundalike.training.clips import ClipConfig
from soundalike.training.inputs import MorletFrontEnd
from soundalike.training.live import (
    LiveDistillationBatches,
    LiveDistillationConfig,
    LiveDistillationObjective,
)
from soundalike.training.live_clips import LiveConfig
from soundalike.training.mobilenet import MobileNet
from soundalike.training.parsing import mapping_from_config
from soundalike.training.relations import RelationConfig, relation_loss
from soundalike.training.sound_bank import SoundBank
from soundalike.training.state import make_network
from soundalike.training.targets import TargetConfig
from soundalike.training.torch_levels import torch_level_statistics

CPU = torch.device("cpu")
FRONT_END = LogMelFrontEnd(frame_samples=1024, hop_samples=512, bands=32, low_hz=30.0, high_hz=15000.0)
LISTENING = InputConfig(rate_hz=RATE_HZ, window_samples=12800, hop_samples=6400, front_end=FRONT_END)
NETWORK = NetworkConfig(stages=(StageConfig(8, (5, 5), (4, 4)), StageConfig(16)), dims=16)
WORDS = RelationConfig("words", ("language", "text"), "speaker", {"package": "spoken"}, labels=3, each=2)
NOTES = RelationConfig("notes", ("programme",), "note", labels=2, each=3)
CLIPS = LiveConfig(clip=ClipConfig(clip_s=0.6, granulated=0.0), fit_clips=40)
CONFIG = LiveDistillationConfig(
    consistency=0.1, targets=TargetConfig(dims=6, own_weight=0.5), live=CLIPS, relations=(WORDS, NOTES)
)
BATCH, HALF = 32, 16
Batch = Mapping[str, Tensor]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Networks as small as these are slower on several threads, by far where others compute, too."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def facts_of_sounds() -> list[dict[str, str]]:
    words = [
        {"kind": "speech", "package": "spoken", "language": "en", "text": text, "speaker": speaker}
        for text in ("yes", "no", "stop", "go")
        for speaker in ("ann", "bob", "eve")
    ]
    notes = [
        {"kind": "instrument", "package": "notes", "programme": programme, "note": note}
        for programme in ("flute", "harp", "organ")
        for note in ("60", "64", "67")
    ]
    return [*words, {"kind": "speech", "package": "others", "text": "yes"}, *notes, *[{"kind": "effect"}] * 4]


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> TrainingSounds:
    """Noises in bands, a band for every word and instrument, with the facts above."""
    folder = tmp_path_factory.mktemp("sounds")
    rng = np.random.default_rng(0)
    with TrainingSoundsWriter(folder, RATE_HZ) as writer:
        for number, facts in enumerate(facts_of_sounds()):
            samples = 6400 if facts["kind"] != "effect" else 40_000
            named = facts.get("text", "") + facts.get("programme", "") or str(number)
            spectrum = np.fft.rfft(rng.standard_normal(samples))
            hz = np.arange(len(spectrum)) * RATE_HZ / samples
            centre_hz = 300.0 * (1 + sum(named.encode()) % 30)
            shaped = np.fft.irfft(spectrum * np.exp(-np.square((hz - centre_hz) / 400.0)))
            writer.add(
                0.5 * shaped / np.abs(shaped).max(), name=str(number), group=facts["kind"], facts=facts
            )
    return TrainingSounds(folder)


@pytest.fixture(scope="module")
def bank(sounds: TrainingSounds) -> SoundBank:
    return SoundBank([sounds], CPU)


@pytest.fixture(scope="module")
def teacher() -> MobileNet:
    """One that was never taught: the smallest, with the state that its layers start from."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return MobileNet(width=0.1).eval()


def made(
    bank: SoundBank,
    teacher: MobileNet,
    config: LiveDistillationConfig = CONFIG,
    listening: InputConfig = LISTENING,
    batch_size: int = BATCH,
    seed: int = 3,
    teacher_name: str = "random-1",
) -> LiveDistillationBatches:
    return LiveDistillationBatches(
        bank, teacher, teacher_name, listening, config, batch_size=batch_size, seed=seed
    )


@pytest.fixture(scope="module")
def batches(bank: SoundBank, teacher: MobileNet) -> LiveDistillationBatches:
    return made(bank, teacher)


def test_a_batch_holds_two_views_and_what_is_said_of_their_clips(batches: LiveDistillationBatches) -> None:
    batch = batches.batch(0)
    assert batch["inputs"].shape == (BATCH, *LISTENING.input_shape)
    assert batch["teacher_features"].shape == (BATCH, batches.target_dims) == (BATCH, 6 + 72)
    assert batch["teacher_scores"].shape == (BATCH, 527)
    assert all(bool(torch.isfinite(tensor).all()) for tensor in batch.values())
    for name in ("teacher_features", "teacher_scores"):
        assert torch.equal(batch[name][:HALF], batch[name][HALF:])
        rows = {row.numpy().tobytes() for row in batch[name][:HALF]}
        assert len(rows) >= HALF - 2  # a sound may be drawn twice
    views = batch["inputs"]
    assert not any(torch.equal(views[row], views[row + HALF]) for row in range(HALF))
    np.testing.assert_allclose(batch["teacher_features"].norm(dim=1).numpy(), 1.0, atol=1e-5)
    scores = batch["teacher_scores"]
    assert 0.0 < float(scores.min()) < float(scores.max()) < 1.0


def test_a_batch_is_a_pure_function_of_its_step(
    batches: LiveDistillationBatches, bank: SoundBank, teacher: MobileNet
) -> None:
    again = made(bank, teacher)
    expected = {step: batches.batch(step) for step in (0, 1, 5)}
    for step in (5, 0, 1, 0):
        torch.manual_seed(step)  # no other randomness counts
        found = again.batch(step)
        assert found.keys() == expected[step].keys()
        for name, tensor in found.items():
            assert torch.equal(tensor, expected[step][name]), name
    views = torch.cat([expected[step]["inputs"] for step in expected])
    assert len({view.numpy().tobytes() for view in views}) == 3 * BATCH
    for name in ("teacher_features", "teacher_scores", "words.labels"):
        assert len({expected[step][name].numpy().tobytes() for step in expected}) == 3
    other = made(bank, teacher, seed=4).batch(0)
    assert not torch.equal(other["inputs"], expected[0]["inputs"])


def drawn_sounds(
    batches: LiveDistillationBatches, step: int, patch: pytest.MonkeyPatch
) -> tuple[Batch, list[int]]:
    """A batch, and the sound that each of its clips begins with: what was read of the bank first."""
    reads: list[list[int]] = []
    read = batches.bank.read

    def recorded(rows: Tensor, at: Tensor) -> Tensor:
        reads.append(rows[:, 0].tolist())
        return read(rows, at)

    with patch.context() as within:
        within.setattr(batches.bank, "read", recorded)
        batch = batches.batch(step)
    return batch, reads[0]


@pytest.mark.parametrize("step", [0, 7])
def test_related_rows_are_told_by_the_facts_of_their_sounds(
    batches: LiveDistillationBatches, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch, drawn = drawn_sounds(batches, step, monkeypatch)
    facts = [dict(batches.bank.sounds[sound].facts) for sound in drawn] * 2
    assert len(facts) == BATCH
    assert batch["groups"].tolist() == [batches.bank.sounds[sound].file_code for sound in drawn]
    seen: set[int] = set()
    for relation in (WORDS, NOTES):
        rows, labels, excludes = (
            batch[f"{relation.name}.{column}"].tolist() for column in ("rows", "labels", "excludes")
        )
        count = relation.labels * relation.each
        assert rows[count:] == [row + HALF for row in rows[:count]]
        assert len(rows) == len(set(rows)) == 2 * count
        assert seen.isdisjoint(rows)
        seen |= set(rows)
        told = [facts[row] for row in rows]
        assert all(all(one[name] == value for name, value in relation.where.items()) for one in told)
        for i, one in enumerate(told):
            for j, other in enumerate(told):
                same = all(one[name] == other[name] for name in relation.label)
                assert (labels[i] == labels[j]) is same
                assert (excludes[i] == excludes[j]) is (one[relation.exclude] == other[relation.exclude])
        assert sorted(labels.count(label) for label in set(labels)) == [2 * relation.each] * relation.labels
        clips = [drawn[row] for row in rows[:count]]
        assert len(set(clips)) == count


def test_without_an_exclusion_views_of_a_clip_are_no_answers_to_each_other(
    bank: SoundBank, teacher: MobileNet
) -> None:
    config = replace(CONFIG, relations=(replace(NOTES, exclude=""),))
    batch = made(bank, teacher, config).batch(0)
    excludes = batch["notes.excludes"].tolist()
    assert excludes[:6] == excludes[6:]
    assert len(set(excludes)) == 6


def test_a_relation_is_heard_in_its_rows(batches: LiveDistillationBatches) -> None:
    """Noises of one word lie in one band: its rows are nearer to each other than to those of other words."""
    near, far = [], []
    for step in range(4):
        batch = batches.batch(step)
        levels = batch["inputs"][batch["words.rows"]].mean(dim=2)
        heard = torch.nn.functional.normalize(levels - levels.mean(dim=1, keepdim=True), dim=1)
        likeness, labels = heard @ heard.T, batch["words.labels"]
        apart = batch["words.excludes"][:, None] != batch["words.excludes"]
        same = labels[:, None] == labels
        near.append(likeness[same & apart].mean().item())
        far.append(likeness[~same & apart].mean().item())
    assert np.mean(near) > np.mean(far) + 0.2


def said_by_numpy(teacher: MobileNet, clips: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the layers behind the stem, and the classes, say of clips: spectra as an encoder makes them."""
    spectra = front_end_spectra(clips, EFFICIENTAT_FRONT_END, RATE_HZ)
    with torch.no_grad():
        layers, logits = teacher.pooled_blocks(torch.from_numpy(spectra)[:, None])
    return torch.cat(layers[1:], dim=1).numpy(), torch.sigmoid(logits).numpy()


def listened(
    batches: LiveDistillationBatches, step: int, patch: pytest.MonkeyPatch
) -> tuple[Batch, Tensor, Tensor]:
    """A batch, its clips, and how many samples of each are of the sound."""
    kept: list[tuple[Tensor, Tensor]] = []
    describe = batches._described

    def recorded(clips: Tensor, extent: Tensor) -> tuple[Tensor, Tensor]:
        kept.append((clips.clone(), extent.clone()))
        return describe(clips, extent)

    with patch.context() as within:
        within.setattr(batches, "_described", recorded)
        batch = batches.batch(step)
    (clips, extent) = kept[-1]
    return batch, clips, extent


def repeated_by_numpy(clips: Tensor, extent: Tensor) -> np.ndarray:
    samples = clips.shape[1]
    out = np.empty(clips.shape, np.float32)
    for row, (clip, end) in enumerate(zip(clips.numpy(), extent.tolist(), strict=True)):
        heard = clip[: int(min(max(end, 0.05 * RATE_HZ), samples))]
        times = -(-samples // len(heard))
        out[row] = np.concatenate([heard] * times)[:samples]
    return out


@pytest.mark.parametrize("repeated", [True, False])
def test_the_teacher_hears_short_sounds_again_and_again(
    bank: SoundBank, teacher: MobileNet, repeated: bool
) -> None:
    batches = made(bank, teacher, replace(CONFIG, live=replace(CLIPS, repeated=repeated)))
    samples = round(0.6 * RATE_HZ)
    extent = torch.tensor([samples, samples - 0.5, 6400.0, 5000.7, 1600.0, 20.0])
    audio = np.random.default_rng(0).standard_normal((6, samples)) * 0.2
    sounding = np.arange(samples) < extent.numpy()[:, None]
    clips = torch.from_numpy((audio * sounding).astype(np.float32))
    features, scores = batches._described(clips, extent)
    tiled, plain = (
        said_by_numpy(teacher, repeated_by_numpy(clips, extent)),
        said_by_numpy(teacher, clips.numpy()),
    )
    expected, other = (tiled, plain) if repeated else (plain, tiled)
    spread = expected[0].std(axis=0).max()
    np.testing.assert_allclose(features.numpy(), expected[0], atol=1e-3 * spread)
    np.testing.assert_allclose(scores.numpy(), expected[1], atol=1e-3)
    apart = np.abs(expected[0] - other[0]).max(axis=1)
    assert apart[0] == 0.0
    assert apart[2:].min() > 0.02 * spread  # silence behind a sound makes a difference


@pytest.mark.parametrize("own_weight", [0.0, 0.5])
def test_targets_are_those_that_numpy_makes_of_the_clips(
    bank: SoundBank, teacher: MobileNet, own_weight: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(CONFIG, targets=TargetConfig(dims=6, own_weight=own_weight))
    batches = made(bank, teacher, config)
    batch, clips, extent = listened(batches, 2, monkeypatch)
    features, scores = said_by_numpy(teacher, repeated_by_numpy(clips, extent))
    levels = front_end_spectra(clips.numpy(), FRONT_END, RATE_HZ)
    statistics = torch_level_statistics(torch.from_numpy(levels)).numpy()
    expected = batches._targets.of(features, statistics)
    assert expected.shape == (HALF, 6 if own_weight == 0.0 else 78)
    assert np.abs(expected @ expected.T - np.eye(HALF)).max() < 0.999  # clips are told apart
    np.testing.assert_allclose(batch["teacher_features"][:HALF].numpy(), expected, atol=2e-3)
    np.testing.assert_allclose(batch["teacher_scores"][:HALF].numpy(), scores, atol=1e-3)


def test_targets_lie_around_nothing_over_clips_that_they_were_not_fitted_on(
    batches: LiveDistillationBatches,
) -> None:
    targets = batches._targets
    assert targets.mean.shape == targets.scale.shape == (len(targets.projection),)
    assert targets.dims == 78
    rows = torch.cat([batches.batch(step)["teacher_features"][:HALF, :6] for step in range(6)])
    said = torch.nn.functional.normalize(rows, dim=1)
    assert said.mean(dim=0).abs().max().item() < 0.4
    assert said.std(dim=0).min().item() > 0.1


def test_the_fingerprint_covers_sounds_settings_and_teacher(
    sounds: TrainingSounds, bank: SoundBank, teacher: MobileNet
) -> None:
    config = replace(CONFIG, live=replace(CLIPS, fit_clips=2), relations=(NOTES,))
    twice = SoundBank([sounds, sounds], CPU)
    live = config.live
    prints = [
        made(bank, teacher, config).fingerprint,
        made(twice, teacher, config).fingerprint,
        made(bank, teacher, config, seed=4).fingerprint,
        made(bank, teacher, config, batch_size=34).fingerprint,
        made(bank, teacher, config, teacher_name="random-2").fingerprint,
        made(bank, teacher, config, replace(LISTENING, window_samples=12801)).fingerprint,
        made(bank, teacher, replace(config, live=replace(live, ripple_db=0.5))).fingerprint,
        made(bank, teacher, replace(config, live=replace(live, fit_clips=3))).fingerprint,
        made(bank, teacher, replace(config, relations=(replace(NOTES, exclude=""),))).fingerprint,
    ]
    assert len(set(prints)) == len(prints)
    assert made(bank, teacher, config).fingerprint == prints[0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"listening": InputConfig(front_end=MorletFrontEnd())},
            "by log-mel; got 32000 and 32000 Hz and morlet",
        ),
        ({"listening": replace(LISTENING, rate_hz=44100)}, "got 32000 and 44100 Hz"),
        ({"listening": replace(LISTENING, window_samples=19_201)}, "19200 samples is shorter than .* 19201"),
        ({"batch_size": 24}, "24 views has 12 clips; relations take 12"),
        ({"batch_size": 33}, "33 views has 16.5 clips"),
        ({"config": replace(CONFIG, relations=(replace(WORDS, where={"kind": "drum"}),))}, "words needs two"),
    ],
)
def test_what_does_not_go_together_is_refused(
    bank: SoundBank, teacher: MobileNet, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(TrainingError, match=message):
        made(bank, teacher, **changes)


def test_sounds_of_another_rate_are_refused(tmp_path: Path, teacher: MobileNet) -> None:
    with TrainingSoundsWriter(tmp_path, 16000) as writer:
        writer.add(np.ones(1000), name="a", group="a")
    other = SoundBank([TrainingSounds(tmp_path)], CPU)
    with pytest.raises(TrainingError, match=r"listen at 32000 Hz, .* got 16000 and 32000 Hz"):
        made(other, teacher, replace(CONFIG, relations=()))


def recipe_of(config: LiveDistillationConfig, **changes: Any) -> Recipe:
    choice = ObjectiveChoice("live-distillation", mapping_from_config(config))
    recipe = Recipe("live", choice, batch_size=BATCH, input=LISTENING, network=NETWORK)
    return replace(recipe, **changes)


def test_relations_count_beside_the_teacher_at_their_weight(batches: LiveDistillationBatches) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = make_network(recipe_of(CONFIG)).eval()
        alone = LiveDistillationObjective(replace(CONFIG, relations=()), network)
    weighted = replace(CONFIG, relations=(replace(WORDS, weight=0.3), replace(NOTES, weight=2.0)))
    beside = LiveDistillationObjective(weighted, network)
    beside.load_state_dict(alone.state_dict())
    batch = batches.batch(1)
    with torch.no_grad():
        vectors = network(batch["inputs"])
        terms = {
            name: relation_loss(
                vectors[batch[f"{name}.rows"]], batch[f"{name}.labels"], batch[f"{name}.excludes"], 0.1
            ).item()
            for name in ("words", "notes")
        }
        plain, figures = alone(network, batch)
        loss, more = beside(network, batch)
    assert min(terms.values()) > 0.1
    assert figures.keys() == {"cosine", "similarity", "scores", "consistency"}
    assert more == pytest.approx({**figures, **terms}, rel=1e-5)
    assert loss.item() - plain.item() == pytest.approx(0.3 * terms["words"] + 2.0 * terms["notes"], rel=1e-4)


class OneBatch:
    """The same batch at every step: a problem that a student must be able to learn by heart."""

    def __init__(self, batches: LiveDistillationBatches) -> None:
        self._batch = batches.batch(0)
        self.fingerprint = batches.fingerprint

    def batch(self, step: int) -> Batch:
        return self._batch


def test_a_student_learns_by_the_recipes_kind(batches: LiveDistillationBatches, tmp_path: Path) -> None:
    heavier = replace(CONFIG, relations=(replace(WORDS, weight=0.5), replace(NOTES, weight=0.5)))
    recipe = recipe_of(heavier, optimiser=OptimiserConfig(learning_rate=1e-2, ema_decay=0.0))
    lines: list[Progress] = []
    run = RunConfig(workers=0, log_steps=10, draw=False)
    result = train(
        recipe, OneBatch(batches), tmp_path, steps=60, device="cpu", run=run, on_progress=lines.append
    )
    assert result.finished
    losses = [line.figures["loss"] for line in lines]
    assert len(losses) == 6
    assert np.isfinite(losses).all()
    assert losses[-1] < 0.7 * losses[0]
    for name in ("cosine", "similarity", "words", "notes"):
        assert lines[-1].figures[name] < lines[0].figures[name], name


def test_a_training_goes_on_as_if_it_had_not_stopped(
    batches: LiveDistillationBatches, tmp_path: Path
) -> None:
    recipe = recipe_of(CONFIG)
    run = RunConfig(workers=1, draw=False)
    whole = train(recipe, batches, tmp_path / "whole", steps=3, device="cpu", run=run)
    train(recipe, batches, tmp_path / "parts", steps=3, minutes=1e-9, device="cpu", run=run)
    resumed = train(recipe, batches, tmp_path / "parts", steps=3, device="cpu", run=run)
    assert resumed.steps == whole.steps == 3
    for name, weights in whole.network.state_dict().items():
        assert torch.equal(weights, resumed.network.state_dict()[name]), name
