"""What every encoder must beat: statistics of MFCCs and of log-mel bands, as encoders of their own."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
import scipy.signal

from soundalike.core.arrays import FloatArray, IntArray
from soundalike.core.errors import InvalidInputError
from soundalike.core.fingerprint import fingerprint
from soundalike.encoders import Encoder, EncoderSpec
from soundalike.encoders.base import listening_fingerprint
from soundalike.features import LogMelConfig, cepstrum, log_mel

CODE_VERSION = 1
"""Raised when the same samples would give another vector."""

_ROWS_AT_ONCE = 64  # segments whose spectra are held at once


@dataclass(frozen=True, slots=True)
class BaselineConfig:
    """What statistics are taken of: log-mel spectra as librosa makes them, on segments of a second.

    Attributes:
        rate_hz: Sample rate.
        frame_samples: Length of a frame.
        hop_samples: Distance between the starts of two frames.
        bands: Mel bands, on the Slaney scale, of equal area.
        range_db: Levels further below a segment's loudest are raised to there.
        coefficients: How many MFCCs, coefficient 0 included; for :class:`MfccStatistics` only.
        delta_frames: Frames over which a delta is fitted, odd; likewise.
        window_s: Length of a segment.
        segment_hop_s: Distance between the starts of two segments.
    """

    rate_hz: int = 22050
    frame_samples: int = 512
    hop_samples: int = 256
    bands: int = 40
    range_db: float = 80.0
    coefficients: int = 20
    delta_frames: int = 3
    window_s: float = 1.0
    segment_hop_s: float = 0.5

    def __post_init__(self) -> None:
        if self.delta_frames < 3 or self.delta_frames % 2 == 0:
            raise InvalidInputError(
                f"A delta is fitted to an odd number of at least 3 frames; got {self.delta_frames}."
            )
        if not 1 <= self.coefficients <= self.bands:
            raise InvalidInputError(
                f"{self.bands} bands have 1 to {self.bands} coefficients; got {self.coefficients}."
            )

    @property
    def log_mel(self) -> LogMelConfig:
        """The log-mel spectra that everything is made of."""
        return LogMelConfig(
            rate_hz=self.rate_hz,
            frame_samples=self.frame_samples,
            hop_samples=self.hop_samples,
            bands=self.bands,
            low_hz=0.0,
            high_hz=self.rate_hz / 2,
            norm="area",
        )


class _Statistics(Encoder):
    """Statistics over the frames of a segment; a sound shorter than a frame is one frame, padded with zeros.

    Vectors are plain statistics. They are meant to be standardised over a collection before they are
    compared, as a coefficient of 100 dB would drown one of 1 dB.
    """

    kind: str

    def __init__(self, config: BaselineConfig) -> None:
        self.config = config
        digest = fingerprint(self.kind, CODE_VERSION, self.config, [listening_fingerprint()])
        self.spec = EncoderSpec(
            name=self.kind,
            fingerprint=digest,
            space=digest,
            dims=self.dims,
            metric="cosine",
            unit_length=False,
            rate_hz=self.config.rate_hz,
            window_samples=round(self.config.window_s * self.config.rate_hz),
            hop_samples=round(self.config.segment_hop_s * self.config.rate_hz),
        )

    @property
    @abstractmethod
    def dims(self) -> int:
        """Size D of a vector."""

    @abstractmethod
    def statistics(self, levels: FloatArray) -> FloatArray:
        """Turn spectra ``(B, bands, N)`` in dB into vectors ``(B, D)``."""

    def encode(self, segments: FloatArray, lengths: IntArray) -> FloatArray:
        """Encode a batch of segments: see :meth:`soundalike.encoders.base.Encoder.encode`."""
        config = self.config
        frames = np.maximum(1, 1 + (lengths - config.frame_samples) // config.hop_samples)
        out = np.empty((len(segments), self.dims), np.float32)
        for count in np.unique(frames).tolist():  # nearly all have as many as fit into a segment
            reach = config.frame_samples + (count - 1) * config.hop_samples
            rows = np.flatnonzero(frames == count)
            for first in range(0, len(rows), _ROWS_AT_ONCE):
                part = rows[first : first + _ROWS_AT_ONCE]
                out[part] = self.statistics(self._levels(segments[part, :reach]))
        return out

    def _levels(self, segments: FloatArray) -> FloatArray:
        levels = log_mel(segments, self.config.log_mel)
        loudest = levels.max(axis=(1, 2), keepdims=True)
        return np.asarray(np.maximum(levels, loudest - np.float32(self.config.range_db)), np.float32)


class MfccStatistics(_Statistics):
    """Mean and standard deviation over time of 20 MFCCs, and standard deviation of their deltas: 60 values.

    As librosa's ``feature.mfcc`` and ``feature.delta(mode="nearest")`` of frames of 23 ms that lie wholly
    inside the segment, but for coefficient 0, which counts from a full-scale sine. The mean of a delta is
    left out: it says only by how much the last frames differ from the first.

    Args:
        config: The settings; by default frames of 23 ms every 12 ms and 40 bands.

    Source:
        Tzanetakis and Cook 2002, Musical genre classification of audio signals, section III; Davis and
        Mermelstein 1980 for the coefficients; Furui 1986 for deltas.
    """

    kind = "mfcc-statistics"

    def __init__(self, config: BaselineConfig = BaselineConfig()) -> None:
        super().__init__(config)

    @property
    def dims(self) -> int:
        """Three statistics of every coefficient."""
        return 3 * self.config.coefficients

    def statistics(self, levels: FloatArray) -> FloatArray:
        """Turn spectra ``(B, bands, N)`` in dB into vectors ``(B, D)``."""
        coefficients = cepstrum(levels, self.config.coefficients)
        delta = scipy.signal.savgol_filter(
            coefficients, self.config.delta_frames, polyorder=1, deriv=1, axis=-1, mode="nearest"
        )
        parts = [coefficients.mean(axis=-1), coefficients.std(axis=-1), delta.std(axis=-1)]
        return np.concatenate(parts, axis=1, dtype=np.float32)


LOG_MEL_MEAN = BaselineConfig(frame_samples=2048, hop_samples=512, bands=128)
"""librosa's own defaults: 128 bands of frames of 93 ms."""


class LogMelMean(_Statistics):
    """Mean over time of 128 log-mel bands in dB.

    Args:
        config: The settings; by default those of librosa's ``feature.melspectrogram``.
    """

    kind = "log-mel-mean"

    def __init__(self, config: BaselineConfig = LOG_MEL_MEAN) -> None:
        super().__init__(config)

    @property
    def dims(self) -> int:
        """One value per band."""
        return self.config.bands

    def statistics(self, levels: FloatArray) -> FloatArray:
        """Turn spectra ``(B, bands, N)`` in dB into vectors ``(B, D)``."""
        return np.asarray(levels.mean(axis=-1), dtype=np.float32)
