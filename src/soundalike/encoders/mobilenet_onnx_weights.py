"""The layers of a MobileNetV3-Large for sound, read from its state dict, batch norms folded away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from soundalike.core.arrays import FloatArray
from soundalike.core.errors import EncoderError

StateDict: TypeAlias = Mapping[str, NDArray[Any]]
Activation: TypeAlias = Literal["relu", "hardswish"] | None

BATCH_NORM_EPS = 0.001

_MAX_CHANNELS = 65_536  # eight times the widest layer of the widest published network


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of the table of blocks: what no shape in a state dict tells, and what it must agree with."""

    kernel: int
    squeeze: bool
    activation: Activation
    stride: int


_TABLE = (
    _Row(3, False, "relu", 1),
    _Row(3, False, "relu", 2),
    _Row(3, False, "relu", 1),
    _Row(5, True, "relu", 2),
    _Row(5, True, "relu", 1),
    _Row(5, True, "relu", 1),
    _Row(3, False, "hardswish", 2),
    _Row(3, False, "hardswish", 1),
    _Row(3, False, "hardswish", 1),
    _Row(3, False, "hardswish", 1),
    _Row(3, True, "hardswish", 1),
    _Row(3, True, "hardswish", 1),
    _Row(5, True, "hardswish", 2),
    _Row(5, True, "hardswish", 1),
    _Row(5, True, "hardswish", 1),
)


@dataclass(frozen=True, slots=True)
class Convolution:
    """A convolution with its batch norm folded in, padded so that stride 1 keeps the size.

    Attributes:
        weight: Shape ``(out, in / groups, kernel, kernel)``.
        bias: Shape ``(out,)``.
        stride: In both directions.
        groups: 1, or the number of channels where every channel is filtered by itself.
        activation: What follows.
    """

    weight: FloatArray
    bias: FloatArray
    stride: int = 1
    groups: int = 1
    activation: Activation = None


@dataclass(frozen=True, slots=True)
class Linear:
    """A matrix product: ``weight`` of shape ``(out, in)``, ``bias`` of shape ``(out,)``."""

    weight: FloatArray
    bias: FloatArray


@dataclass(frozen=True, slots=True)
class Block:
    """An inverted residual block.

    Attributes:
        expand: To more channels; None in the first block.
        depthwise: Every channel by itself.
        squeeze: The two layers of squeeze-and-excitation over channels; None in blocks without.
        project: To fewer channels.
        residual: Whether the block's input is added to its output.
    """

    expand: Convolution | None
    depthwise: Convolution
    squeeze: tuple[Linear, Linear] | None
    project: Convolution
    residual: bool


@dataclass(frozen=True, slots=True)
class MobileNet:
    """All layers, in order."""

    first: Convolution
    blocks: tuple[Block, ...]
    last: Convolution
    hidden: Linear
    classes: Linear

    @property
    def parameters(self) -> int:
        """How many numbers the layers have."""
        layers: list[Convolution | Linear] = [self.first, self.last, self.hidden, self.classes]
        for block in self.blocks:
            layers += [*filter(None, [block.expand]), block.depthwise, *(block.squeeze or ()), block.project]
        return sum(layer.weight.size + layer.bias.size for layer in layers)


def read_layers(state: StateDict) -> MobileNet:
    """Turn a state dict into layers.

    Args:
        state: Arrays by the names that EfficientAT's networks have in PyTorch: ``features.0.0.weight`` to
            ``classifier.5.bias``. Any width; squeeze-and-excitation over channels; one input channel.

    Returns:
        The layers, float32; each batch norm is folded into the convolution before it, in float64.

    Raises:
        EncoderError: A name is missing or left over, or a shape or value is not one of such a network.

    Source:
        Howard et al. 2019, Searching for MobileNetV3, table 1 (kernels, squeeze, activations, strides);
        Schmid et al. 2023, Efficient large-scale audio tagging via transformer-to-CNN knowledge
        distillation, section 3 (one input channel, last layer, head).
    """
    reader = _Reader(state)
    first = reader.convolution("features.0", channels=1, kernel=3, stride=2, activation="hardswish")
    channels = len(first.bias)
    blocks = []
    for number, row in enumerate(_TABLE, start=1):
        block = _read_block(reader, f"features.{number}.block", channels, row)
        channels = len(block.project.bias)
        blocks.append(block)
    last = reader.convolution(f"features.{len(_TABLE) + 1}", channels=channels, activation="hardswish")
    hidden = reader.linear("classifier.2", len(last.bias))
    classes = reader.linear("classifier.5", len(hidden.bias))
    reader.check_all_read()
    return MobileNet(first, tuple(blocks), last, hidden, classes)


