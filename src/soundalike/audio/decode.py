"""A file's bytes to mono float32 samples at one rate, once, in blocks: what every encoder is fed from.

A damaged file gives what can be decoded of it and says in ``warnings`` what was wrong; a file that
gives nothing is an :class:`~soundalike.core.errors.AudioError`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import BinaryIO, Self, cast

import av.error
import numpy as np
from av.audio.fifo import AudioFifo
from av.audio.frame import AudioFrame

from soundalike.audio.container import AudioFile, AudioInfo, OpenedAudio, open_container
from soundalike.audio.ending import cut_short_warning
from soundalike.audio.mixing import MonoResampler, mix_to_mono
from soundalike.core.arrays import FloatArray
from soundalike.core.errors import AudioError, InvalidInputError
from soundalike.core.interrupts import uninterrupted
from soundalike.core.units import human_count

__all__ = ["AudioInfo", "AudioReader", "Decoded", "decode", "open_audio"]

# Whatever changes a file's samples, mixing and resampling too, raises DECODING_VERSION in encoders/base.py.
_BATCH_SAMPLES = 16384  # frames are gathered to this many: few calls, and what a core caches
_MAX_FAILURES_IN_A_ROW = 2000  # packets; nearly a minute of MP3


@dataclass(frozen=True, slots=True)
class Decoded:
    """A whole file, decoded.

    Attributes:
        samples: Mono audio, shape ``(T,)``, float32, finite, full scale at 1.0.
        info: What the file says of itself.
        decoded_s: Duration of what could be decoded.
        warnings: What was wrong with the file, as sentences.
    """

    samples: FloatArray
    info: AudioInfo
    decoded_s: float
    warnings: list[str] = field(default_factory=list)


class AudioReader:
    """One pass over a file's audio; made by :func:`open_audio`, used in a ``with`` statement.

    Attributes:
        info: What the file says of itself.
        rate_hz: The rate that blocks are given at.
        decoded_s: Duration decoded so far, counted at the file's own rate; complete when blocks end.
        warnings: What was wrong with the file, as sentences; complete when blocks end.
    """

    def __init__(self, opened: OpenedAudio, rate_hz: int) -> None:
        self._opened = opened
        self.info = opened.info
        self.rate_hz = rate_hz
        self.decoded_s = 0.0
        self.warnings: list[str] = []
        self._failed_packets = 0
        self._bad_samples = 0
        self._started = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._opened.close()

    def blocks(self, block_samples: int) -> Iterator[FloatArray]:
        """Decode the file from its start to its end, once.

        Args:
            block_samples: Samples in a block, at least 1.

        Yields:
            Contiguous float32 arrays of shape ``(block_samples,)``, mono, at ``rate_hz``; the last may be
            shorter. Each is a new array.

        Raises:
            AudioError: Nothing could be decoded, or the bytes can no longer be read.
            InvalidInputError: A second pass, or a block of no samples.
        """
        if block_samples < 1:
            raise InvalidInputError(f"A block must have at least 1 sample; got {block_samples}.")
        yield from in_blocks(self.pieces(), block_samples)

    def pieces(self) -> Iterator[FloatArray]:
        """Decode the file once, in arrays of whatever length comes: :meth:`blocks` without the cutting.

        Yields:
            Contiguous float32 arrays, mono, at ``rate_hz``; some may be empty.

        Raises:
            AudioError: Nothing could be decoded, or the bytes can no longer be read.
            InvalidInputError: A second pass.
        """
        if self._started:
            raise InvalidInputError("A reader gives its samples once; open the file again for another pass.")
        self._started = True
        yield from self._resampled()
        self._conclude()

    def _resampled(self) -> Iterator[FloatArray]:
        resampler: MonoResampler | None = None
        first = np.empty(0, np.float32)
        given = 0
        for batch in batches(self._frames(), max_samples(self.info.rate_hz, self.rate_hz)):
            mono, bad = mix_to_mono(batch)
            self._bad_samples += bad
            self.decoded_s += len(mono) / batch.sample_rate
            if resampler is None or resampler.from_hz != batch.sample_rate:
                if resampler is not None:
                    yield from resampler.finish()
                resampler = MonoResampler(batch.sample_rate, self.rate_hz)
            first = first if len(first) else mono[:1]
            for piece in resampler.push(mono):
                given += len(piece)
                yield piece
        for piece in resampler.finish() if resampler is not None else []:
            given += len(piece)
            yield piece
        if not given and len(first):
            yield first  # a handful of samples is less than one at a lower rate, and is a sound all the same

    def _frames(self) -> Iterator[AudioFrame]:
        failures = Failures(self._opened.label)
        yield from decoded_frames(self._opened, failures)
        self._failed_packets = failures.total
        if failures.gave_up():
            self.warnings.append(
                f"damaged: decoding stopped after {_MAX_FAILURES_IN_A_ROW} broken packets in a row"
            )

    def _conclude(self) -> None:
        if self.decoded_s == 0.0:
            broken = (
                f" ({human_count(self._failed_packets, 'broken packet')})" if self._failed_packets else ""
            )
            raise AudioError(
                f"{self._opened.label} holds no sound: it opens as {self.info.container} with codec "
                f"{self.info.codec}, but not one sample could be decoded{broken}."
            )
        if self._failed_packets:
            packets = human_count(self._failed_packets, "broken packet")
            self.warnings.append(f"damaged: {packets} could not be decoded, left out")
        if self._bad_samples:
            self.warnings.append(
                f"not a number: {human_count(self._bad_samples, 'sample')} "
                "(NaN, infinite or absurdly large) set to zero"
            )
        cut = cut_short_warning(cast("BinaryIO", self._opened.source), self.info, self.decoded_s)
        if cut:
            self.warnings.append(cut)


@dataclass(slots=True)
class Failures:
    """How many packets of a file could not be decoded."""

    label: str
    total: int = 0
    in_a_row: int = 0

    def count(self) -> None:
        """Count one more."""
        self.total += 1
        self.in_a_row += 1

    def gave_up(self) -> bool:
        """Whether so many failed in a row that there is no point in going on."""
        return self.in_a_row >= _MAX_FAILURES_IN_A_ROW


def decoded_frames(opened: OpenedAudio, failures: Failures) -> Iterator[AudioFrame]:
    """Decode packet by packet from where the container stands, past broken packets, to the end."""
    return uninterrupted(_decoded_frames(opened, failures))


def _decoded_frames(opened: OpenedAudio, failures: Failures) -> Iterator[AudioFrame]:
    stream = opened.stream
    while not failures.gave_up():
        try:
            for packet in opened.container.demux(stream):
                try:
                    frames = packet.decode()
                except av.error.EOFError:
                    continue
                except av.error.FFmpegError:
                    failures.count()
                    if failures.gave_up():
                        return
                    continue
                if frames:
                    failures.in_a_row = 0
                    yield from frames
        except av.error.FFmpegError:
            # The demuxer stumbled: it goes on behind the damage where it is asked again.
            failures.count()
        else:
            opened.source.check(opened.label)
            return
    opened.source.check(opened.label)


def batches(frames: Iterable[AudioFrame], batch_samples: int) -> Iterator[AudioFrame]:
    """Gather small frames into large ones, so that the cost in Python is paid per batch and not per frame."""
    fifo = AudioFifo()
    channels = 0
    for frame in frames:
        if frame.layout.nb_channels != channels:  # PyAV's queue would read planes that are not there
            rest = fifo.read()
            if rest is not None:
                yield rest
            fifo, channels = AudioFifo(), frame.layout.nb_channels
        if frame.samples >= batch_samples and not fifo.samples:
            yield frame
            continue
        frame.pts = None
        try:
            fifo.write(frame)
        except ValueError:  # rate or sample format change in mid-stream
            rest = fifo.read()
            if rest is not None:
                yield rest
            fifo = AudioFifo()
            fifo.write(frame)
        if fifo.samples >= batch_samples:
            whole = fifo.read()
            if whole is not None:
                yield whole
    rest = fifo.read()
    if rest is not None:
        yield rest


def max_samples(from_hz: int, to_hz: int) -> int:
    """How many samples to gather, so that a batch stays small at both rates."""
    return max(256, min(_BATCH_SAMPLES, _BATCH_SAMPLES * from_hz // to_hz))


def in_blocks(pieces: Iterable[FloatArray], block_samples: int) -> Iterator[FloatArray]:
    """Cut a stream of arrays into blocks of one size, the last of which may be shorter."""
    block = np.empty(block_samples, np.float32)
    filled = 0
    for piece in pieces:
        at = 0
        while at < len(piece):
            count = min(block_samples - filled, len(piece) - at)
            block[filled : filled + count] = piece[at : at + count]
            filled += count
            at += count
            if filled == block_samples:
                yield block
                block = np.empty(block_samples, np.float32)
                filled = 0
    if filled:
        yield block[:filled].copy()


def check_rate(rate_hz: int) -> None:
    """Raise InvalidInputError where a rate cannot be resampled to."""
    if not 100 <= rate_hz <= 1_536_000:
        raise InvalidInputError(f"rate_hz must be 100 to 1536000; got {rate_hz}.")


def open_audio(file: AudioFile, *, rate_hz: int, name: str = "") -> AudioReader:
    """Open a sound file for one pass over its samples.

    Args:
        file: A path, or an open binary file that can seek (it is left open).
        rate_hz: The sample rate to give blocks at.
        name: The file's name with extension: for messages, and a hint where the content is unclear.

    Returns:
        A reader, to be used in a ``with`` statement.

    Raises:
        AudioError: It cannot be read, or is no audio that can be decoded.
        InvalidInputError: ``rate_hz`` is out of range.
    """
    check_rate(rate_hz)
    return AudioReader(open_container(file, name), rate_hz)


def decode(file: AudioFile, *, rate_hz: int, name: str = "") -> Decoded:
    """Decode a whole file into memory: for short sounds.

    Args:
        file: A path, or an open binary file that can seek (it is left open).
        rate_hz: The sample rate of the result.
        name: The file's name with extension: for messages, and a hint where the content is unclear.

    Returns:
        Samples, what the file says of itself, the duration decoded, and warnings.

    Raises:
        AudioError: It cannot be read, is no audio that can be decoded, or holds none.
        InvalidInputError: ``rate_hz`` is out of range.
    """
    with open_audio(file, rate_hz=rate_hz, name=name) as reader:
        pieces = list(reader.pieces())
        samples = np.concatenate(pieces) if len(pieces) != 1 else pieces[0]
        return Decoded(samples, reader.info, reader.decoded_s, reader.warnings)
