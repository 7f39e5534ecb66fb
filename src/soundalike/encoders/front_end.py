"""Feeding a model with log-mel spectra: frames that overlapping segments share are computed once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from soundalike.core.arrays import FloatArray, IntArray
from soundalike.core.errors import InvalidInputError
from soundalike.features.front_end import FRAMES_PER_BLOCK, LogMelFrontEnd, emphasised, spectra_of_frames

FRAMES_AT_ONCE = 16384
"""Frames of segments that are in memory at once: some megabytes."""


@dataclass(frozen=True, slots=True)
class SamplesFrontEnd:
    """No front end: the model takes the samples themselves, shape ``(B, T)``."""

    kind: Literal["samples"] = "samples"

    def __post_init__(self) -> None:
        if self.kind != "samples":
            raise InvalidInputError(f"kind is 'samples'; got {self.kind!r}.")


def spectra_at(
    samples: FloatArray,
    starts: IntArray,
    lengths: IntArray,
    window_samples: int,
    front_end: LogMelFrontEnd,
    rate_hz: int,
) -> FloatArray:
    """Take the spectra of stretches of a recording, each padded with zeros to a segment.

    Equal bit for bit to :func:`soundalike.features.front_end.front_end_spectra` of each segment: a frame's
    spectrum does not depend on the frames beside it. Frames that several segments share are computed once,
    and of a short sound only those that reach into it.

    Args:
        samples: Mono audio, shape ``(T_all,)``, float32.
        starts: Index of each segment's first sample, shape ``(B,)``.
        lengths: Samples of each segment that are sound, shape ``(B,)``, each in ``1..window_samples``.
        window_samples: Length of a segment.
        front_end: What to make; not centred.
        rate_hz: Sample rate.

    Returns:
        Shape ``(B, bands, N)``, float32, contiguous.
    """
    steps = np.arange(front_end.count_frames(window_samples)) * front_end.hop_samples
    reach = front_end.frame_samples + front_end.shortened_by
    inside = steps + reach <= lengths[:, None]
    partial = (steps < lengths[:, None]) & ~inside
    positions, shared = np.unique((starts[:, None] + steps)[inside], return_inverse=True)
    cut_short = int(np.count_nonzero(partial))
    levels = np.empty((front_end.bands, len(positions) + cut_short + 1), np.float32)
    if len(positions):
        frames = sliding_window_view(emphasised(samples, front_end), front_end.frame_samples)
        for block in _blocks(len(positions)):
            levels[:, block] = spectra_of_frames(frames[positions[block]], front_end, rate_hz)
    if cut_short:
        rows, columns = np.nonzero(partial)
        left = lengths[rows] - steps[columns]
        at = starts[rows] + steps[columns]
        offsets = np.arange(reach)
        sound = offsets < left[:, None]
        padded = np.where(sound, samples[np.where(sound, at[:, None] + offsets, 0)], np.float32(0.0))
        levels[:, len(positions) : -1] = spectra_of_frames(emphasised(padded, front_end), front_end, rate_hz)
    levels[:, -1:] = spectra_of_frames(np.zeros((1, front_end.frame_samples), np.float32), front_end, rate_hz)
    places = np.full(inside.shape, levels.shape[1] - 1)
    places[inside] = shared
    places[partial] = len(positions) + np.arange(cut_short)
    return np.ascontiguousarray(np.moveaxis(np.take(levels, places, axis=1), 0, 1))


def _blocks(count: int) -> Iterator[slice]:
    """Cut a number of frames into runs whose copies stay in a core's cache."""
    for first in range(0, count, FRAMES_PER_BLOCK):
        yield slice(first, min(first + FRAMES_PER_BLOCK, count))
