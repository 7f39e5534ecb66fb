"""Front ends: the log-mel spectra that a network was trained on, computed exactly as they were then."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from soundalike.core.arrays import FloatArray
from soundalike.core.errors import InvalidInputError
from soundalike.features.logmel import DB_PER_NEPER, LogMelConfig, sparse_bank
from soundalike.features.mel import MelConfig, MelNorm, MelScale, MelTriangles
from soundalike.features.stft import LANES, hann_window, power_of_frames, round_up_to_lanes, scaled_window

FrontEndWindow: TypeAlias = Literal["hann_periodic", "hann_symmetric"]
FrontEndPower: TypeAlias = Literal["full_scale", "plain"]
FrontEndLogarithm: TypeAlias = Literal["db", "natural"]

FRAMES_PER_BLOCK = 256
"""Frames that are transformed at once: their spectra fit into a core's second-level cache."""

_LONGEST_FFT, _MOST_BANDS = 1 << 15, 512  # a bank of them takes some tens of megabytes
_CHOICES = {
    "kind": ("log_mel",),
    "scale": ("slaney", "htk"),
    "triangles": ("hz", "mel"),
    "norm": ("peak", "area"),
    "window": ("hann_periodic", "hann_symmetric"),
    "power": ("full_scale", "plain"),
    "logarithm": ("db", "natural"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LogMelFrontEnd:
    """What the log-mel spectra that a network takes are made with, step by step.

    The samples are emphasised, cut into frames, windowed, transformed, squared, gathered into mel bands,
    raised to the floor, brought to a logarithm, shifted and divided.

    Attributes:
        kind: What a manifest's front end says: ``"log_mel"``.
        frame_samples: Length of a frame and its window.
        hop_samples: Distance between the starts of two frames.
        bands: Number of mel bands.
        low_hz: Lower foot of the lowest band.
        high_hz: Upper foot of the highest band.
        fft_samples: Length of the transform, at least that of a frame, which is filled up with zeros; None
            for that of a frame.
        scale: The mel formula: see :class:`soundalike.features.mel.MelConfig`.
        triangles: Over which axis a band's sides are straight: see the same. ``"mel"`` with the scale
            ``"htk"`` is Kaldi's bank. A band that no bin falls into is 0.
        norm: The height of the bands: see the same.
        pre_emphasis: The factor c of ``y[n] = x[n + 1] - c x[n]``, which is one sample shorter than x; 0 for
            none.
        centred: False: frame k starts at sample ``k hop_samples``, and frames lie wholly inside the segment.
            True: the middle of frame k is sample ``k hop_samples`` of a segment that is mirrored at both ends
            (``torch.stft(center=True)``, a shorter window in the middle of its transform).
        window: ``"hann_periodic"`` or ``"hann_symmetric"``, whose last value is 0 like its first.
        power: ``"full_scale"``: a sine of amplitude 1 at the centre of a bin has power 1; ``"plain"``: the
            squared magnitude of the windowed frame's transform.
        logarithm: ``"db"``: ten times the decimal logarithm of what is raised to ``floor_db``;
            ``"natural"``: the natural logarithm of the power plus ``offset``.
        floor_db: The lowest level, with ``"db"``.
        offset: What is added to the power, with ``"natural"``.
        shift: What is added to the logarithm.
        divide: What the sum is divided by.
    """

    kind: Literal["log_mel"] = "log_mel"
    frame_samples: int
    hop_samples: int
    bands: int
    low_hz: float
    high_hz: float
    fft_samples: int | None = None
    scale: MelScale = "slaney"
    triangles: MelTriangles = "hz"
    norm: MelNorm = "peak"
    pre_emphasis: float = 0.0
    centred: bool = False
    window: FrontEndWindow = "hann_periodic"
    power: FrontEndPower = "full_scale"
    logarithm: FrontEndLogarithm = "db"
    floor_db: float = -160.0
    offset: float = 1e-5
    shift: float = 0.0
    divide: float = 1.0

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise InvalidInputError(f"{name} is one of {choices}; got {getattr(self, name)!r}.")
        if not (3 <= self.frame_samples <= self.transform_samples <= _LONGEST_FFT and self.hop_samples >= 1):
            raise InvalidInputError(
                f"A frame has at least 3 samples and a hop at least 1, and the transform is as long as a "
                f"frame or longer, up to {_LONGEST_FFT}; got {self.frame_samples}, {self.hop_samples} and "
                f"{self.transform_samples}."
            )
        if not 1 <= self.bands <= _MOST_BANDS:
            raise InvalidInputError(f"bands must be 1 to {_MOST_BANDS}; got {self.bands}.")
        if not 0.0 <= self.low_hz < self.high_hz < math.inf:
            raise InvalidInputError(
                f"low_hz is not negative and below high_hz; got {self.low_hz:g} and {self.high_hz:g}."
            )
        if not 0.0 <= self.pre_emphasis <= 1.0:
            raise InvalidInputError(f"pre_emphasis lies between 0 and 1; got {self.pre_emphasis:g}.")
        if not (-300.0 <= self.floor_db <= 0.0 and 1e-30 <= self.offset < math.inf):
            raise InvalidInputError(
                f"floor_db lies between -300 and 0 dB and offset is at least 1e-30; "
                f"got {self.floor_db:g} and {self.offset:g}."
            )
        if not (math.isfinite(self.shift) and 1e-6 <= abs(self.divide) < math.inf):
            raise InvalidInputError(
                f"shift is finite and divide finite and not near 0; got {self.shift:g} and {self.divide:g}."
            )

    @property
    def transform_samples(self) -> int:
        """Length of the transform, whether it was given or not."""
        return self.frame_samples if self.fft_samples is None else self.fft_samples

    @property
    def shortened_by(self) -> int:
        """How many samples pre-emphasis takes off."""
        return int(self.pre_emphasis > 0.0)

    def mel(self, rate_hz: int) -> MelConfig:
        """The filter bank at a sample rate.

        Raises:
            InvalidInputError: The bands reach above half the rate.
        """
        return MelConfig(
            rate_hz, self.transform_samples, self.bands, self.low_hz, self.high_hz, self.scale, self.norm,
            self.triangles, allow_empty=True,
        )  # fmt: skip

    def count_frames(self, samples: int) -> int:
        """Count the frames of a segment, 0 where it is too short for one.

        Example:
            >>> LogMelFrontEnd(frame_samples=1024, hop_samples=512, bands=64, low_hz=20, high_hz=16e3
            ...     ).count_frames(32768)
            63
        """
        left = samples - self.shortened_by
        if not self.centred:
            return max(0, 1 + (left - self.frame_samples) // self.hop_samples)
        half = self.transform_samples // 2  # a mirror gives no more than all samples but the one it stands at
        return 1 + (left + 2 * half - self.transform_samples) // self.hop_samples if left > half else 0


def front_end_of(config: LogMelConfig) -> LogMelFrontEnd:
    """The front end that gives what :func:`soundalike.features.logmel.log_mel` gives, bit for bit."""
    return LogMelFrontEnd(
        frame_samples=config.frame_samples, hop_samples=config.hop_samples, bands=config.bands,
        low_hz=config.low_hz, high_hz=config.high_hz, scale=config.scale, norm=config.norm,
        floor_db=config.floor_db,
    )  # fmt: skip


def emphasised(samples: FloatArray, front_end: LogMelFrontEnd) -> FloatArray:
    """Apply the front end's pre-emphasis along the last axis; the samples themselves where it has none."""
    if not front_end.shortened_by:
        return samples
    return samples[..., 1:] - np.float32(front_end.pre_emphasis) * samples[..., :-1]


def spectra_of_frames(frames: FloatArray, front_end: LogMelFrontEnd, rate_hz: int) -> FloatArray:
    """Take the spectrum of each of many frames, from the window to the division.

    A frame's spectrum is the same bit for bit whatever other frames stand beside it: see
    :func:`soundalike.features.logmel.log_mel_of_frames`.

    Args:
        frames: Shape ``(N, frame_samples)``, float32, emphasised already.
        front_end: What to make.
        rate_hz: Sample rate.

    Returns:
        Shape ``(bands, N)``, float32.
    """
    count = len(frames)
    if count > FRAMES_PER_BLOCK:
        out = np.empty((front_end.bands, count), np.float32)
        for first in range(0, count, FRAMES_PER_BLOCK):
            block = slice(first, first + FRAMES_PER_BLOCK)
            out[:, block] = spectra_of_frames(frames[block], front_end, rate_hz)
        return out
    if count % LANES:
        frames = np.pad(frames, ((0, round_up_to_lanes(count) - count), (0, 0)))
    power = power_of_frames(frames, _window(front_end), front_end.transform_samples)
    mel = np.asarray(sparse_bank(front_end.mel(rate_hz)) @ power, dtype=np.float32)
    if front_end.logarithm == "db":
        np.maximum(mel, np.float32(10.0 ** (front_end.floor_db / 10.0)), out=mel)
        np.log(mel, out=mel)
        mel *= DB_PER_NEPER
    else:
        mel += np.float32(front_end.offset)
        np.log(mel, out=mel)
    if front_end.shift != 0.0:
        mel += np.float32(front_end.shift)
    if front_end.divide != 1.0:
        mel /= np.float32(front_end.divide)
    return mel[:, :count]


def front_end_spectra(segments: NDArray[Any], front_end: LogMelFrontEnd, rate_hz: int) -> FloatArray:
    """Turn segments into what a network with this front end takes.

    Args:
        segments: Shape ``(B, T)``, floating point, finite, full scale at 1.0.
        front_end: What to make.
        rate_hz: Sample rate of the segments.

    Returns:
        Spectra of shape ``(B, bands, N)``, float32, with ``N = front_end.count_frames(T)``.

    Raises:
        InvalidInputError: The segments are too short for a frame, or the bands reach above half the rate.

    Example:
        >>> ear = LogMelFrontEnd(frame_samples=1024, hop_samples=512, bands=64, low_hz=20.0, high_hz=16000.0)
        >>> front_end_spectra(np.zeros((3, 32768), np.float32), ear, 32000).shape
        (3, 64, 63)
    """
    rows, samples = segments.shape
    count = front_end.count_frames(samples)
    if count < 1:
        raise InvalidInputError(
            f"Segments of {samples} samples are too short for frames of {front_end.frame_samples} samples"
            f"{' in the middle of a mirrored segment' if front_end.centred else ''}."
        )
    audio = emphasised(np.asarray(segments, dtype=np.float32), front_end)
    if front_end.centred:
        audio = _mirrored(audio, front_end)
    frames = sliding_window_view(audio, front_end.frame_samples, axis=-1)[:, :: front_end.hop_samples]
    out = np.empty((rows, front_end.bands, count), np.float32)
    rows_at_once = max(1, FRAMES_PER_BLOCK // count)
    for first in range(0, rows, rows_at_once):
        some = frames[first : first + rows_at_once, :count]
        spectra = spectra_of_frames(some.reshape(-1, front_end.frame_samples), front_end, rate_hz)
        out[first : first + len(some)] = np.moveaxis(spectra.reshape(front_end.bands, -1, count), 0, 1)
    return out


def _mirrored(audio: FloatArray, front_end: LogMelFrontEnd) -> FloatArray:
    """Mirror segments at both ends, so that frames of the window's length start at multiples of the hop.

    The transform's frame would start ``transform // 2`` before the segment; the window stands in its middle,
    and where zeros stand beside it makes no difference to the power.
    """
    half = front_end.transform_samples // 2
    beside = (front_end.transform_samples - front_end.frame_samples) // 2
    padded = np.pad(audio, ((0, 0), (half, half)), mode="reflect")
    return padded[:, beside:]


@lru_cache(maxsize=16)
def _window(front_end: LogMelFrontEnd) -> FloatArray:
    length = front_end.frame_samples
    if front_end.window == "hann_periodic":
        return scaled_window(length) if front_end.power == "full_scale" else hann_window(length)
    angles = 2.0 * np.pi * np.arange(length) / (length - 1)
    window = 0.5 - 0.5 * np.cos(angles)
    if front_end.power == "full_scale":
        window *= 2.0 / window.sum()
    scaled = window.astype(np.float32)
    scaled.setflags(write=False)
    return scaled
