"""Semi-hard negatives within a batch: farther than the positive, but as near as can be."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from soundalike.core.errors import TrainingError

_FAR = float("inf")


@dataclass(frozen=True, slots=True)
class MinedNegatives:
    """Which negative every triplet got.

    Attributes:
        rows: Index among the candidates, shape ``(B,)``.
        semi_hard: Whether it lies within the margin behind the positive, shape ``(B,)``, bool.
    """

    rows: Tensor
    semi_hard: Tensor


def mine_semi_hard(
    distances_to_candidates: Tensor,
    positive_distances: Tensor,
    groups: Tensor,
    candidate_groups: Tensor,
    margin: float,
) -> MinedNegatives:
    """Give every triplet of a batch the hardest negative that is still farther than its positive.

    The nearest candidate of another sound that is farther from the anchor than the positive is taken; where
    it lies within the margin, it is semi-hard. Where no candidate is farther than the positive, the farthest
    is taken: it was mistaken least. A candidate may serve several triplets.

    Args:
        distances_to_candidates: Of anchors to all candidates, shape ``(B, C)``, not negative.
        positive_distances: Of anchors to their positives, shape ``(B,)``.
        groups: The sound that each anchor is of, shape ``(B,)``, integers.
        candidate_groups: The sound that each candidate is of, shape ``(C,)``.
        margin: The loss's margin.

    Returns:
        The negatives. No gradient passes through the choice.

    Raises:
        TrainingError: An anchor has no candidate of another sound.

    Source:
        Schroff, Kalenichenko and Philbin 2015, FaceNet, section 3.2; Jansen et al. 2018, section 3.2; that
        segments of one sound are never negatives of each other is Vinyard's (Cochlea).

    Example:
        >>> to_candidates = torch.tensor([[0.1, 0.4, 0.9]])
        >>> mine_semi_hard(to_candidates, torch.tensor([0.3]), torch.tensor([7]),
        ...                torch.tensor([1, 2, 3]), margin=0.2).rows.tolist()
        [1]
    """
    with torch.no_grad():
        allowed = groups[:, None] != candidate_groups[None, :]
        if not bool(allowed.any(dim=1).all()):
            raise TrainingError(
                "A batch needs sounds of at least two files: segments of one file are never negatives of "
                "each other."
            )
        farther = allowed & (distances_to_candidates > positive_distances[:, None])
        nearest, rows = distances_to_candidates.masked_fill(~farther, _FAR).min(dim=1)
        farthest = distances_to_candidates.masked_fill(~allowed, -_FAR).argmax(dim=1)
        found = farther.any(dim=1)
        semi_hard = found & (nearest < positive_distances + margin)
        return MinedNegatives(torch.where(found, rows, farthest), semi_hard)


def original_negatives(groups: Tensor, candidate_groups: Tensor) -> Tensor:
    """The negatives that a batch is drawn with: for each anchor the next candidate of another sound.

    Args:
        groups: The sound that each anchor is of, shape ``(B,)``.
        candidate_groups: The sound that each candidate is of, shape ``(C,)``.

    Returns:
        Index among the candidates, shape ``(B,)``; where all are of the anchor's sound, the next one.

    Example:
        >>> original_negatives(torch.tensor([0, 0, 1]), torch.tensor([0, 0, 1])).tolist()
        [2, 2, 0]
    """
    count, candidates = len(groups), len(candidate_groups)
    steps = torch.arange(1, candidates + 1, device=groups.device)
    order = (torch.arange(count, device=groups.device)[:, None] + steps[None, :]) % candidates
    other = candidate_groups[order] != groups[:, None]
    first = other.to(torch.uint8).argmax(dim=1)
    return order[torch.arange(count, device=groups.device), first]
