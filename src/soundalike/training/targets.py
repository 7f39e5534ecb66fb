"""What a student is taught: a teacher's layers, made into vectors, beside what the sound itself says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundalike.core.arrays import FloatArray
from soundalike.core.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class TargetConfig:
    """How a teacher's features become what a student is taught.

    Attributes:
        dims: Size of what is taught of the teacher: that many principal components.
        whitening: 0 leaves the components as they vary, 1 makes all vary alike.
        last_weight: How much more than another layer the last one counts.
        own_weight: How much the clip's own statistics count beside the teacher's components, whose vector has
            length 1: a teacher that tells classes apart forgets what tells two sounds of a class apart.
    """

    dims: int = 256
    whitening: float = 0.5
    last_weight: float = 6.0
    own_weight: float = 0.0

    def __post_init__(self) -> None:
        if self.dims < 1 or self.last_weight <= 0.0 or not 0.0 <= self.own_weight <= 10.0:
            raise InvalidInputError(
                "Targets have at least one component, last_weight is above 0 and own_weight 0 to 10; got "
                f"{self.dims}, {self.last_weight:g} and {self.own_weight:g}."
            )
        if not 0.0 <= self.whitening <= 1.0:
            raise InvalidInputError(f"whitening lies between 0 and 1; got {self.whitening:g}.")


class Targets:
    """Principal components of standardised, weighted layers, partly whitened, beside own statistics.

    Fitted on the clips that are trained on. On held-out sounds the components of all layers, whitened, told
    classes apart better than the last layer as it is.

    Args:
        features: Of the teacher, shape ``(N, F)``, any float type.
        widths: Channels of each layer; they sum up to F.
        statistics: Of the clips themselves, shape ``(N, S)``.
        config: How.

    Attributes:
        dims: Size K of the targets.
        mean: Of the features, shape ``(F,)``.
        scale: What each feature is multiplied with then, shape ``(F,)``.
        projection: To the components, shape ``(F, dims of the teacher)``.
        own_mean: Of the statistics, shape ``(S,)``.
        own_spread: Their standard deviations, shape ``(S,)``.
    """

    def __init__(
        self, features: NDArray[Any], widths: tuple[int, ...], statistics: FloatArray, config: TargetConfig
    ) -> None:
        rows = np.asarray(features, np.float32)
        self.config = config
        self.mean, spread = _moments(rows)
        weights = [config.last_weight if at == len(widths) - 1 else 1.0 for at in range(len(widths))]
        each = [
            np.full(width, weight / np.sqrt(width)) for width, weight in zip(widths, weights, strict=True)
        ]
        self.scale = (np.concatenate(each) / spread).astype(np.float32)
        scaled = (rows - self.mean) * self.scale
        values, vectors = np.linalg.eigh(np.cov(scaled.T, dtype=np.float64))
        kept = slice(None, -config.dims - 1, -1)
        powers = np.maximum(values[kept], values[-1] * 1e-9) ** (-config.whitening / 2.0)
        self.projection = (vectors[:, kept] * powers).astype(np.float32)
        self.own_mean, self.own_spread = _moments(statistics)
        self.dims = self.projection.shape[1] + (statistics.shape[1] if config.own_weight > 0.0 else 0)

    def of(self, features: NDArray[Any], statistics: FloatArray) -> FloatArray:
        """The targets of some clips: ``(N, F)`` and ``(N, S)`` to ``(N, K)``, float32, of length 1."""
        scaled = (np.asarray(features, np.float32) - self.mean) * self.scale
        said = _unit(scaled @ self.projection)
        if self.config.own_weight == 0.0:
            return said
        own = _unit((statistics - self.own_mean) / self.own_spread)
        return _unit(np.concatenate([said, np.float32(self.config.own_weight) * own], axis=1))


def _moments(rows: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation of every column, the latter kept off 0."""
    mean = rows.mean(axis=0, dtype=np.float64).astype(np.float32)
    return mean, rows.std(axis=0, dtype=np.float64).astype(np.float32) + np.float32(1e-3)


def _unit(rows: NDArray[Any]) -> FloatArray:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, 1e-12), np.float32)
