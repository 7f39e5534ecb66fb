"""Networks by config: shapes, cost, length, independence of neighbours, a shift in time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from soundalike.core.errors import InvalidInputError
from soundalike.training.front_end import FrontEnd
from soundalike.training.inputs import InputConfig, MorletFrontEnd
from soundalike.training.network import EmbeddingNetwork
from soundalike.training.network_config import NetworkConfig, StageConfig, count_macs

CONFIGS = {
    "plain": NetworkConfig((StageConfig(8, (5, 3), (2, 1)), StageConfig(16)), dims=12),
    "residual": NetworkConfig((StageConfig(8, repeats=2), StageConfig(12, repeats=1)), dims=12),
    "depthwise": NetworkConfig((StageConfig(8), StageConfig(16, (5, 5), depthwise=True, repeats=2)), dims=12),
    "pooling": NetworkConfig((StageConfig(8),), dims=12, pooling=("mean", "max", "spread"), hidden=20),
    "wide": NetworkConfig((StageConfig(12),), dims=12, width=1.5),
}


def make(config: NetworkConfig) -> EmbeddingNetwork:
    torch.manual_seed(0)
    return EmbeddingNetwork(FrontEnd(InputConfig()), config).eval()


def noise(rows: int = 3) -> torch.Tensor:
    values = np.random.default_rng(0).standard_normal((rows, 64, 98))
    return torch.from_numpy((10.0 * values - 40.0).astype(np.float32))


@pytest.mark.parametrize("name", CONFIGS)
def test_vectors_have_length_one_and_do_not_depend_on_the_batch(name: str) -> None:
    network = make(CONFIGS[name])
    inputs = noise()
    vectors = network(inputs)
    assert tuple(vectors.shape) == (3, 12)
    np.testing.assert_allclose(vectors.detach().norm(dim=1), 1.0, atol=1e-6)
    alone = torch.cat([network(row[None]) for row in inputs])
    np.testing.assert_allclose(vectors.detach(), alone.detach(), atol=1e-5)
    assert (vectors[0] - vectors[1]).abs().max() > 1e-4


@pytest.mark.parametrize("name", CONFIGS)
def test_cost_is_that_of_the_layers(name: str) -> None:
    """Multiply-adds counted at every layer as it runs, and parameters with normalisation folded."""
    network = make(CONFIGS[name])
    macs = 0

    def count(layer: nn.Module, _: object, out: torch.Tensor) -> None:
        nonlocal macs
        weight: torch.Tensor = layer.weight  # type: ignore[assignment]
        macs += weight[0].numel() * out[0].numel()

    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    for layer in layers:
        layer.register_forward_hook(count)
    network(noise(1))
    cost = count_macs(CONFIGS[name], 64, 98)
    assert cost.macs == macs
    assert cost.parameters == sum(layer.weight.numel() + layer.weight.shape[0] for layer in layers)
    assert cost.map_size == tuple(network.maps(noise(1)).shape[1:])


def test_a_shift_by_the_whole_stride_shifts_the_map() -> None:
    """Frames that lie within the map's padding apart, convolution is the same everywhere in time."""
    network = make(NetworkConfig((StageConfig(8), StageConfig(16)), dims=12))
    network.front_end.relative = nn.Identity()  # type: ignore[assignment]
    inputs = noise(1)
    late = torch.roll(inputs, 4, dims=2)
    here, there = network.maps(inputs).detach(), network.maps(late).detach()
    np.testing.assert_allclose(here[..., 2:-3], there[..., 3:-2], atol=1e-4)


def test_a_morlet_network_takes_samples() -> None:
    config = InputConfig(rate_hz=16000, window_samples=16000, front_end=MorletFrontEnd(high_hz=6000.0))
    network = EmbeddingNetwork(FrontEnd(config), CONFIGS["plain"]).eval()
    assert tuple(network(torch.randn(2, 16000)).shape) == (2, 12)


def test_bfloat16_is_near() -> None:
    network = make(CONFIGS["residual"])
    with torch.autocast("cpu", torch.bfloat16):
        near = network(noise())
    assert near.dtype == torch.float32
    np.testing.assert_allclose(near.detach(), network(noise()).detach(), atol=0.03)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stages": ()}, "at least one stage"),
        ({"pooling": ()}, "some of mean, max, spread"),
        ({"pooling": ("median",)}, "some of mean, max, spread"),
        ({"width": 0.0}, "width lies above 0"),
    ],
)
def test_other_networks_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        replace(CONFIGS["plain"], **changes)  # type: ignore[arg-type]


def test_a_kernel_is_odd() -> None:
    with pytest.raises(InvalidInputError, match="odd sizes"):
        StageConfig(8, (4, 3))
