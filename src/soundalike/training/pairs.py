"""Objectives over pairs of an anchor and its positive: triplets with mined negatives, and NT-Xent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from soundalike.core.errors import InvalidInputError
from soundalike.training.losses import (
    TripletDistance,
    distance_matrix,
    distances,
    nt_xent,
    triplet_losses,
)
from soundalike.training.mining import mine_semi_hard, original_negatives
from soundalike.training.network import EmbeddingNetwork
from soundalike.training.objective import Batch, Objective, Outcome


@dataclass(frozen=True, slots=True)
class TripletConfig:
    """What a triplet objective is made with.

    Attributes:
        distance: ``"cosine"`` or ``"squared_euclidean"``.
        margin: How much farther than the positive a negative should lie, in units of the distance.
        negatives: ``"semi_hard"``: mined within the batch; ``"original"``: those that the batch was drawn
            with.
    """

    distance: TripletDistance = "cosine"
    margin: float = 0.25
    negatives: Literal["semi_hard", "original"] = "semi_hard"

    def __post_init__(self) -> None:
        if not 0.0 < self.margin <= 4.0:
            raise InvalidInputError(f"margin lies above 0 and at most at 4; got {self.margin:g}.")


@dataclass(frozen=True, slots=True)
class NtXentConfig:
    """What an NT-Xent objective is made with.

    Attributes:
        temperature: See :func:`soundalike.training.losses.nt_xent`.
    """

    temperature: float = 0.1

    def __post_init__(self) -> None:
        if not 0.005 <= self.temperature <= 10.0:
            raise InvalidInputError(f"temperature lies between 0.005 and 10; got {self.temperature:g}.")


def embed_pairs(network: EmbeddingNetwork, batch: Batch) -> tuple[Tensor, Tensor]:
    """Embed anchors and positives in one pass, so that both see the same batch statistics."""
    vectors = network(torch.cat([batch["inputs"], batch["positives"]]))
    count = len(batch["inputs"])
    return vectors[:count], vectors[count:]


class TripletObjective(Objective):
    """Anchors nearer to their positives than to negatives, by a margin.

    Source:
        Jansen et al. 2018, section 3; Vinyard, Cochlea.
    """

    config_type: ClassVar[type] = TripletConfig
    needs: ClassVar[tuple[str, ...]] = ("inputs", "positives", "groups")

    def __init__(self, config: TripletConfig, network: EmbeddingNetwork) -> None:  # noqa: ARG002
        super().__init__()
        self.config = config

    def forward(self, network: EmbeddingNetwork, batch: Batch) -> Outcome:
        """See :class:`soundalike.training.objective.Objective`."""
        config = self.config
        anchors, positives = embed_pairs(network, batch)
        groups = batch["groups"]
        positive = distances(anchors, positives, config.distance)
        candidates, candidate_groups = torch.cat([positives, anchors]), torch.cat([groups, groups])
        to_candidates = distance_matrix(anchors, candidates, config.distance)
        if config.negatives == "semi_hard":
            mined = mine_semi_hard(to_candidates, positive, groups, candidate_groups, config.margin)
            rows, semi_hard = mined.rows, float(mined.semi_hard.float().mean())
        else:
            rows, semi_hard = original_negatives(groups, candidate_groups), 0.0
        negative = to_candidates.gather(1, rows[:, None])[:, 0]
        losses = triplet_losses(positive, negative, config.margin)
        figures = {
            "active_triplets": float((losses.detach() > 0).float().mean()),
            "semi_hard_triplets": semi_hard,
            "positive_distance": float(positive.detach().mean()),
            "negative_distance": float(negative.detach().mean()),
        }
        return losses.mean(), figures


class NtXentObjective(Objective):
    """Every segment finds its partner among all segments of the batch.

    Source:
        Chen et al. 2020, A simple framework for contrastive learning of visual representations.
    """

    config_type: ClassVar[type] = NtXentConfig
    needs: ClassVar[tuple[str, ...]] = ("inputs", "positives", "groups")

    def __init__(self, config: NtXentConfig, network: EmbeddingNetwork) -> None:  # noqa: ARG002
        super().__init__()
        self.config = config

    def forward(self, network: EmbeddingNetwork, batch: Batch) -> Outcome:
        """See :class:`soundalike.training.objective.Objective`."""
        anchors, positives = embed_pairs(network, batch)
        loss = nt_xent(anchors, positives, batch["groups"], self.config.temperature)
        distance = distances(anchors.detach(), positives.detach(), "cosine").mean()
        return loss, {"positive_distance": float(distance)}
