"""Changes of many clips at once, on a device: colours, rooms, noise, mixtures; ``audio.deform`` in torch.

What is changed here is drawn for every row of a batch by a ``torch.Generator``, so that a batch depends on
its seed alone. Time goes through one transform per batch; no loop runs over rows.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

_KNOTS = 9  # of a random colour, evenly spread in octaves from 40 Hz to half the rate
_LOWEST_HZ = 40.0
_TINY = 1e-18


class Draw:
    """Random numbers for a batch.

    Args:
        seed: Where they start.
        device: Where they are drawn.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self.device = device
        self.generator = torch.Generator(device)
        self.generator.manual_seed(seed)

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """Evenly between two numbers, float32."""
        return low + (high - low) * torch.rand(shape, generator=self.generator, device=self.device)

    def normal(self, *shape: int) -> Tensor:
        """Standard normal, float32."""
        return torch.randn(shape, generator=self.generator, device=self.device)

    def chance(self, share: float, count: int) -> Tensor:
        """Which of some rows are chosen, each with a chance: bool, shape ``(count,)``."""
        return torch.rand(count, generator=self.generator, device=self.device) < share

    def choice(self, weights: Tensor, count: int) -> Tensor:
        """Numbers by weight, with replacement: int64, shape ``(count,)``."""
        at = torch.rand(count, generator=self.generator, device=self.device, dtype=torch.float64)
        cumulated = weights.double().cumsum(0)
        return torch.searchsorted(cumulated, at * cumulated[-1]).clamp(max=len(weights) - 1)


def mean_power(audio: Tensor, extent: Tensor) -> Tensor:
    """Mean power of rows over their first ``extent`` samples: ``(B, T)`` and ``(B,)`` to ``(B,)``."""
    return audio.square().sum(dim=1) / extent.clamp(min=1)


def add_below(audio: Tensor, other: Tensor, below_db: Tensor) -> Tensor:
    """Add rows ``(B, T)`` such that their energy lies so many dB, ``(B,)``, below that of the first."""
    ratio = (audio.square().sum(dim=1) + _TINY) / (other.square().sum(dim=1) + _TINY)
    gain = ratio.sqrt() * torch.pow(10.0, -below_db / 20.0)
    return audio + other * gain.clamp(max=1e3)[:, None]


def coloured_noise(draw: Draw, rows: int, samples: int, slopes: Tensor, rate_hz: int) -> Tensor:
    """Make noise of unit power whose spectrum falls by so many dB per octave: ``(rows, samples)``.

    Args:
        draw: Draws.
        rows: How many.
        samples: How long.
        slopes: dB per octave, shape ``(rows,)``; 0 is white.
        rate_hz: Sample rate.
    """
    if rows == 0:  # not every transform takes a batch of none
        return slopes.new_zeros(0, samples)
    size = _fft_size(samples)
    spectrum = torch.fft.rfft(draw.normal(rows, size))
    hz = torch.linspace(0.0, rate_hz / 2, size // 2 + 1, device=draw.device).clamp(min=20.0)
    octaves = torch.log2(hz / 1000.0)
    shaped = spectrum * torch.pow(10.0, slopes[:, None] * octaves[None, :] / 20.0)
    noise = torch.fft.irfft(shaped, size)[:, :samples]
    unit: Tensor = noise / (noise.square().mean(dim=1, keepdim=True) + _TINY).sqrt()
    return unit


def colours(draw: Draw, rows: int, size: int, spread_db: float, rate_hz: int) -> Tensor:
    """Draw smooth filters: gains ``(rows, size // 2 + 1)`` for a transform of ``size`` samples."""
    knots = draw.normal(rows, _KNOTS) * spread_db
    hz = torch.linspace(0.0, rate_hz / 2, size // 2 + 1, device=draw.device)
    octaves = torch.log2(hz.clamp(min=_LOWEST_HZ) / _LOWEST_HZ)
    at = octaves / octaves[-1] * (_KNOTS - 1)
    left = at.long().clamp(max=_KNOTS - 2)
    share = at - left
    return torch.pow(10.0, (knots[:, left] * (1.0 - share) + knots[:, left + 1] * share) / 20.0)


def band_limits(draw: Draw, rows: int, size: int, rate_hz: int) -> Tensor:
    """Draw low passes from 2.5 to 14 kHz, a third with a high pass from 60 to 600 Hz: gains as above."""
    hz = torch.linspace(0.0, rate_hz / 2, size // 2 + 1, device=draw.device)
    high = torch.exp(draw.uniform(math.log(2500.0), math.log(14000.0), rows))[:, None]
    gains = torch.rsqrt(1.0 + (hz / high).pow(32))
    low = torch.exp(draw.uniform(math.log(60.0), math.log(600.0), rows))[:, None]
    thin = draw.chance(0.33, rows)[:, None]
    return torch.where(thin, gains * torch.rsqrt(1.0 + (low / hz.clamp(min=1.0)).pow(8)), gains)


def rooms(draw: Draw, rows: int, size: int, rate_hz: int) -> Tensor:
    """Draw rooms: transforms of the sound and a decaying noise behind it, ``(rows, size // 2 + 1)``."""
    if rows == 0:
        return torch.zeros(0, size // 2 + 1, dtype=torch.complex64, device=draw.device)
    samples = min(size, rate_hz)
    time_s = torch.arange(samples, device=draw.device) / rate_hz
    decay_s = torch.exp(draw.uniform(math.log(0.1), math.log(1.5), rows))[:, None]
    tail = draw.normal(rows, samples) * torch.pow(10.0, -3.0 * time_s / decay_s)
    tail = tail * (time_s > draw.uniform(0.0, 0.03, rows)[:, None])
    tail = tail / (tail.square().sum(dim=1, keepdim=True) + _TINY).sqrt()
    response = tail * torch.pow(10.0, draw.uniform(-18.0, 3.0, rows) / 20.0)[:, None]
    response[:, 0] += 1.0
    transformed: Tensor = torch.fft.rfft(response, size)
    return transformed


def filtered(audio: Tensor, responses: Tensor, size: int) -> Tensor:
    """Multiply the transforms of rows, ``(B, T)``, with responses, ``(B, size // 2 + 1)``: ``(B, T)``."""
    if not len(audio):
        return audio
    changed: Tensor = torch.fft.irfft(torch.fft.rfft(audio, size) * responses, size)
    return changed[:, : audio.shape[1]]


def filter_size(samples: int, rate_hz: int) -> int:
    """Length of a transform that holds so many samples and the tail of a room."""
    return _fft_size(samples + rate_hz)


def _fft_size(samples: int) -> int:
    """The next number of the form ``2 ** n`` or ``5 * 2 ** n``."""
    power = 1 << (samples - 1).bit_length()
    return power * 5 // 8 if power >= 8 and power * 5 // 8 >= samples else power
