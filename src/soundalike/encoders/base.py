"""What every encoder is: one batch method, and a declaration of what its vectors mean."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from soundalike.core.arrays import FloatArray, IntArray
from soundalike.core.errors import EncoderError, InvalidInputError
from soundalike.core.fingerprint import fingerprint

# Here and not in soundalike.audio: naming an encoder must not load the decoder.
DECODING_VERSION = 1
"""Raised when ``soundalike.audio`` would decode, mix or resample the same file to other samples."""

SEGMENTATION_VERSION = 1
"""Raised when ``audio.Segmenter`` would cut the same samples otherwise, or take other frames for silent."""

POOLING_VERSION = 1
"""Raised when ``Encoder.pool`` would make another vector of the same segments' vectors."""

Metric: TypeAlias = Literal["cosine", "euclidean"]

_ROWS_AT_ONCE = 256  # segments per call: enough to fill vector units, small enough to stay in memory


def listening_fingerprint() -> str:
    """Name the code that stands between a file and an encoder, and behind it: an input of every fingerprint.

    Returns:
        A fingerprint of how files are decoded, cut into segments and judged for silence, and of how the
        vectors of segments are pooled.
    """
    versions = {
        "decoding": DECODING_VERSION,
        "segmentation": SEGMENTATION_VERSION,
        "pooling": POOLING_VERSION,
    }
    return fingerprint("listening", 1, versions)


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """What an encoder declares; kept with every vector that it makes.

    Attributes:
        name: The name that users type: ``"spectral"``.
        fingerprint: Name and digest of everything that changes a vector: code version, parameters, inputs
            (``listening_fingerprint`` among them).
        space: Fingerprint of the encoder whose vectors these may be compared with; its own by default.
        dims: Size D of a vector.
        metric: The distance that its vectors are compared with: ``"cosine"`` is 1 - cosine of the angle,
            ``"euclidean"`` the length of the difference. Smaller is nearer.
        unit_length: Whether every vector (but that of silence, which may be zero) has length 1.
        rate_hz: Sample rate that it listens at.
        window_samples: Length T of a segment at that rate; shorter sounds are padded with zeros.
        hop_samples: Distance between the starts of two segments.
        silence_db: Frames of 10 ms whose level lies further below the loudest frame of the sound than this,
            in dB, count as silence; so do those near the noise of 16 bits. See ``audio.Segmenter``.
    """

    name: str
    fingerprint: str
    space: str
    dims: int
    metric: Metric
    unit_length: bool
    rate_hz: int
    window_samples: int
    hop_samples: int
    silence_db: float = -50.0

    @property
    def window_s(self) -> float:
        """Length of a segment in seconds."""
        return self.window_samples / self.rate_hz

    @property
    def hop_s(self) -> float:
        """Distance between the starts of two segments in seconds."""
        return self.hop_samples / self.rate_hz


