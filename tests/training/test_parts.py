"""Vectors of parts, the spectrum itself, relations beside labelled clips, and going on from an export."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from soundalike.core.errors import InvalidInputError, TrainingError
from soundalike.features.front_end import LogMelFrontEnd
from soundalike.training import TrainingSounds, TrainingSoundsWriter
from soundalike.training.clips import PlainClips
from soundalike.training.distillation import DistillationBatches, DistillationConfig, DistillationObjective
from soundalike.training.export import ExportConfig, export_encoder
from soundalike.training.initial import initial_weights
from soundalike.training.inputs import InputConfig
from soundalike.training.labelled import LabelledClips, joined_clips
from soundalike.training.network import spectrum
from soundalike.training.network_config import NetworkConfig, PartConfig, StageConfig
from soundalike.training.recipe import ObjectiveChoice, Recipe
from soundalike.training.relations import RelationConfig
from soundalike.training.sounds import TrainingSound
from soundalike.training.state import make_network
from soundalike.training.targets import TargetConfig
from soundalike.training.teacher import TeacherSpec

BANDS, FRAMES, RATE_HZ = 32, 20, 8000
LISTENING = InputConfig(
    rate_hz=RATE_HZ,
    window_samples=256 + 19 * 100,
    hop_samples=1000,
    front_end=LogMelFrontEnd(
        frame_samples=256, hop_samples=100, bands=BANDS, low_hz=100.0, high_hz=4000.0
    ),
)  # fmt: skip
PARTS = (PartConfig("taught", 6), PartConfig("kin", 4, 0.5), PartConfig("own", 2, 0.5))
WHOLE = NetworkConfig((StageConfig(8, (3, 3), (4, 4)),), dims=12)
RELATIONS = (
    RelationConfig("words", ("text",), "speaker", labels=3, each=2, weight=0.5, part="kin"),
    RelationConfig("voices", ("speaker",), "text", labels=2, each=3, weight=0.25, part="own"),
)
CONFIG = DistillationConfig(
    targets=TargetConfig(dims=4), part="taught", consistency=0.1, consistent_part="kin", relations=RELATIONS
)


def recipe_of(network: NetworkConfig) -> Recipe:
    return Recipe("parts", ObjectiveChoice("distillation"), input=LISTENING, network=network)


def labelled(count: int, frames: int = 25, seed: int = 0, teacher: str = "t") -> LabelledClips:
    rng = np.random.default_rng(seed)
    assert isinstance(LISTENING.front_end, LogMelFrontEnd)
    return LabelledClips(
        fingerprint=f"clips-{count}-{seed}", front_end=LISTENING.front_end, rate_hz=RATE_HZ,
        teacher=TeacherSpec(fingerprint=teacher, rate_hz=RATE_HZ, widths=(3, 3), classes=527),
        levels=rng.integers(0, 256, (count, BANDS, frames)).astype(np.uint8),
        lengths=np.full(count, frames),
        files=np.arange(count) // 2 + 1000 * seed,
        features=rng.standard_normal((count, 6)).astype(np.float16),
        logits=rng.standard_normal((count, 527)).astype(np.float16),
    )  # fmt: skip


def spoken(words: int = 4, speakers: int = 4) -> list[TrainingSound]:
    return [
        TrainingSound(f"{word}-{speaker}", "g", 0, 1, {"text": str(word), "speaker": str(speaker)})
        for word in range(words)
        for speaker in range(speakers)
    ]


def batches_of(config: DistillationConfig = CONFIG, **changes: Any) -> DistillationBatches:
    given: dict[str, Any] = {
        "batch_size": 48, "seed": 2, "held_out": 5, "related": (labelled(16, 18, seed=1), spoken()),
    } | changes  # fmt: skip
    return DistillationBatches(labelled(60), LISTENING, config, **given)


def test_the_spectrum_is_that_of_the_frames_that_sound() -> None:
    rng = np.random.default_rng(0)
    levels = rng.uniform(-0.2, 0.9, (3, BANDS, FRAMES)).astype(np.float32)
    levels[:, 0, 0] = 1.0
    levels[1, :, 12:] = -1.0  # silence
    levels[2, :, 7:] = rng.uniform(-1.0, -0.26, (BANDS, FRAMES - 7))  # more than 50 dB down
    found = spectrum(torch.from_numpy(levels)).numpy()
    for row, frames in enumerate((FRAMES, 12, 7)):
        heard = levels[row, :, :frames]
        np.testing.assert_allclose(found[row, :BANDS], heard.mean(axis=1), atol=1e-5)
        np.testing.assert_allclose(found[row, BANDS:], heard.std(axis=1), atol=1e-5)


def test_nothing_that_sounds_has_a_spectrum_too() -> None:
    found = spectrum(torch.full((1, BANDS, FRAMES), -1.0))
    assert torch.isfinite(found).all()


def test_parts_have_their_share_of_the_length_and_cosines_add_up() -> None:
    network = make_network(recipe_of(replace(WHOLE, parts=PARTS, spectrum=True))).eval()
    inputs = torch.randn(5, BANDS, FRAMES) * 10
    vectors = network(inputs).detach()
    shares = (0.5, 0.25, 0.25)
    for part, share in zip(PARTS, shares, strict=True):
        squared = vectors[:, network.config.part(part.name)].square().sum(dim=1)
        np.testing.assert_allclose(squared, share, atol=1e-5)
    cosines = sum(
        share * (network.part(vectors, part.name) @ network.part(vectors, part.name).T)
        for part, share in zip(PARTS, shares, strict=True)
    )
    np.testing.assert_allclose(vectors @ vectors.T, cosines, atol=1e-5)
    assert network.part(vectors, "") is vectors
    with pytest.raises(InvalidInputError, match="taught, kin, own"):
        network.part(vectors, "other")


def test_parts_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="13 dimensions"):
        replace(WHOLE, dims=13, parts=PARTS)
    with pytest.raises(InvalidInputError, match="different names"):
        replace(WHOLE, parts=(PartConfig("one", 6), PartConfig("one", 6)))
    with pytest.raises(InvalidInputError, match="weight above 0"):
        PartConfig("one", 6, 0.0)


def test_parts_that_count_otherwise_are_the_same_vectors_rescaled() -> None:
    config = replace(WHOLE, parts=PARTS)
    network = make_network(recipe_of(config)).eval()
    inputs = torch.randn(5, BANDS, FRAMES) * 10
    before = network(inputs).detach().numpy()
    network.config = config.with_weights([1.0, 3.0, 0.25])
    after = network(inputs).detach().numpy()
    np.testing.assert_allclose(before * config.rescaling([1.0, 3.0, 0.25]), after, atol=1e-6)
    assert np.square(after[:, config.part("kin")]).sum(axis=1) == pytest.approx(3.0 / 4.25)
    with pytest.raises(InvalidInputError, match="each of 3 parts"):
        config.with_weights([1.0, 2.0])


def test_relations_find_their_own_clips_in_both_views() -> None:
    batches = batches_of()
    batch = batches.batch(4)
    count = 24  # 48 segments in two views: 12 clips, and 12 of relations
    assert batch["inputs"].shape == (48, BANDS, FRAMES)
    sounds = spoken()
    for relation, (first, size) in zip(RELATIONS, ((12, 6), (18, 6)), strict=True):
        rows = np.asarray(batch[f"{relation.name}.rows"])
        own = np.arange(first, first + size)
        np.testing.assert_array_equal(rows, np.concatenate([own, own + count]))
        labels = np.asarray(batch[f"{relation.name}.labels"])
        excludes = np.asarray(batch[f"{relation.name}.excludes"])
        np.testing.assert_array_equal(labels[:size], labels[size:])
        # what the teacher says of a row is what it said of the sound that has the label and the other fact
        key = {"words": ("text", "speaker"), "voices": ("speaker", "text")}[relation.name]
        for row, label, exclude in zip(rows, labels, excludes, strict=True):
            (at,) = (
                index
                for index, sound in enumerate(sounds)
                if (int(sound.facts[key[0]]), int(sound.facts[key[1]])) == (label, exclude)
            )
            expected = batches.said(np.array([60 + at]))["teacher_features"][0]
            np.testing.assert_allclose(batch["teacher_features"][row], expected, atol=1e-6)
    again = batches_of().batch(4)
    for name, array in batch.items():
        np.testing.assert_array_equal(array, again[name])
    assert batch["groups"].shape == (24,), "of clips, not of views"
    said = batches.said(np.arange(len(batches.clips)))["teacher_features"]
    for row, file in enumerate(batch["groups"].tolist()):
        (clip,) = np.flatnonzero(np.isclose(said, batch["teacher_features"][row], atol=1e-6).all(axis=1))
        assert file == batches.clips.files[clip]
    other = batches_of(replace(CONFIG, relations=RELATIONS[:1]))
    assert other.fingerprint != batches.fingerprint
    assert set(batches.held_out.tolist()) == set(range(55, 60))
    drawn = np.concatenate([batches._rows(step) for step in range(4)])
    assert drawn.max() < 55


def test_relations_that_leave_no_room_or_have_no_sounds_are_refused() -> None:
    with pytest.raises(TrainingError, match="has 12 clips; relations take 12"):
        batches_of(batch_size=24)
    with pytest.raises(TrainingError, match="where the recipe has relations"):
        batches_of(related=None)
    with pytest.raises(TrainingError, match="where the recipe has relations"):
        batches_of(replace(CONFIG, relations=()))
    with pytest.raises(TrainingError, match="16 sounds, 9 clips"):
        batches_of(related=(labelled(9), spoken()))
    with pytest.raises(TrainingError, match="different front ends, rates or teachers"):
        batches_of(related=(labelled(16, teacher="other"), spoken()))
    with pytest.raises(InvalidInputError, match="different names"):
        replace(CONFIG, relations=(RELATIONS[0], RELATIONS[0]))


def test_joined_clips_are_filled_up() -> None:
    joined = joined_clips(labelled(3, 25), labelled(2, 18, seed=1))
    assert joined.levels.shape == (5, BANDS, 25)
    assert joined.lengths.tolist() == [25, 25, 25, 18, 18]
    assert not joined.levels[3:, :, 18:].any()
    np.testing.assert_array_equal(joined.features[3:], labelled(2, 18, seed=1).features)
    assert joined.files.tolist() == [0, 0, 1, 1000, 1000]
    assert joined.fingerprint not in (labelled(3).fingerprint, labelled(2, seed=1).fingerprint)


def test_each_objective_reaches_its_own_part_alone() -> None:
    network = make_network(recipe_of(replace(WHOLE, parts=PARTS, spectrum=True)))
    tensors = {name: torch.from_numpy(np.asarray(array)) for name, array in batches_of().batch(0).items()}
    moved: dict[str, list[str]] = {}
    alone = {
        "cosine": replace(CONFIG, similarity=0.0, scores=0.0, consistency=0.0, relations=()),
        "consistency": replace(CONFIG, cosine=0.0, similarity=0.0, scores=0.0, relations=()),
        "own": replace(CONFIG, cosine=0.0, similarity=0.0, scores=0.0, consistency=0.0, relations=(), own=1.0,
                       own_part="own"),
        "words": replace(CONFIG, cosine=0.0, similarity=0.0, scores=0.0, consistency=0.1,
                         consistent_part="kin", relations=RELATIONS[:1]),
        "voices": replace(CONFIG, cosine=1e-9, similarity=0.0, scores=0.0, consistency=0.0,
                          relations=RELATIONS[1:]),
    }  # fmt: skip
    for name, config in alone.items():
        network.zero_grad()
        loss, figures = DistillationObjective(config, network)(network, tensors)
        loss.backward()
        assert name in figures
        gradient = network.last.weight.grad
        assert gradient is not None
        moved[name] = [part.name for part in PARTS if gradient[network.config.part(part.name)].norm() > 1e-6]
        assert gradient[:, -2 * BANDS :].norm() > 0.0  # the spectrum takes part
    assert moved == {
        "cosine": ["taught"], "consistency": ["kin"], "own": ["own"], "words": ["kin"], "voices": ["own"],
    }  # fmt: skip


def test_parts_start_from_the_principal_components_of_an_export(tmp_path: Path) -> None:
    old = make_network(recipe_of(WHOLE)).eval()
    export_encoder(old, recipe_of(WHOLE), tmp_path, ExportConfig("old"))
    recipe = recipe_of(replace(WHOLE, parts=(PartConfig("a", 9), PartConfig("b", 3)), spectrum=True))
    inputs = (np.random.default_rng(0).standard_normal((80, BANDS, FRAMES)) * 10).astype(np.float32)
    new = make_network(recipe)
    new.load_state_dict(initial_weights(tmp_path / "old.onnx", recipe, inputs))
    with torch.no_grad():
        before = old.last(old.pooled(torch.from_numpy(inputs))).numpy()
        after = new.eval().last(new.pooled(torch.from_numpy(inputs))).numpy()
    vectors = old(torch.from_numpy(inputs)).detach().numpy().astype(np.float64)
    _, directions = np.linalg.eigh(np.cov(vectors.T))
    for found, expected in ((after[:, :9], directions[:, :-10:-1]), (after[:, 9:], directions[:, :-4:-1])):
        np.testing.assert_allclose(np.abs(found), np.abs(before @ expected), atol=1e-3)
    assert initial_weights(tmp_path / "old.onnx", recipe_of(WHOLE), inputs).keys() == old.state_dict().keys()


def test_an_export_of_another_network_is_no_start(tmp_path: Path) -> None:
    parts = replace(WHOLE, parts=PARTS, spectrum=True)
    export_encoder(make_network(recipe_of(parts)), recipe_of(parts), tmp_path, ExportConfig("parts"))
    path, inputs = tmp_path / "parts.onnx", np.zeros((2, BANDS, FRAMES), np.float32)
    with pytest.raises(TrainingError, match="whose network or input is not"):
        initial_weights(path, recipe_of(replace(WHOLE, pooling=("mean",))), inputs)
    with pytest.raises(TrainingError, match="looks at the spectrum"):
        initial_weights(path, recipe_of(WHOLE), inputs)
    with pytest.raises(TrainingError, match=r"asks for \{\}: expected parts"):
        initial_weights(path, recipe_of(replace(parts, parts=())), inputs)


def test_parts_of_other_sizes_start_from_those_of_their_name(tmp_path: Path) -> None:
    network = replace(WHOLE, parts=PARTS, spectrum=True)
    old = make_network(recipe_of(network)).eval()
    export_encoder(old, recipe_of(network), tmp_path, ExportConfig("parts"))
    inputs = (np.random.default_rng(0).standard_normal((80, BANDS, FRAMES)) * 10).astype(np.float32)
    sizes = {part.name: part.dims for part in PARTS}
    wider, narrower = PARTS[0].name, PARTS[1].name
    sizes[wider], sizes[narrower] = sizes[wider] + 2, sizes[narrower] - 2
    recipe = recipe_of(replace(network, parts=tuple(replace(part, dims=sizes[part.name]) for part in PARTS)))
    new = make_network(recipe)
    new.load_state_dict(initial_weights(tmp_path / "parts.onnx", recipe, inputs))
    with torch.no_grad():
        before = old.last(old.pooled(torch.from_numpy(inputs))).numpy()
        after = new.eval().last(new.pooled(torch.from_numpy(inputs))).numpy()
    vectors = old(torch.from_numpy(inputs)).detach().numpy().astype(np.float64)
    for part in PARTS:
        was, now = network.part(part.name), recipe.network.part(part.name)
        _, directions = np.linalg.eigh(np.cov(vectors[:, was].T))
        kept = min(part.dims, sizes[part.name])
        expected = before[:, was] @ directions[:, ::-1][:, :kept]
        np.testing.assert_allclose(np.abs(after[:, now][:, :kept]), np.abs(expected), atol=1e-3)
    added = after[:, recipe.network.part(wider)][:, -2:]
    assert np.abs(added).max(axis=0).min() > 1e-3  # of the rest of the vector


def test_plain_clips_are_the_chosen_sounds_as_they_are(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    with TrainingSoundsWriter(tmp_path, RATE_HZ) as writer:
        for number in range(3):
            writer.add(0.1 * rng.standard_normal(RATE_HZ), name=str(number), group="g")
        writer.add(np.zeros(RATE_HZ), name="silent", group="g")
    sounds = TrainingSounds(tmp_path)
    clips = PlainClips(sounds, [2, 0, 3], clip_s=0.5)
    assert [sound.name for sound in clips.sounds] == ["2", "0", "silent"]
    for number, index in enumerate((2, 0)):
        whole = sounds.read(index, 0, RATE_HZ // 2)
        clip, file = clips.clip_and_file(number)
        np.testing.assert_allclose(clip, whole * (0.7 / np.abs(whole).max()), atol=1e-5)
        assert file == sounds.sounds[index].file_code
    np.testing.assert_array_equal(clips.clip_and_file(4)[0], clips.clip_and_file(1)[0])
    assert not clips.clip_and_file(2)[0].any()
    assert clips.fingerprint != PlainClips(sounds, [0, 2, 3], clip_s=0.5).fingerprint
    with pytest.raises(TrainingError, match="at least one"):
        PlainClips(sounds, [], clip_s=0.5)
