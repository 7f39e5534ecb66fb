"""The network: strided convolutions that keep the frequency axis, pooling over time, a vector of length 1."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from soundalike.training.front_end import FrontEnd
from soundalike.training.network_config import NetworkConfig, StageConfig, count_macs

_LEAST_LENGTH = 1e-12  # what a vector is divided by at least, so that none divides by 0
SOUNDING = 0.625  # of the range of levels below the loudest: 50 of 80 dB, where a frame still sounds


class ConvUnit(nn.Module):
    """A convolution, batch normalisation, and a rectifier where asked for.

    Args:
        taken: Channels of the input.
        given: Channels of the output.
        kernel: Odd sizes, (frequency, time); the map is padded with zeros by half of it.
        stride: Steps, (frequency, time).
        groups: Groups of channels that see only each other.
        rectify: Whether negative values become 0.
    """

    def __init__(
        self,
        taken: int,
        given: int,
        kernel: tuple[int, int] = (3, 3),
        stride: tuple[int, int] = (1, 1),
        *,
        groups: int = 1,
        rectify: bool = True,
    ) -> None:
        super().__init__()
        padding = (kernel[0] // 2, kernel[1] // 2)
        self.convolution = nn.Conv2d(taken, given, kernel, stride, padding, groups=groups, bias=False)
        self.normalisation = nn.BatchNorm2d(given)
        self.rectify = rectify

    def forward(self, maps: Tensor) -> Tensor:
        """Map (B, C, bands, frames) to (B, C', bands', frames')."""
        out = self.normalisation(self.convolution(maps))
        return functional.relu(out, inplace=True) if self.rectify else cast(Tensor, out)


class Residual(nn.Module):
    """Convolutions whose result is added to what they were given.

    Args:
        units: The convolutions; as many channels out as in, the last without rectifier.
    """

    def __init__(self, *units: nn.Module) -> None:
        super().__init__()
        self.units = nn.Sequential(*units)

    def forward(self, maps: Tensor) -> Tensor:
        """Map (B, C, bands, frames) to the same shape."""
        return functional.relu(maps + self.units(maps))


def _stage(taken: int, given: int, stage: StageConfig) -> list[nn.Module]:
    """Make the modules of one stage."""
    if stage.depthwise and taken > 1:
        units: list[nn.Module] = [
            ConvUnit(taken, taken, stage.kernel, stage.stride, groups=taken),
            ConvUnit(taken, given, (1, 1)),
        ]
    else:
        units = [ConvUnit(taken, given, stage.kernel, stage.stride)]
    for _ in range(stage.repeats):
        if stage.depthwise:
            first: nn.Module = ConvUnit(given, given, groups=given)
            units.append(Residual(first, ConvUnit(given, given, (1, 1), rectify=False)))
        else:
            units.append(Residual(ConvUnit(given, given), ConvUnit(given, given, rectify=False)))
    return units


class EmbeddingNetwork(nn.Module):
    """A front end, convolutions, pooling over time, and the last layer.

    Args:
        front_end: What makes a map of levels out of the input.
        config: What follows it.

    Attributes:
        pooled_dims: Size P of what pooling gives.
    """

    def __init__(self, front_end: FrontEnd, config: NetworkConfig) -> None:
        super().__init__()
        self.front_end = front_end
        self.config = config
        channels = 1
        units: list[nn.Module] = []
        for stage in config.stages:
            units += _stage(channels, config.channels(stage), stage)
            channels = config.channels(stage)
        self.body = nn.Sequential(*units)
        bands = count_macs(config, front_end.bands, front_end.frames).map_size[1]
        self.pooled_dims = channels * bands * len(config.pooling)
        if config.spectrum:
            self.pooled_dims += 2 * front_end.bands
        self.dropout = nn.Dropout(config.dropout)
        if config.hidden:
            self.hidden: nn.Linear | None = nn.Linear(self.pooled_dims, config.hidden)
        else:
            self.hidden = None
        self.last = nn.Linear(config.hidden or self.pooled_dims, config.dims)

    def maps(self, inputs: Tensor) -> Tensor:
        """The last maps, shape ``(B, C, bands', frames')``, of inputs as in :meth:`forward`."""
        return self._maps(self.front_end(inputs))

    def _maps(self, levels: Tensor) -> Tensor:
        return cast(Tensor, self.body(levels.unsqueeze(1)))

    def pooled(self, inputs: Tensor) -> Tensor:
        """Pool the last maps over time.

        Args:
            inputs: As in :meth:`forward`.

        Returns:
            Shape ``(B, P)``: what a head of an objective may stand on.
        """
        levels = self.front_end(inputs)
        maps = self._maps(levels)
        parts = {
            "mean": lambda: maps.mean(dim=3),
            "max": lambda: maps.amax(dim=3),
            "spread": lambda: (maps.square().mean(dim=3) - maps.mean(dim=3).square()).clamp(min=1e-6).sqrt(),
        }
        pooled = torch.cat([parts[kind]() for kind in self.config.pooling], dim=1).flatten(1)
        return torch.cat([pooled, spectrum(levels)], dim=1) if self.config.spectrum else pooled

    def embedding(self, pooled: Tensor) -> Tensor:
        """Turn what was pooled, shape ``(B, P)``, into vectors of length 1, shape ``(B, D)``, float32."""
        values = self.dropout(pooled)
        if self.hidden is not None:
            values = functional.relu(self.hidden(values))
        whole = self.last(values).float()
        if not self.config.parts:
            return functional.normalize(whole, dim=1, eps=_LEAST_LENGTH)
        parts = whole.split([part.dims for part in self.config.parts], dim=1)
        return torch.cat(
            [
                scale * functional.normalize(part, dim=1, eps=_LEAST_LENGTH)
                for part, scale in zip(parts, self.config.part_scales, strict=True)
            ],
            dim=1,
        )

    def part(self, vectors: Tensor, name: str) -> Tensor:
        """Take a part out of vectors, shape ``(B, D)``: ``(B, d)``, of length 1; all of them for no name."""
        if not name:
            return vectors
        return functional.normalize(vectors[:, self.config.part(name)], dim=1, eps=_LEAST_LENGTH)

    def forward(self, inputs: Tensor) -> Tensor:
        """Embed segments.

        Args:
            inputs: Log-mel levels in dB, shape ``(B, bands, frames)``, or samples, shape ``(B, T)``, as the
                front end takes them; float32.

        Returns:
            Vectors of length 1, shape ``(B, D)``, float32.
        """
        return self.embedding(self.pooled(inputs))


def spectrum(levels: Tensor) -> Tensor:
    """Take the mean and the spread of every band over the frames that sound.

    Args:
        levels: Shape ``(B, bands, frames)``, between -1 and 1, which is the loudest of each.

    Returns:
        Shape ``(B, 2 * bands)``, float32: all means, then all standard deviations.
    """
    levels = levels.float()
    sounding = (levels.amax(dim=1, keepdim=True) > 1.0 - 2.0 * SOUNDING).float()
    count = sounding.sum(dim=2).clamp(min=1.0)
    mean = (levels * sounding).sum(dim=2) / count
    apart = (levels - mean[:, :, None]).square() * sounding
    spread = (apart.sum(dim=2) / count).clamp(min=1e-6).sqrt()
    return torch.cat([mean, spread], dim=1)
