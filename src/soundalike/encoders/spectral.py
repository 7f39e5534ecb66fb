"""The ``spectral`` encoder: statistics over time of log-mel bands and their cepstrum, without training."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from soundalike.core.arrays import FloatArray, IntArray
from soundalike.core.errors import InvalidInputError
from soundalike.core.fingerprint import fingerprint
from soundalike.encoders.base import Encoder, EncoderSpec, listening_fingerprint
from soundalike.encoders.file_names import FOLDER_FILE
from soundalike.encoders.spectral_config import (
    KIND,
    SpectralConfig,
    default_config,
    load_config,
    save_config,
)
from soundalike.features.cepstrum import cepstrum
from soundalike.features.logmel import log_mel_of_frames
from soundalike.features.statistics import time_statistics

CODE_VERSION = 1
"""Raised when the same samples would give another vector."""

_FRAMES_PER_BLOCK = 512  # their spectra fit into a core's second-level cache; 256 to 1024 are equally fast
_FRAMES_PER_BATCH = 16384  # frames of segments at once: bounds memory to some tens of megabytes


class SpectralEncoder(Encoder):
    """Mean, spread and change over time of log-mel bands and cepstral coefficients, standardised.

    The vector does not depend on the level of the sound: levels count from ``range_db`` below the segment's
    loudest band and frame (a floor in full-scale terms would cut a quiet copy where it leaves a loud one),
    and the mean over bands and time is taken away from the mean bands.

    Only frames that lie wholly inside the sound count; a sound shorter than a frame is one frame, padded with
    zeros.

    The same segment gives the same vector bit for bit, alone and in any batch, on any number of threads:
    every step treats frames and segments as columns that do not touch each other, and none uses BLAS.

    Args:
        config: What to make it with.

    Source:
        Tzanetakis and Cook 2002, Musical genre classification of audio signals, section III, for means and
        variances of cepstra over a texture window; this adds the bands themselves and their change.
    """

    def __init__(self, config: SpectralConfig) -> None:
        self.config = config
        digest = fingerprint(KIND, CODE_VERSION, config, [listening_fingerprint()])
        self.spec = EncoderSpec(
            name=KIND,
            fingerprint=digest,
            space=digest,
            dims=config.dims,
            metric="cosine",
            unit_length=True,
            rate_hz=config.log_mel.rate_hz,
            window_samples=config.window_samples,
            silence_db=config.silence_db,
            hop_samples=config.hop_samples,
        )
        self._mean = np.array(config.mean or [0.0] * config.dims, np.float32)
        self._scale = np.array(config.scale or [1.0] * config.dims, np.float32)
        self._weights = np.array(config.weights, np.float32)

    def encode(self, segments: FloatArray, lengths: IntArray) -> FloatArray:
        """Encode a batch of segments: see :meth:`soundalike.encoders.base.Encoder.encode`.

        Raises:
            InvalidInputError: Segments of another length than ``spec.window_samples``.
        """
        window = self.spec.window_samples
        if segments.ndim != 2 or segments.shape[1] != window:
            raise InvalidInputError(f"Expected segments of shape (B, {window}); got {segments.shape}.")
        starts = np.arange(len(segments), dtype=np.int64) * window
        return self.encode_at(segments.reshape(-1), starts, lengths)

    def encode_at(self, samples: FloatArray, starts: IntArray, lengths: IntArray) -> FloatArray:
        """Encode stretches of a recording: see :meth:`soundalike.encoders.base.Encoder.encode_at`.

        Frames that several segments share are computed once, wherever the segments start.
        """
        vectors = self.statistics_at(samples, starts, lengths)
        vectors -= self._mean
        vectors /= self._scale
        np.clip(vectors, -self.config.clip, self.config.clip, out=vectors)
        vectors *= self._weights
        norms = np.sqrt(np.add.reduce(np.square(vectors), axis=1, keepdims=True))
        return np.divide(vectors, norms, out=vectors, where=norms > 0.0)

    def save(self, folder: Path) -> bool:
        """Write its constants: see :meth:`soundalike.encoders.base.Encoder.save`."""
        save_config(self.config, folder / FOLDER_FILE)
        return True

    def statistics_at(self, samples: FloatArray, starts: IntArray, lengths: IntArray) -> FloatArray:
        """Take the statistics that vectors are made of, before they are standardised.

        Args:
            samples: As in :meth:`encode_at`.
            starts: As in :meth:`encode_at`.
            lengths: As in :meth:`encode_at`.

        Returns:
            Shape ``(B, D)``, float32: means of all bands and coefficients, then their spreads, then their
            changes, in dB.

        Raises:
            InvalidInputError: A stretch lies outside the recording.
        """
        self.check_stretches(samples, starts, lengths)
        out = np.empty((len(starts), self.spec.dims), np.float32)
        log_mel = self.config.log_mel
        whole = 1 + (lengths - log_mel.frame_samples) // log_mel.hop_samples
        counts = np.maximum(whole, 1).astype(np.int64)
        for rows in _batches(counts):
            levels = self._levels(samples, starts[rows], lengths[rows], counts[rows])
            out[rows] = self._statistics(levels, counts[rows])
        return out

    def _levels(
        self, samples: FloatArray, starts: IntArray, lengths: IntArray, counts: IntArray
    ) -> FloatArray:
        """Take the log-mel spectra of all frames of some stretches, one stretch behind the other."""
        log_mel = self.config.log_mel
        length, hop = log_mel.frame_samples, log_mel.hop_samples
        firsts = np.cumsum(counts) - counts
        within = np.arange(int(counts.sum())) - np.repeat(firsts, counts)
        positions = np.repeat(starts, counts) + within * hop
        short = np.flatnonzero(lengths < length)
        # A short stretch has a frame of its own, found behind all others, as it may not read what follows it.
        positions[firsts[short]] = len(samples) + np.arange(len(short))
        unique, places = np.unique(positions, return_inverse=True)
        whole = unique[: len(unique) - len(short)]
        levels = np.empty((log_mel.bands, len(unique)), np.float32)
        if len(whole):
            frames = sliding_window_view(samples, length)
            for first in range(0, len(whole), _FRAMES_PER_BLOCK):
                block = slice(first, min(first + _FRAMES_PER_BLOCK, len(whole)))
                levels[:, block] = log_mel_of_frames(frames[whole[block]], log_mel)
        if len(short):
            offsets = np.arange(length)
            inside = offsets < lengths[short, None]
            at = np.where(inside, starts[short, None] + offsets, 0)
            padded = np.where(inside, samples[at], np.float32(0.0))
            levels[:, len(whole) :] = log_mel_of_frames(padded, log_mel)
        in_order: FloatArray = np.take(levels, places, axis=1)  # contiguous, which levels[:, places] is not
        return in_order

    def _statistics(self, levels: FloatArray, counts: IntArray) -> FloatArray:
        """Turn the levels of some stretches into one row of statistics for each."""
        bands = self.config.log_mel.bands
        firsts = np.cumsum(counts) - counts
        peaks = np.maximum.reduceat(np.max(levels, axis=0), firsts)
        levels -= np.repeat(peaks - np.float32(self.config.range_db), counts)
        np.maximum(levels, np.float32(0.0), out=levels)
        values = np.concatenate([levels, cepstrum(levels, self.config.cepstra + 1)[1:]])
        statistics = time_statistics(values, counts)
        mean_bands = statistics.mean[:bands]
        overall = np.add.reduce(np.ascontiguousarray(mean_bands.T), axis=1) / np.float32(bands)
        mean_bands -= overall
        return np.ascontiguousarray(np.concatenate(statistics).T)


def create() -> SpectralEncoder:
    """Make the encoder with the constants that come with soundalike."""
    return SpectralEncoder(default_config())


def load(path: Path) -> SpectralEncoder:
    """Make an encoder from a file that ``save_config`` wrote.

    Raises:
        EncoderError: Not such a file.
    """
    return SpectralEncoder(load_config(path))


def _batches(counts: IntArray) -> Iterator[slice]:
    """Cut a batch into runs of stretches of bounded memory."""
    first = 0
    ends = np.cumsum(counts)
    while first < len(counts):
        done = int(ends[first - 1]) if first else 0
        last = int(np.searchsorted(ends, done + _FRAMES_PER_BATCH, side="right"))
        last = max(last, first + 1)
        yield slice(first, last)
        first = last
