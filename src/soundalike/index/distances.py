"""Distances that are exact for near neighbours: computed from differences, in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundalike.core.arrays import FloatArray
from soundalike.core.errors import InvalidInputError
from soundalike.index.base import Metric


def check_metric(metric: str) -> Metric:
    """Take a metric by its name.

    Raises:
        InvalidInputError: It is neither ``"cosine"`` nor ``"euclidean"``.
    """
    if metric == "cosine":
        return "cosine"
    if metric == "euclidean":
        return "euclidean"
    raise InvalidInputError(f"A metric is 'cosine' or 'euclidean'; got {metric!r}.")


def distances_to(query: FloatArray, vectors: FloatArray, metric: Metric) -> FloatArray:
    """Measure from one vector to each of several.

    ``|a|² + |b|² - 2ab`` loses everything that matters where a and b are close; differences do not. The
    cosine distance is half the squared length of the difference of the unit vectors: the same number.

    Args:
        query: Shape ``(D,)``.
        vectors: Shape ``(N, D)``.
        metric: How to measure.

    Returns:
        Shape ``(N,)``, float32: exactly 0 for identical vectors, and the same for the same pair whatever
        other rows are beside it.

    Example:
        >>> import numpy as np
        >>> rows = np.array([[3.0, 4.0], [0.0, 2.0]], np.float32)
        >>> distances_to(rows[0], rows, "cosine").round(3).tolist()
        [0.0, 0.20000000298023224]
    """
    return distances_between(np.asarray(query)[None], vectors, metric)


def distances_between(a: NDArray[Any], b: NDArray[Any], metric: Metric) -> FloatArray:
    """Measure between rows that stand beside each other; see ``distances_to``.

    Args:
        a: Shape ``(N, D)`` or ``(1, D)``.
        b: Shape ``(N, D)``.
        metric: How to measure.

    Returns:
        Shape ``(N,)``, float32.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if metric == "euclidean":
        return np.asarray(np.sqrt(np.square(b - a).sum(axis=1)), np.float32)
    lengths_a, lengths_b = (np.sqrt(np.square(side).sum(axis=1, keepdims=True)) for side in (a, b))
    nowhere = ((lengths_a == 0.0) | (lengths_b == 0.0))[:, 0]
    difference = b / np.where(lengths_b > 0, lengths_b, 1.0) - a / np.where(lengths_a > 0, lengths_a, 1.0)
    distance = np.where(nowhere, 1.0, 0.5 * np.square(difference).sum(axis=1))
    return np.asarray(np.minimum(distance, 2.0), np.float32)


def lengths_of(vectors: NDArray[Any]) -> FloatArray:
    """Euclidean length of each row of ``(N, D)``, shape ``(N,)``, float32."""
    squares = np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64)
    return np.asarray(np.sqrt(squares), np.float32)
