"""What is made of a segment that should stay near it, and how often."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from soundalike.audio.deform.combine import Chain, DeformationMix
from soundalike.audio.deform.registry import deformation_mix_from
from soundalike.core.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class DeformationChoice:
    """One kind of deformation.

    Attributes:
        kind: A name in ``audio.deform.DEFORMATIONS``.
        weight: How often it is drawn, relative to the others.
        settings: Its own settings: the ranges that it draws from.
    """

    kind: str
    weight: float = 1.0
    settings: Mapping[str, Any] = field(default_factory=dict, metadata={"rest": True})


_KINDS = ("pitch_up", "pitch_down", "stretch", "compress", "noise", "mix", "gain", "filter", "crop")


@dataclass(frozen=True, slots=True)
class PositivesConfig:
    """How a positive is made of an anchor.

    Attributes:
        near_rate: How often it is a segment near in time, where the sound is long enough for another one.
        near_s: How far apart the starts of the two are at most.
        deform_near_rate: How often a segment near in time is deformed as well.
        deform_anchors: Whether anchors are deformed too, each in its own way.
        deformations: What deforms: one of them, drawn by weight, for every segment.
        rounds: How many deformations are applied, one after another.
        least_level_db: Segments whose root mean square lies below this, in dB relative to full scale, are
            drawn anew: nothing is learnt from silence.
    """

    near_rate: float = 0.3
    near_s: float = 10.0
    deform_near_rate: float = 0.5
    deform_anchors: bool = False
    deformations: tuple[DeformationChoice, ...] = tuple(map(DeformationChoice, _KINDS))
    rounds: int = 1
    least_level_db: float = -65.0

    def __post_init__(self) -> None:
        if not (0.0 <= self.near_rate <= 1.0 and 0.0 <= self.deform_near_rate <= 1.0):
            raise InvalidInputError(
                f"near_rate and deform_near_rate are probabilities; got {self.near_rate:g} and "
                f"{self.deform_near_rate:g}."
            )
        if not 0.0 < self.near_s <= 3600.0 or not -200.0 <= self.least_level_db <= 0.0:
            raise InvalidInputError(
                f"near_s lies above 0 and least_level_db between -200 and 0; got {self.near_s:g} and "
                f"{self.least_level_db:g}."
            )
        if not 1 <= self.rounds <= 8:
            raise InvalidInputError(f"rounds lies between 1 and 8; got {self.rounds}.")
        self.deformer()

    def deformer(self) -> Chain:
        """What deforms, made.

        Raises:
            NotFoundError: There is no deformation of a kind that is named.
            InvalidInputError: A setting is not what was expected.
        """
        entries = [{"kind": c.kind, "weight": c.weight, **c.settings} for c in self.deformations]
        mix: DeformationMix = deformation_mix_from(entries)
        return Chain((mix,) * self.rounds)
