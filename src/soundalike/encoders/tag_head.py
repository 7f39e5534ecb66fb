"""Tag heads: what a manifest says of a model's second output, the scores of named classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from soundalike.core.arrays import FloatArray
from soundalike.core.errors import InvalidInputError

_MOST_TAGS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TagHead:
    """What a manifest says of the classes that a model tells apart.

    Attributes:
        output: Name of the model's output of scores: float32 of shape ``(batch, K)``.
        names: The K classes, in the order of the scores.
        scores: ``"probabilities"`` between 0 and 1, each class for itself; or ``"logits"``, which the
            logistic function turns into them.
    """

    output: str
    names: tuple[str, ...]
    scores: Literal["probabilities", "logits"] = "probabilities"

    def __post_init__(self) -> None:
        if not 1 <= len(self.names) <= _MOST_TAGS or len(set(self.names)) < len(self.names):
            raise InvalidInputError(
                f"tags.names has 1 to {_MOST_TAGS} different names; got {len(self.names)}, "
                f"{len(set(self.names))} of them different."
            )
        if not all(name.strip() and name.isprintable() for name in self.names):
            raise InvalidInputError("tags.names holds printable names, none of them empty.")
        if self.scores not in ("probabilities", "logits"):
            raise InvalidInputError(f"tags.scores is 'probabilities' or 'logits'; got {self.scores!r}.")

    def probabilities(self, scores: FloatArray) -> FloatArray:
        """Turn the model's scores into probabilities: the same shape, float32."""
        if self.scores == "probabilities":
            return scores.astype(np.float32, copy=False)
        wide = np.asarray(scores, dtype=np.float64)
        return np.asarray(0.5 * (1.0 + np.tanh(0.5 * wide)), dtype=np.float32)
