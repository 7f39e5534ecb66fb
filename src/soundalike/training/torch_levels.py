"""Log-mel spectra in torch: what an encoder computes with numpy, for batches that are made on a device."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from soundalike.features.front_end import LogMelFrontEnd
from soundalike.features.logmel import sparse_bank
from soundalike.training.own_statistics import CEPSTRA, RANGE_DB, SOUNDING_DB

_DB_PER_NEPER = 10.0 / math.log(10.0)


class TorchLogMel(nn.Module):
    """A log-mel front end as a module: the spectra of :func:`soundalike.features.front_end_spectra`.

    Equal to them up to the rounding of another transform; an encoder always runs the other one.

    Args:
        front_end: What to make.
        rate_hz: Sample rate.
    """

    def __init__(self, front_end: LogMelFrontEnd, rate_hz: int) -> None:
        super().__init__()
        self.front_end = front_end
        length = front_end.frame_samples
        periodic = front_end.window == "hann_periodic"
        window = torch.hann_window(length, periodic=periodic, dtype=torch.float64)
        if front_end.power == "full_scale":
            window = window * (2.0 / window.sum())
        bank = sparse_bank(front_end.mel(rate_hz)).toarray().astype(np.float32)
        self.window: Tensor
        self.bank: Tensor
        self.register_buffer("window", window.float(), persistent=False)
        self.register_buffer("bank", torch.from_numpy(np.ascontiguousarray(bank.T)), persistent=False)

    @torch.no_grad()
    def forward(self, segments: Tensor) -> Tensor:
        """Map samples, shape ``(B, T)``, float32, to spectra ``(B, bands, frames)``."""
        how = self.front_end
        audio = segments
        if how.shortened_by:
            audio = audio[:, 1:] - how.pre_emphasis * audio[:, :-1]
        if how.centred:
            half = how.transform_samples // 2
            beside = (how.transform_samples - how.frame_samples) // 2
            audio = functional.pad(audio, (half, half), mode="reflect")[:, beside:]
        count = how.count_frames(segments.shape[1])
        frames = audio.unfold(1, how.frame_samples, how.hop_samples)[:, :count] * self.window
        spectrum = torch.fft.rfft(frames, how.transform_samples)
        mel = (spectrum.real.square() + spectrum.imag.square()) @ self.bank
        if how.logarithm == "db":
            mel = mel.clamp(min=10.0 ** (how.floor_db / 10.0)).log_().mul_(_DB_PER_NEPER)
        else:
            mel = mel.add_(how.offset).log_()
        spectra: Tensor = (mel + how.shift) / how.divide
        return spectra.transpose(1, 2)


def torch_level_statistics(levels_db: Tensor) -> Tensor:
    """Take the statistics of :func:`soundalike.training.own_statistics.level_statistics` on a device.

    Args:
        levels_db: Log-mel levels of clips, shape ``(N, bands, frames)``, of any reference; frames behind a
            clip's end are far below its loudest.

    Returns:
        Shape ``(N, STATISTICS)``, float32.
    """
    relative = levels_db - levels_db.amax(dim=(1, 2), keepdim=True)
    sounding = relative.amax(dim=1) > -SOUNDING_DB
    cepstra = _dct(levels_db.shape[1], levels_db.device) @ relative.clamp(min=-RANGE_DB)
    mean = _mean(cepstra, sounding)
    spread = _mean((cepstra - mean[:, :, None]).square(), sounding).sqrt()
    change = _mean(cepstra.diff(dim=2).abs(), sounding[:, 1:] & sounding[:, :-1])
    return torch.cat([mean, spread, change], dim=1)


def _dct(bands: int, device: torch.device) -> Tensor:
    """Rows 1 to ``CEPSTRA`` of the orthonormal cosine transform over bands."""
    at = torch.arange(bands, device=device) + 0.5
    rows = torch.arange(1, CEPSTRA + 1, device=device)
    return torch.cos(math.pi / bands * rows[:, None] * at[None, :]) * math.sqrt(2.0 / bands)


def _mean(values: Tensor, counted: Tensor) -> Tensor:
    weights = counted.to(values.dtype)
    return (values * weights[:, None]).sum(dim=2) / weights.sum(dim=1).clamp(min=1.0)[:, None]
