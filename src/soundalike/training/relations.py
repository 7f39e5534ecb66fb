"""Relations that facts of sounds tell: the same word by another voice, an instrument on another note."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from soundalike.core.arrays import IntArray
from soundalike.core.errors import InvalidInputError, TrainingError
from soundalike.training.sounds import TrainingSound

_NEVER = -1e9  # logit of what may not be chosen


@dataclass(frozen=True, slots=True)
class RelationConfig:
    """Which sounds belong together, by their facts.

    Two sounds are positives where they share the label and differ in what is excluded; sounds that share what
    is excluded say nothing of each other, so that a word is not found by the voice that says it.

    Attributes:
        name: What it is called in figures.
        label: The facts that positives share, such as ``("language", "text")``.
        exclude: The fact that they must not share, such as ``"voice"``; empty for none.
        where: Facts and their values that a sound must have to take part.
        labels: How many labels a batch holds.
        each: How many sounds of each.
        weight: Of its loss.
        part: The part of a vector that learns it; all of it by default.
    """

    name: str
    label: tuple[str, ...]
    exclude: str = ""
    where: Mapping[str, str] = field(default_factory=dict)
    labels: int = 24
    each: int = 3
    weight: float = 0.1
    part: str = ""

    def __post_init__(self) -> None:
        if not self.label or self.labels < 2 or self.each < 2 or self.weight < 0.0:
            raise InvalidInputError(
                f"A relation has a label, takes at least 2 labels of 2 sounds each, and its weight is not "
                f"negative; got {self}."
            )


class Relation:
    """The sounds of a relation, and how some of them are drawn for a batch.

    Args:
        config: Which.
        sounds: All sounds; positions in this sequence are what :meth:`draw` gives.

    Attributes:
        rows: Positions of the sounds that take part, shape ``(R,)``.
        labels: Their labels as numbers, shape ``(R,)``.
        excludes: What they exclude, as numbers, shape ``(R,)``.

    Raises:
        TrainingError: Fewer than two labels have sounds that differ in what is excluded.
    """

    def __init__(self, config: RelationConfig, sounds: Sequence[TrainingSound]) -> None:
        self.config = config
        rows, labels, excludes = [], [], []
        for row, sound in enumerate(sounds):
            facts = sound.facts
            if any(facts.get(name) != value for name, value in config.where.items()):
                continue
            label = tuple(facts.get(name, "") for name in config.label)
            excluded = facts.get(config.exclude, "") if config.exclude else str(row)
            if all(label) and excluded:
                rows.append(row)
                labels.append("\n".join(label))
                excludes.append(excluded)
        self.rows: IntArray = np.array(rows, np.int64)
        label_codes = np.unique(np.array(labels, dtype=object).astype(str), return_inverse=True)[1]
        self.labels: IntArray = label_codes.astype(np.int64).reshape(-1)
        exclude_codes = np.unique(np.array(excludes, dtype=object).astype(str), return_inverse=True)[1]
        self.excludes: IntArray = exclude_codes.astype(np.int64).reshape(-1)
        members: list[IntArray] = []
        for code in range(int(self.labels.max(initial=-1)) + 1):
            of_label = np.flatnonzero(self.labels == code)
            if len(np.unique(self.excludes[of_label])) > 1:
                members.append(of_label)
        if len(members) < 2:
            raise TrainingError(
                f"The relation {config.name} needs two labels of which there are sounds that differ in "
                f"{config.exclude or 'themselves'}; of {len(rows)} sounds that take part, {len(members)} "
                "labels have them."
            )
        self._members = members

    def draw(self, rng: np.random.Generator) -> IntArray:
        """Draw the sounds of a batch.

        Args:
            rng: Draws.

        Returns:
            Places in ``rows``, at most ``labels * each`` of them, none twice.
        """
        config = self.config
        chosen = rng.choice(len(self._members), min(config.labels, len(self._members)), replace=False)
        return np.concatenate([self._of_label(self._members[at], rng) for at in chosen.tolist()])

    def _of_label(self, members: IntArray, rng: np.random.Generator) -> IntArray:
        """Draw some sounds of a label: those that differ in what is excluded first, so that two always do."""
        drawn = rng.permutation(members)
        firsts = np.sort(np.unique(self.excludes[drawn], return_index=True)[1])
        others = np.setdiff1d(np.arange(len(drawn)), firsts)
        chosen: IntArray = drawn[np.concatenate([firsts, others])][: self.config.each]
        return chosen


def relation_loss(vectors: Tensor, labels: Tensor, excludes: Tensor, temperature: float) -> Tensor:
    """Find what shares the label among all that differ in what is excluded.

    Args:
        vectors: Of length 1, shape ``(B, D)``.
        labels: Shape ``(B,)``, integers.
        excludes: Shape ``(B,)``, integers: rows that share it are neither right nor wrong answers.
        temperature: What cosines are divided by.

    Returns:
        The mean over the rows that have a right answer of the mean cross-entropy with each; 0 where none has.

    Source:
        Khosla et al. 2020, Supervised contrastive learning, equation 2; the exclusions are this project's.

    Example:
        >>> rows = torch.eye(2).repeat(2, 1)
        >>> found = relation_loss(rows, torch.tensor([0, 1, 0, 1]), torch.tensor([0, 0, 1, 1]), 0.05)
        >>> found.item() < 1e-6
        True
    """
    with torch.autocast(vectors.device.type, enabled=False):
        logits = vectors.float() @ vectors.float().T / temperature
    answers = excludes[:, None] != excludes[None, :]
    right = answers & (labels[:, None] == labels[None, :])
    logits = logits.masked_fill(~answers, _NEVER)
    surprise = torch.logsumexp(logits, dim=1, keepdim=True) - logits
    counts = right.sum(dim=1)
    each = (surprise * right).sum(dim=1) / counts.clamp(min=1)
    return each.sum() / (counts > 0).sum().clamp(min=1)
