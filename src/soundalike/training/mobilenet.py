"""MobileNetV3-Large as EfficientAT trains it: the teacher that small networks are distilled from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from soundalike.core.errors import TrainingError

_EPSILON = 0.001  # of batch normalisation, as published


@dataclass(frozen=True, slots=True)
class _Block:
    """One inverted residual block: kernel size, expanded and outgoing channels at width 1, and its kind."""

    kernel: int
    expanded: int
    out: int
    squeezes: bool
    hard_swish: bool
    stride: int


_BLOCKS = (
    _Block(3, 16, 16, squeezes=False, hard_swish=False, stride=1),
    _Block(3, 64, 24, squeezes=False, hard_swish=False, stride=2),
    _Block(3, 72, 24, squeezes=False, hard_swish=False, stride=1),
    _Block(5, 72, 40, squeezes=True, hard_swish=False, stride=2),
    _Block(5, 120, 40, squeezes=True, hard_swish=False, stride=1),
    _Block(5, 120, 40, squeezes=True, hard_swish=False, stride=1),
    _Block(3, 240, 80, squeezes=False, hard_swish=True, stride=2),
    _Block(3, 200, 80, squeezes=False, hard_swish=True, stride=1),
    _Block(3, 184, 80, squeezes=False, hard_swish=True, stride=1),
    _Block(3, 184, 80, squeezes=False, hard_swish=True, stride=1),
    _Block(3, 480, 112, squeezes=True, hard_swish=True, stride=1),
    _Block(3, 672, 112, squeezes=True, hard_swish=True, stride=1),
    _Block(5, 672, 160, squeezes=True, hard_swish=True, stride=2),
    _Block(5, 960, 160, squeezes=True, hard_swish=True, stride=1),
    _Block(5, 960, 160, squeezes=True, hard_swish=True, stride=1),
)
_STEM, _LAST_HIDDEN = 16, 1280


class MobileNet(nn.Module):
    """A MobileNetV3-Large with a squeeze-excitation over channels and a two-layer head.

    Its parameters bear the published names, so that a published state dict loads.

    Args:
        width: Multiplies every number of channels: 0.4 for mn04, 1.0 for mn10.
        classes: Number of scores.

    Source:
        Howard et al. 2019, Searching for MobileNetV3, table 1; Schmid et al. 2023 (EfficientAT), section 3.
    """

    def __init__(self, width: float = 0.4, classes: int = 527) -> None:
        super().__init__()

        def scaled(channels: int) -> int:
            return whole_eights(channels * width)

        layers: list[nn.Module] = [_conv(1, scaled(_STEM), 3, stride=2, activation=nn.Hardswish)]
        channels = scaled(_STEM)
        for block in _BLOCKS:
            layers.append(_InvertedResidual(channels, scaled(block.expanded), scaled(block.out), block))
            channels = scaled(block.out)
        self.dims = 6 * channels
        layers.append(_conv(channels, self.dims, 1, activation=nn.Hardswish))
        hidden = scaled(_LAST_HIDDEN)
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(self.dims, hidden),
            nn.Hardswish(),
            nn.Dropout(0.2),
            nn.Linear(hidden, classes),
        )

    def forward(self, spectra: Tensor) -> tuple[Tensor, Tensor]:
        """Run the network.

        Args:
            spectra: Normalised log-mel spectra, shape ``(B, 1, bands, frames)``.

        Returns:
            The last convolution's map averaged over frequency and time, shape ``(B, dims)``, and the logits
            of the classes, shape ``(B, classes)``.
        """
        last = self.features(spectra)
        return last.mean(dim=(2, 3)), self.classifier(last)

    def pooled_blocks(self, spectra: Tensor) -> tuple[list[Tensor], Tensor]:
        """Run the network and keep every layer's map, averaged over frequency and time.

        Args:
            spectra: Shape ``(B, 1, bands, frames)``.

        Returns:
            A tensor ``(B, channels)`` for the stem, each block and the last convolution; and the logits.
        """
        pooled = []
        for layer in self.features:
            spectra = layer(spectra)
            pooled.append(spectra.mean(dim=(2, 3)))
        return pooled, self.classifier(spectra)


def load_teacher(state: Mapping[str, Any]) -> MobileNet:
    """Make the network that a published state dict belongs to.

    Args:
        state: Names to tensors or arrays.

    Returns:
        The network, in evaluation mode.

    Raises:
        TrainingError: The state dict is of another network.
    """
    try:
        last = state["features.16.0.weight"]
        classes = len(state["classifier.5.bias"])
        network = MobileNet(width=int(last.shape[0]) / 960.0, classes=classes)
        network.load_state_dict({name: torch.as_tensor(value) for name, value in state.items()})
    except (KeyError, IndexError, RuntimeError, AttributeError) as error:
        raise TrainingError(f"Expected the state dict of an EfficientAT MobileNetV3; {error}.") from error
    return network.eval()


def whole_eights(channels: float) -> int:
    """Round a number of channels to a multiple of 8, at most 10 % down.

    Source:
        Howard et al. 2019; the rule is that of the published MobileNet code.

    Example:
        >>> whole_eights(16 * 0.4), whole_eights(184 * 0.4), whole_eights(240 * 0.4)
        (8, 72, 96)
    """
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


class _InvertedResidual(nn.Module):
    def __init__(self, channels: int, expanded: int, out: int, block: _Block) -> None:
        super().__init__()
        activation = nn.Hardswish if block.hard_swish else nn.ReLU
        layers: list[nn.Module] = []
        if expanded != channels:
            layers.append(_conv(channels, expanded, 1, activation=activation))
        layers.append(
            _conv(
                expanded, expanded, block.kernel, stride=block.stride, groups=expanded, activation=activation
            )
        )
        if block.squeezes:
            layers.append(_SqueezeExcitation(expanded))
        layers.append(_conv(expanded, out, 1, activation=None))
        self.block = nn.Sequential(*layers)
        self.is_residual = block.stride == 1 and channels == out

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.block(x)
        return x + y if self.is_residual else y


class _SqueezeExcitation(nn.Module):
    """Weights every channel by what its mean, and that of all others, say."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        layer = nn.Module()
        squeezed = whole_eights(channels // 4)
        layer.fc1 = nn.Linear(channels, squeezed)
        layer.fc2 = nn.Linear(squeezed, channels)
        self.conc_se_layers = nn.ModuleList([layer])  # published under this name

    def forward(self, x: Tensor) -> Tensor:
        layer: Any = self.conc_se_layers[0]
        weights = torch.sigmoid(layer.fc2(functional.relu(layer.fc1(x.mean(dim=(2, 3))))))
        return x * weights[:, :, None, None]


def _conv(
    channels: int,
    out: int,
    kernel: int,
    *,
    stride: int = 1,
    groups: int = 1,
    activation: type[nn.Module] | None = None,
) -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.Conv2d(channels, out, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False),
        nn.BatchNorm2d(out, eps=_EPSILON, momentum=0.01),
    ]
    if activation is not None:
        layers.append(activation())
    return nn.Sequential(*layers)
