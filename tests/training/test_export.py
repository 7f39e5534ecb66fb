"""Export: the encoder gives the network's vectors; the network comes back from its file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from soundalike.audio import decode
from soundalike.core.errors import InvalidInputError, TrainingError
from soundalike.encoders import load_encoder
from soundalike.encoders.onnx_manifest import load_manifest
from soundalike.features.front_end import LogMelFrontEnd
from soundalike.training.export import ExportConfig, TagLayer, export_encoder, load_exported
from soundalike.training.inputs import InputConfig, MorletFrontEnd, network_inputs
from soundalike.training.network import EmbeddingNetwork
from soundalike.training.network_config import NetworkConfig, PartConfig, StageConfig
from soundalike.training.recipe import Recipe
from soundalike.training.state import make_network

MakeRecipe = Callable[..., Recipe]
MORLET = InputConfig(
    rate_hz=16000, window_samples=8000, hop_samples=4000,
    front_end=MorletFrontEnd(hop_samples=160, bands=24, high_hz=6000.0),
)  # fmt: skip
NETWORKS = {
    "plain": NetworkConfig((StageConfig(8, (5, 3)), StageConfig(16)), dims=16),
    "residual": NetworkConfig((StageConfig(8), StageConfig(16, (3, 3), (2, 1), repeats=2)), dims=16),
    "depthwise": NetworkConfig((StageConfig(8), StageConfig(16, depthwise=True, repeats=1)), dims=16),
    "spectrum": NetworkConfig((StageConfig(8),), dims=16, hidden=24, spectrum=True),
    "parts": NetworkConfig(
        (StageConfig(8),), dims=16, parts=(PartConfig("one", 4), PartConfig("two", 12, 0.5)), spectrum=True
    ),
    "pooling": NetworkConfig((StageConfig(8),), dims=16, pooling=("spread", "max", "mean"), hidden=24),
}


def lived_in(recipe: Recipe) -> EmbeddingNetwork:
    """A network whose normalisation is not that of an untrained one."""
    torch.manual_seed(1)
    network = make_network(recipe)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, 0.0, 0.1)  # type: ignore[arg-type]
            nn.init.uniform_(module.running_var, 0.5, 1.5)  # type: ignore[arg-type]
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0.0, 0.1)
    return network.eval()


def real_segments(folder: Path, count: int = 6) -> np.ndarray:
    rows = [decode(path, rate_hz=16000).samples[:8000] for path in sorted(folder.rglob("*.flac"))[:count]]
    return np.stack([np.pad(row, (0, 8000 - len(row))) for row in rows]).astype(np.float32)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("front_end", ["log_mel", "morlet"])
def test_the_encoder_gives_the_networks_vectors(
    name: str, front_end: str, small_recipe: MakeRecipe, demo_folder: Path, tmp_path: Path
) -> None:
    recipe = small_recipe(network=NETWORKS[name])
    if front_end == "morlet":
        recipe = small_recipe(network=NETWORKS[name], input=MORLET)
    network = lived_in(recipe)
    segments = real_segments(demo_folder)
    expected = network(torch.from_numpy(network_inputs(segments, recipe.input))).detach().numpy()
    encoder = load_encoder(str(export_encoder(network, recipe, tmp_path, ExportConfig("mine"))))
    found = encoder.encode(segments, np.full(len(segments), 8000))
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert np.abs(found[0] - found[1]).max() > 1e-3


def test_the_manifest_says_what_it_is(small_recipe: MakeRecipe, tmp_path: Path) -> None:
    recipe = small_recipe()
    config = ExportConfig("mine", version=3, licence="CC0-1.0", training_data="Six drums.")
    manifest = load_manifest(export_encoder(make_network(recipe), recipe, tmp_path, config))
    assert (manifest.name, manifest.version, manifest.licence) == ("mine", 3, "CC0-1.0")
    assert manifest.training_data == "Six drums."
    assert (manifest.rate_hz, manifest.window_samples, manifest.hop_samples) == (16000, 8000, 4000)
    assert (manifest.dims, manifest.metric, manifest.unit_length) == (16, "cosine", True)
    assert isinstance(manifest.front_end, LogMelFrontEnd)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.json", "mine.onnx"]


def test_half_precision_halves_the_file_and_hardly_changes_vectors(
    small_recipe: MakeRecipe, demo_folder: Path, tmp_path: Path
) -> None:
    recipe = small_recipe(network=NetworkConfig((StageConfig(32), StageConfig(64)), dims=16))
    network = lived_in(recipe)
    segments = real_segments(demo_folder)
    sizes, vectors = [], []
    for half in (False, True):
        path = export_encoder(network, recipe, tmp_path / str(half), ExportConfig("mine", half=half))
        sizes.append(path.with_suffix(".onnx").stat().st_size)
        vectors.append(load_encoder(str(path)).encode(segments, np.full(len(segments), 8000)))
    assert sizes[1] < 0.65 * sizes[0]
    np.testing.assert_allclose(vectors[1], vectors[0], atol=3e-3)
    assert not np.array_equal(vectors[1], vectors[0])


@pytest.mark.parametrize("takes", ["pooled", "vectors"])
def test_a_tag_layer_is_a_second_output(
    takes: str, small_recipe: MakeRecipe, demo_folder: Path, tmp_path: Path
) -> None:
    recipe = small_recipe()
    network = lived_in(recipe)
    layer = nn.Linear(network.pooled_dims if takes == "pooled" else 16, 3)
    tags = TagLayer(layer, takes, ("bell", "drum", "rain"))  # type: ignore[arg-type]
    encoder = load_encoder(str(export_encoder(network, recipe, tmp_path, ExportConfig("mine"), tags)))
    segments = real_segments(demo_folder)
    inputs = torch.from_numpy(network_inputs(segments, recipe.input))
    stands_on = network.pooled(inputs) if takes == "pooled" else network(inputs)
    expected = torch.sigmoid(layer(stands_on)).detach().numpy()
    assert encoder.tag_names == ("bell", "drum", "rain")
    np.testing.assert_allclose(
        encoder.tag_scores(segments, np.full(len(segments), 8000)), expected, atol=1e-4
    )


def test_the_network_comes_back_from_its_file(small_recipe: MakeRecipe, tmp_path: Path) -> None:
    recipe = small_recipe(network=NETWORKS["residual"])
    network = lived_in(recipe)
    export_encoder(network, recipe, tmp_path, ExportConfig("mine"))
    back, its_recipe = load_exported(tmp_path / "mine.onnx")
    assert its_recipe == recipe
    for name, value in network.state_dict().items():
        assert torch.equal(back.state_dict()[name], value), name


def test_a_foreign_model_cannot_be_trained_further(small_recipe: MakeRecipe, tmp_path: Path) -> None:
    recipe = small_recipe()
    export_encoder(make_network(recipe), recipe, tmp_path, ExportConfig("mine"))
    model = onnx.load(tmp_path / "mine.onnx")
    kept = [item for item in model.graph.initializer if item.name != "last.bias"]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    onnx.save(model, tmp_path / "short.onnx")
    with pytest.raises(TrainingError, match=r"does not hold the weights last\.bias"):
        load_exported(tmp_path / "short.onnx")
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "foreign.onnx")
    with pytest.raises(TrainingError, match="carries no recipe"):
        load_exported(tmp_path / "foreign.onnx")
    (tmp_path / "text.onnx").write_text("This is no model.")
    with pytest.raises(TrainingError, match="no ONNX model"):
        load_exported(tmp_path / "text.onnx")


def test_a_network_that_cannot_be_written_leaves_nothing(small_recipe: MakeRecipe, tmp_path: Path) -> None:
    recipe = small_recipe()
    network = make_network(recipe)
    network.body.append(nn.Tanh())
    with pytest.raises(InvalidInputError, match="type Tanh cannot be exported"):
        export_encoder(network, recipe, tmp_path, ExportConfig("mine"))
    assert not list(tmp_path.iterdir())


def test_an_encoder_that_gives_other_vectors_is_not_written(
    small_recipe: MakeRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("soundalike.training.export._TOLERANCE", -1.0)
    recipe = small_recipe()
    with pytest.raises(TrainingError, match="other vectors than the network"):
        export_encoder(make_network(recipe), recipe, tmp_path, ExportConfig("mine"))
    assert not list(tmp_path.iterdir())
