"""Averages of trained weights, and tags that are fitted to them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from soundalike.core.errors import InvalidInputError, TrainingError
from soundalike.features.front_end import LogMelFrontEnd
from soundalike.training.average import average_with
from soundalike.training.distillation import DistillationConfig, DistillationObjective, fit_tags
from soundalike.training.export import ExportConfig, export_encoder
from soundalike.training.inputs import InputConfig
from soundalike.training.network import EmbeddingNetwork
from soundalike.training.network_config import NetworkConfig, StageConfig
from soundalike.training.prefetch import Arrays
from soundalike.training.recipe import ObjectiveChoice, Recipe
from soundalike.training.state import make_network
from soundalike.training.targets import TargetConfig

BANDS, FRAMES = 16, 12
RECIPE = Recipe(
    "small",
    ObjectiveChoice("distillation"),
    input=InputConfig(
        rate_hz=8000,
        window_samples=256 + (FRAMES - 1) * 100,
        hop_samples=1000,
        front_end=LogMelFrontEnd(
            frame_samples=256, hop_samples=100, bands=BANDS, low_hz=100.0, high_hz=4000.0
        ),
    ),
    network=NetworkConfig((StageConfig(8, (3, 3), (2, 2)),), dims=6),
)


def network_of(seed: int) -> EmbeddingNetwork:
    torch.manual_seed(seed)
    return make_network(RECIPE).eval()


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_every_weight_lies_between_the_two(tmp_path: Path, share: float) -> None:
    first, second = network_of(1), network_of(2)
    export_encoder(first, RECIPE, tmp_path, ExportConfig("first"))
    before = {name: value.clone() for name, value in second.state_dict().items()}
    average_with(second, tmp_path / "first.onnx", share)
    others = first.state_dict()
    moved = 0
    for name, value in second.state_dict().items():
        if value.is_floating_point():
            expected = share * before[name] + (1.0 - share) * others[name]
            torch.testing.assert_close(value, expected, atol=1e-6, rtol=1e-5)
            moved += int(not torch.equal(value, before[name]))
    assert (moved > 0) is (share < 1.0)


def test_what_cannot_be_averaged_is_refused(tmp_path: Path) -> None:
    export_encoder(network_of(1), RECIPE, tmp_path, ExportConfig("first"))
    with pytest.raises(InvalidInputError, match=r"between 0 and 1; got 1\.5"):
        average_with(network_of(2), tmp_path / "first.onnx", 1.5)
    other = replace(RECIPE, network=replace(RECIPE.network, dims=8))
    with pytest.raises(TrainingError, match="is another one: expected the same"):
        average_with(make_network(other), tmp_path / "first.onnx", 0.5)


class Batches:
    """Batches of which the first band tells the only class that sounds."""

    fingerprint = "batches"

    def batch(self, step: int) -> Arrays:
        rng = np.random.default_rng(step)
        inputs = rng.standard_normal((64, BANDS, FRAMES)).astype(np.float32) * 10.0
        sounds = rng.random(64) < 0.5
        inputs[sounds, 0] += 60.0
        scores = np.zeros((64, 527), np.float32)
        scores[:, 3] = sounds
        return {"inputs": inputs, "teacher_scores": scores}


def test_tags_are_fitted_and_nothing_else_changes() -> None:
    network = network_of(1)
    objective = DistillationObjective(DistillationConfig(targets=TargetConfig(dims=4)), network)
    assert objective.tags is not None
    weights = {name: value.clone() for name, value in network.state_dict().items()}
    projection = objective.projection.weight.clone()
    batch = {name: torch.from_numpy(array) for name, array in Batches().batch(1000).items()}

    def judged() -> float:
        assert objective.tags is not None
        with torch.no_grad():
            logits = objective.tags(network(batch["inputs"]) * objective.config.scale)
            return float(
                torch.nn.functional.binary_cross_entropy_with_logits(
                    logits[:, 3], batch["teacher_scores"][:, 3]
                )
            )

    before = judged()
    told = fit_tags(objective, network, Batches(), 400)
    assert judged() < 0.5 * before
    assert 0.0 < told < 0.02, "the mean over 527 classes"
    assert torch.equal(objective.projection.weight, projection)
    for name, value in network.state_dict().items():
        assert torch.equal(value, weights[name]), name


def test_without_class_scores_there_is_nothing_to_fit() -> None:
    network = network_of(1)
    objective = DistillationObjective(DistillationConfig(scores=0.0, targets=TargetConfig(dims=4)), network)
    with pytest.raises(TrainingError, match="no class scores"):
        fit_tags(objective, network, Batches(), 1)
