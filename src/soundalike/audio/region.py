"""A stretch of a file, decoded without the rest where the container can seek."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from av.audio.frame import AudioFrame
from av.error import FFmpegError

from soundalike.audio.container import AudioFile, AudioInfo, OpenedAudio, open_container
from soundalike.audio.decode import Failures, batches, check_rate, decoded_frames
from soundalike.audio.mixing import MonoResampler, mix_to_mono
from soundalike.core.arrays import FloatArray
from soundalike.core.errors import AudioError, InvalidInputError
from soundalike.core.interrupts import without_interrupts

_PREROLL_S = 0.5  # decoders need some packets before their output is right: MP3's reservoir, Opus' 80 ms
_SEEK_FROM_S = 2.0  # nearer to the start, decoding is quicker than seeking
_CONTEXT_SAMPLES = 4096  # around a stretch, so that the resampler's filter sees the true neighbours
_SEEKABLE = ("wav", "w64", "caf", "aiff", "au", "flac", "mp3", "ogg", "mov", "matroska", "aac", "asf", "wv")


def decode_region(
    file: AudioFile, start_s: float, duration_s: float, rate_hz: int, *, name: str = ""
) -> FloatArray:
    """Decode a stretch of a file.

    Args:
        file: A path, or an open binary file that can seek (it is left open).
        start_s: Where it starts, in seconds, not negative.
        duration_s: How long it is, in seconds.
        rate_hz: The sample rate of the result.
        name: The file's name, for messages and as a hint for the format.

    Returns:
        Mono audio, shape ``(T,)``, float32: the samples that :func:`decode` would give there; fewer where
        the file ends before.

    Raises:
        AudioError: It cannot be read, is no audio, or ends before ``start_s``.
        InvalidInputError: A negative start, no duration, or a rate out of range.
    """
    check_rate(rate_hz)
    check_region(start_s, duration_s)
    with Region(file, name) as region:
        own_hz = region.info.rate_hz
        step = own_hz // math.gcd(own_hz, rate_hz)  # every so many samples both rates have one together
        first, count = round(start_s * rate_hz), max(1, round(duration_s * rate_hz))
        own_first = max(0, (first * own_hz // rate_hz - _CONTEXT_SAMPLES) // step * step)
        own_stop = -(-(first + count) * own_hz // rate_hz) + _CONTEXT_SAMPLES
        resampler = MonoResampler(own_hz, rate_hz)
        pieces = []
        for frame, skip, stop in region.frames(own_first, own_stop - own_first):
            pieces += resampler.push(mix_to_mono(frame)[0][skip:stop])
        pieces += resampler.finish()
        lead = first - own_first * rate_hz // own_hz
        samples = np.concatenate(pieces)[lead : lead + count] if pieces else np.empty(0, np.float32)
        if not len(samples):
            raise AudioError(f"{region.label} ends before {start_s:g} s.")
        return np.ascontiguousarray(samples, np.float32)


def check_region(start_s: float, duration_s: float) -> None:
    """Raise InvalidInputError where a region cannot be one."""
    if not (0.0 <= start_s < 1e7 and 0.0 < duration_s < 1e7):
        raise InvalidInputError(
            f"A region starts at 0 s or later and has a duration; got start {start_s:g} s, {duration_s:g} s."
        )


class Region:
    """A file that is open to read one stretch of it.

    Args:
        file: A path, or an open binary file that can seek.
        name: The file's name.
    """

    def __init__(self, file: AudioFile, name: str = "") -> None:
        self._file, self._name = file, name
        self._opened: OpenedAudio = open_container(file, name)
        self.info: AudioInfo = self._opened.info
        self.label = self._opened.label

    def __enter__(self) -> Region:  # noqa: PYI034
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def frames(self, first: int, count: int) -> Iterator[tuple[AudioFrame, int, int]]:
        """Decode samples ``first`` to ``first + count`` of the file's own rate.

        Yields:
            Frames, each with the stretch of it that belongs to the region.
        """
        position = self._seek(first)
        frames = batches(decoded_frames(self._opened, Failures(self.label)), 16384)
        for frame in frames:
            skip, stop = max(0, first - position), min(frame.samples, first + count - position)
            if stop > skip and frame.sample_rate == self.info.rate_hz:
                yield frame, skip, stop
            position += frame.samples
            if position >= first + count:
                return

    def _seek(self, first: int) -> int:
        """Move to shortly before a sample; give the position that decoding goes on from."""
        rate_hz = self.info.rate_hz
        if first < _SEEK_FROM_S * rate_hz or not self._seeks_exactly():
            return 0
        position = self._seek_by_time(first / rate_hz - _PREROLL_S)
        if position is not None and 0 <= position <= first - _PREROLL_S * rate_hz / 4:
            return position
        self._reopen()
        return 0

    def _seeks_exactly(self) -> bool:
        # FFmpeg lands between the blocks of ADPCM, and guesses times from the bit rate in bare AC-3.
        return self.info.container.startswith(_SEEKABLE) and not self.info.codec.startswith("adpcm")

    def _seek_by_time(self, time_s: float) -> int | None:
        """Seek, and look at a frame's time stamp to see where that led; None where it cannot be told."""
        origin = self._time_of_next()
        if origin is None:
            return None
        target = int((origin + time_s) * 1_000_000)
        try:
            with without_interrupts:
                self._opened.container.seek(target)
                landed = self._time_of_next()
                self._opened.container.seek(target)  # again: looking has used the frame up
        except FFmpegError:
            return None
        return None if landed is None else round((landed - origin) * self.info.rate_hz)

    def _time_of_next(self) -> float | None:
        for frame in decoded_frames(self._opened, Failures(self.label)):
            if frame.pts is None or frame.time_base is None:
                return None
            return float(frame.pts * frame.time_base)
        return None

    def _reopen(self) -> None:
        self._opened.close()
        self._opened = open_container(self._file, self._name)
