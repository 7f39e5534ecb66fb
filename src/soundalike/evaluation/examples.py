"""Which queries to show: some that go well and some that go badly, of different kinds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundalike.core.arrays import IntArray
from soundalike.evaluation.retrieval import RetrievalScores


@dataclass(frozen=True, slots=True, eq=False)
class ShownSound:
    """One sound in a picture of examples.

    Attributes:
        name: What it is called.
        label: Its label.
        spectrogram: Shape ``(F, N)``, any floating point, low frequencies first; silence may be anything.
        right: For a hit, whether it is of the query's label; None for the query itself.
    """

    name: str
    label: str
    spectrogram: NDArray[Any]
    right: bool | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """A query and the first of what it finds.

    Attributes:
        query: What was searched with.
        hits: What was found, nearest first.
        note: What to say of it, such as its average precision.
    """

    query: ShownSound
    hits: tuple[ShownSound, ...]
    note: str = ""


def good_and_bad(scores: RetrievalScores, count: int = 3) -> tuple[IntArray, IntArray]:
    """Choose the queries that go best and worst, each of another label where there are enough.

    Good ones are of the better half of all queries, bad ones of the worse.

    Args:
        scores: What was found for all queries.
        count: How many of each.

    Returns:
        Rows of the best queries, best first, and of the worst, worst first; at most ``count`` of each.
        No row is in both.
    """
    precision = scores.per_query("map")
    known = np.flatnonzero(~np.isnan(precision))
    rising = known[np.argsort(precision[known], kind="stable")]
    half = len(rising) // 2
    good = _of_different_kinds(rising[half:][::-1], scores.codes, count)
    bad = _of_different_kinds(rising[:half], scores.codes, count)
    return good, bad


def _of_different_kinds(rows: IntArray, codes: IntArray, count: int) -> IntArray:
    """The first row of each label, then the rest, up to ``count``."""
    _, first = np.unique(codes[rows], return_index=True)
    order = np.concatenate([np.sort(first), np.setdiff1d(np.arange(len(rows)), first)])
    return np.asarray(rows[order[:count]])
