"""The conversion of published networks to ONNX, held against the same network in PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray

from soundalike.audio import decode
from soundalike.core.errors import EncoderError
from soundalike.encoders.mobilenet_onnx import POOLED_BLOCKS, Converted, convert
from soundalike.encoders.mobilenet_onnx_weights import read_layers
from soundalike.encoders.pt_archive import read_state_dict
from soundalike.encoders.published import EFFICIENTAT_FRONT_END, RATE_HZ
from soundalike.features.front_end import front_end_spectra
from soundalike.training.mobilenet import MobileNet, load_teacher

State = dict[str, NDArray[Any]]
CLOSE = 1e-4


@pytest.fixture(scope="module")
def published(shared_data: Path) -> State:
    return read_state_dict(shared_data / "teacher" / "mn04_as_mAP_432.pt")


@pytest.fixture(scope="module")
def real_spectra(shared_data: Path) -> NDArray[np.float32]:
    """Two seconds of each of ten real sounds."""
    paths = sorted((shared_data / "esc10").rglob("*.ogg"))[::40]
    segments = np.zeros((len(paths), 2 * RATE_HZ), np.float32)
    for row, path in zip(segments, paths, strict=True):
        with path.open("rb") as file:
            samples = decode(file, rate_hz=RATE_HZ, name=path.name).samples[: len(row)]
        row[: len(samples)] = samples
    return front_end_spectra(segments, EFFICIENTAT_FRONT_END, RATE_HZ)


def random_state(width: float, classes: int = 20) -> State:
    """A network as it might be after training: every batch norm has statistics of its own."""
    torch.manual_seed(0)
    network = MobileNet(width, classes)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if name.endswith("running_var") or (name.endswith("1.weight") and value.ndim == 1):
                value.copy_(0.5 + torch.rand(value.shape, generator=generator))
            elif name.endswith(("running_mean", "bias")):
                value.copy_(0.2 * torch.randn(value.shape, generator=generator))
    return {name: value.numpy() for name, value in network.state_dict().items()}


def run(converted: Converted, spectra: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    session = onnxruntime.InferenceSession(converted.model, providers=["CPUExecutionProvider"])
    names = [end.name for end in session.get_outputs()]
    return dict(zip(names, session.run(None, {"spectra": spectra}), strict=True))


def in_torch(state: State, spectra: NDArray[np.float32]) -> tuple[list[NDArray[np.float32]], Any]:
    """Pools of the stem, the blocks and the last convolution; logits."""
    with torch.no_grad():
        pools, logits = load_teacher(state).pooled_blocks(torch.tensor(spectra)[:, None])
    return [pool.numpy() for pool in pools], logits


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def test_the_published_network_is_that_of_pytorch_on_real_sounds(
    published: State, real_spectra: NDArray[np.float32]
) -> None:
    pools, logits = in_torch(published, real_spectra)
    converted = convert(published)
    assert (converted.dims, converted.last_channels, converted.classes) == (3 * 64 + 384, 384, 527)
    found = run(converted, real_spectra)
    expected = unit(np.concatenate(pools[-1 - POOLED_BLOCKS :], axis=1))
    np.testing.assert_allclose(found["vectors"], expected, rtol=0, atol=CLOSE)
    np.testing.assert_allclose(found["scores"], torch.sigmoid(logits).numpy(), rtol=0, atol=CLOSE)
    assert np.ptp(found["vectors"], axis=0).max() > 0.05, "the sounds differ"
    assert found["scores"].max() > 0.5, "something is heard"


def test_the_last_layer_alone(published: State, real_spectra: NDArray[np.float32]) -> None:
    pools, _ = in_torch(published, real_spectra)
    converted = convert(published, blocks=0)
    assert converted.dims == 384
    np.testing.assert_allclose(run(converted, real_spectra)["vectors"], unit(pools[-1]), rtol=0, atol=CLOSE)


def test_all_pools_and_logits_are_those_of_pytorch(
    published: State, real_spectra: NDArray[np.float32]
) -> None:
    pools, logits = in_torch(published, real_spectra)
    found = run(convert(published, all_pools=True), real_spectra)
    # not of length 1: maps of 6,400 values are summed in single precision, in an order that the CPU decides
    np.testing.assert_allclose(found["pooled"], np.concatenate(pools[1:], axis=1), rtol=CLOSE, atol=CLOSE)
    np.testing.assert_allclose(found["logits"], logits.numpy(), rtol=CLOSE, atol=CLOSE)


@pytest.mark.parametrize("width", [0.1, 0.5, 1.0])
def test_networks_of_other_widths_are_converted_by_the_same_code(width: float) -> None:
    state = random_state(width)
    spectra = np.random.default_rng(2).standard_normal((3, 128, 100)).astype(np.float32)
    pools, logits = in_torch(state, spectra)
    converted = convert(state)
    found = run(converted, spectra)
    joined = np.concatenate(pools[-1 - POOLED_BLOCKS :], axis=1)
    assert found["vectors"].shape == (3, converted.dims) == joined.shape
    np.testing.assert_allclose(found["vectors"], unit(joined), rtol=0, atol=CLOSE)
    np.testing.assert_allclose(found["scores"], torch.sigmoid(logits).numpy(), rtol=0, atol=CLOSE)
    if width == 1.0:
        assert (converted.dims, converted.last_channels) == (3 * 160 + 960, 960)


def test_batch_norms_are_folded_and_nothing_else_is_left(published: State) -> None:
    converted = convert(published)
    model = onnx.load_from_string(converted.model)
    kinds = {node.op_type for node in model.graph.node}
    assert "BatchNormalization" not in kinds
    numbers = sum(value.size for name, value in published.items() if "running" not in name)
    norms = sum(value.size for name, value in published.items() if "num_batches" in name)
    weights_of_norms = sum(
        value.size for name, value in published.items() if name.endswith(".1.weight") and value.ndim == 1
    )
    assert converted.parameters == numbers - norms - weights_of_norms
    assert len(converted.model) < 4 * converted.parameters * 1.01


def test_the_conversion_is_the_same_every_time(published: State) -> None:
    assert convert(published).model == convert(dict(reversed(published.items()))).model


def test_names_in_the_file_stay_as_they_are(small_state: State) -> None:
    graph = onnx.load_from_string(convert(small_state).model).graph
    assert graph.name == "mobilenet-v3"
    assert [item.name for item in graph.initializer][:4] == ["v1", "v3", "v4", "v7"]
    assert [node.output[0] for node in graph.node][:3] == ["v2", "v5", "v6"]


def test_frames_and_batches_of_any_number_go_through(published: State) -> None:
    converted = convert(published)
    spectra = np.random.default_rng(3).standard_normal((5, 128, 400)).astype(np.float32)
    together = run(converted, spectra)["vectors"]
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1.0, atol=1e-5)
    for row in range(5):
        alone = run(converted, spectra[row : row + 1])["vectors"][0]
        np.testing.assert_allclose(alone, together[row], rtol=0, atol=1e-5)
    assert run(converted, spectra[:, :, :33])["vectors"].shape == together.shape


def without(name: str) -> Callable[[State], State]:
    return lambda state: {key: value for key, value in state.items() if key != name}


def changed(name: str, change: Callable[[NDArray[Any]], NDArray[Any]]) -> Callable[[State], State]:
    return lambda state: state | {name: change(state[name])}


@pytest.mark.parametrize(
    ("damage", "match"),
    [
        (without("features.0.0.weight"), r"'features\.0\.0\.weight' is missing"),
        (without("features.4.block.2.conc_se_layers.0.fc1.bias"), "fc1.bias' is missing"),
        (without("classifier.5.bias"), r"'classifier\.5\.bias' is missing"),
        (lambda state: state | {"other": np.zeros(1, np.float32)}, "also holds 'other'"),
        (lambda state: {}, "is missing"),
        (
            changed("features.0.0.weight", lambda x: x.repeat(3, axis=1)),
            r"should be floating point of shape \(any, 1, 3, 3\); it is float32 of shape \(8, 3, 3, 3\)",
        ),
        (changed("features.4.block.1.0.weight", lambda x: x[:, :, 1:4, 1:4]), r"\(32, 1, 5, 5\)"),
        (changed("features.16.0.weight", lambda x: x[:, :10]), r"\(any, 64, 1, 1\)"),
        (changed("features.16.0.weight", lambda x: x[0, 0, 0, 0]), r"of shape \(\)"),
        (changed("features.16.0.weight", lambda x: x[:0]), r"of shape \(0, 64, 1, 1\)"),
        (changed("classifier.2.weight", lambda x: x.astype(np.int64)), "it is int64"),
        (changed("classifier.2.weight", lambda x: x * np.nan), "NaN or infinite"),
        (changed("classifier.2.bias", lambda x: x.astype(np.float64) + 1e300), "too large for float32"),
        (changed("features.0.1.running_var", lambda x: x - 1e6), "variance below zero"),
    ],
)
def test_other_state_dicts_are_refused_in_words(
    damage: Callable[[State], State], match: str, small_state: State
) -> None:
    with pytest.raises(EncoderError, match=match):
        convert(damage(small_state))


@pytest.fixture(scope="module")
def small_state() -> State:
    return random_state(0.4)


def test_half_precision_weights_are_read(small_state: State) -> None:
    halves = {
        name: value.astype(np.float16) if value.dtype == np.float32 else value
        for name, value in small_state.items()
    }
    found, expected = read_layers(halves).classes.weight, small_state["classifier.5.weight"]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-6)
