"""Fixtures of training: a folder of real sounds, and recipes small enough for a test."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the extra 'train' is not installed")

from soundalike.audio import decode
from soundalike.features.front_end import LogMelFrontEnd
from soundalike.training.inputs import InputConfig
from soundalike.training.network_config import NetworkConfig, StageConfig
from soundalike.training.positives_config import DeformationChoice, PositivesConfig
from soundalike.training.recipe import ObjectiveChoice, OptimiserConfig, Recipe
from soundalike.training.sounds import TrainingSounds, TrainingSoundsWriter

DEMO = Path(__file__).parents[2] / "src" / "soundalike" / "data" / "demo"
RATE_HZ = 16000


@pytest.fixture(scope="session")
def demo_training(tmp_path_factory: pytest.TempPathFactory) -> TrainingSounds:
    """The bundled sounds, as a training reads them."""
    folder = tmp_path_factory.mktemp("sounds")
    with TrainingSoundsWriter(folder, RATE_HZ) as writer:
        for path in sorted(DEMO.rglob("*.flac")):
            samples = decode(path, rate_hz=RATE_HZ).samples
            writer.add(samples, name=path.stem, group=path.parent.name)
    return TrainingSounds(folder)


def small_recipe(kind: str = "triplet", **changes: object) -> Recipe:
    """A recipe whose steps take some ten milliseconds."""
    recipe = Recipe(
        name="small",
        objective=ObjectiveChoice(kind),
        batch_size=16,
        input=InputConfig(
            rate_hz=RATE_HZ, window_samples=8000, hop_samples=4000,
            front_end=LogMelFrontEnd(
                frame_samples=512, hop_samples=256, bands=24, low_hz=40.0, high_hz=8000.0
            ),
        ),
        network=NetworkConfig((StageConfig(8), StageConfig(16, repeats=1)), dims=16, dropout=0.1),
        positives=PositivesConfig(deformations=(DeformationChoice("gain"), DeformationChoice("noise"))),
        optimiser=OptimiserConfig(learning_rate=3e-3, ema_decay=0.9),
    )  # fmt: skip
    return replace(recipe, **changes)  # type: ignore[arg-type]
