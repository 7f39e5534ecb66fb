"""Batches: always the same for a step; nearness, deformation, silence, and too little to train on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from soundalike.core.errors import TrainingError
from soundalike.training.positives_config import DeformationChoice, PositivesConfig
from soundalike.training.recipe import Recipe
from soundalike.training.sampling import SegmentDraw, TrainingPairs
from soundalike.training.sounds import TrainingSound, TrainingSounds, TrainingSoundsWriter

MakeRecipe = Callable[..., Recipe]
MakeSounds = Callable[..., TrainingSounds]


def noise(samples: int, seed: int = 0) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).standard_normal(samples)


def test_the_batch_of_a_step_is_always_the_same(
    demo_training: TrainingSounds, small_recipe: MakeRecipe
) -> None:
    recipe = small_recipe()
    pairs = TrainingPairs(demo_training, recipe)
    later = pairs.batch(7)
    first = pairs.batch(3)
    again = TrainingPairs(demo_training, recipe).batch(3)
    for name in ("inputs", "positives", "groups"):
        np.testing.assert_array_equal(first[name], again[name])
    assert not np.array_equal(first["inputs"], later["inputs"])
    other = TrainingPairs(demo_training, replace(recipe, seed=2)).batch(3)
    assert not np.array_equal(first["inputs"], other["inputs"])


def test_shapes_and_groups(demo_training: TrainingSounds, small_recipe: MakeRecipe) -> None:
    batch = TrainingPairs(demo_training, small_recipe()).batch(0)
    assert batch["inputs"].shape == batch["positives"].shape == (16, 24, 30)
    assert batch["inputs"].dtype == np.float32
    assert batch["groups"].shape == (16,)
    assert len(np.unique(batch["groups"])) >= 2
    assert batch["deform_s"] > 0.0


def test_only_the_chosen_sounds_are_drawn(demo_training: TrainingSounds, small_recipe: MakeRecipe) -> None:
    pairs = TrainingPairs(demo_training, small_recipe(), indices=[3, 5, 11])
    drawn = np.concatenate([pairs.batch(step)["groups"] for step in range(4)])
    assert set(drawn.tolist()) == {demo_training.sounds[index].file_code for index in (3, 5, 11)}


def stretches(folder: Path, files: list[str], sounds: list[np.ndarray]) -> TrainingSounds:
    """Sounds, each a stretch of a file."""
    with TrainingSoundsWriter(folder, 16000) as writer:
        for number, (file, samples) in enumerate(zip(files, sounds, strict=True)):
            facts = {"package": "p", "file": file}
            writer.add(samples.astype(np.float32), name=f"{file}@{number}", group="p", facts=facts)
    return TrainingSounds(folder)


def test_stretches_of_one_file_are_never_negatives(tmp_path: Path, small_recipe: MakeRecipe) -> None:
    """Where a long file was cut before, its stretches are sounds of their own, and still of one file."""
    levels = (0.1, 0.2, 0.3)
    sounds = stretches(tmp_path / "s", ["long", "long", "other"], [np.full(9000, level) for level in levels])
    codes = [sound.file_code for sound in sounds.sounds]
    assert codes[0] == codes[1] != codes[2]
    pairs = TrainingPairs(sounds, small_recipe())
    for step in range(4):
        groups, anchors, _, _ = pairs.segments(step)
        assert np.unique(np.round(anchors[:, 0], 1)).tolist() == pytest.approx(levels)
        is_long = anchors[:, 0] < 0.25
        assert (groups == codes[0]).tolist() == is_long.tolist()
        assert (groups == codes[2]).tolist() == (~is_long).tolist()


def test_stretches_of_one_file_are_too_little(tmp_path: Path, small_recipe: MakeRecipe) -> None:
    sounds = stretches(tmp_path / "s", ["long", "long"], [noise(9000), noise(9000, 1)])
    with pytest.raises(TrainingError, match="at least two files"):
        TrainingPairs(sounds, small_recipe())
    sounds = stretches(tmp_path / "t", ["a", "a", "b"], [noise(9000), noise(9000, 1), np.zeros(9000)])
    with pytest.raises(TrainingError, match="among 2 there is one"):
        TrainingPairs(sounds, small_recipe()).batch(0)


def test_what_tells_no_file_is_a_file_of_its_own() -> None:
    one, other = (TrainingSound(name, "g", 0, 1) for name in ("a", "b"))
    assert one.file_code != other.file_code
    assert one.file_code == TrainingSound("a", "h", 5, 9, {"package": "p"}).file_code
    in_packages = [TrainingSound("a", "g", 0, 1, {"package": name, "file": "f"}) for name in "pq"]
    assert in_packages[0].file_code != in_packages[1].file_code
    assert 0 <= one.file_code < 2**63


def test_near_positives_lie_within_reach(make_sounds: MakeSounds, small_recipe: MakeRecipe) -> None:
    """A ramp says where each sample comes from: positives differ by the distance in time."""
    ramp = np.linspace(0.1, 0.9, 40 * 16000)
    positives = PositivesConfig(near_rate=1.0, near_s=2.0, deform_near_rate=0.0)
    pairs = TrainingPairs(make_sounds(ramp, -ramp), small_recipe(positives=positives))
    _, anchors, near, _ = pairs.segments(0)
    per_sample = 0.8 / len(ramp)
    apart_s = np.abs(near[:, 0] - anchors[:, 0]) / per_sample / 16000
    assert apart_s.max() <= 2.01
    assert apart_s.max() > 1.0
    assert (np.sign(near[:, 0]) == np.sign(anchors[:, 0])).all()


def test_short_sounds_have_deformed_positives(make_sounds: MakeSounds, small_recipe: MakeRecipe) -> None:
    positives = PositivesConfig(
        near_rate=1.0,
        deformations=(DeformationChoice("gain", settings={"lowest_db": 3.0, "highest_db": 6.0}),),
    )
    sounds = make_sounds(noise(5000), noise(6000, 1))
    _, anchors, deformed, _ = TrainingPairs(sounds, small_recipe(positives=positives)).segments(0)
    ratio_db = 20 * np.log10(np.abs(deformed).max(axis=1) / np.abs(anchors).max(axis=1))
    assert ((ratio_db >= 2.9) & (ratio_db <= 6.1)).all()
    assert (anchors[:, 6000:] == 0.0).all()


def test_anchors_are_deformed_where_asked_for(
    demo_training: TrainingSounds, small_recipe: MakeRecipe
) -> None:
    plain = PositivesConfig(deformations=(DeformationChoice("noise"),))
    _, as_they_are, _, _ = TrainingPairs(demo_training, small_recipe(positives=plain)).segments(0)
    both = replace(plain, deform_anchors=True)
    _, deformed, _, _ = TrainingPairs(demo_training, small_recipe(positives=both)).segments(0)
    assert (np.abs(deformed - as_they_are).max(axis=1) > 0.0).all()


def test_one_long_sound_does_not_outweigh_many(make_sounds: MakeSounds) -> None:
    sounds = make_sounds(noise(64 * 8000), *(noise(8000, seed) for seed in range(8)))
    draw = SegmentDraw(sounds, None, 8000, -65.0)
    rows, _, _ = draw.draw(4000, np.random.default_rng(0))
    assert np.mean(rows == 0) == pytest.approx(0.5, abs=0.03)  # sqrt(64) among 8 sounds of sqrt(1)


def test_silent_stretches_are_drawn_anew(make_sounds: MakeSounds, small_recipe: MakeRecipe) -> None:
    silent = np.zeros(200_000)
    silent[150_000:160_000] = noise(10_000)
    pairs = TrainingPairs(make_sounds(silent, noise(30_000, 1)), small_recipe())
    for step in range(3):
        _, anchors, _, _ = pairs.segments(step)
        assert (np.sqrt(np.mean(anchors**2, axis=1)) > 1e-4).all()


@pytest.mark.parametrize("window", [8000, 40_000])
def test_two_sounds_are_enough(make_sounds: MakeSounds, window: int) -> None:
    """Also where one is so much longer that chance hardly ever draws the other."""
    sounds = make_sounds(noise(3_000_000), noise(200, 1))
    draw = SegmentDraw(sounds, None, window, -100.0)
    for seed in range(20):
        rows, _, samples = draw.draw(4, np.random.default_rng(seed))
        assert set(rows.tolist()) == {0, 1}
        assert draw.is_heard(samples).all()


def test_one_file_is_refused(make_sounds: MakeSounds, small_recipe: MakeRecipe) -> None:
    with pytest.raises(TrainingError, match="at least two files"):
        TrainingPairs(make_sounds(noise(80_000)), small_recipe())


def test_silence_is_refused(make_sounds: MakeSounds, small_recipe: MakeRecipe) -> None:
    pairs = TrainingPairs(make_sounds(np.zeros(20_000), np.zeros(9_000), np.zeros(9_000)), small_recipe())
    with pytest.raises(TrainingError, match="not silent; among 3 there is none"):
        pairs.batch(0)


def test_one_sound_among_silence_is_refused(make_sounds: MakeSounds, small_recipe: MakeRecipe) -> None:
    pairs = TrainingPairs(make_sounds(np.zeros(20_000), noise(9_000)), small_recipe())
    with pytest.raises(TrainingError, match="among 2 there is one"):
        pairs.batch(0)


def test_sounds_that_are_all_too_short_are_refused(make_sounds: MakeSounds, small_recipe: MakeRecipe) -> None:
    with pytest.raises(TrainingError, match=r"none of 2 sounds lasts 0\.01 s"):
        TrainingPairs(make_sounds(noise(20), noise(30)), small_recipe())


def test_another_rate_is_refused(make_sounds: MakeSounds, small_recipe: MakeRecipe) -> None:
    sounds = make_sounds(noise(9000), noise(9000), rate_hz=22050)
    with pytest.raises(TrainingError, match=r"listens at 16000 Hz.*22050 Hz"):
        TrainingPairs(sounds, small_recipe())


def test_the_fingerprint_follows_the_sounds(demo_training: TrainingSounds, small_recipe: MakeRecipe) -> None:
    recipe = small_recipe()
    names = {
        TrainingPairs(demo_training, recipe, indices=some).fingerprint for some in (None, [1, 2], [1, 3])
    }
    assert len(names) == 3
