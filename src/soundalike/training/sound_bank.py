"""All sounds in the memory of a device, read at any speed, many stretches at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from soundalike.core.errors import TrainingError
from soundalike.training.sounds import TrainingSound, TrainingSounds

_FULL_SCALE = 32767.0


class SoundBank:
    """Samples of sounds on a device.

    Args:
        sounds: Where they are read from; all of one rate.
        device: Where they are held: 2 bytes a sample.

    Attributes:
        rate_hz: Their rate.
        sounds: What is known of each, in order.
        lengths: Samples of each, shape ``(S,)``, int64, on the device.
        digests: SHA-256 of the samples of each of the folders that they were read from.

    Raises:
        TrainingError: There are no sounds, or they have several rates.
    """

    def __init__(self, sounds: Sequence[TrainingSounds], device: torch.device) -> None:
        rates = sorted({one.rate_hz for one in sounds})
        if len(rates) != 1 or not any(len(one) for one in sounds):
            raise TrainingError(f"Expected sounds of one rate; got {sum(map(len, sounds))} of rates {rates}.")
        self.rate_hz = rates[0]
        self.device = device
        self.digests = tuple(one.digest for one in sounds)
        self.sounds: tuple[TrainingSound, ...] = tuple(sound for one in sounds for sound in one.sounds)
        parts: list[NDArray[np.int16]] = []
        starts: list[NDArray[np.int64]] = []
        base = 0
        for one in sounds:
            samples = one.samples()
            parts.append(samples)
            starts.append(np.array([sound.start for sound in one.sounds], np.int64) + base)
            base += len(samples)
        self._samples = torch.empty(base + 1, dtype=torch.int16, device=device)  # one more to interpolate to
        base = 0
        for part in parts:
            self._samples[base : base + len(part)] = torch.from_numpy(np.array(part)).to(device)
            base += len(part)
        self._samples[base:] = 0
        self._starts = torch.from_numpy(np.concatenate(starts)).to(device)
        self.lengths = torch.tensor([sound.length for sound in self.sounds], dtype=torch.int64, device=device)

    def __len__(self) -> int:
        return len(self.sounds)

    def read(self, rows: Tensor, at: Tensor) -> Tensor:
        """Read samples between samples, by linear interpolation.

        Args:
            rows: Which sounds, int64, of a shape that broadcasts with that of ``at``.
            at: Where in each, in samples from its beginning, float64, shape ``(B, T)``.

        Returns:
            Shape ``(B, T)``, float32, full scale at 1.0; zero outside of the sounds.
        """
        left = at.floor()
        share = (at - left).float()
        index = left.long()
        inside = (index >= 0) & (at <= (self.lengths[rows] - 1))
        index = torch.where(inside, index + self._starts[rows], 0)
        first = self._samples[index].float()
        second = self._samples[index + 1].float()
        value = first + (second - first) * share
        return torch.where(inside, value, 0.0).mul_(1.0 / _FULL_SCALE)
