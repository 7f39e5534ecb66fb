"""Anchors and positives: which segments a batch is made of, and what should stay near them."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from soundalike.core.arrays import BoolArray, FloatArray, IntArray
from soundalike.core.errors import TrainingError
from soundalike.core.fingerprint import fingerprint
from soundalike.training.inputs import network_inputs
from soundalike.training.prefetch import Arrays
from soundalike.training.recipe import Recipe
from soundalike.training.sounds import TrainingSounds

CODE_VERSION = 2
"""Raised when the same sounds and recipe would give other batches."""

_SHORTEST_S = 0.01  # below this there is nothing to deform, and hardly anything to hear
_TRIES = 8


class SegmentDraw:
    """Draws segments that are not silent from sounds, by the square root of their lengths.

    One long file holds much that is alike; by the root it counts for more than a short one, but does not
    outweigh a thousand.

    Args:
        sounds: Where they come from.
        indices: Which of the sounds; all by default.
        window_samples: Length T of a segment; a shorter sound is filled up with zeros.
        least_level_db: Root mean square below which a segment counts as silent, in dB of full scale.

    Raises:
        TrainingError: No sound is long enough.
    """

    def __init__(
        self,
        sounds: TrainingSounds,
        indices: Sequence[int] | NDArray[np.integer] | None,
        window_samples: int,
        least_level_db: float,
    ) -> None:
        chosen = np.arange(len(sounds)) if indices is None else np.unique(np.asarray(indices, np.int64))
        lengths = np.array([sounds.sounds[i].length for i in chosen], np.int64)
        long_enough = lengths >= max(1, round(_SHORTEST_S * sounds.rate_hz))
        if not long_enough.any():
            raise TrainingError(
                f"There is nothing to train on: none of {len(chosen)} sounds lasts {_SHORTEST_S:g} s."
            )
        self.sounds = sounds
        self.indices: IntArray = chosen[long_enough]
        self.lengths: IntArray = lengths[long_enough]
        self.files: IntArray = np.array([sounds.sounds[i].file_code for i in self.indices], np.int64)
        self.window_samples = window_samples
        self._least_power = 10.0 ** (least_level_db / 10.0)
        self._cumulative = np.cumsum(np.sqrt(self.lengths))

    def draw(self, count: int, rng: Generator) -> tuple[IntArray, IntArray, FloatArray]:
        """Draw segments of at least two files.

        Args:
            count: How many, at least 2.
            rng: Draws.

        Returns:
            Which sound each is of and where it starts, shape ``(B,)`` each, and their samples, ``(B, T)``.

        Raises:
            TrainingError: After several tries there are not two files that are not silent.
        """
        rows = self._rows(count, rng)
        starts = self._starts(rows, rng)
        samples = self.read(rows, starts)
        heard = self.is_heard(samples)
        for _ in range(_TRIES):
            again = np.flatnonzero(~heard)
            if len(again) == 0:
                break
            rows[again] = self._rows(len(again), rng)
            starts[again] = self._starts(rows[again], rng)
            samples[again] = self.read(rows[again], starts[again])
            heard[again] = self.is_heard(samples[again])
        if len(np.unique(self.files[rows[heard]])) < 2:
            self._add_other_files(rows, starts, samples, heard)
        silent = np.flatnonzero(~heard)
        if len(silent):
            source = rng.choice(np.flatnonzero(heard), size=len(silent))
            rows[silent], starts[silent], samples[silent] = rows[source], starts[source], samples[source]
        return self.indices[rows], starts, samples

    def read(self, rows: IntArray, starts: IntArray) -> FloatArray:
        """Samples of segments, zeros behind the ends of sounds: shape ``(B, T)``."""
        return self.sounds.read_stretches(self.indices[rows], starts, self.window_samples)

    def is_heard(self, samples: FloatArray) -> BoolArray:
        """Whether each segment is louder than the least level: shape ``(B,)``."""
        return np.asarray(np.einsum("bt,bt->b", samples, samples) > self._least_power * samples.shape[1])

    def _rows(self, count: int, rng: Generator) -> IntArray:
        at = np.searchsorted(self._cumulative, rng.random(count) * self._cumulative[-1], side="right")
        return np.asarray(np.minimum(at, len(self.indices) - 1), dtype=np.int64)

    def _starts(self, rows: IntArray, rng: Generator) -> IntArray:
        room = np.maximum(0, self.lengths[rows] - self.window_samples)
        return np.asarray(np.floor(rng.random(len(rows)) * (room + 1)), dtype=np.int64)

    def _add_other_files(
        self, rows: IntArray, starts: IntArray, samples: FloatArray, heard: BoolArray
    ) -> None:
        """Search for other files that are heard, where chance left fewer than two, and put them in."""
        known = set(self.files[rows[heard]].tolist())
        places = [*np.flatnonzero(~heard).tolist(), len(rows) - 1]
        for row in range(len(self.indices)):
            if len(known) == 2:
                return
            room = max(0, int(self.lengths[row]) - self.window_samples)
            file = int(self.files[row])
            for start in sorted({0, room // 2, room}) if file not in known else ():
                some = self.read(np.array([row]), np.array([start]))
                if self.is_heard(some)[0]:
                    place = places.pop(0)
                    rows[place], starts[place], samples[place], heard[place] = row, start, some[0], True
                    known.add(file)
                    break
        if len(known) < 2:
            raise TrainingError(
                f"Training needs at least two files that are not silent; among {len(set(self.files))} there "
                f"{'is one' if known else 'is none'}. Segments of one file are never negatives of each other."
            )


class TrainingPairs:
    """Batches of anchors and their positives: the batch of a step is always the same.

    Args:
        sounds: What to train on, at the rate of the recipe.
        recipe: How the network listens, and what positives are.
        indices: Which of the sounds; all by default.

    Raises:
        TrainingError: The sounds are at another rate, or there is nothing to train on.
    """

    def __init__(
        self,
        sounds: TrainingSounds,
        recipe: Recipe,
        indices: Sequence[int] | NDArray[np.integer] | None = None,
    ) -> None:
        listening = recipe.input
        if sounds.rate_hz != listening.rate_hz:
            raise TrainingError(
                f"The recipe {recipe.name} listens at {listening.rate_hz} Hz; the sounds in {sounds.folder} "
                f"are at {sounds.rate_hz} Hz."
            )
        self.recipe = recipe
        self._draw = SegmentDraw(sounds, indices, listening.window_samples, recipe.positives.least_level_db)
        if len(np.unique(self._draw.files)) < 2:
            raise TrainingError(
                "Training needs at least two files: segments of one file are never negatives of each other."
            )
        self._deformer = recipe.positives.deformer()
        listed = [
            [sounds.sounds[i].name, file, sounds.sounds[i].start, sounds.sounds[i].length]
            for i, file in zip(self._draw.indices.tolist(), self._draw.files.tolist(), strict=True)
        ]
        self.fingerprint = fingerprint(
            "pairs", CODE_VERSION, {"sounds": listed, "rate_hz": sounds.rate_hz, "samples": sounds.digest}
        )

    def batch(self, step: int) -> Arrays:
        """Make the batch of a step.

        Args:
            step: Its number, from 0.

        Returns:
            ``inputs`` and ``positives``, of the shape that the network takes; ``groups``, shape ``(B,)``,
            int64: the file of each; ``deform_s``: seconds that went into deformation.
        """
        groups, anchors, positives, deform_s = self.segments(step)
        both = network_inputs(np.concatenate([anchors, positives]), self.recipe.input)
        count = len(anchors)
        return {
            "inputs": both[:count],
            "positives": both[count:],
            "groups": groups,
            "deform_s": np.array(deform_s),
        }

    def segments(self, step: int) -> tuple[IntArray, FloatArray, FloatArray, float]:
        """The samples that the batch of a step is made of.

        Args:
            step: Its number.

        Returns:
            The file that each is of, ``(B,)``; anchors and positives, ``(B, T)`` each; and the seconds that
            went into deformation.
        """
        config = self.recipe.positives
        rng = np.random.default_rng([self.recipe.seed, step])
        sounds, starts, anchors = self._draw.draw(self.recipe.batch_size, rng)
        rows = np.searchsorted(self._draw.indices, sounds)
        positives, near = self._near(rows, starts, anchors, rng)
        deformed = ~near | (rng.random(len(near)) < config.deform_near_rate)
        changed = np.flatnonzero(deformed)
        started = time.perf_counter()
        rate_hz = self.recipe.input.rate_hz
        if len(changed):
            positives[changed] = self._deformer.apply(
                positives[changed], rate_hz=rate_hz, rng=rng, others=anchors
            )
        if config.deform_anchors:
            anchors = self._deformer.apply(anchors, rate_hz=rate_hz, rng=rng, others=None)
        return self._draw.files[rows], anchors, positives, time.perf_counter() - started

    def _near(
        self, rows: IntArray, starts: IntArray, anchors: FloatArray, rng: Generator
    ) -> tuple[FloatArray, BoolArray]:
        """Take some positives from near in time, the others from the anchors themselves."""
        config, listening = self.recipe.positives, self.recipe.input
        room = self._draw.lengths[rows] - listening.window_samples
        near_samples = round(config.near_s * listening.rate_hz)
        first = np.maximum(0, starts - near_samples)
        last = np.minimum(room, starts + near_samples)
        shares = rng.random(len(rows))
        wanted = (rng.random(len(rows)) < config.near_rate) & (room > 0)
        positives = anchors.copy()
        chosen = np.flatnonzero(wanted)
        at = first[chosen] + np.floor(shares[chosen] * (last - first + 1)[chosen]).astype(np.int64)
        some = self._draw.read(rows[chosen], at)
        heard = self._draw.is_heard(some)
        positives[chosen[heard]] = some[heard]
        near = np.zeros(len(rows), bool)
        near[chosen[heard]] = True
        return positives, near
