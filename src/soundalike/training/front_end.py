"""Front ends as modules of a network: levels made independent of gain; a frozen bank of Morlet wavelets."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from soundalike.features.front_end import LogMelFrontEnd
from soundalike.features.morlet import MorletConfig, half_band_filter, morlet_centres_hz, morlet_wavelets
from soundalike.training.inputs import InputConfig, MorletFrontEnd

_HALVABLE_BELOW = 0.19  # bands whose upper edge lies below this share of a rate can be heard at half of it
DB_PER_NEPER = 10.0 / math.log(10.0)


class RelativeLevels(nn.Module):
    """Levels relative to the loudest of a segment, from -1 (``range_db`` below it and less) to 1.

    Args:
        range_db: See :class:`soundalike.training.inputs.InputConfig`.
    """

    def __init__(self, range_db: float) -> None:
        super().__init__()
        self.range_db = range_db

    def forward(self, levels_db: Tensor) -> Tensor:
        """Map levels in dB, shape ``(B, bands, frames)``, to the same shape, within -1 and 1."""
        relative = (levels_db - levels_db.amax(dim=(1, 2), keepdim=True)).clamp(min=-self.range_db)
        return relative * (2.0 / self.range_db) + 1.0


class MorletGroup(nn.Module):
    """Wavelets that listen at one rate: a convolution with their real and imaginary parts.

    High wavelets are short. Where they would overhear what lies between two values, powers are taken more
    often and averaged.

    Args:
        bank: The whole bank.
        rows: Which of its wavelets, lowest first.
        rate_hz: The rate that these listen at.
        stride: Samples at that rate between two values.

    Attributes:
        bands: How many wavelets there are.
        averaged: How many powers a value is the mean of.
        step: Samples between two powers.
    """

    def __init__(self, bank: MorletConfig, rows: slice, rate_hz: float, stride: int) -> None:
        super().__init__()
        wavelets = morlet_wavelets(morlet_centres_hz(bank)[rows], rate_hz, bank.bandwidth_octaves)
        parts = np.concatenate([wavelets.real, wavelets.imag])[:, None, :]
        self.bands = len(wavelets)
        self.averaged = 1
        while stride % (2 * self.averaged) == 0 and stride / (2 * self.averaged) >= wavelets.shape[1] / 2:
            self.averaged *= 2
        self.step = stride // self.averaged
        self.wavelets: Tensor
        self.register_buffer("wavelets", torch.from_numpy(np.ascontiguousarray(parts)), persistent=False)

    def padding(self, samples: int) -> tuple[int, int]:
        """Zeros before and behind so many samples, such that means stand around the samples of values."""
        taps = self.wavelets.shape[2]
        before = taps // 2 + (self.averaged - 1) * self.step // 2
        values = 1 + (samples - 1) // (self.step * self.averaged)
        return before, max(0, (values * self.averaged - 1) * self.step + taps - before - samples)

    def forward(self, samples: Tensor) -> Tensor:
        """Map samples at this rate, shape ``(B, 1, T)``, to powers, shape ``(B, bands, frames)``."""
        padded = functional.pad(samples, self.padding(samples.shape[2]))
        squares = functional.conv1d(padded, self.wavelets, stride=self.step).square()
        power = squares[:, : self.bands] + squares[:, self.bands :]
        return functional.avg_pool1d(power, self.averaged) if self.averaged > 1 else power


class MorletBank(nn.Module):
    """A frozen bank of Morlet wavelets on samples: levels in dB over time.

    Low wavelets are long. They listen at rates halved once or more, behind a low-pass filter, where they have
    few taps: at 32 kHz, 64 wavelets from 40 Hz to 12 kHz cost 4.9 million multiply-adds per second; at full
    rate, each at its own length, they would cost 21 million.

    Args:
        config: What to make.
        rate_hz: Sample rate of the samples.

    Attributes:
        groups: For every rate, highest first, the wavelets that listen at it.
        low_pass: The filter before halving.
    """

    def __init__(self, config: MorletFrontEnd, rate_hz: int) -> None:
        super().__init__()
        bank = config.bank(rate_hz)
        self.floor_power = 10.0 ** (config.floor_db / 10.0)
        self.low_pass: Tensor
        self.register_buffer("low_pass", torch.from_numpy(half_band_filter())[None, None], persistent=False)
        edges_hz = morlet_centres_hz(bank) * 2.0**bank.bandwidth_octaves
        halvings, hop = [], config.hop_samples
        for edge_hz in edges_hz:
            most = math.floor(math.log2(_HALVABLE_BELOW * 2 * rate_hz / edge_hz))
            halvings.append(min(max(0, most), (hop & -hop).bit_length() - 1))
        self.groups = nn.ModuleList()
        for level in range(max(halvings) + 1):
            rows = [row for row, own in enumerate(halvings) if own == level]
            some = slice(rows[0], rows[-1] + 1) if rows else slice(0, 0)
            group = MorletGroup(bank, some, rate_hz / 2**level, hop >> level) if rows else nn.Identity()
            self.groups.append(group)

    def powers(self, samples: Tensor) -> list[Tensor]:
        """The power of every group's wavelets, the highest group first."""
        heard = samples.unsqueeze(1)
        powers: list[Tensor] = []
        for level, group in enumerate(self.groups):
            if level:
                heard = functional.conv1d(heard, self.low_pass, stride=2, padding=self.low_pass.shape[2] // 2)
            if isinstance(group, MorletGroup):
                powers.append(group(heard))
        return powers

    def forward(self, samples: Tensor) -> Tensor:
        """Map samples, shape ``(B, T)``, to levels in dB, shape ``(B, bands, frames)``, lowest band first."""
        power = torch.cat(self.powers(samples)[::-1], dim=1)
        return power.clamp(min=self.floor_power).log() * DB_PER_NEPER


class FrontEnd(nn.Module):
    """What stands before the convolutions: a bank inside the network, if any, and relative levels.

    Args:
        config: How the network listens.

    Attributes:
        bands: Bands of the map that it gives.
        frames: Frames of that map.
    """

    def __init__(self, config: InputConfig) -> None:
        super().__init__()
        self.bands, self.frames = config.bands, config.frames
        self.bank: MorletBank | None = None
        if not isinstance(config.front_end, LogMelFrontEnd):
            self.bank = MorletBank(config.front_end, config.rate_hz)
        self.relative = RelativeLevels(config.range_db)

    def forward(self, inputs: Tensor) -> Tensor:
        """Map inputs (see :func:`soundalike.training.inputs.network_inputs`) to ``(B, bands, frames)``."""
        with torch.autocast(
            inputs.device.type, enabled=False
        ):  # levels in dB need more digits than bfloat16 has
            levels = inputs.float() if self.bank is None else self.bank(inputs.float())
            out: Tensor = self.relative(levels)
        return out


def count_bank_macs(config: InputConfig) -> int:
    """Count the multiply-adds of a front end inside the network, per segment; 0 where it stands outside."""
    if isinstance(config.front_end, LogMelFrontEnd):
        return 0
    bank = MorletBank(config.front_end, config.rate_hz)
    samples = config.window_samples
    total = 0
    for level, group in enumerate(bank.groups):
        if level:
            samples = -(-samples // 2)
            total += samples * bank.low_pass.shape[2]
        if isinstance(group, MorletGroup):
            total += group.wavelets.shape[0] * group.wavelets.shape[2] * config.frames * group.averaged
    return total
