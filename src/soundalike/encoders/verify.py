"""Trying an encoder on made-up sound before it is trusted with a library."""

from __future__ import annotations

import numpy as np

from soundalike.core.arrays import FloatArray, IntArray
from soundalike.core.errors import EncoderError
from soundalike.encoders.base import Encoder

_ROWS = 4
_TOLERANCE = 1e-3  # between a segment alone and in a batch; rounding is below 1e-5, a mistake far above


def verify_encoder(encoder: Encoder, seed: int = 0) -> None:
    """Hold an encoder to what every encoder promises, as far as noise shows it.

    Noise of several colours, a short sound and silence go through it: the vectors must have the declared size
    and length and be finite, a segment must give the same vector alone as in a batch, and different sounds
    must not all give the same. Its tags and its text tower are tried where it has them.

    Args:
        encoder: What to try.
        seed: Of the noise.

    Raises:
        EncoderError: It fails, or breaks its word.
    """
    spec = encoder.spec
    segments, lengths = _sounds(spec.window_samples, seed)
    together = encoder.encode(segments, lengths)
    _check(encoder, together, len(segments))
    alone = np.concatenate(
        [encoder.encode(segments[row : row + 1], lengths[row : row + 1]) for row in range(len(segments))]
    )
    largest = max(1.0, float(np.abs(together).max()))
    apart = float(np.abs(alone - together).max())
    if apart > _TOLERANCE * largest:
        raise EncoderError(
            f"{spec.name} gives a segment another vector alone than in a batch: they differ by {apart:.3g}."
        )
    if float(np.ptp(together[:_ROWS], axis=0).max()) < 1e-6 * largest:
        raise EncoderError(f"{spec.name} gives the same vector for every sound.")
    if encoder.tag_names:
        encoder.tag_scores(segments, lengths)
    if encoder.reads_text:
        encoder.encode_text(["a drum", "Rain on a roof, and 2 dogs that bark."])


def _sounds(window_samples: int, seed: int) -> tuple[FloatArray, IntArray]:
    """Noise that falls with frequency more and more, then a short sound, then silence."""
    rng = np.random.default_rng(seed)
    spectra = np.fft.rfft(rng.standard_normal((_ROWS, window_samples)))
    slopes = np.linspace(0.0, 1.5, _ROWS)[:, None]
    noise = np.fft.irfft(spectra / np.arange(1, spectra.shape[1] + 1) ** slopes, window_samples)
    noise *= 0.3 / np.maximum(np.abs(noise).max(axis=1, keepdims=True), 1e-12)
    segments = np.zeros((_ROWS + 2, window_samples), np.float32)
    segments[:_ROWS] = noise
    short = max(1, window_samples // 10)
    segments[_ROWS, :short] = noise[0, :short]
    lengths = np.full(len(segments), window_samples)
    lengths[_ROWS] = short
    return segments, lengths


def _check(encoder: Encoder, vectors: FloatArray, rows: int) -> None:
    spec = encoder.spec
    if vectors.shape != (rows, spec.dims) or not np.isfinite(vectors).all():
        raise EncoderError(
            f"{spec.name} should give finite vectors of shape {(rows, spec.dims)}; it gave {vectors.shape}."
        )
    lengths = np.linalg.norm(vectors[:_ROWS], axis=1)
    if spec.unit_length and np.abs(lengths - 1.0).max() > _TOLERANCE:
        raise EncoderError(f"{spec.name} declares vectors of length 1; one has length {lengths.min():.4g}.")
