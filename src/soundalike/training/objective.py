"""Objectives: what a training makes of a batch, by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, TypeAlias

from torch import Tensor, nn

from soundalike.core.registry import Registry
from soundalike.training.network import EmbeddingNetwork
from soundalike.training.parsing import config_from_mapping
from soundalike.training.recipe import ObjectiveChoice

Batch: TypeAlias = Mapping[str, Tensor]
Outcome: TypeAlias = tuple[Tensor, dict[str, float]]


class Objective(nn.Module, ABC):
    """What is learnt. Modules of its own, such as heads, are trained along and kept in checkpoints.

    A subclass sets ``config_type`` and ``needs``, takes ``(config, network)`` and implements ``forward``.

    Attributes:
        config_type: The dataclass of its settings.
        needs: What a batch must hold.
    """

    config_type: ClassVar[type]
    needs: ClassVar[tuple[str, ...]] = ("inputs",)

    @abstractmethod
    def forward(self, network: EmbeddingNetwork, batch: Batch) -> Outcome:
        """Judge a batch.

        Args:
            network: In training mode.
            batch: ``inputs``: what the network takes, shape ``(B, ...)``; with pairs also ``positives``, of
                the same shape, and ``groups``, shape ``(B,)``, int64: which sound each segment is of;
                whatever else the objective needs.

        Returns:
            The loss, a single number, and figures to log beside it.
        """


OBJECTIVES = Registry[type[Objective]](
    "objective",
    "soundalike.objectives",
    {
        "triplet": "soundalike.training.pairs:TripletObjective",
        "ntxent": "soundalike.training.pairs:NtXentObjective",
        "distillation": "soundalike.training.distillation:DistillationObjective",
        "live-distillation": "soundalike.training.live:LiveDistillationObjective",
    },
)


def make_objective(choice: ObjectiveChoice, network: EmbeddingNetwork) -> Objective:
    """Make the objective that a recipe names.

    Args:
        choice: Its name and settings.
        network: The network that it will judge.

    Raises:
        NotFoundError: There is no such objective.
        InvalidInputError: Its settings are not what it takes.
    """
    kind = OBJECTIVES.load(choice.kind)
    config: Any = config_from_mapping(kind.config_type, choice.settings, f"objective {choice.kind}")
    maker: Any = kind
    made: Objective = maker(config, network)
    return made
