"""What is measured on held-out sounds while a training runs, and which sounds are held out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from soundalike.core.arrays import IntArray
from soundalike.core.errors import TrainingError
from soundalike.evaluation import group_split, retrieval_scores
from soundalike.training.embed import Embed
from soundalike.training.inputs import network_inputs
from soundalike.training.recipe import Recipe
from soundalike.training.sampling import SegmentDraw
from soundalike.training.sounds import TrainingSounds

_SEED = 20_180_401  # apart from the recipe's: what is measured stays the same from recipe to recipe


class RetrievalProbe:
    """How well held-out sounds find their own kind; the same segments at every measurement.

    - ``same_file_first``: a segment's nearest neighbour is the other segment of the same file (chance: one in
      the number of segments). It is what training aims at.
    - ``near_duplicate_first``: a segment's nearest neighbour is its deformed copy, and the other way round.
    - ``group_map``: mean average precision of the segments of the same group, where there are groups.

    Args:
        sounds: Where the held-out sounds are.
        indices: Which they are.
        recipe: How the network listens, and what deforms.
        most: Sounds that are measured at most.

    Raises:
        TrainingError: There are not two held-out sounds that are not silent.
    """

    def __init__(
        self,
        sounds: TrainingSounds,
        indices: Sequence[int] | NDArray[np.integer],
        recipe: Recipe,
        most: int = 300,
    ) -> None:
        rng = np.random.default_rng(_SEED)
        window = recipe.input.window_samples
        held = np.unique(np.asarray(indices, np.int64))
        if len(held) > most:
            held = np.sort(rng.choice(held, most, replace=False))
        rows, first, second = _two_segments_each(sounds, held, window, rng)
        draw = SegmentDraw(sounds, held, window, recipe.positives.least_level_db)
        one = sounds.read_stretches(rows, first, window)
        other = sounds.read_stretches(rows, second, window)
        heard = draw.is_heard(one)
        rows, one, other = rows[heard], one[heard], other[heard]
        if len(rows) < 2:
            raise TrainingError(
                f"Of {len(held)} held-out sounds, {len(rows)} are not silent; needed are two."
            )
        copies = recipe.positives.deformer().apply(
            one, rate_hz=sounds.rate_hz, rng=rng, others=one if len(one) > 1 else None
        )
        self._inputs = [network_inputs(some, recipe.input) for some in (one, other, copies)]
        self._two = (first != second)[heard] & draw.is_heard(other)
        files = np.array([sounds.sounds[row].file_code for row in rows.tolist()], np.int64)
        self._files = np.unique(files, return_inverse=True)[1].reshape(-1)
        names = {sounds.sounds[row].group for row in rows.tolist()}
        codes = {name: code for code, name in enumerate(sorted(names))}
        self._groups = np.array([codes[sounds.sounds[row].group] for row in rows.tolist()])

    def measure(self, embed: Embed) -> dict[str, float]:
        """Measure; see :class:`soundalike.training.loop.Probe`."""
        one, other, copies = (embed(inputs) for inputs in self._inputs)
        places = np.arange(len(self._files))
        figures = {"near_duplicate_first": _first(np.concatenate([one, copies]), np.tile(places, 2))}
        if self._two.sum() >= 2:
            pairs = np.concatenate([one[self._two], other[self._two]])
            figures["same_file_first"] = _first(pairs, np.tile(self._files[self._two], 2))
        if 1 < len(np.unique(self._groups)) < len(self._groups):
            figures["group_map"] = retrieval_scores(one, self._groups).mean("map")
        return figures


def _first(vectors: NDArray[np.float32], labels: IntArray) -> float:
    """Share of items whose nearest neighbour is of their own label."""
    return retrieval_scores(vectors, labels, ks=(1,)).mean("p@1")


def _two_segments_each(
    sounds: TrainingSounds, held: IntArray, window: int, rng: np.random.Generator
) -> tuple[IntArray, IntArray, IntArray]:
    """Draw two starts in every sound, a window apart where it is long enough; equal where it is too short."""
    lengths = np.array([sounds.sounds[row].length for row in held.tolist()], np.int64)
    room = np.maximum(0, lengths - window)
    first = np.floor(rng.random(len(held)) * (room // 2 + 1)).astype(np.int64)
    second = np.minimum(room, first + np.minimum(room, np.maximum(window, room // 2)))
    second = np.where(second - first < window // 2, first, second)
    return held, first, second


def hold_out(sounds: TrainingSounds, share: float, seed: int) -> tuple[IntArray, IntArray]:
    """Choose which sounds are held out: whole groups, or single sounds where there is one group only.

    Args:
        sounds: All sounds.
        share: About which share of the sounds is held out, between 0 and 1; at least one group is, and at
            least one is not.
        seed: Of the choice.

    Returns:
        Indices of the sounds to train on, and of those held out: none where there are fewer than four.

    Raises:
        InvalidInputError: The share is not between 0 and 1.
    """
    everything = np.arange(len(sounds), dtype=np.int64)
    if len(sounds) < 4:
        return everything, everything[:0]
    groups = np.array([sound.group for sound in sounds.sounds])
    if len(np.unique(groups)) == 1:
        groups = everything
    return group_split(groups, share, seed)
