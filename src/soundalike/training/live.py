"""Distillation on a device: clips are drawn, changed, labelled by the teacher and heard in one place.

Labelled clips on disk (:mod:`soundalike.training.labelled`) feed a student on a processor. A GPU is through
with them in seconds, so here every batch is new: nothing is kept, and nothing leaves the device.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from soundalike.core.arrays import IntArray
from soundalike.core.errors import TrainingError
from soundalike.core.fingerprint import fingerprint
from soundalike.encoders.published import EFFICIENTAT_FRONT_END, RATE_HZ
from soundalike.features.front_end import LogMelFrontEnd
from soundalike.training.batch_changes import Draw
from soundalike.training.distillation import DistillationConfig, DistillationObjective
from soundalike.training.inputs import InputConfig
from soundalike.training.live_clips import LiveClips, LiveConfig
from soundalike.training.mobilenet import MobileNet
from soundalike.training.relations import Relation
from soundalike.training.sound_bank import SoundBank
from soundalike.training.targets import Targets
from soundalike.training.torch_levels import TorchLogMel, torch_level_statistics

CODE_VERSION = 4
"""Raised when the same sounds and settings would give other batches."""

_SHORTEST_S = 0.05


@dataclass(frozen=True, slots=True)
class LiveDistillationConfig(DistillationConfig):
    """A distillation whose batches are made on the device.

    Attributes:
        live: How clips and views are drawn.
    """

    live: LiveConfig = field(default_factory=LiveConfig)


class LiveDistillationObjective(DistillationObjective):
    """A distillation by the settings of live ones; see the base class."""

    config_type = LiveDistillationConfig


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
                f"A batch of {batch_size} views has {batch_size / 2:g} clips; relations take {taken}."
            )
        self._facts = fingerprint(
            "live-distillation", CODE_VERSION,
            [config, listening, batch_size, seed, bank.rate_hz, bank.digests,
             [(sound.name, sound.group, sound.length, dict(sound.facts)) for sound in bank.sounds]],
            [teacher_name],
        )  # fmt: skip
        device = bank.device
        self._files = torch.tensor([sound.file_code for sound in bank.sounds], device=device)
        self._teacher = teacher.to(device).eval().requires_grad_(requires_grad=False)
        self._teacher_ear = TorchLogMel(EFFICIENTAT_FRONT_END, RATE_HZ).to(device)
        self._ear = TorchLogMel(front_end, RATE_HZ).to(device)
        self._clips_of = LiveClips(bank, config.live, self._window, self._ear)
        self._fit_targets()

    @property
    def fingerprint(self) -> str:
        """Name and digest of what batches are made of."""
        return self._facts

    @property
    def target_dims(self) -> int:
        """Size of what is taught."""
        return int(self._targets.dims)

    @torch.no_grad()
    def _fit_targets(self) -> None:
        """Fit the targets on clips of their own."""
        features, statistics = [], []
        count = 0
        while count < self.config.live.fit_clips:
            draw = Draw(_mixed(self.seed, 2, count), self.bank.device)
            rows = draw.choice(self._clips_of.shares, min(self._clips, 256))
            clips, extent = self._clips_of.clips(draw, rows, torch.zeros_like(rows, dtype=torch.bool))
            heard, _ = self._described(clips, extent)
            features.append(heard.cpu().numpy())
            statistics.append(torch_level_statistics(self._ear(clips)).cpu().numpy())
            count += len(rows)
        widths = tuple(_widths(self._teacher))
        targets = Targets(np.concatenate(features), widths, np.concatenate(statistics), self.config.targets)
        self._targets = targets
        self._taught = {
            name: torch.from_numpy(np.asarray(getattr(targets, name), np.float32)).to(self.bank.device)
            for name in ("mean", "scale", "projection", "own_mean", "own_spread")
        }

    @torch.no_grad()
    def batch(self, step: int) -> Mapping[str, Tensor]:
        """Make the batch of a step: see :class:`soundalike.training.prefetch.Batches`.

        Returns:
            ``inputs``, ``teacher_features``, ``teacher_scores`` and ``own_statistics`` of both views of all
            clips, first all first views, then all second ones; ``groups``, each clip's file; and for each
            relation ``NAME.rows``, ``NAME.labels`` and ``NAME.excludes``. Tensors on the device.
        """
        rng = np.random.default_rng([self.seed, 1, step])
        draw = Draw(_mixed(self.seed, 1, step), self.bank.device)
        places = [relation.draw(rng) for relation in self._relations]
        related = [relation.rows[at] for relation, at in zip(self._relations, places, strict=True)]
        free = draw.choice(self._clips_of.shares, self._clips - sum(map(len, related)))
        rows = torch.cat([free, *(torch.from_numpy(some).to(free.device) for some in related)])
        plain = torch.arange(len(rows), device=rows.device) >= len(free)
        clips, extent = self._clips_of.clips(draw, rows, plain)
        features, scores = self._described(clips, extent)
        own = self._own(torch_level_statistics(self._ear(clips)))
        taught = self._teach(features, own)
        views = [self._clips_of.view(draw, clips, extent) for _ in range(2)]
        batch = {
            "inputs": torch.cat(views),
            "groups": self._files[rows],
            "teacher_features": taught.repeat(2, 1),
            "teacher_scores": scores.repeat(2, 1),
            "own_statistics": own.repeat(2, 1),
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

    def _own(self, statistics: Tensor) -> Tensor:
        """Standardised statistics of clips, of length 1."""
        return nn.functional.normalize(
            (statistics - self._taught["own_mean"]) / self._taught["own_spread"], dim=1
        )

    def _teach(self, features: Tensor, own: Tensor) -> Tensor:
        """The targets of clips: :meth:`soundalike.training.targets.Targets.of`, on the device."""
        taught = self._taught
        said = nn.functional.normalize(
            ((features - taught["mean"]) * taught["scale"]) @ taught["projection"], dim=1
        )
        weight = self.config.targets.own_weight
        if weight == 0.0:
            return said
        return nn.functional.normalize(torch.cat([said, weight * own], dim=1), dim=1)


def _widths(teacher: MobileNet) -> list[int]:
    """Channels of the teacher's blocks and last convolution."""
    modules: list[Any] = list(teacher.features)[1:]
    return [_channels(module) for module in modules]


def _channels(module: nn.Module) -> int:
    convolutions = [part for part in module.modules() if isinstance(part, nn.Conv2d)]
    return int(convolutions[-1].out_channels)


def _mixed(seed: int, stream: int, number: int) -> int:
    """One seed out of three numbers."""
    return int(np.random.SeedSequence([seed, stream, number]).generate_state(1, np.uint64)[0] >> 1)
