"""Several encoders listen to the same sounds in one pass: a vector per sound, as a library would hold it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol, TypeAlias

import numpy as np

from soundalike.audio import Segmenter, Segments, open_audio
from soundalike.core.arrays import BoolArray, FloatArray
from soundalike.core.errors import EncoderError, SoundalikeError
from soundalike.encoders import Encoder
from soundalike.sources import Item, open_item

_BLOCK_S = 60.0  # how much audio is held at once
_BATCH_SEGMENTS = 512  # segments that go to an encoder together, or fewer,
_BATCH_SAMPLES = 8_000_000  # where they have this many samples: 32 MB


class Audible(Protocol):
    """Anything that can be listened to."""

    @property
    def uri(self) -> str:
        """What it is called in reports."""
        ...

    @property
    def name(self) -> str:
        """A file name with its extension: a hint for the decoder."""
        ...

    def open(self) -> BinaryIO:
        """Give its bytes, to be closed by the caller."""
        ...


@dataclass(frozen=True, slots=True)
class AudibleItem:
    """A file that a source offers."""

    item: Item

    @property
    def uri(self) -> str:
        """Its uri."""
        return self.item.uri

    @property
    def name(self) -> str:
        """Its file name."""
        return self.item.name

    def open(self) -> BinaryIO:
        """Open it."""
        return open_item(self.item)


@dataclass(slots=True)
class Heard:
    """What encoders made of some sounds, N of them.

    Attributes:
        vectors: For each encoder the vectors of whole sounds, shape ``(N, D)``, float32; zeros for a sound
            that is silent or could not be used.
        silent: For each encoder the sounds in which it heard nothing, shape ``(N,)``.
        failed: The sounds that could not be used, by their row, with the reason as a sentence.
        audio_s: Seconds of audio that were decoded, each sound counted once.
    """

    vectors: list[FloatArray]
    silent: list[BoolArray]
    failed: dict[int, str] = field(default_factory=dict)
    audio_s: float = 0.0


OnHeard: TypeAlias = Callable[[int, float], None]
"""Called with the number of sounds done, and the seconds of audio done."""


def listen(
    sounds: Sequence[Audible],
    encoders: Sequence[Encoder],
    on_heard: OnHeard = lambda _done, _seconds: None,
) -> Heard:
    """Turn sounds into one vector each, per encoder.

    Sounds are decoded once at every rate that an encoder listens at, cut into segments once for every grid,
    and encoded in batches over many sounds; nothing is kept from one call to the next.

    Args:
        sounds: What to listen to.
        encoders: What to listen with, at least one.
        on_heard: Told how far it is, sound by sound.

    Returns:
        The vectors, and the sounds that could not be used.

    Raises:
        EncoderError: An encoder fails, or does not keep its word.
    """
    heard = Heard(
        [np.zeros((len(sounds), encoder.spec.dims), np.float32) for encoder in encoders],
        [np.zeros(len(sounds), np.bool_) for _ in encoders],
    )
    grids = _grids(encoders, heard)
    rates = sorted({grid.rate_hz for grid in grids})
    for row, sound in enumerate(sounds):
        seconds = 0.0
        try:
            for rate_hz in rates:
                seconds = _decode(sound, row, [grid for grid in grids if grid.rate_hz == rate_hz])
        except EncoderError:  # no fault of this sound; what waited of others went with it
            raise
        except (SoundalikeError, OSError) as error:
            heard.failed[row] = str(error)
            for grid in grids:
                grid.forget(row)
        heard.audio_s += seconds
        on_heard(row + 1, heard.audio_s)
    for grid in grids:
        grid.flush()
    for row in heard.failed:
        for vectors, silent in zip(heard.vectors, heard.silent, strict=True):
            vectors[row], silent[row] = 0.0, False
    return heard


def listen_to_items(
    items: Iterable[Item], encoders: Sequence[Encoder], on_heard: OnHeard = lambda _done, _seconds: None
) -> Heard:
    """Listen to files that a source offers: see :func:`listen`."""
    return listen([AudibleItem(item) for item in items], encoders, on_heard)


def _decode(sound: Audible, row: int, grids: Sequence[_Grid]) -> float:
    """Decode a sound at one rate and cut it on every grid of that rate; returns its seconds."""
    rate_hz = grids[0].rate_hz
    segmenters = [grid.segmenter() for grid in grids]
    with sound.open() as file, open_audio(file, rate_hz=rate_hz, name=sound.name) as reader:
        for block in reader.blocks(int(_BLOCK_S * rate_hz)):
            for grid, segmenter in zip(grids, segmenters, strict=True):
                grid.add(row, segmenter.push(block))
        for grid, segmenter in zip(grids, segmenters, strict=True):
            grid.add(row, segmenter.finish())
        return reader.decoded_s


class _Grid:
    """The encoders that cut sounds alike, and the segments that wait for them."""

    def __init__(self, encoder: Encoder) -> None:
        spec = encoder.spec
        self.rate_hz = spec.rate_hz
        self.cut = (spec.window_samples, spec.hop_samples, spec.rate_hz, spec.silence_db)
        self._ears: list[_Ear] = []
        self._waiting: list[tuple[int, Segments]] = []
        self._count = 0
        self._samples = 0

    def take(self, ear: _Ear) -> None:
        """Let an encoder listen on this grid."""
        self._ears.append(ear)

    def segmenter(self) -> Segmenter:
        """What cuts the next sound."""
        return Segmenter(*self.cut)

    def add(self, row: int, segments: Segments | None) -> None:
        """Take a sound's next segments."""
        if segments is not None and len(segments):
            self._waiting.append((row, segments))
            self._count += len(segments)
            self._samples += len(segments.samples)
            if self._count >= _BATCH_SEGMENTS or self._samples >= _BATCH_SAMPLES:
                self._encode()

    def forget(self, row: int) -> None:
        """Drop what waits of a sound that failed half-way."""
        self._waiting = [(other, segments) for other, segments in self._waiting if other != row]
        self._count = sum(len(segments) for _, segments in self._waiting)
        self._samples = sum(len(segments.samples) for _, segments in self._waiting)

    def flush(self) -> None:
        """Encode everything that waits; every sound is whole."""
        self._encode()
        for ear in self._ears:
            ear.pool()

    def _encode(self) -> None:
        waiting, self._waiting, self._count, self._samples = self._waiting, [], 0, 0
        if not waiting:
            return
        pieces = [segments for _, segments in waiting]
        samples = np.concatenate([piece.samples for piece in pieces])
        bases = np.cumsum([0] + [len(piece.samples) for piece in pieces[:-1]])
        starts = np.concatenate([piece.starts + base for piece, base in zip(pieces, bases, strict=True)])
        lengths = np.concatenate([piece.lengths for piece in pieces])
        sounding = ~np.concatenate([piece.silent for piece in pieces])
        rows = np.repeat([row for row, _ in waiting], [len(piece) for piece in pieces])[sounding]
        for ear in self._ears:
            ear.touch([row for row, _ in waiting])
            if sounding.any():
                ear.take(rows, ear.encoder.encode_at(samples, starts[sounding], lengths[sounding]))
            ear.pool(but=waiting[-1][0])  # sounds come one after the other: only the last may go on


