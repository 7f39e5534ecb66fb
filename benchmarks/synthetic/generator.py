"""One seeded generator of unit vectors: clusters of files, whose segments drift, like a real encoder's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

PARAMETERS_FILE = Path(__file__).parent / "parameters.json"

_FILES_AT_ONCE = 2048


@dataclass(frozen=True, slots=True)
class Parameters:
    """What the generator is fitted by; see ``fit.py``.

    Points lie in a latent space, are mapped linearly to 128 dimensions, get a common offset and noise, and
    are brought to unit length.

    Attributes:
        latent_dims: Dimensions of the latent space.
        decay: The latent axes' standard deviations fall as ``axis ** -decay``.
        files_per_cluster: How many files share a cluster, on average; clusters' sizes vary.
        file_spread: How far files lie from their cluster's centre, relative to how far centres lie apart.
        spread_variation: Standard deviation of the logarithm of that, from file to file: makes hubs.
        drift: How far segments wander from their file's place, on the same scale.
        noise: Standard deviation of what is added to each of the 128 dimensions, relative to the signal's.
        offset: Length of what all vectors have in common, relative to the signal's.
        segments_per_file: How many segments a file has, on average (geometrically distributed).
    """

    latent_dims: int = 24
    decay: float = 0.5
    files_per_cluster: float = 20.0
    file_spread: float = 0.5
    spread_variation: float = 0.5
    drift: float = 0.2
    noise: float = 0.05
    offset: float = 0.5
    segments_per_file: float = 8.0

    @classmethod
    def fitted(cls) -> Parameters:
        """The parameters that were fitted to a real encoder."""
        return cls(**json.loads(PARAMETERS_FILE.read_text(encoding="utf-8"))["parameters"])


class Synthetic:
    """A collection of a given size, and queries that are not in it.

    The same parameters, size and seed give the same vectors, whatever is asked for first.

    Args:
        segments: About how many segments the collection shall have.
        parameters: How vectors are spread; the fitted ones by default.
        seed: Another seed, another collection.
    """

    dims = 128

    def __init__(self, segments: int, parameters: Parameters | None = None, seed: int = 0) -> None:
        self.parameters = parameters or Parameters.fitted()
        self.segments = segments
        self.seed = seed
        p = self.parameters
        files = max(1, round(segments / p.segments_per_file))
        rng = np.random.default_rng([seed, 0])
        self._axes = np.arange(1, p.latent_dims + 1) ** -p.decay
        self._axes /= np.linalg.norm(self._axes)
        self._map = np.linalg.qr(rng.standard_normal((self.dims, p.latent_dims)))[0].T
        direction = rng.standard_normal(self.dims)
        self._offset = p.offset * direction / np.linalg.norm(direction)
        clusters = max(1, round(files / p.files_per_cluster))
        self._centres = rng.standard_normal((clusters, p.latent_dims))
        sizes = rng.lognormal(0.0, 1.0, clusters)
        self._sizes = sizes / sizes.sum()

    def blocks(self) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64]]]:
        """The collection: vectors ``(n, 128)`` and the number of each vector's file ``(n,)``, in blocks."""
        made, block, first_file = 0, 0, 0
        while made < self.segments:
            vectors, owner = self._files(np.random.default_rng([self.seed, 1, block]), _FILES_AT_ONCE)
            vectors, owner = vectors[: self.segments - made], owner[: self.segments - made]
            yield vectors, owner + first_file
            made, block, first_file = made + len(vectors), block + 1, first_file + _FILES_AT_ONCE

    def all(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """The collection at once."""
        vectors, owners = zip(*self.blocks(), strict=True)
        return np.concatenate(vectors), np.concatenate(owners)

    def queries(self, count: int) -> NDArray[np.float32]:
        """Segments of other files of the same clusters, one of each, shape ``(count, 128)``."""
        rng = np.random.default_rng([self.seed, 2])
        vectors, owner = self._files(rng, count)
        return vectors[np.unique(owner, return_index=True)[1]]

    def _files(self, rng: np.random.Generator, files: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        p = self.parameters
        cluster = rng.choice(len(self._centres), files, p=self._sizes)
        spread = p.file_spread * rng.lognormal(0.0, p.spread_variation, (files, 1))
        places = self._centres[cluster] + spread * rng.standard_normal((files, p.latent_dims))
        lengths = rng.geometric(1 / p.segments_per_file, files)
        owner = np.repeat(np.arange(files), lengths)
        steps = rng.standard_normal((len(owner), p.latent_dims))
        wander = _wander(steps, lengths)
        latent = places[owner] + p.drift * (spread / p.file_spread)[owner] * wander
        signal = (latent * self._axes) @ self._map + self._offset
        signal += p.noise / np.sqrt(self.dims) * rng.standard_normal(signal.shape)
        signal /= np.linalg.norm(signal, axis=1, keepdims=True)
        return signal.astype(np.float32), owner


def _wander(steps: NDArray[np.float64], lengths: NDArray[np.int64]) -> NDArray[np.float64]:
    """Let each file's segments walk: 0.7 of where the one before was, and a step; of unit variance."""
    keep = 0.7
    out = steps.copy()
    starts = np.cumsum(lengths) - lengths
    for n in range(1, int(lengths.max())):
        at = starts[lengths > n] + n
        out[at] = keep * out[at - 1] + np.sqrt(1 - keep**2) * steps[at]
    return out