class Encoder(ABC):
    """Turns segments of sound into vectors. A subclass sets ``spec`` and implements ``encode``.

    The same segment gives the same vector alone and in any batch, in every process, on any number of threads.
    """

    spec: EncoderSpec

    @abstractmethod
    def encode(self, segments: FloatArray, lengths: IntArray) -> FloatArray:
        """Encode a batch of segments.

        Args:
            segments: Mono audio at ``spec.rate_hz``, shape ``(B, T)`` with ``T = spec.window_samples``,
                float32, finite, full scale at 1.0, zero from ``lengths`` on.
            lengths: How many samples of each segment are sound, shape ``(B,)``, each in ``1..T``.

        Returns:
            Vectors of shape ``(B, D)``, float32, finite; of unit length where ``spec.unit_length``.
        """

    def encode_at(self, samples: FloatArray, starts: IntArray, lengths: IntArray) -> FloatArray:
        """Encode stretches of a longer recording; equal to ``encode`` of each stretch, bit for bit.

        An encoder overrides this where overlapping segments share work.

        Args:
            samples: Mono audio at ``spec.rate_hz``, shape ``(T_all,)``, float32, finite.
            starts: Index of each segment's first sample, shape ``(B,)``.
            lengths: Samples of each segment, shape ``(B,)``, each in ``1..spec.window_samples``, and
                ``starts + lengths <= T_all``.

        Returns:
            Vectors of shape ``(B, D)``, float32.

        Raises:
            InvalidInputError: A stretch lies outside the recording.
        """
        self.check_stretches(samples, starts, lengths)
        window = self.spec.window_samples
        out = np.empty((len(starts), self.spec.dims), np.float32)
        offsets = np.arange(window)
        for first in range(0, len(starts), _ROWS_AT_ONCE):
            rows = slice(first, first + _ROWS_AT_ONCE)
            at = starts[rows, None] + offsets
            inside = offsets < lengths[rows, None]
            segments = np.where(inside, samples[np.where(inside, at, 0)], np.float32(0.0))
            out[rows] = self.encode(segments, lengths[rows])
        return out

    def pool(self, vectors: FloatArray) -> FloatArray:
        """Make one vector for a whole sound out of its segments' vectors.

        Args:
            vectors: Shape ``(N, D)``, ``N >= 1``: the segments that are not silent.

        Returns:
            Shape ``(D,)``: the mean, brought back to unit length where ``spec.unit_length``.
        """
        mean = np.asarray(vectors, dtype=np.float64).mean(axis=0)
        length = float(np.linalg.norm(mean))
        if self.spec.unit_length and length > 0.0:
            mean /= length
        return np.asarray(mean, dtype=np.float32)

    def save(self, folder: Path) -> bool:
        """Write the files that ``load_encoder`` makes the same encoder from, by the path of their folder.

        A library keeps them, and listens with them when the encoder of that name has become another one.

        Args:
            folder: An empty folder.

        Returns:
            Whether there is something to write; False where code alone makes the encoder.
        """
        del folder
        return False

    @property
    def tag_names(self) -> tuple[str, ...]:
        """The classes whose scores :meth:`tag_scores` gives, in their order; none where it knows none."""
        return ()

    def tag_scores(self, segments: FloatArray, lengths: IntArray) -> FloatArray:
        """Tell how likely it is that each of the classes is heard.

        Args:
            segments: As in :meth:`encode`.
            lengths: As in :meth:`encode`.

        Returns:
            Probabilities of shape ``(B, K)``, float32, each class for itself, in the order of ``tag_names``.

        Raises:
            EncoderError: The encoder knows no classes, or its scores are not what it declares.
        """
        del segments, lengths
        raise EncoderError(f"The encoder {self.spec.name} has no tags.")

    @property
    def reads_text(self) -> bool:
        """Whether :meth:`encode_text` makes vectors of texts in the space of sounds."""
        return False

    def encode_text(self, texts: Sequence[str]) -> FloatArray:
        """Turn texts into vectors of the encoder's space, to search sounds with.

        Args:
            texts: Any number of them.

        Returns:
            Shape ``(B, D)``, float32, finite; of unit length where ``spec.unit_length``.

        Raises:
            EncoderError: The encoder has no text tower, or it is damaged.
            InvalidInputError: A text is longer than anything that it reads.
        """
        del texts
        raise EncoderError(f"The encoder {self.spec.name} has no text tower.")

    def check_stretches(self, samples: FloatArray, starts: IntArray, lengths: IntArray) -> None:
        """Raise InvalidInputError where a stretch is empty, too long, or outside the samples."""
        if len(starts) == 0:
            return
        if starts.shape != lengths.shape or samples.ndim != 1:
            raise InvalidInputError(
                f"Expected samples (T,), starts (B,) and lengths (B,); got {samples.shape}, {starts.shape} "
                f"and {lengths.shape}."
            )
        longest, shortest = int(lengths.max()), int(lengths.min())
        if shortest < 1 or longest > self.spec.window_samples:
            raise InvalidInputError(
                f"A segment for {self.spec.name} has 1 to {self.spec.window_samples} samples; "
                f"got {shortest} to {longest}."
            )
        if int(starts.min()) < 0 or int((starts + lengths).max()) > len(samples):
            raise InvalidInputError(
                f"Segments reach from sample {int(starts.min())} to {int((starts + lengths).max())}, "
                f"but there are {len(samples)} samples."
            )
