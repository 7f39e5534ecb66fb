"""Fixtures of training: real sounds as a training reads them, and recipes small enough for a test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

import soundalike
from soundalike.audio import decode
from soundalike.features.front_end import LogMelFrontEnd
from soundalike.training.inputs import InputConfig
from soundalike.training.network_config import NetworkConfig, StageConfig
from soundalike.training.positives_config import DeformationChoice, PositivesConfig
from soundalike.training.recipe import ObjectiveChoice, OptimiserConfig, Recipe
from soundalike.training.sounds import TrainingSounds, TrainingSoundsWriter

RATE_HZ = 16000
MakeRecipe: TypeAlias = Callable[..., Recipe]
MakeSounds: TypeAlias = Callable[..., TrainingSounds]


@pytest.fixture(scope="session")
def demo_folder() -> Path:
    """The bundled sounds."""
    return Path(soundalike.__file__).parent / "data" / "demo"


@pytest.fixture(scope="session")
def demo_training(demo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainingSounds:
    """The bundled sounds, as a training reads them."""
    folder = tmp_path_factory.mktemp("sounds")
    with TrainingSoundsWriter(folder, RATE_HZ) as writer:
        for path in sorted(demo_folder.rglob("*.flac")):
            samples = decode(path, rate_hz=RATE_HZ).samples
            writer.add(samples, name=path.stem, group=path.parent.name)
    return TrainingSounds(folder)


@pytest.fixture
def make_sounds(tmp_path: Path) -> MakeSounds:
    """Writes arrays as sounds to train on."""

    def make(*sounds: np.ndarray, rate_hz: int = RATE_HZ) -> TrainingSounds:
        with TrainingSoundsWriter(tmp_path / "sounds", rate_hz) as writer:
            for number, samples in enumerate(sounds):
                writer.add(samples.astype(np.float32), name=f"{number}.wav", group="all")
        return TrainingSounds(tmp_path / "sounds")

    return make


@pytest.fixture(scope="session")
def small_recipe() -> MakeRecipe:
    """Makes recipes whose steps take some ten milliseconds."""

    def make(kind: str = "triplet", **changes: Any) -> Recipe:
        front_end = LogMelFrontEnd(frame_samples=512, hop_samples=256, bands=24, low_hz=40.0, high_hz=8000.0)
        recipe = Recipe(
            name="small",
            objective=ObjectiveChoice(kind),
            batch_size=16,
            input=InputConfig(rate_hz=RATE_HZ, window_samples=8000, hop_samples=4000, front_end=front_end),
            network=NetworkConfig((StageConfig(8), StageConfig(16, repeats=1)), dims=16, dropout=0.1),
            positives=PositivesConfig(deformations=(DeformationChoice("gain"), DeformationChoice("noise"))),
            optimiser=OptimiserConfig(learning_rate=3e-3, ema_decay=0.9),
        )
        return replace(recipe, **changes)

    return make
