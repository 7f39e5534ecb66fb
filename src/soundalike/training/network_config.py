"""What an embedding network is made of, and what it costs: plain numbers, without torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Self, TypeAlias

import numpy as np

from soundalike.core.arrays import FloatArray
from soundalike.core.errors import InvalidInputError

Pooling: TypeAlias = Literal["mean", "max", "spread"]
_POOLINGS = ("mean", "max", "spread")


@dataclass(frozen=True, slots=True)
class StageConfig:
    """One strided convolution, and the residual blocks behind it. Pairs are (frequency, time).

    Attributes:
        channels: Channels that it gives, before the network's width.
        kernel: Size of the convolution; odd, so that it has a middle.
        stride: Its step; the map shrinks by it.
        repeats: Residual blocks of two 3 × 3 convolutions behind it.
        depthwise: Whether every convolution is one per channel followed by one over the channels: far fewer
            multiply-adds, but slower each.
    """

    channels: int
    kernel: tuple[int, int] = (3, 3)
    stride: tuple[int, int] = (2, 2)
    repeats: int = 0
    depthwise: bool = False

    def __post_init__(self) -> None:
        if min(self.channels, *self.kernel, *self.stride) < 1 or self.repeats < 0:
            raise InvalidInputError(f"Channels, kernel and stride of a stage are at least 1; got {self}.")
        if self.kernel[0] % 2 == 0 or self.kernel[1] % 2 == 0:
            raise InvalidInputError(f"The kernel of a stage has odd sizes; got {self.kernel}.")


@dataclass(frozen=True, slots=True)
class PartConfig:
    """A part of a vector that says one thing about a sound: some dimensions, of a fixed share of its length.

    The cosine of two vectors is the mean of the cosines of their parts, by weight: what one part says is
    neither drowned nor lost in what another says.

    Attributes:
        name: What objectives call it.
        dims: Its dimensions.
        weight: How much it counts beside the others.
    """

    name: str
    dims: int
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not self.name or self.dims < 1 or not 0.0 < self.weight < math.inf:
            raise InvalidInputError(
                f"A part has a name, at least one dimension and a weight above 0; got {self}."
            )


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """A convolutional network from a map of levels, bands by frames, to a vector of length 1.

    The frequency axis is kept to the end: the last map is pooled over time only, and every position on the
    frequency axis has weights of its own in the last layer.

    Attributes:
        stages: The convolutions, in order.
        dims: Size D of the vectors.
        pooling: What is taken of every channel over time; all of them, side by side.
        hidden: Units of a layer between pooling and the last one; 0 for none.
        width: What the channels of all stages are multiplied with, rounded to multiples of 8.
        dropout: Share of the pooled values that is left out at random in training.
        parts: What a vector is made of, in order; their dimensions sum up to ``dims``. None: it is one.
        spectrum: Whether the input's own levels stand beside what is pooled: their mean and their spread over
            the frames that sound, per band.
    """

    stages: tuple[StageConfig, ...] = (
        StageConfig(32, (5, 5), (2, 2)),
        StageConfig(64),
        StageConfig(128),
        StageConfig(256),
    )
    dims: int = 128
    pooling: tuple[Pooling, ...] = ("mean", "max")
    hidden: int = 0
    width: float = 1.0
    dropout: float = 0.0
    parts: tuple[PartConfig, ...] = ()
    spectrum: bool = False

    def __post_init__(self) -> None:
        if not self.stages or self.dims < 1 or self.hidden < 0:
            raise InvalidInputError(
                f"A network has at least one stage and one dimension; got {len(self.stages)} and {self.dims}."
            )
        if not self.pooling or any(kind not in _POOLINGS for kind in self.pooling):
            raise InvalidInputError(f"pooling takes some of {', '.join(_POOLINGS)}; got {self.pooling}.")
        if not 0.0 < self.width <= 16.0 or not 0.0 <= self.dropout < 1.0:
            raise InvalidInputError(
                f"width lies above 0 and dropout below 1; got {self.width:g} and {self.dropout:g}."
            )

        names = [part.name for part in self.parts]
        if self.parts and (
            sum(part.dims for part in self.parts) != self.dims or len(set(names)) < len(names)
        ):
            raise InvalidInputError(
                f"The parts of a vector have different names and {self.dims} dimensions together; got "
                f"{', '.join(f'{part.name} of {part.dims}' for part in self.parts)}."
            )

    def part(self, name: str) -> slice:
        """Where a part lies in a vector; all of it for the empty name.

        Raises:
            InvalidInputError: There is no such part.
        """
        if not name:
            return slice(0, self.dims)
        first = 0
        for part in self.parts:
            if part.name == name:
                return slice(first, first + part.dims)
            first += part.dims
        raise InvalidInputError(
            f"A vector has the parts {', '.join(part.name for part in self.parts) or 'of one'}; got {name!r}."
        )

    @property
    def part_scales(self) -> tuple[float, ...]:
        """The length of each part in a vector of length 1."""
        total = sum(part.weight for part in self.parts)
        return tuple(math.sqrt(part.weight / total) for part in self.parts)

    def with_weights(self, weights: Sequence[float]) -> Self:
        """The same network, whose parts count otherwise.

        Args:
            weights: One for each part, in order.

        Raises:
            InvalidInputError: There are more or fewer parts, or one would not count.
        """
        if len(weights) != len(self.parts):
            raise InvalidInputError(f"Expected a weight for each of {len(self.parts)} parts; got {weights}.")
        parts = [replace(part, weight=weight) for part, weight in zip(self.parts, weights, strict=True)]
        return replace(self, parts=tuple(parts))

    def rescaling(self, weights: Sequence[float]) -> FloatArray:
        """What vectors, also means of vectors, are multiplied with where parts shall count otherwise.

        Args:
            weights: See :meth:`with_weights`.

        Returns:
            Shape ``(dims,)``, float32. Means are to be brought to length 1 anew.

        Example:
            >>> parts = (PartConfig("one", 2), PartConfig("two", 1))
            >>> NetworkConfig(dims=3, parts=parts).rescaling([1.0, 0.0001]).round(2).tolist()
            [1.409999966621399, 1.409999966621399, 0.009999999776482582]
        """
        scales = np.divide(self.with_weights(weights).part_scales, self.part_scales)
        return np.repeat(scales, [part.dims for part in self.parts]).astype(np.float32)

    def channels(self, stage: StageConfig) -> int:
        """Channels of a stage at this width."""
        if self.width == 1.0:
            return stage.channels
        return max(8, 8 * round(stage.channels * self.width / 8))


@dataclass(frozen=True, slots=True)
class NetworkCost:
    """What one segment costs.

    Attributes:
        macs: Multiply-adds of all convolutions and layers.
        parameters: Weights and biases, batch normalisation folded.
        map_size: Channels, bands and frames of the last map, before pooling.
    """

    macs: int
    parameters: int
    map_size: tuple[int, int, int]


def count_macs(config: NetworkConfig, bands: int, frames: int) -> NetworkCost:
    """Count what a network costs per segment.

    Args:
        config: The network.
        bands: Bands of its input.
        frames: Frames of its input.

    Returns:
        Its multiply-adds, parameters and last map.

    Example:
        >>> config = NetworkConfig(stages=(StageConfig(16, (3, 3), (2, 2)),), dims=8, pooling=("mean",))
        >>> count_macs(config, bands=10, frames=20)
        NetworkCost(macs=7840, parameters=808, map_size=(16, 5, 10))
    """
    macs = parameters = 0
    channels, size = 1, (bands, frames)
    for stage in config.stages:
        given = config.channels(stage)
        size = conv_size(size, stage)
        layers = [(channels, stage.kernel, stage.depthwise and channels > 1)]
        layers += [(given, (3, 3), stage.depthwise)] * (stage.repeats * (1 if stage.depthwise else 2))
        for taken, kernel, separable in layers:
            weights = kernel[0] * kernel[1] * taken * (1 if separable else given)
            weights += taken * given if separable else 0
            macs += weights * size[0] * size[1]
            parameters += weights + given + (taken if separable else 0)
        channels = given
    pooled = channels * len(config.pooling) * size[0] + (2 * bands if config.spectrum else 0)
    for units in [config.hidden, config.dims] if config.hidden else [config.dims]:
        macs += pooled * units
        parameters += pooled * units + units
        pooled = units
    return NetworkCost(macs, parameters, (channels, *size))


def conv_size(size: tuple[int, int], stage: StageConfig) -> tuple[int, int]:
    """Size of the map behind a stage: every axis divided by its stride, rounded up."""
    return -(-size[0] // stage.stride[0]), -(-size[1] // stage.stride[1])
