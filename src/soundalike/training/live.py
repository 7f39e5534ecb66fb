"""Distillation on a device: clips are drawn, changed, labelled by the teacher and listened to in one place.

Labelled clips on disk (:mod:`soundalike.training.labelled`) feed a student on a processor. A GPU is through with
them in seconds, so here every batch is new: nothing is kept, and nothing leaves the device.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from soundalike.core.arrays import IntArray
from soundalike.core.errors import InvalidInputError, TrainingError
from soundalike.core.fingerprint import fingerprint
from soundalike.encoders.published import EFFICIENTAT_FRONT_END, RATE_HZ
from soundalike.features.front_end import LogMelFrontEnd
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
from soundalike.training.distillation import DistillationConfig, DistillationObjective
from soundalike.training.inputs import InputConfig
from soundalike.training.mobilenet import MobileNet
from soundalike.training.network import EmbeddingNetwork
from soundalike.training.objective import Batch, Outcome
from soundalike.training.relations import Relation, RelationConfig, relation_loss
from soundalike.training.sound_bank import SoundBank
from soundalike.training.targets import Targets
from soundalike.training.torch_levels import TorchLogMel, torch_level_statistics

CODE_VERSION = 1
"""Raised when the same sounds and settings would give other batches."""

_REPEATS = 8
_EVENT_S = 2.5
_PEAK, _SILENT = 0.7, 1e-5
_STARTS = 4
_QUIET_DB = 20.0
_NO_END = 1e9
_SHORTEST_S = 0.05


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


@dataclass(frozen=True, slots=True)
class LiveDistillationConfig(DistillationConfig):
    """A distillation whose batches are made on the device.

    Attributes:
        live: How clips and views are drawn.
        relations: What facts of sounds tell beside the teacher.
        relation_temperature: What cosines are divided by in relations.
    """

    live: LiveConfig = field(default_factory=LiveConfig)
    relations: tuple[RelationConfig, ...] = ()
    relation_temperature: float = 0.1


class LiveDistillationObjective(DistillationObjective):
    """A distillation, and beside it the relations that facts of sounds tell.

    Source:
        See :class:`soundalike.training.distillation.DistillationObjective` and
        :func:`soundalike.training.relations.relation_loss`.
    """

    config_type = LiveDistillationConfig

    def forward(self, network: EmbeddingNetwork, batch: Batch) -> Outcome:
        """See :class:`soundalike.training.objective.Objective`."""
        vectors = network(batch["inputs"])
        loss, figures = self.judge(vectors, batch)
        config: Any = self.config
        for relation in config.relations:
            rows = batch[f"{relation.name}.rows"]
            term = relation_loss(
                vectors[rows], batch[f"{relation.name}.labels"], batch[f"{relation.name}.excludes"],
                config.relation_temperature,
            )  # fmt: skip
            loss = loss + relation.weight * term
            figures[relation.name] = float(term.detach())
        return loss, figures


class LiveDistillationBatches:
    """Batches of two views of clips that are drawn, changed and labelled on a device.

    Args:
        bank: The sounds.
        teacher: Who labels clips.
        teacher_name: Name and digest of the teacher.
        listening: How the student listens; its front end must be log-mel.
        config: The distillation's settings.
        batch_size: Views of a batch: twice the clips.
        seed: Where all randomness starts.

    Attributes:
        target_dims: Size of what is taught.

    Raises:
        TrainingError: Rates differ, the front end is another one, or relations leave no room in a batch.
    """

    def __init__(
        self,
        bank: SoundBank,
        teacher: MobileNet,
        teacher_name: str,
        listening: InputConfig,
        config: LiveDistillationConfig,
        *,
        batch_size: int,
        seed: int,
    ) -> None:
        front_end = listening.front_end
        if not isinstance(front_end, LogMelFrontEnd) or not bank.rate_hz == listening.rate_hz == RATE_HZ:
            raise TrainingError(
                f"Sounds, student and teacher listen at {RATE_HZ} Hz, the student by log-mel; got "
                f"{bank.rate_hz} and {listening.rate_hz} Hz and {front_end.kind}."
            )
        self.bank, self.config, self.seed = bank, config, seed
        self._window = listening.window_samples
        self._clips = batch_size // 2
        self._samples = round(config.live.clip.clip_s * bank.rate_hz)
        if self._samples < self._window:
            raise TrainingError(
                f"A clip of {self._samples} samples is shorter than a segment of {self._window}."
            )
        self._relations = [Relation(relation, bank.sounds) for relation in config.relations]
        taken = sum(relation.config.labels * relation.config.each for relation in self._relations)
        if batch_size % 2 or taken >= self._clips:
            raise TrainingError(
                f"A batch of {batch_size} views has {batch_size / 2:g} clips, of which relations take {taken}."
            )
        self._facts = fingerprint(
            "live-distillation", CODE_VERSION,
            [config, listening, batch_size, seed, bank.rate_hz, bank.digests,
             [(sound.name, sound.group, sound.length, dict(sound.facts)) for sound in bank.sounds]],
            [teacher_name],
        )  # fmt: skip
        device = bank.device
        self._teacher = teacher.to(device).eval().requires_grad_(requires_grad=False)
        self._teacher_ear = TorchLogMel(EFFICIENTAT_FRONT_END, RATE_HZ).to(device)
        self._ear = TorchLogMel(front_end, RATE_HZ).to(device)
        self._draw_tables()
        self._fit_targets()

    @property
    def fingerprint(self) -> str:
        """Name and digest of what batches are made of."""
        return self._facts

    @property
    def target_dims(self) -> int:
        """Size of what is taught."""
        return self._targets.dims

    def _draw_tables(self) -> None:
        """What sounds are drawn by, and which sounds share a group."""
        bank, config = self.bank, self.config.live.clip
        kinds = [sound.facts.get("kind", "") for sound in bank.sounds]
        packages = [sound.facts.get("package", sound.group) for sound in bank.sounds]
        durations_s = np.array([sound.length for sound in bank.sounds]) / bank.rate_hz
        shares = draw_shares(durations_s, kinds, packages, config)
        codes = np.unique([sound.group for sound in bank.sounds], return_inverse=True)[1].reshape(-1)
        order = np.argsort(codes, kind="stable")
        sizes = np.bincount(codes)
        firsts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        device = bank.device
        self._shares = torch.from_numpy(shares).to(device)
        self._is_speech = torch.tensor([kind == "speech" for kind in kinds], device=device)
        self._by_group = torch.from_numpy(order).to(device)
        self._first_of_group = torch.from_numpy(firsts[codes]).to(device)
        self._size_of_group = torch.from_numpy(sizes[codes]).to(device)

    @torch.no_grad()
    def _fit_targets(self) -> None:
        """Fit the targets on clips of their own."""
        features, statistics = [], []
        count = 0
        while count < self.config.live.fit_clips:
            draw = Draw(_mixed(self.seed, 2, count), self.bank.device)
            rows = draw.choice(self._shares, min(self._clips, 256))
            clips, extent = self._changed(draw, rows, torch.zeros_like(rows, dtype=torch.bool))
            heard, _ = self._described(clips, extent)
            features.append(heard.cpu().numpy())
            statistics.append(torch_level_statistics(self._ear(clips)).cpu().numpy())
            count += len(rows)
        widths = tuple(_widths(self._teacher))
        targets = Targets(
            np.concatenate(features), widths, np.concatenate(statistics), self.config.targets
        )
        self._targets = targets
        self._taught = {
            name: torch.from_numpy(np.asarray(getattr(targets, name), np.float32)).to(self.bank.device)
            for name in ("mean", "scale", "projection", "own_mean", "own_spread")
        }

    @torch.no_grad()
    def batch(self, step: int) -> Mapping[str, Tensor]:
        """Make the batch of a step: see :class:`soundalike.training.prefetch.Batches`.

        Returns:
            ``inputs``, ``teacher_features`` and ``teacher_scores`` of both views of all clips, first all first
            views, then all second ones; and for every relation ``NAME.rows``, ``NAME.labels`` and
            ``NAME.excludes``. Tensors on the device.
        """
        rng = np.random.default_rng([self.seed, 1, step])
        draw = Draw(_mixed(self.seed, 1, step), self.bank.device)
        places = [relation.draw(rng) for relation in self._relations]
        related = [relation.rows[at] for relation, at in zip(self._relations, places, strict=True)]
        free = draw.choice(self._shares, self._clips - sum(map(len, related)))
        rows = torch.cat([free, *(torch.from_numpy(some).to(free.device) for some in related)])
        plain = torch.arange(len(rows), device=rows.device) >= len(free)
        clips, extent = self._changed(draw, rows, plain)
        features, scores = self._described(clips, extent)
        taught = self._teach(features, torch_level_statistics(self._ear(clips)))
        views = [self._view(draw, clips, extent) for _ in range(2)]
        batch = {
            "inputs": torch.cat(views),
            "teacher_features": taught.repeat(2, 1),
            "teacher_scores": scores.repeat(2, 1),
        }
        first = len(free)
        for relation, at in zip(self._relations, places, strict=True):
            batch |= self._related(relation, at, first)
            first += len(at)
        return batch

    def _related(self, relation: Relation, at: IntArray, first: int) -> dict[str, Tensor]:
        rows = np.arange(first, first + len(at))
        columns = {
            "rows": np.concatenate([rows, rows + self._clips]),
            "labels": np.tile(relation.labels[at], 2),
            "excludes": np.tile(relation.excludes[at], 2),
        }
        name = relation.config.name
        return {f"{name}.{key}": torch.from_numpy(v).to(self.bank.device) for key, v in columns.items()}

    def _changed(self, draw: Draw, rows: Tensor, plain: Tensor) -> tuple[Tensor, Tensor]:
        """Clips of some sounds, shape ``(B, T)``, and how many samples of each are of the sound, ``(B,)``."""
        live, count = self.config.live, len(rows)
        audio, extent = self._base(draw, rows, plain)
        mixed = (draw.chance(live.clip.mixed, count) & ~plain).nonzero()[:, 0]
        others = draw.choice(self._shares, len(mixed))
        other, reach = self._base(draw, others, torch.zeros_like(others, dtype=torch.bool))
        audio[mixed] = add_below(audio[mixed], other, draw.uniform(0.0, live.clip.mix_range_db, len(mixed)))
        extent[mixed] = torch.maximum(extent[mixed], reach)
        audio = self._filtered(draw, audio, plain)
        share = torch.where(plain, live.plain_share, 1.0)
        noisy = (draw.uniform(0.0, 1.0, count) < live.clip.noisy * share).nonzero()[:, 0]
        slopes = draw.uniform(-7.0, 0.0, len(noisy))
        noise = coloured_noise(draw, len(noisy), self._samples, slopes, self.bank.rate_hz)
        noise = noise * (torch.arange(self._samples, device=rows.device) < extent[noisy, None])
        audio[noisy] = add_below(audio[noisy], noise, draw.uniform(5.0, 45.0, len(noisy)))
        peak = audio.abs().amax(dim=1)
        silent = peak < _SILENT
        audio = torch.where(silent[:, None], draw.normal(count, 1) * 0.1, audio)
        audio = audio * (_PEAK / torch.where(silent, 1.0, peak))[:, None]
        return audio, extent

    def _filtered(self, draw: Draw, audio: Tensor, plain: Tensor) -> Tensor:
        """Colours, band limits and rooms, in one transform."""
        live, count = self.config.live, len(audio)
        share = torch.where(plain, live.plain_share, 1.0)
        rate_hz = self.bank.rate_hz
        size = filter_size(self._samples, rate_hz)
        chosen = [
            draw.uniform(0.0, 1.0, count) < some * share
            for some in (live.clip.filtered, live.limited, live.clip.reverberated)
        ]
        rows = (chosen[0] | chosen[1] | chosen[2]).nonzero()[:, 0]
        if not len(rows):
            return audio
        response = torch.ones(len(rows), size // 2 + 1, dtype=torch.complex64, device=audio.device)
        makers = (
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
        clip, rate_hz, samples = self.config.live.clip, self.bank.rate_hz, self._samples
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
        """Which sound comes at each turn of a sequence: itself, or others of its group; ``(B, turns)``."""
        count = len(rows)
        others = draw.chance(0.4, count) & events
        at = draw.uniform(0.0, 1.0, count, _REPEATS) * self._size_of_group[rows, None]
        member = self._by_group[self._first_of_group[rows, None] + at.long()]
        return torch.where(others[:, None], member, rows[:, None])

    def _described(self, clips: Tensor, extent: Tensor) -> tuple[Tensor, Tensor]:
        """What the teacher's layers and classes say of clips."""
        if self.config.live.repeated:
            shortest = _SHORTEST_S * self.bank.rate_hz
            period = extent.clamp(min=shortest, max=self._samples).long()
            time = torch.arange(self._samples, device=clips.device)
            clips = clips.gather(1, time[None, :] % period[:, None])
        spectra = self._teacher_ear(clips)[:, None]
        on_gpu = clips.device.type == "cuda"
        if on_gpu:
            spectra = spectra.contiguous(memory_format=torch.channels_last)
        with torch.autocast(clips.device.type, torch.float16, enabled=on_gpu):
            layers, logits = self._teacher.pooled_blocks(spectra)
        features = torch.cat([layer.float() for layer in layers[1:]], dim=1)
        return features, torch.sigmoid(logits.float())

    def _teach(self, features: Tensor, statistics: Tensor) -> Tensor:
        """The targets of clips: :meth:`soundalike.training.targets.Targets.of`, on the device."""
        taught = self._taught
        said = nn.functional.normalize(
            ((features - taught["mean"]) * taught["scale"]) @ taught["projection"], dim=1
        )
        weight = self.config.targets.own_weight
        if weight == 0.0:
            return said
        own = nn.functional.normalize((statistics - taught["own_mean"]) / taught["own_spread"], dim=1)
        return nn.functional.normalize(torch.cat([said, weight * own], dim=1), dim=1)

    def _view(self, draw: Draw, clips: Tensor, extent: Tensor) -> Tensor:
        """Levels of a stretch of every clip, with noise of its own."""
        live, count, window = self.config.live, len(clips), self._window
        start = self._starts(draw, clips, extent)
        at = start[:, None] + torch.arange(window, device=clips.device)
        inside = (at >= 0) & (at < self._samples)
        audio = torch.where(inside, clips.gather(1, at.clamp(0, self._samples - 1)), 0.0)
        noisy = draw.chance(live.view_noise, count).nonzero()[:, 0]
        slopes = torch.where(draw.chance(0.5, len(noisy)), 0.0, draw.uniform(-6.0, 2.0, len(noisy)))
        noise = coloured_noise(draw, len(noisy), window, slopes, self.bank.rate_hz)
        level_db = -draw.uniform(*live.view_noise_db, len(noisy))
        level = (mean_power(clips[noisy], extent[noisy]) * torch.pow(10.0, level_db / 10.0)).sqrt()
        everywhere = draw.chance(0.4, len(noisy))
        covered = (at[noisy] >= 0) & (at[noisy] < extent[noisy, None]) | everywhere[:, None]
        audio[noisy] = audio[noisy] + noise * level[:, None] * covered
        levels = self._ear(audio)
        bands = levels.shape[1]
        top = torch.where(draw.chance(live.view_cut, count), draw.uniform(0.6, 1.0, count), 2.0) * bands
        levels = levels - 90.0 * (torch.arange(bands, device=clips.device) >= top[:, None])[:, :, None]
        if live.ripple_db > 0.0:
            spread = draw.uniform(0.0, live.ripple_db, count)[:, None, None]
            levels = levels + draw.normal(*levels.shape) * spread
        return levels

    def _starts(self, draw: Draw, clips: Tensor, extent: Tensor) -> Tensor:
        """Where views start: somewhere not much quieter than elsewhere; near their beginning in short clips."""
        count, window = len(clips), self._window
        room = (extent - window).clamp(min=0.0)
        starts = (draw.uniform(0.0, 1.0, count, _STARTS) * room[:, None]).long()
        energy = torch.cat(
            [clips.new_zeros(count, 1, dtype=torch.float64), clips.double().square().cumsum(1)], dim=1
        )
        ends = (starts + window).clamp(max=self._samples)
        power = energy.gather(1, ends) - energy.gather(1, starts)
        fit = power > power.amax(dim=1, keepdim=True) * 10.0 ** (-_QUIET_DB / 10.0)
        start = starts.gather(1, fit.int().argmax(dim=1, keepdim=True))[:, 0]
        shift = draw.uniform(-0.1, 0.15, count) * extent.clamp(max=window)
        shift = torch.where(draw.chance(0.5, count), shift, 0.0)
        return torch.where(room > 0, start, shift.long())


def _first_miss(draw: Draw, count: int) -> Tensor:
    """How many events there are before a sequence stops."""
    missed = draw.uniform(0.0, 1.0, count, _REPEATS) < 0.12
    missed[:, -1] = True
    return missed.int().argmax(dim=1) + 1


def _widths(teacher: MobileNet) -> list[int]:
    """Channels of the teacher's blocks and last convolution."""
    modules: list[Any] = list(teacher.features)[1:]
    return [_channels(module) for module in modules]


def _channels(module: nn.Module) -> int:
    convolutions = [part for part in module.modules() if isinstance(part, nn.Conv2d)]
    return convolutions[-1].out_channels


def _mixed(seed: int, stream: int, number: int) -> int:
    """One seed out of three numbers."""
    return int(np.random.SeedSequence([seed, stream, number]).generate_state(1, np.uint64)[0] >> 1)
