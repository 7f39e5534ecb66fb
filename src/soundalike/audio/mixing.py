"""Decoded frames to mono float32 at one rate: average of the channels, then swresample."""

from __future__ import annotations

from typing import Any, cast

import av.error
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.filter import Graph
from av.filter.context import FilterContext
from numpy.typing import NDArray

from soundalike.core.arrays import FloatArray
from soundalike.core.interrupts import without_interrupts

# Sample type and the value that full scale has, by FFmpeg's name of the packed format.
_FORMATS: dict[str, tuple[str, float, float]] = {
    "u8": ("u1", 128.0, 128.0),
    "s16": ("i2", 0.0, 32768.0),
    "s32": ("i4", 0.0, 2147483648.0),
    "s64": ("i8", 0.0, 9223372036854775808.0),
    "flt": ("f4", 0.0, 1.0),
    "dbl": ("f8", 0.0, 1.0),
}
# PyAV finds the planes of a planar frame by a null pointer that does not stand behind the eighth.
_MANY_CHANNELS = 8
_LOUDEST = np.float32(2.0**20)  # 120 dB above full scale: no sound, but flipped bits of a float


def frame_channels(frame: AudioFrame) -> NDArray[Any]:
    """Give a frame's samples as they are, shape ``(C, T)``: a view that is valid while the frame lives."""
    if frame.format.is_planar and frame.layout.nb_channels >= _MANY_CHANNELS:
        frame = _packed(frame)
    name = frame.format.name
    planar = frame.format.is_planar
    dtype = _FORMATS[name.removesuffix("p")][0]
    channels = frame.layout.nb_channels
    count = frame.samples if planar else frame.samples * channels
    planes = [np.frombuffer(cast(Any, plane), dtype, count=count) for plane in frame.planes]
    if planar:
        return np.stack(planes[:channels]) if channels > 1 else planes[0][None]
    packed: NDArray[Any] = planes[0].reshape(-1, channels).T
    return packed


def _packed(frame: AudioFrame) -> AudioFrame:
    name = frame.format.name.removesuffix("p")
    return AudioResampler(format=name, layout=frame.layout, rate=frame.sample_rate).resample(frame)[0]


def full_scale(frame: AudioFrame) -> tuple[float, float]:
    """Give the sample values ``(zero, full)`` that stand for 0.0 and 1.0 in a frame's format."""
    _, zero, full = _FORMATS[frame.format.name.removesuffix("p")]
    return zero, full


def mix_to_mono(frame: AudioFrame) -> tuple[FloatArray, int]:
    """Average a frame's channels.

    Args:
        frame: Decoded audio in any sample format and with any number of channels.

    Returns:
        Samples ``(T,)``, float32, full scale at 1.0; and how many of them were NaN, infinite or beyond
        120 dB over full scale and are now zero.
    """
    channels = frame_channels(frame)
    zero, full = full_scale(frame)
    with np.errstate(over="ignore", invalid="ignore"):
        mono: FloatArray = channels[0].astype(np.float32)
        for channel in channels[1:]:
            mono += channel.astype(np.float32, copy=False)
        if zero:
            mono -= np.float32(zero * len(channels))
        if full * len(channels) != 1.0:
            mono *= np.float32(1.0 / (full * len(channels)))
    if channels.dtype.kind != "f" or not len(mono):
        return mono, 0
    # A NaN makes the comparison false, so that one pass finds all three kinds.
    if max(mono.max(), -mono.min()) <= _LOUDEST:
        return mono, 0
    bad = ~(np.abs(mono) <= _LOUDEST)
    mono[bad] = 0.0
    return mono, int(bad.sum())


class MonoResampler:
    """Mono float32 from one rate to another by swresample, in pieces of any size.

    Args:
        from_hz: Rate of what is pushed.
        to_hz: Rate of what comes out.
    """

    def __init__(self, from_hz: int, to_hz: int) -> None:
        self.from_hz = from_hz
        self._graph: tuple[FilterContext, FilterContext, Graph] | None = None
        if from_hz != to_hz:
            graph = Graph()
            graph.threads = (
                1  # otherwise each graph starts a pool of threads, at a third of a short file's cost
            )
            source = graph.add("abuffer", sample_rate=str(from_hz), sample_fmt="flt", channel_layout="mono")
            sink = graph.add("abuffersink")
            graph.link_nodes(source, graph.add("aresample", str(to_hz)), sink)
            graph.configure()
            self._graph = source, sink, graph

    def push(self, samples: FloatArray) -> list[FloatArray]:
        """Take samples ``(T,)``; give what is ready at the other rate."""
        if self._graph is None or not len(samples):
            return [samples]
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(samples)[None], format="flt", layout="mono")
        frame.sample_rate = self.from_hz
        return self._pass(frame)

    def finish(self) -> list[FloatArray]:
        """Give what was held back for the filter's length."""
        return [] if self._graph is None else self._pass(None)

    def _pass(self, frame: AudioFrame | None) -> list[FloatArray]:
        assert self._graph is not None
        source, sink, _ = self._graph
        ready = []
        with without_interrupts:
            source.push(frame)
            while True:
                try:
                    ready.append(_samples_of(cast("AudioFrame", sink.pull())))
                except (av.error.BlockingIOError, av.error.EOFError):
                    return ready


def _samples_of(frame: AudioFrame) -> FloatArray:
    # A copy: the frame's buffer goes back to FFmpeg's pool.
    plane = cast(Any, frame.planes[0])
    return np.frombuffer(plane, np.float32, count=frame.samples).copy()
