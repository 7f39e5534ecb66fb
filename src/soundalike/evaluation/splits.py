"""Divide items into parts such that no group, such as a source recording, lies in two of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundalike.core.arrays import IntArray
from soundalike.core.errors import InvalidInputError


def group_split(
    groups: NDArray[Any], fraction: float, rng: np.random.Generator | int
) -> tuple[IntArray, IntArray]:
    """Hold out whole groups, drawn at random.

    Args:
        groups: What each item belongs to: a source recording, speaker or pack; shape ``(N,)``.
        fraction: Share of the items to hold out, between 0 and 1; met as nearly as whole groups allow, and
            both parts hold at least one group.
        rng: Draws the groups; or its seed.

    Returns:
        Indices of the items that stay and of those that are held out, each rising.

    Raises:
        InvalidInputError: Fewer than two groups, or a fraction that is not between 0 and 1.

    Example:
        >>> stay, held = group_split(np.array(["a", "a", "b", "c"]), 0.25, 0)
        >>> len(stay), len(held)
        (3, 1)
    """
    codes, count = _coded(groups, 2)
    if not 0.0 < fraction < 1.0:
        raise InvalidInputError(f"Expected a fraction between 0 and 1; got {fraction}.")
    order = np.random.default_rng(rng).permutation(count)
    filled = np.cumsum(np.bincount(codes)[order])[:-1]
    taken = order[: 1 + int(np.abs(filled - fraction * len(codes)).argmin())]
    held = np.isin(codes, taken)
    return np.flatnonzero(~held), np.flatnonzero(held)


def fold_split(groups: NDArray[Any], folds: int, rng: np.random.Generator | int) -> IntArray:
    """Deal whole groups out to folds of about equal size.

    Args:
        groups: What each item belongs to, shape ``(N,)``.
        folds: How many, at least two and at most as many as there are groups.
        rng: Draws which of equally large groups goes where; or its seed.

    Returns:
        The fold of each item, from 0, shape ``(N,)``; every fold has at least one item.

    Raises:
        InvalidInputError: More folds than groups, or fewer than two.

    Example:
        >>> folds = fold_split(np.array(["a", "a", "b", "c"]), 2, 0)
        >>> np.bincount(folds).tolist(), bool(folds[0] == folds[1])
        ([2, 2], True)
    """
    if folds < 2:
        raise InvalidInputError(f"Expected at least two folds; got {folds}.")
    codes, count = _coded(groups, folds)
    sizes = np.bincount(codes)
    shuffled = np.random.default_rng(rng).permutation(count)
    largest_first = shuffled[np.argsort(-sizes[shuffled], kind="stable")]
    fold_of, filled = np.zeros(count, np.int64), np.zeros(folds, np.int64)
    for group in largest_first.tolist():
        fold_of[group] = emptiest = int(filled.argmin())
        filled[emptiest] += sizes[group]
    return fold_of[codes]


def leave_one_group_out(groups: NDArray[Any]) -> Iterator[tuple[IntArray, IntArray]]:
    """Hold out each group in turn.

    Args:
        groups: What each item belongs to, shape ``(N,)``.

    Yields:
        Indices of the items that stay and of those that are held out, groups in sorted order.

    Raises:
        InvalidInputError: Fewer than two groups.
    """
    codes, count = _coded(groups, 2)
    for group in range(count):
        yield np.flatnonzero(codes != group), np.flatnonzero(codes == group)


def _coded(groups: NDArray[Any], at_least: int) -> tuple[IntArray, int]:
    array = np.asarray(groups)
    if array.ndim != 1:
        raise InvalidInputError(f"groups must have shape (N,), one per item; got {array.shape}.")
    names, codes = np.unique(array, return_inverse=True)
    if len(names) < at_least:
        raise InvalidInputError(f"Expected at least {at_least} groups to divide; got {len(names)}.")
    return codes, len(names)