class _Ear:
    """One encoder's vectors on their way from segments to whole sounds."""

    def __init__(self, encoder: Encoder, vectors: FloatArray, silent: BoolArray) -> None:
        self.encoder = encoder
        self._vectors = vectors
        self._silent = silent
        self._parts: dict[int, list[FloatArray]] = {}

    def touch(self, rows: Iterable[int]) -> None:
        """Note sounds that have segments, silent ones too."""
        for row in rows:
            self._parts.setdefault(row, [])

    def take(self, rows: np.ndarray[tuple[int], np.dtype[np.int64]], vectors: FloatArray) -> None:
        """Keep the vectors of segments until their sounds are whole; ``rows`` does not fall."""
        firsts = np.flatnonzero(np.diff(rows, prepend=-1))
        for first, part in zip(firsts, np.split(vectors, firsts[1:]), strict=True):
            self._parts[int(rows[first])].append(part)

    def pool(self, but: int | None = None) -> None:
        """Make the vectors of whole sounds; that of one row may still be open."""
        for row in [row for row in self._parts if row != but]:
            parts = self._parts.pop(row)
            if parts:
                self._vectors[row] = self.encoder.pool(np.concatenate(parts))
            self._silent[row] = not parts


def _grids(encoders: Sequence[Encoder], heard: Heard) -> list[_Grid]:
    grids: list[_Grid] = []
    for encoder, vectors, silent in zip(encoders, heard.vectors, heard.silent, strict=True):
        new = _Grid(encoder)
        grid = next((grid for grid in grids if grid.cut == new.cut), new)
        if grid is new:
            grids.append(grid)
        grid.take(_Ear(encoder, vectors, silent))
    return grids
