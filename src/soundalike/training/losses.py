"""Losses on vectors: triplet, NT-Xent, and the likeness of two matrices of similarities."""

from __future__ import annotations

from typing import Literal, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

from soundalike.core.errors import InvalidInputError

TripletDistance: TypeAlias = Literal["cosine", "squared_euclidean"]

_SELF = -1e9  # logit of what may not be chosen: its exponential is 0 in every precision used here


def distances(vectors: Tensor, others: Tensor, kind: TripletDistance) -> Tensor:
    """Distances between the rows of two stacks of vectors, row by row.

    Args:
        vectors: Shape ``(..., D)``.
        others: Shape ``(..., D)``.
        kind: ``"cosine"``: 1 - cosine of the angle; ``"squared_euclidean"``: squared length of the
            difference, which is twice the other where all vectors have length 1.

    Returns:
        Shape ``(...)``.

    Example:
        >>> a, b = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
        >>> distances(a, b, "cosine").item(), distances(a, b, "squared_euclidean").item()
        (1.0, 2.0)
    """
    if kind == "cosine":
        return 1.0 - functional.cosine_similarity(vectors, others, dim=-1)
    if kind == "squared_euclidean":
        return (vectors - others).square().sum(dim=-1)
    raise InvalidInputError(f"A triplet's distance is 'cosine' or 'squared_euclidean'; got {kind!r}.")


def distance_matrix(vectors: Tensor, others: Tensor, kind: TripletDistance) -> Tensor:
    """Distances of all rows of one stack, ``(B, D)``, to all rows of another, ``(C, D)``: ``(B, C)``."""
    if kind == "cosine":
        return 1.0 - _products(functional.normalize(vectors, dim=1), functional.normalize(others, dim=1))
    if kind == "squared_euclidean":
        squares = vectors.square().sum(dim=1)[:, None] + others.square().sum(dim=1)[None, :]
        return (squares - 2.0 * _products(vectors, others)).clamp(min=0.0)
    raise InvalidInputError(f"A triplet's distance is 'cosine' or 'squared_euclidean'; got {kind!r}.")


def triplet_losses(positive_distances: Tensor, negative_distances: Tensor, margin: float) -> Tensor:
    """How far each negative falls short of lying farther away than the positive by a margin.

    Args:
        positive_distances: Of anchors to their positives, shape ``(B,)``.
        negative_distances: Of anchors to their negatives, shape ``(B,)``.
        margin: In units of the distance.

    Returns:
        ``max(0, positive - negative + margin)``, shape ``(B,)``.

    Source:
        Jansen et al. 2018, equation 1.

    Example:
        >>> triplet_losses(torch.tensor([0.25, 0.0]), torch.tensor([0.5, 0.75]), 0.5).tolist()
        [0.25, 0.0]
    """
    return functional.relu(positive_distances - negative_distances + margin)


def nt_xent(anchors: Tensor, positives: Tensor, groups: Tensor, temperature: float) -> Tensor:
    """Normalised temperature-scaled cross entropy: find the partner among all others of the batch.

    Every row is an anchor once; its partner is the right answer among the rows of both stacks. Rows of its
    own group other than the partner, and the row itself, are no answers at all.

    Args:
        anchors: One view of each segment, shape ``(B, D)``.
        positives: The other view, shape ``(B, D)``.
        groups: Which sound each segment is of, shape ``(B,)``, integers.
        temperature: What cosines are divided by: the smaller, the more the nearest negatives count.

    Returns:
        The mean over the 2B rows: a single number.

    Source:
        Chen et al. 2020, A simple framework for contrastive learning of visual representations, equation 1;
        here without negatives of the same sound.
    """
    count = len(anchors)
    rows = functional.normalize(torch.cat([anchors, positives]), dim=1)
    logits = _products(rows, rows) / temperature
    both = torch.cat([groups, groups])
    partner = torch.arange(2 * count, device=rows.device).roll(count)
    excluded = both[:, None] == both[None, :]
    excluded[torch.arange(2 * count, device=rows.device), partner] = False
    return functional.cross_entropy(logits.masked_fill(excluded, _SELF), partner)


def similarity_matrix_loss(vectors: Tensor, teacher_vectors: Tensor) -> Tensor:
    """How far the cosines within a batch differ from those of a teacher.

    Args:
        vectors: Shape ``(B, D)``.
        teacher_vectors: Of the same segments, shape ``(B, F)``.

    Returns:
        The mean square of the differences over all pairs of different rows: a single number.

    Source:
        Tung and Mori 2019, Similarity-preserving knowledge distillation, equation 4, on cosines.

    Example:
        >>> rows = torch.eye(3)
        >>> similarity_matrix_loss(rows, 2.0 * rows).item()
        0.0
    """
    own = functional.normalize(vectors, dim=1)
    theirs = functional.normalize(teacher_vectors, dim=1)
    square = (_products(own, own) - _products(theirs, theirs)).square()
    count = len(vectors)
    return (square.sum() - square.diagonal().sum()) / max(1, count * (count - 1))


def _products(rows: Tensor, others: Tensor) -> Tensor:
    """Products of all pairs of rows, not in bfloat16, whose digits do not tell near vectors apart."""
    with torch.autocast(rows.device.type, enabled=False):
        return rows @ others.T
