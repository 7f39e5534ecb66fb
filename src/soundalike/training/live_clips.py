"""Clips of sounds and views of clips, drawn and changed on a device, a batch at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from soundalike.core.errors import InvalidInputError
from soundalike.training.batch_changes import (
    Draw,
    add_below,
    band_limits,
    coloured_noise,
    colours,
    filter_size,
    filtered,
    mean_power,
    rooms,
)
from soundalike.training.clips import ClipConfig, draw_shares
from soundalike.training.sound_bank import SoundBank
from soundalike.training.torch_levels import TorchLogMel

_REPEATS = 8
_EVENT_S = 2.5
_PEAK, _SILENT = 0.7, 1e-5
_STARTS = 4
_QUIET_DB = 20.0
_NO_END = 1e9


@dataclass(frozen=True, slots=True)
class LiveConfig:
    """How clips and their views are drawn. Shares are chances between 0 and 1.

    Attributes:
        clip: How clips are drawn; clips are not granulated here.
        limited: Clips that lose what lies above, and maybe below, some frequency.
        colour_db: Standard deviation of the colours of filtered clips.
        plain_share: What the shares of a clip's filters, rooms and noise are multiplied with where it takes
            part in a relation; its speed is kept, and it is not mixed.
        view_noise: Views with noise of their own.
        view_noise_db: How far below the clip's mean power it lies, from and to.
        view_cut: Views whose highest bands are taken away, as by a lossy code.
        ripple_db: Standard deviation of what is added to the levels of views, as by a lossy code.
        repeated: Whether the teacher hears a short sound again and again, as long as a clip is, and not the
            silence behind it: on held-out notes, what it says then tells instruments apart better.
        fit_clips: Clips that the targets are fitted on.
    """

    clip: ClipConfig = field(default_factory=lambda: ClipConfig(clip_s=4.0, granulated=0.0))
    limited: float = 0.15
    colour_db: float = 6.0
    plain_share: float = 0.6
    view_noise: float = 0.7
    view_noise_db: tuple[float, float] = (10.0, 50.0)
    view_cut: float = 0.15
    ripple_db: float = 1.0
    repeated: bool = True
    fit_clips: int = 12_000

    def __post_init__(self) -> None:
        shares = (self.limited, self.plain_share, self.view_noise, self.view_cut)
        if not all(0.0 <= share <= 1.0 for share in shares) or self.fit_clips < 2:
            raise InvalidInputError(
                f"Shares lie between 0 and 1 and fit_clips is at least 2; got {shares} and {self.fit_clips}."
            )


class LiveClips:
    """Draws clips of sounds, as :class:`soundalike.training.clips.ClipSource` does, and views of clips.

    Args:
        bank: The sounds.
        config: How.
        window_samples: Length of a view.
        ear: What views are heard with.

    Attributes:
        samples: Length T of a clip.
        shares: How often each sound is drawn, shape ``(S,)``.
    """

    def __init__(self, bank: SoundBank, config: LiveConfig, window_samples: int, ear: TorchLogMel) -> None:
        self.bank, self.config = bank, config
        self.samples = round(config.clip.clip_s * bank.rate_hz)
        self._window, self._ear = window_samples, ear
        kinds = [sound.facts.get("kind", "") for sound in bank.sounds]
        packages = [sound.facts.get("package", sound.group) for sound in bank.sounds]
        durations_s = np.array([sound.length for sound in bank.sounds]) / bank.rate_hz
        device = bank.device
        self.shares = torch.from_numpy(draw_shares(durations_s, kinds, packages, config.clip)).to(device)
        self._is_speech = torch.tensor([kind == "speech" for kind in kinds], device=device)
        codes = np.unique([sound.group for sound in bank.sounds], return_inverse=True)[1].reshape(-1)
        sizes = np.bincount(codes)
        firsts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        self._by_group = torch.from_numpy(np.argsort(codes, kind="stable")).to(device)
        self._first_of_group = torch.from_numpy(firsts[codes]).to(device)
        self._size_of_group = torch.from_numpy(sizes[codes]).to(device)

    def clips(self, draw: Draw, rows: Tensor, plain: Tensor) -> tuple[Tensor, Tensor]:
        """Make a clip of each of some sounds.

        Args:
            draw: Draws.
            rows: Which sounds, shape ``(B,)``, int64.
            plain: Which clips keep their speed and are not mixed, shape ``(B,)``, bool.

        Returns:
            Clips ``(B, T)``, their peaks at 0.7, and how many samples of each are of the sound, ``(B,)``.
        """
        live, count = self.config, len(rows)
        audio, extent = self._base(draw, rows, plain)
        mixed = (draw.chance(live.clip.mixed, count) & ~plain).nonzero()[:, 0]
        others = draw.choice(self.shares, len(mixed))
        other, reach = self._base(draw, others, torch.zeros_like(others, dtype=torch.bool))
        audio[mixed] = add_below(audio[mixed], other, draw.uniform(0.0, live.clip.mix_range_db, len(mixed)))
        extent[mixed] = torch.maximum(extent[mixed], reach)
        audio = self._filtered(draw, audio, plain)
        share = torch.where(plain, live.plain_share, 1.0)
        noisy = (draw.uniform(0.0, 1.0, count) < live.clip.noisy * share).nonzero()[:, 0]
        slopes = draw.uniform(-7.0, 0.0, len(noisy))
        noise = coloured_noise(draw, len(noisy), self.samples, slopes, self.bank.rate_hz)
        noise = noise * (torch.arange(self.samples, device=rows.device) < extent[noisy, None])
        audio[noisy] = add_below(audio[noisy], noise, draw.uniform(5.0, 45.0, len(noisy)))
        peak = audio.abs().amax(dim=1)
        silent = peak < _SILENT
        audio[silent] = draw.normal(int(silent.sum()), self.samples)  # a batch keeps its size
        peak = torch.where(silent, audio.abs().amax(dim=1), peak)
        audio = audio * (_PEAK / peak)[:, None]
        return audio, extent

    def _filtered(self, draw: Draw, audio: Tensor, plain: Tensor) -> Tensor:
        """Colours, band limits and rooms, in one transform."""
        live, count = self.config, len(audio)
        share = torch.where(plain, live.plain_share, 1.0)
        rate_hz = self.bank.rate_hz
        size = filter_size(self.samples, rate_hz)
        chosen = [
            draw.uniform(0.0, 1.0, count) < some * share
            for some in (live.clip.filtered, live.limited, live.clip.reverberated)
        ]
        rows = (chosen[0] | chosen[1] | chosen[2]).nonzero()[:, 0]
        if not len(rows):
            return audio
        response = torch.ones(len(rows), size // 2 + 1, dtype=torch.complex64, device=audio.device)
        makers: tuple[Callable[[int], Tensor], ...] = (
            lambda some: colours(draw, some, size, live.colour_db, rate_hz),
            lambda some: band_limits(draw, some, size, rate_hz),
            lambda some: rooms(draw, some, size, rate_hz),
        )
        for which, make in zip(chosen, makers, strict=True):
            at = which[rows].nonzero()[:, 0]
            if len(at):
                response[at] = response[at] * make(len(at))
        audio[rows] = filtered(audio[rows], response, size)
        return audio

    def _base(self, draw: Draw, rows: Tensor, plain: Tensor) -> tuple[Tensor, Tensor]:
        """Stretches of sounds at some speed, or events that follow one another."""
        clip, rate_hz, samples = self.config.clip, self.bank.rate_hz, self.samples
        count = len(rows)
        reach = clip.speed_semitones
        factor = torch.pow(2.0, draw.uniform(-reach, reach, count) / 12.0)
        factor = torch.where(draw.chance(clip.speed, count) & ~plain, factor, 1.0).double()
        lengths = self.bank.lengths[rows].double()
        played = lengths / factor
        events = draw.chance(clip.sequence, count) & (played < _EVENT_S * rate_hz) & ~plain
        events &= ~self._is_speech[rows]
        wanted = torch.where(draw.chance(0.8, count), 1.0, draw.uniform(0.16, 1.0, count)) * samples
        wanted = torch.where(events | plain, torch.full_like(wanted, samples), wanted)
        start = draw.uniform(0.0, 1.0, count).double() * (lengths - factor * wanted).clamp(min=0.0)
        start = start.floor()  # between two samples, interpolation would take the treble off
        period = played + draw.uniform(0.02, 1.5, count) * draw.uniform(0.6, 1.4, count) * rate_hz
        period = torch.where(events, period, _NO_END)
        onset = torch.where(events, draw.uniform(0.0, 0.5, count) * rate_hz, 0.0)
        time = torch.arange(samples, device=rows.device, dtype=torch.float64)[None, :] - onset[:, None]
        turn = torch.floor(time / period[:, None])
        local = (time - turn * period[:, None]) * factor[:, None]
        turn = turn.long()
        sound = self._turns(draw, rows, events)
        ends = torch.where(events, _first_miss(draw, count), 1)
        heard = (turn >= 0) & (turn < ends[:, None])
        heard &= (time >= 0) & (time < wanted[:, None])
        turn = turn.clamp(0, _REPEATS - 1)
        audio = self.bank.read(sound.gather(1, turn), local + start[:, None])
        loud = torch.where(events[:, None], draw.uniform(0.4, 1.0, count, _REPEATS), 1.0)
        audio = audio * loud.gather(1, turn) * heard
        extent = torch.where(events, torch.full_like(wanted, samples), torch.minimum(wanted, played.float()))
        return audio, extent

    def _turns(self, draw: Draw, rows: Tensor, events: Tensor) -> Tensor:
        """Which sound comes at each turn of a sequence: itself, then perhaps its group; ``(B, turns)``.

        Itself comes first whatever follows, since its facts and its file are told of the clip.
        """
        count = len(rows)
        others = draw.chance(0.4, count) & events
        at = draw.uniform(0.0, 1.0, count, _REPEATS) * self._size_of_group[rows, None]
        member = self._by_group[self._first_of_group[rows, None] + at.long()]
        member[:, 0] = rows
        return torch.where(others[:, None], member, rows[:, None])

    def view(self, draw: Draw, clips: Tensor, extent: Tensor) -> Tensor:
        """Listen to a stretch of every clip, with noise of its own.

        Args:
            draw: Draws.
            clips: Shape ``(B, T)``.
            extent: See :meth:`clips`.

        Returns:
            Levels in dB, shape ``(B, bands, frames)``.
        """
        live, count, window = self.config, len(clips), self._window
        start = self._starts(draw, clips, extent)
        at = start[:, None] + torch.arange(window, device=clips.device)
        inside = (at >= 0) & (at < self.samples)
        audio = torch.where(inside, clips.gather(1, at.clamp(0, self.samples - 1)), 0.0)
        noisy = draw.chance(live.view_noise, count).nonzero()[:, 0]
        slopes = torch.where(draw.chance(0.5, len(noisy)), 0.0, draw.uniform(-6.0, 2.0, len(noisy)))
        noise = coloured_noise(draw, len(noisy), window, slopes, self.bank.rate_hz)
        level_db = -draw.uniform(*live.view_noise_db, len(noisy))
        level = (mean_power(clips[noisy], extent[noisy]) * torch.pow(10.0, level_db / 10.0)).sqrt()
        everywhere = draw.chance(0.4, len(noisy))
        covered = (at[noisy] >= 0) & (at[noisy] < extent[noisy, None]) | everywhere[:, None]
        audio[noisy] = audio[noisy] + noise * level[:, None] * covered
        levels: Tensor = self._ear(audio)
        bands = levels.shape[1]
        top = torch.where(draw.chance(live.view_cut, count), draw.uniform(0.6, 1.0, count), 2.0) * bands
        levels = levels - 90.0 * (torch.arange(bands, device=clips.device) >= top[:, None])[:, :, None]
        if live.ripple_db > 0.0:
            spread = draw.uniform(0.0, live.ripple_db, count)[:, None, None]
            levels = levels + draw.normal(*levels.shape) * spread
        return levels

    def _starts(self, draw: Draw, clips: Tensor, extent: Tensor) -> Tensor:
        """Where views start: somewhere not much quieter than elsewhere; short clips near their beginning."""
        count, window = len(clips), self._window
        room = (extent - window).clamp(min=0.0)
        starts = (draw.uniform(0.0, 1.0, count, _STARTS) * room[:, None]).long()
        energy = torch.cat(
            [clips.new_zeros(count, 1, dtype=torch.float64), clips.double().square().cumsum(1)], dim=1
        )
        ends = (starts + window).clamp(max=self.samples)
        power = energy.gather(1, ends) - energy.gather(1, starts)
        fit = power > power.amax(dim=1, keepdim=True) * 10.0 ** (-_QUIET_DB / 10.0)
        start = starts.gather(1, fit.int().argmax(dim=1, keepdim=True))[:, 0]
        shift = draw.uniform(-0.1, 0.15, count) * extent.clamp(max=window)
        shift = torch.where(draw.chance(0.5, count), shift, 0.0)
        chosen: Tensor = torch.where(room > 0, start, shift.long())
        return chosen


def _first_miss(draw: Draw, count: int) -> Tensor:
    """How many events there are before a sequence stops."""
    missed = draw.uniform(0.0, 1.0, count, _REPEATS) < 0.12
    missed[:, -1] = True
    first: Tensor = missed.int().argmax(dim=1)
    return first + 1
