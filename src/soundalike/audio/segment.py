"""A stream of samples to segments on a sound's own time grid, with silence at both ends left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from soundalike.core.arrays import BoolArray, FloatArray, IntArray
from soundalike.core.errors import InvalidInputError

# Whatever changes what is cut here, or what is silent, raises SEGMENTATION_VERSION in encoders/base.py.
_FRAMES_HZ = 100  # silence is judged in frames of 10 ms: shorter than any attack that is heard as soft
_LEAST_UNCOVERED = 4  # a last partial segment covers at least a quarter window that no other covers
_FRAMES_JUDGED = 3000  # 30 s at once: long enough to have met something loud, short enough to hold
_LEAST_POWER = 10.0 ** (-90.0 / 10.0)  # the dither of a 16-bit file lies at -93 dB relative to full scale


@dataclass(frozen=True, slots=True)
class Segments:
    """Segments of one sound.

    Attributes:
        samples: Audio that the segments point into, shape ``(T,)``, float32. Only what segments point at
            means anything.
        starts: Index into ``samples`` of each segment's first sample, shape ``(B,)``.
        lengths: Samples in each segment, shape ``(B,)``, at most the window.
        start_s: When each segment starts in the sound, in seconds, shape ``(B,)``, float64.
        duration_s: How long each lasts in seconds, shape ``(B,)``, float64.
        silent: Whether no frame of a segment sounds, shape ``(B,)``; such a segment points at zeros.
    """

    samples: FloatArray
    starts: IntArray
    lengths: IntArray
    start_s: np.ndarray[tuple[int], np.dtype[np.float64]]
    duration_s: np.ndarray[tuple[int], np.dtype[np.float64]]
    silent: BoolArray

    def __len__(self) -> int:
        return len(self.starts)


class Segmenter:
    """Cuts one sound into segments while it is decoded; the same whatever the sizes of the blocks.

    A frame of 10 ms is silent where its level lies ``silence_db`` below that of the loudest frame so far, or
    below -90 dB relative to full scale: a copy of a sound at another level is cut alike. Frames are judged
    30 s at a time, so the loudest frame may come up to 30 s later. The grid starts at the first frame that
    sounds and ends behind the last. A sound that is shorter than the window is one segment of its own
    length. A longer one has a segment at every multiple of the hop while they fit, and a last, partial one
    where at least a quarter window would otherwise be in none. A stretch of silence between is cut like the
    rest and marked. A sound without any frame that sounds is one silent segment from its start.

    Args:
        window_samples: Length of a segment.
        hop_samples: Distance between the starts of two.
        rate_hz: Sample rate.
        silence_db: Level of silence, in dB relative to the loudest frame.

    Raises:
        InvalidInputError: A length or rate below 1.
    """

    def __init__(self, window_samples: int, hop_samples: int, rate_hz: int, silence_db: float) -> None:
        if min(window_samples, hop_samples, rate_hz) < 1:
            raise InvalidInputError(
                f"Window, hop and rate must be at least 1; got {window_samples}, {hop_samples}, {rate_hz}."
            )
        self._window = window_samples
        self._hop = hop_samples
        self._rate_hz = rate_hz
        self._frame = max(1, round(rate_hz / _FRAMES_HZ))
        self._silence_share = 10.0 ** (silence_db / 10.0)
        self._loudest = 0.0  # power of the loudest frame so far
        # All positions are counted in samples from the start of the sound.
        self._total = 0
        self._judged = 0  # up to here frames have been judged
        self._next: int | None = None  # start of the next segment; None until something sounds
        self._sound_end = 0
        self._any = False
        self._sounding = np.empty(0, np.int64)  # numbers of the frames that sound, from ``_next`` on
        self._head = np.empty(0, np.float32)  # before a long silence: samples from ``_head_at`` on
        self._head_at = 0
        self._tail = np.empty(0, np.float32)  # samples from ``_tail_at`` to ``_total``
        self._tail_at = 0

    def push(self, block: FloatArray) -> Segments | None:
        """Take the next samples.

        Args:
            block: Shape ``(T,)``, float32, any length.

        Returns:
            The segments that are now certain, None where there are none.
        """
        self._tail = np.concatenate([self._tail, block]) if len(self._tail) else np.array(block, np.float32)
        self._total += len(block)
        heard = False
        while self._total - self._judged >= self._frame * _FRAMES_JUDGED:
            heard |= self._judge(self._judged + self._frame * _FRAMES_JUDGED)
        found = self._emit(self._whole_segments()) if heard else None
        self._forget()
        return found

    def finish(self) -> Segments | None:
        """Say that the sound has ended.

        Returns:
            The segments that were still open, None where there are none (or no samples at all).
        """
        if self._total > self._judged:
            self._judge(self._total)
        if self._next is None:
            return self._all_silent() if self._total else None
        starts = self._whole_segments()
        lengths = np.full(len(starts), self._window, np.int64)
        after = self._next + len(starts) * self._hop
        if not self._any and not len(starts):
            rest = self._sound_end - after
        else:
            uncovered = self._sound_end - max(after, after - self._hop + self._window)
            rest = self._sound_end - after if uncovered * _LEAST_UNCOVERED >= self._window else 0
        if rest > 0:
            starts, lengths = np.append(starts, after), np.append(lengths, rest)
        return self._emit(starts, lengths)

    def _judge(self, end: int) -> bool:
        """Judge the frames up to ``end``, the last of which may be short; True where one of them sounds."""
        samples = self._tail[self._judged - self._tail_at : end - self._tail_at].astype(np.float64)
        whole = len(samples) - len(samples) % self._frame
        powers = np.mean(np.square(samples[:whole].reshape(-1, self._frame)), axis=1)
        if whole < len(samples):
            powers = np.append(powers, np.mean(np.square(samples[whole:])))
        self._loudest = max(self._loudest, float(powers.max()))
        loud = np.flatnonzero(powers >= max(_LEAST_POWER, self._loudest * self._silence_share))
        if len(loud):
            numbers = self._judged // self._frame + loud
            self._sounding = np.concatenate([self._sounding, numbers])
            if self._next is None:
                self._next = int(numbers[0]) * self._frame
            self._sound_end = min(end, (int(numbers[-1]) + 1) * self._frame)
        self._judged = end
        return len(loud) > 0

    def _whole_segments(self) -> IntArray:
        if self._next is None:
            return np.empty(0, np.int64)
        count = max(0, (self._sound_end - self._next - self._window) // self._hop + 1)
        return self._next + self._hop * np.arange(count, dtype=np.int64)

    def _emit(self, starts: IntArray, lengths: IntArray | None = None) -> Segments | None:
        """Give the segments at these positions, and move on behind them."""
        if lengths is None:
            lengths = np.full(len(starts), self._window, np.int64)
        found = self._cut(starts, lengths) if len(starts) else None
        if found is not None and self._next is not None:
            self._any = True
            self._next += len(starts) * self._hop
        # What is still open starts less than a window before the end of the sound: no need of the head.
        self._head = self._head[:0]
        return found

    def _cut(self, starts: IntArray, lengths: IntArray) -> Segments:
        first = np.searchsorted(self._sounding, starts // self._frame, "left")
        last = np.searchsorted(self._sounding, (starts + lengths - 1) // self._frame, "right")
        silent = last == first
        zeros_at = len(self._head) + len(self._tail)
        samples = np.concatenate(
            [self._head, self._tail, np.zeros(self._window if silent.any() else 0, np.float32)]
        )
        in_head = starts < self._head_at + len(self._head)
        at = np.where(in_head, starts - self._head_at, starts - self._tail_at + len(self._head))
        return self._segments(samples, np.where(silent, zeros_at, at), lengths, starts, silent)

    def _all_silent(self) -> Segments:
        length = min(self._window, self._total)
        return self._segments(
            np.zeros(length, np.float32),
            np.zeros(1, np.int64),
            np.array([length]),
            np.zeros(1, np.int64),
            np.ones(1, np.bool_),
        )

    def _segments(
        self, samples: FloatArray, starts: IntArray, lengths: IntArray, positions: IntArray, silent: BoolArray
    ) -> Segments:
        return Segments(samples, starts, lengths, positions / self._rate_hz, lengths / self._rate_hz, silent)

    def _forget(self) -> None:
        """Let go of every sample that no segment can need any more."""
        if self._next is None:
            self._drop(self._judged)
            return
        self._sounding = self._sounding[np.searchsorted(self._sounding, self._next // self._frame) :]
        if not len(self._head) and self._judged - self._sound_end <= 3 * self._window:
            self._drop(min(self._next, self._judged))
            return
        # A long silence: segments that reach into it lie within a window of its start, and those that will
        # reach out of it within a window of its end. What lies between is silent, whatever its samples are.
        if not len(self._head):
            self._head = self._tail[: max(0, self._sound_end + self._window - self._tail_at)].copy()
            self._head_at = self._tail_at
        self._drop(self._judged - self._window)

    def _drop(self, before: int) -> None:
        if before > self._tail_at:
            self._tail = self._tail[before - self._tail_at :].copy()
            self._tail_at = before


def segment(
    samples: FloatArray, *, window_samples: int, hop_samples: int, rate_hz: int, silence_db: float = -50.0
) -> Segments:
    """Cut a whole sound into segments; see :class:`Segmenter`.

    Args:
        samples: Mono audio, shape ``(T,)``, float32, ``T >= 1``.
        window_samples: Length of a segment.
        hop_samples: Distance between the starts of two.
        rate_hz: Sample rate.
        silence_db: Level of silence, in dB relative to the loudest frame.

    Returns:
        At least one segment.

    Raises:
        InvalidInputError: No samples, or a length or rate below 1.

    Example:
        >>> tone = np.sin(np.arange(32000, dtype=np.float32))
        >>> found = segment(tone, window_samples=16000, hop_samples=8000, rate_hz=16000)
        >>> found.start_s.tolist(), found.duration_s.tolist()
        ([0.0, 0.5, 1.0], [1.0, 1.0, 1.0])
    """
    if samples.ndim != 1 or not len(samples):
        raise InvalidInputError(f"samples must have shape (T,) with T >= 1; got shape {samples.shape}.")
    segmenter = Segmenter(window_samples, hop_samples, rate_hz, silence_db)
    parts = [part for part in (segmenter.push(samples), segmenter.finish()) if part is not None]
    if len(parts) == 1:
        return parts[0]
    shifts = np.cumsum([0, *(len(part.samples) for part in parts[:-1])])
    return Segments(
        np.concatenate([part.samples for part in parts]),
        np.concatenate([part.starts + shift for part, shift in zip(parts, shifts, strict=True)]),
        np.concatenate([part.lengths for part in parts]),
        np.concatenate([part.start_s for part in parts]),
        np.concatenate([part.duration_s for part in parts]),
        np.concatenate([part.silent for part in parts]),
    )
