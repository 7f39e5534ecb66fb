"""Distillation: a small network learns to say of a second or two what a large one says of a whole clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from soundalike.core.arrays import FloatArray, IntArray
from soundalike.core.errors import InvalidInputError, TrainingError
from soundalike.core.fingerprint import fingerprint
from soundalike.training.inputs import InputConfig
from soundalike.training.labelled import LabelledClips, joined_clips, levels_db
from soundalike.training.losses import nt_xent, similarity_matrix_loss
from soundalike.training.network import EmbeddingNetwork
from soundalike.training.objective import Batch, Objective, Outcome
from soundalike.training.own_statistics import STATISTICS, level_statistics
from soundalike.training.prefetch import Arrays, Batches
from soundalike.training.relations import Relation, RelationConfig, relation_loss
from soundalike.training.sounds import TrainingSound
from soundalike.training.targets import TargetConfig, Targets

CODE_VERSION = 3
"""Raised when the same clips and settings would give other batches."""

_CROPS = 4  # tries to find a stretch that is not much quieter than the clip
_QUIET_DB = 25.0


@dataclass(frozen=True, slots=True)
class BlurConfig:
    """How levels are changed in training while what the teacher said stays: as between copies of a sound.

    Attributes:
        noisy: Share of segments with a floor of noise.
        noise_db: How far below the loudest level the floor lies, from and to.
        coloured: Share of segments with a smooth random change of level over frequency.
        colour_db: Standard deviation of that change.
        cut: Share of segments whose highest bands are taken away, as by a lossy code.
        masked: Share of segments of which a stretch of bands or of frames is hidden.
    """

    noisy: float = 0.6
    noise_db: tuple[float, float] = (12.0, 65.0)
    coloured: float = 0.4
    colour_db: float = 5.0
    cut: float = 0.15
    masked: float = 0.0

    def __post_init__(self) -> None:
        shares = (self.noisy, self.coloured, self.cut, self.masked)
        if not all(0.0 <= share <= 1.0 for share in shares):
            raise InvalidInputError(f"The shares of blurred segments lie between 0 and 1; got {shares}.")


@dataclass(frozen=True, slots=True)
class DistillationConfig:
    """What a distillation is made with.

    Attributes:
        cosine: Weight of the cosine distance between a projection of the vectors and the teacher's targets.
        similarity: Weight of the difference between the two similarity matrices of a batch.
        scores: Weight of the cross-entropy with the teacher's class scores, of a layer that becomes the
            encoder's tags; 0 for none.
        scores_shape: Whether the class scores shape the vectors too. On held-out sounds they made retrieval
            worse, so by default the layer only reads them.
        consistency: Weight of NT-Xent between two views of every clip, of other stretches and otherwise
            blurred; 0 for one view. With two a batch has half as many clips. Clips of one file are no
            negatives of each other.
        consistent_part: The part of a vector whose two views stay near each other; all of it by default.
        temperature: Of NT-Xent.
        scale: What unit vectors are multiplied with before the projection and the classes.
        part: The part of a vector that is taught by the teacher; all of it by default.
        own: Weight of the difference between the similarities of clips in ``own_part`` and in their own
            statistics; 0 for none.
        own_part: The part that says how a sound itself is made, whatever the teacher calls it.
        relations: What facts of sounds tell beside the teacher.
        relation_temperature: What cosines are divided by in relations.
        targets: What the teacher's features are turned into.
        blur: How levels are changed.
    """

    cosine: float = 1.0
    similarity: float = 5.0
    scores: float = 1.0
    scores_shape: bool = False
    consistency: float = 0.0
    consistent_part: str = ""
    temperature: float = 0.1
    scale: float = 8.0
    part: str = ""
    own: float = 0.0
    own_part: str = ""
    relations: tuple[RelationConfig, ...] = ()
    relation_temperature: float = 0.1
    targets: TargetConfig = field(default_factory=TargetConfig)
    blur: BlurConfig = field(default_factory=BlurConfig)

    def __post_init__(self) -> None:
        weights = (self.cosine, self.similarity, self.scores, self.consistency, self.own)
        if not all(0.0 <= weight < 1e6 for weight in weights) or not any(weights):
            raise InvalidInputError(f"The weights of a distillation are not negative, nor all 0: {weights}.")
        for temperature in (self.temperature, self.relation_temperature):
            if not 0.005 <= temperature <= 10.0:
                raise InvalidInputError(f"A temperature lies between 0.005 and 10; got {temperature:g}.")
        names = [relation.name for relation in self.relations]
        if len(set(names)) < len(names):
            raise InvalidInputError(f"Relations have different names; got {', '.join(names)}.")

    @property
    def views(self) -> int:
        """How many segments of every clip stand in a batch."""
        return 2 if self.consistency > 0.0 else 1


class DistillationBatches:
    """Batches of labelled clips: a random stretch of each, with what the teacher said of the whole.

    Args:
        clips: Labelled clips.
        listening: How the student listens; its front end must be that of the clips.
        config: The distillation's settings.
        batch_size: Segments of a batch.
        seed: Where all randomness starts.
        held_out: How many of the last clips are never trained on.
        related: The sounds that ``config.relations`` tell of, each as a labelled clip; and the same sounds in
            the same order, for their facts.

    Raises:
        TrainingError: The clips were made for another front end, there are too few, or relations leave no
            room for them in a batch.
    """

    def __init__(
        self,
        clips: LabelledClips,
        listening: InputConfig,
        config: DistillationConfig,
        *,
        batch_size: int,
        seed: int,
        held_out: int = 0,
        related: tuple[LabelledClips, Sequence[TrainingSound]] | None = None,
    ) -> None:
        if bool(config.relations) != (related is not None):
            raise TrainingError("Related sounds are given where the recipe has relations, and only there.")
        for some in (clips, *([related[0]] if related is not None else [])):
            if listening.front_end != some.front_end or listening.rate_hz != some.rate_hz:
                raise TrainingError(
                    f"The clips were made for {some.front_end} at {some.rate_hz} Hz; this recipe listens by "
                    f"{listening.front_end} at {listening.rate_hz} Hz."
                )
        count = len(clips) - held_out
        if batch_size % config.views or count < batch_size:
            raise TrainingError(
                f"A batch takes {batch_size} segments, {config.views} of each clip; there are {count} clips."
            )
        self.config, self.frames = config, listening.frames
        self._seed, self._count = seed, count
        self._relations: list[Relation] = []
        self._related_first = len(clips)
        if related is not None:
            if len(related[0]) != len(related[1]):
                raise TrainingError(
                    f"Every related sound is a clip: {len(related[1])} sounds, {len(related[0])} clips."
                )
            self._relations = [Relation(relation, related[1]) for relation in config.relations]
            clips = joined_clips(clips, related[0])
        self.clips = clips
        taken = sum(relation.config.labels * relation.config.each for relation in self._relations)
        self._clips_at_once = batch_size // config.views - taken
        if self._clips_at_once < 1:
            raise TrainingError(
                f"A batch of {batch_size} segments has {batch_size // config.views} clips; relations take "
                f"{taken}."
            )
        self._statistics = level_statistics(clips.levels, clips.lengths)
        self._targets = Targets(
            clips.features[:count], clips.teacher.widths, self._statistics[:count], config.targets
        )
        self.held_out = np.arange(count, self._related_first)
        rows = self._statistics[:count]
        self._own = (rows.mean(axis=0), rows.std(axis=0) + np.float32(1e-3))

    @property
    def fingerprint(self) -> str:
        """Name and digest of what batches are made of."""
        config = self.config
        made = [config.targets, config.blur, config.views, self.frames, self._clips_at_once, self._seed]
        made += [self._count, config.relations]
        return fingerprint("distillation", CODE_VERSION, made, [self.clips.fingerprint])

    def batch(self, step: int) -> Arrays:
        """See :class:`soundalike.training.prefetch.Batches`."""
        rng = np.random.default_rng([self._seed, 1, step])
        once, related = self._with_related(self._rows(step), rng)
        rows = np.tile(once, self.config.views)
        inputs = blur(self.segments(rows, rng), self.config.blur, rng)
        return {"inputs": inputs, "groups": self.clips.files[once], **self.said(rows), **related}

    def _with_related(self, free: IntArray, rng: np.random.Generator) -> tuple[IntArray, dict[str, IntArray]]:
        """Add the clips of relations to those of a batch; and where each relation finds its own."""
        rows, views = [free], self.config.views
        places = [relation.draw(rng) for relation in self._relations]
        whole = len(free) + sum(map(len, places))
        related: dict[str, IntArray] = {}
        first = len(free)
        for relation, at in zip(self._relations, places, strict=True):
            rows.append(self._related_first + relation.rows[at])
            own = np.arange(first, first + len(at))
            name = relation.config.name
            related[f"{name}.rows"] = np.concatenate([own + view * whole for view in range(views)])
            related[f"{name}.labels"] = np.tile(relation.labels[at], views)
            related[f"{name}.excludes"] = np.tile(relation.excludes[at], views)
            first += len(at)
        return np.concatenate(rows), related

    def said(self, rows: IntArray) -> dict[str, FloatArray]:
        """What the teacher said of some clips: targets of length 1, and class scores from 0 to 1."""
        logits = self.clips.logits[rows].astype(np.float32)
        return {
            "teacher_features": self._targets.of(self.clips.features[rows], self._statistics[rows]),
            "teacher_scores": np.asarray(1.0 / (1.0 + np.exp(-logits)), np.float32),
            "own_statistics": (self._statistics[rows] - self._own[0]) / self._own[1],
        }

    def segments(self, rows: IntArray, rng: np.random.Generator) -> FloatArray:
        """Cut a random stretch out of each of some clips.

        Args:
            rows: Which clips, shape ``(B,)``.
            rng: Where each is cut. A stretch whose loudest level lies far below the clip's is drawn anew.

        Returns:
            Levels in dB, shape ``(B, bands, frames)``, float32; what lies beyond a clip's end is far down.
        """
        levels = self.clips.levels
        out = np.zeros((len(rows), levels.shape[1], self.frames), np.uint8)
        for at, row in enumerate(rows.tolist()):
            spare = int(self.clips.lengths[row]) - self.frames
            if spare <= 0:
                stretch = levels[row, :, : self.clips.lengths[row]]
                out[at, :, : stretch.shape[1]] = stretch
                continue
            loudest = -1.0
            for start in rng.integers(0, spare + 1, _CROPS).tolist():
                stretch = levels[row, :, start : start + self.frames]
                peak = float(levels_db(stretch.max(keepdims=True))[0, 0])
                if peak > loudest or loudest == -1.0:
                    out[at], loudest = stretch, peak
                if peak > -_QUIET_DB:
                    break
        return levels_db(out)

    def _rows(self, step: int) -> IntArray:
        """Every clip once per round, in an order of the round's own."""
        per_round = self._count // self._clips_at_once
        order = np.random.default_rng([self._seed, 0, step // per_round]).permutation(self._count)
        first = (step % per_round) * self._clips_at_once
        return order[first : first + self._clips_at_once]


def blur(levels: FloatArray, config: BlurConfig, rng: np.random.Generator) -> FloatArray:
    """Change levels as noise, filters and lossy codes do.

    Args:
        levels: In dB, shape ``(B, bands, frames)``, float32.
        config: How.
        rng: Where randomness comes from.

    Returns:
        The same shape.
    """
    rows, bands, frames = levels.shape
    out = levels.copy()
    noisy = np.flatnonzero(rng.random(rows) < config.noisy)
    if len(noisy):
        top = out[noisy].max(axis=(1, 2), keepdims=True)
        below = rng.uniform(*config.noise_db, (len(noisy), 1, 1)).astype(np.float32)
        tilt = rng.uniform(-6.0, 18.0, (len(noisy), 1, 1)) * np.linspace(0.0, 1.0, bands)[None, :, None]
        ripple = rng.standard_exponential((len(noisy), bands, frames), np.float32)
        floor = 10.0 ** ((top - below + tilt.astype(np.float32)) / 10.0) * np.maximum(ripple, 1e-3)
        out[noisy] = 10.0 * np.log10(10.0 ** (out[noisy] / 10.0) + floor.astype(np.float32))
    coloured = np.flatnonzero(rng.random(rows) < config.coloured)
    knots = rng.normal(0.0, config.colour_db, (len(coloured), 6))
    out[coloured] += _interpolated(knots, bands)[:, :, None]
    for row in np.flatnonzero(rng.random(rows) < config.cut).tolist():
        out[row, int(rng.integers(bands // 2, bands)) :] -= 80.0
    for row in np.flatnonzero(rng.random(rows) < config.masked).tolist():
        _mask(out[row], rng)
    return out


def _interpolated(knots: NDArray[np.float64], size: int) -> FloatArray:
    """Straight lines between knots that are spread evenly: shape ``(B, knots)`` to ``(B, size)``."""
    at = np.linspace(0.0, knots.shape[1] - 1.0, size)
    left = np.minimum(at.astype(np.int64), knots.shape[1] - 2)
    share = at - left
    return np.asarray(knots[:, left] * (1.0 - share) + knots[:, left + 1] * share, np.float32)


def _mask(levels: FloatArray, rng: np.random.Generator) -> None:
    """Hide up to an eighth of the bands, or of the frames, of one segment."""
    axis = int(rng.integers(2))
    size = levels.shape[axis]
    width = int(rng.integers(1, max(2, size // 8)))
    start = int(rng.integers(0, size - width + 1))
    if axis == 0:
        levels[start : start + width] = levels.min()
    else:
        levels[:, start : start + width] = levels.min()


class DistillationObjective(Objective):
    """Vectors that say, through a projection, what the teacher's layers say, and alike of alike sounds.

    Source:
        Hinton, Vinyals and Dean 2015, Distilling the knowledge in a neural network; the similarity matrix
        after Tung and Mori 2019, Similarity-preserving knowledge distillation, here of cosines and without
        its normalisation by rows; relations: see :func:`soundalike.training.relations.relation_loss`.
    """

    config_type: ClassVar[type] = DistillationConfig
    needs: ClassVar[tuple[str, ...]] = ("inputs", "teacher_features", "teacher_scores")
    classes: ClassVar[int] = 527

    def __init__(self, config: DistillationConfig, network: EmbeddingNetwork) -> None:
        super().__init__()
        self.config = config
        dims = network.config.dims
        taught = network.config.part(config.part)
        own = STATISTICS if config.targets.own_weight > 0.0 else 0
        self.projection = nn.Linear(taught.stop - taught.start, config.targets.dims + own)
        self.tags: nn.Linear | None = None
        if config.scores > 0.0:
            self.tags = nn.Linear(dims, self.classes)
            nn.init.constant_(self.tags.bias, _SELDOM)

    def forward(self, network: EmbeddingNetwork, batch: Batch) -> Outcome:
        """See :class:`soundalike.training.objective.Objective`."""
        return self.judge(network, network(batch["inputs"]), batch)

    def judge(self, network: EmbeddingNetwork, vectors: Tensor, batch: Batch) -> Outcome:
        """Judge the vectors of a batch; see :class:`soundalike.training.objective.Objective`."""
        config = self.config
        taught = network.part(vectors, config.part)
        targets = batch["teacher_features"]
        loss = vectors.new_zeros(())
        figures: dict[str, float] = {}
        terms: list[tuple[str, float, Tensor]] = [
            ("cosine", config.cosine, self._cosine(taught, targets)),
            ("similarity", config.similarity, similarity_matrix_loss(taught, targets)),
        ]
        if config.own > 0.0:
            own = network.part(vectors, config.own_part)
            terms.append(("own", config.own, similarity_matrix_loss(own, batch["own_statistics"])))
        if self.tags is not None:
            read = vectors if config.scores_shape else vectors.detach()
            logits = self.tags(read * config.scale)
            entropy = functional.binary_cross_entropy_with_logits(logits, batch["teacher_scores"])
            terms.append(("scores", config.scores * _CLASSES_THAT_SOUND, entropy))
        if config.consistency > 0.0:
            first, second = network.part(vectors, config.consistent_part).chunk(2)
            together = nt_xent(first, second, batch["groups"], config.temperature)
            terms.append(("consistency", config.consistency, together))
        for relation in config.relations:
            rows, labels, excludes = (
                batch[f"{relation.name}.{column}"] for column in ("rows", "labels", "excludes")
            )
            related = network.part(vectors[rows], relation.part)
            found = relation_loss(related, labels, excludes, config.relation_temperature)
            terms.append((relation.name, relation.weight, found))
        for name, weight, term in terms:
            loss = loss + weight * term
            figures[name] = float(term.detach())
        return loss, figures

    def _cosine(self, vectors: Tensor, targets: Tensor) -> Tensor:
        projected = self.projection(vectors * self.config.scale)
        return (1.0 - torch.cosine_similarity(projected, targets)).mean()


def fit_tags(
    objective: DistillationObjective, network: EmbeddingNetwork, batches: Batches, steps: int
) -> float:
    """Fit the layer that reads class scores to a network whose weights were changed behind training.

    Args:
        objective: Its layer ``tags`` is changed; everything else stays.
        network: In evaluation mode.
        batches: What the training learnt from.
        steps: How many batches; the learning rate falls to zero over them.

    Returns:
        The mean cross-entropy over the last tenth of the steps.

    Raises:
        TrainingError: The objective has no such layer.
    """
    if objective.tags is None:
        raise TrainingError("There are no class scores in this objective: expected scores above 0.")
    layer, device = objective.tags, next(network.parameters()).device
    optimiser = torch.optim.Adam(layer.parameters(), lr=_TAGS_RATE)
    losses: list[float] = []
    for step in range(steps):
        batch = batches.batch(step)
        with torch.no_grad():
            vectors = network(torch.as_tensor(batch["inputs"]).to(device))
        scores = torch.as_tensor(batch["teacher_scores"]).to(device)
        for group in optimiser.param_groups:
            group["lr"] = _TAGS_RATE * (1.0 - step / steps)
        optimiser.zero_grad()
        loss = functional.binary_cross_entropy_with_logits(layer(vectors * objective.config.scale), scores)
        torch.autograd.backward(loss)
        optimiser.step()
        losses.append(float(loss.detach()))
    return float(np.mean(losses[-max(1, steps // 10) :]))


_TAGS_RATE = 1e-3

_SELDOM = -5.0
"""Logit that the class scores start from: about how seldom a class sounds."""

_CLASSES_THAT_SOUND = 20.0
"""The mean over 527 classes, of which few sound at a time, is brought to the size of the other terms."""
