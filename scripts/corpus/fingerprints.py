"""Spectral fingerprints: pairs of spectral peaks, which survive another level, another codec and a cut."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray
from scripts.corpus.cutting import RATE_HZ

from soundalike.core.arrays import FloatArray
from soundalike.features import LogMelConfig, StftConfig, log_mel, power_spectrogram

N_FFT = 2048
HOP = 512
HOP_S = HOP / RATE_HZ
_STFT = StftConfig(frame_samples=N_FFT, hop_samples=HOP)
MAX_BIN = 320  # 5 kHz: higher up, coders at low rates change most, and 8 kHz speech has nothing
_PEAK_REACH = (7, 9)  # frames and bins to either side that a peak is the highest of: 0.11 s, 140 Hz
_FLOOR = 1e-6  # of the loudest bin's power: what lies deeper is left out
_PEAKS_PER_S = 30
_FAN = 6  # pairs that begin at a peak
_MAX_GAP = 63  # frames between a pair's peaks, 1.0 s
_MEL = LogMelConfig(
    rate_hz=RATE_HZ, frame_samples=N_FFT, hop_samples=HOP, bands=32, low_hz=60.0, high_hz=3800.0
)
_DEPTH_DB = 50.0  # below a sound's loudest band, coders and noise decide what is there
_SHIFTS = range(-2, 3)  # frames around an alignment
_WINDOW = 62  # frames, 1.0 s
_LEAST_FRAMES = 12  # 0.2 s: of less, two sounds may agree by chance


@dataclass(frozen=True)
class Landmarks:
    """Pairs of spectral peaks.

    Attributes:
        keys: Two frequencies and the time between them, packed; shape ``(P,)``, int64.
        frames: Frame of each pair's first peak, shape ``(P,)``.
    """

    keys: NDArray[np.int64]
    frames: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.keys)


def landmarks(samples: FloatArray) -> Landmarks:
    """Find the pairs of peaks of a sound.

    Args:
        samples: Mono at 32 kHz, shape ``(T,)``.

    Returns:
        Its pairs, in the order of time; none for silence or for less than one frame.

    Source:
        Wang 2003, *An industrial-strength audio search algorithm*: peaks of the spectrogram, paired.
    """
    if len(samples) < N_FFT:
        samples = np.pad(samples, (0, N_FFT - len(samples)))
    power = power_spectrogram(samples, _STFT)[:MAX_BIN]
    frames, bins = _peaks(np.asarray(power, np.float32))
    return _paired(frames, bins)


def _peaks(power: FloatArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Frames and bins of local maxima, in the order of time."""
    reach_frames, reach_bins = _PEAK_REACH
    size = (2 * reach_bins + 1, 2 * reach_frames + 1)
    highest = scipy.ndimage.maximum_filter(power, size=size, mode="constant")
    bins, frames = np.nonzero((power == highest) & (power > _FLOOR * power.max(initial=0.0)))
    room = max(1, round(_PEAKS_PER_S * power.shape[1] * HOP_S))
    if len(frames) > room:
        loudest = np.argsort(-power[bins, frames], kind="stable")[:room]
        frames, bins = frames[loudest], bins[loudest]
    order = np.lexsort((bins, frames))
    return frames[order].astype(np.int64), bins[order].astype(np.int64)


def _paired(frames: NDArray[np.int64], bins: NDArray[np.int64]) -> Landmarks:
    keys, firsts = [], []
    for step in range(1, _FAN + 1):
        gap = frames[step:] - frames[:-step]
        near = gap <= _MAX_GAP
        first, second = bins[:-step][near], bins[step:][near]
        keys.append((first * MAX_BIN + second) * (_MAX_GAP + 1) + gap[near])
        firsts.append(frames[:-step][near])
    all_keys, all_frames = np.concatenate(keys), np.concatenate(firsts)
    order = np.argsort(all_frames, kind="stable")
    return Landmarks(all_keys[order], all_frames[order])


def agreement(sound: FloatArray, clip: FloatArray, offset_frames: int) -> tuple[float, float]:
    """Compare the detail of two sounds' log-mel spectra where they would overlap.

    The mean of every band and of every frame is taken away first: neither level nor equalisation, nor an
    envelope that many sounds have, counts, only what one recording shares with its copies. The best second
    counts: a sound may hold a part of a clip alone.

    Args:
        sound: Mono at 32 kHz, shape ``(T,)``.
        clip: Likewise.
        offset_frames: Frame of the sound at which the clip would begin; negative where it begins before.

    Returns:
        Correlation, -1 to 1, and over how many seconds; 0 and 0 where they do not overlap.
    """
    skipped = max(0, offset_frames + _SHIFTS[0])
    stop = (offset_frames + _SHIFTS[-1]) * HOP + len(clip) + N_FFT
    if stop <= skipped * HOP:
        return 0.0, 0.0
    first, second = _detail(sound[skipped * HOP : stop]), _detail(clip)
    best = (0.0, 0.0)
    for shift in _SHIFTS:
        start = offset_frames - skipped + shift
        one = first[:, max(0, start) : max(0, start + second.shape[1])]
        other = second[:, max(0, -start) :][:, : one.shape[1]]
        one = one[:, : other.shape[1]]
        for at in range(0, max(1, one.shape[1] - _WINDOW // 2), _WINDOW // 2):
            window = slice(at, at + _WINDOW)
            frames = one[:, window].shape[1]
            if frames >= _LEAST_FRAMES:
                best = max(best, (_correlation(one[:, window], other[:, window]), frames * HOP_S))
    return best


def _detail(samples: FloatArray) -> FloatArray:
    if len(samples) < N_FFT:
        samples = np.pad(samples, (0, N_FFT - len(samples)))
    levels = log_mel(samples, _MEL)
    return np.asarray(np.maximum(levels, levels.max() - _DEPTH_DB), np.float32)


def _correlation(one: FloatArray, other: FloatArray) -> float:
    centred = []
    for levels in (one, other):
        rest = levels - levels.mean(axis=1, keepdims=True)
        centred.append(rest - rest.mean(axis=0, keepdims=True))
    norm = float(np.sqrt((centred[0] ** 2).sum() * (centred[1] ** 2).sum()))
    return float((centred[0] * centred[1]).sum()) / norm if norm > 0.0 else 0.0