def _read_block(reader: _Reader, name: str, channels: int, row: _Row) -> Block:
    at = 0
    expand = None
    if not reader.is_depthwise(f"{name}.0"):
        expand = reader.convolution(f"{name}.0", channels=channels, activation=row.activation)
        at = 1
    wide = len(expand.bias) if expand else channels
    depthwise = reader.convolution(
        f"{name}.{at}",
        channels=wide,
        kernel=row.kernel,
        stride=row.stride,
        activation=row.activation,
        depthwise=True,
    )
    at += 1
    squeeze = None
    if row.squeeze:
        inner = f"{name}.{at}.conc_se_layers.0"
        down = reader.linear(f"{inner}.fc1", wide)
        squeeze = (down, reader.linear(f"{inner}.fc2", len(down.bias), outputs=wide))
        at += 1
    project = reader.convolution(f"{name}.{at}", channels=wide)
    return Block(expand, depthwise, squeeze, project, row.stride == 1 and len(project.bias) == channels)


class _Reader:
    """Takes layers out of a state dict, and knows at the end what was not taken."""

    def __init__(self, state: StateDict) -> None:
        self._state = state
        self._left = set(state)

    def is_depthwise(self, name: str) -> bool:
        """Whether the convolution of that name filters every channel by itself."""
        weight = self._state.get(f"{name}.0.weight")
        return weight is not None and weight.ndim == 4 and weight.shape[1] == 1 and weight.shape[2] > 1

    def convolution(
        self,
        name: str,
        *,
        channels: int,
        kernel: int = 1,
        stride: int = 1,
        activation: Activation = None,
        depthwise: bool = False,
    ) -> Convolution:
        """Take a convolution, ``NAME.0``, and its batch norm, ``NAME.1``."""
        per_group = 1 if depthwise else channels
        shape = (channels if depthwise else None, per_group, kernel, kernel)
        weight = self._take(f"{name}.0.weight", shape)
        outputs = (len(weight),)
        scale, shift, mean, variance = (
            self._take(f"{name}.1.{part}", outputs)
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        self._left.discard(f"{name}.1.num_batches_tracked")
        if variance.min() < 0.0:
            raise EncoderError(f"The state dict's {name}.1.running_var holds a variance below zero.")
        factor = scale / np.sqrt(variance + BATCH_NORM_EPS)
        folded = weight * factor[:, None, None, None]
        groups = channels if depthwise else 1
        return Convolution(
            _single(folded, name), _single(shift - mean * factor, name), stride, groups, activation
        )

    def linear(self, name: str, inputs: int, outputs: int | None = None) -> Linear:
        """Take a matrix and its bias."""
        weight = self._take(f"{name}.weight", (outputs, inputs))
        return Linear(_single(weight, name), _single(self._take(f"{name}.bias", (len(weight),)), name))

    def check_all_read(self) -> None:
        """Raise EncoderError where the state dict holds what such a network does not have."""
        if self._left:
            raise EncoderError(
                f"The state dict is not one of a MobileNetV3 for sound: it also holds {min(self._left)!r}."
            )

    def _take(self, name: str, shape: tuple[int | None, ...]) -> NDArray[np.float64]:
        """Take an array; None in a shape stands for any size."""
        array = self._state.get(name)
        if array is None:
            raise EncoderError(f"The state dict is not one of a MobileNetV3 for sound: {name!r} is missing.")
        self._left.discard(name)
        fits = array.ndim == len(shape) and all(
            1 <= size <= _MAX_CHANNELS and wanted in (None, size)
            for size, wanted in zip(array.shape, shape, strict=True)
        )
        if not fits or array.dtype.kind != "f":
            expected = ", ".join("any" if size is None else str(size) for size in shape)
            raise EncoderError(
                f"The state dict's {name!r} should be floating point of shape ({expected}); "
                f"it is {array.dtype} of shape {array.shape}."
            )
        values = array.astype(np.float64)
        if not np.isfinite(values).all():
            raise EncoderError(f"The state dict's {name!r} holds values that are NaN or infinite.")
        return values


def _single(values: NDArray[np.float64], name: str) -> FloatArray:
    """Convert; what does not fit is an error."""
    with np.errstate(over="ignore"):
        single = values.astype(np.float32)
    if not np.isfinite(single).all():
        raise EncoderError(f"The state dict's {name!r} holds values that are too large for float32.")
    return single
