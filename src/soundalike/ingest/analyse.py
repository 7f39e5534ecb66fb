"""Files become rows: hash, decode once, cut into segments, encode in batches over many files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from soundalike.audio import Levels, Segmenter, Segments, describe, open_audio, ucs_fields
from soundalike.core.arrays import FloatArray
from soundalike.core.errors import SoundalikeError
from soundalike.encoders import Encoder
from soundalike.ingest.content import Content, open_content
from soundalike.sources import Item, Limits
from soundalike.storage.schema import FILES, SOUNDS, vectors_schema

_BLOCK_S = 60.0  # how much audio is held at once
_BATCH_SEGMENTS = 512  # segments that go to the encoder together


@dataclass(slots=True)
class _Analysed:
    """One sound on its way to becoming rows."""

    sound: dict[str, Any]
    start_s: list[float] = field(default_factory=list)
    duration_s: list[float] = field(default_factory=list)
    silent: list[bool] = field(default_factory=list)
    vectors: list[FloatArray] = field(default_factory=list)
    error: Exception | None = None  # what the encoder raised at its segments


@dataclass(frozen=True, slots=True)
class Rows:
    """What came of some files: tables in the columns of ``storage.schema`` (vectors without ids)."""

    files: pa.Table
    sounds: pa.Table
    vectors: pa.Table
    audio_s: float


def failed_rows(failures: Iterable[tuple[Item, str]], dims: int) -> Rows:
    """Make the rows of files that could not be used, each with the reason."""
    return Rows(
        pa.Table.from_pylist([file_row(item) | {"error": reason} for item, reason in failures], schema=FILES),
        SOUNDS.empty_table(),
        vectors_schema(dims).remove(0).empty_table(),
        0.0,
    )


class Analyst:
    """Turns files into rows with one encoder.

    Args:
        encoder: What makes the vectors.
        known: Ids of sounds that have vectors of this encoder already: of these only a file row is made.
        limits: Bounds for members of archives.
    """

    def __init__(self, encoder: Encoder, known: Iterable[str] = (), limits: Limits = Limits()) -> None:
        self._encoder = encoder
        self._limits = limits
        self._known = set(known)
        self._columns = vectors_schema(encoder.spec.dims).remove(0)

    def analyse(
        self, items: Sequence[Item], on_item: Callable[[int, float], None] = lambda _index, _seconds: None
    ) -> Rows:
        """Analyse files; one that cannot be used becomes a row that says why.

        Args:
            items: The files.
            on_item: Called with the index of the file at hand and how many seconds of it are done, when it
                begins and as it goes on.
        """
        files: list[dict[str, Any]] = []
        batch = _Batch(self._encoder)
        for index, item in enumerate(items):
            on_item(index, 0.0)
            row, analysed = self._one(item, batch, partial(on_item, index))
            files.append(row)
            if analysed is not None:
                self._known.add(analysed.sound["sound_id"])
        batch.flush()
        return self._rows(*self._sorted_out(files, batch.done))

    def _sorted_out(
        self, files: list[dict[str, Any]], done: list[_Analysed]
    ) -> tuple[list[dict[str, Any]], list[_Analysed]]:
        """Turn the rows of sounds that the encoder failed at into rows that say why."""
        failed = {a.sound["sound_id"]: a.error for a in done if a.error is not None}
        self._known -= failed.keys()
        for row in files:
            error = failed.get(row["sound_id"])
            if error is not None:
                row |= {"sound_id": None, "error": explain(error), "warnings": []}
        return files, [analysed for analysed in done if analysed.error is None]

    def _one(
        self, item: Item, batch: _Batch, on_seconds: Callable[[float], None]
    ) -> tuple[dict[str, Any], _Analysed | None]:
        row = file_row(item)
        analysed = None
        try:
            with open_content(item, self._limits, lambda: on_seconds(0.0)) as content:
                row |= {"size_bytes": content.size_bytes, "modified_ns": content.modified_ns}
                if content.sound_id not in self._known:
                    analysed = _Analysed({"sound_id": content.sound_id})
                    row["warnings"] = self._listen(item, content, analysed, batch, on_seconds)
            row["sound_id"] = content.sound_id
        except Exception as error:  # whatever one file does, the others go on
            if analysed is not None:
                batch.forget(analysed)
            row["error"] = explain(error)
            return row, None
        return row, analysed

    def _listen(
        self,
        item: Item,
        content: Content,
        analysed: _Analysed,
        batch: _Batch,
        on_seconds: Callable[[float], None],
    ) -> list[str]:
        """Decode a file once; feed levels and segments from the same samples. Returns the warnings."""
        spec = self._encoder.spec
        levels = Levels()
        segmenter = Segmenter(spec.window_samples, spec.hop_samples, spec.rate_hz, spec.silence_db)
        heard_s = 0.0
        with open_audio(content.file, rate_hz=spec.rate_hz, name=item.name) as reader:
            for block in reader.blocks(int(_BLOCK_S * spec.rate_hz)):
                levels.push(block)
                batch.add(analysed, segmenter.push(block))
                heard_s += len(block) / spec.rate_hz
                on_seconds(heard_s)
            batch.add(analysed, segmenter.finish())
            info, warnings, decoded_s = reader.info, list(reader.warnings), reader.decoded_s
        content.file.seek(0)
        description = describe(content.file, item.name, info)
        analysed.sound |= {
            "duration_s": decoded_s,
            "declared_duration_s": info.declared_duration_s,
            "rate_hz": info.rate_hz,
            "channels": info.channels,
            "codec": info.codec,
            "size_bytes": content.size_bytes,
            "loudness_dbfs": levels.loudness_dbfs,
            "peak_dbfs": levels.peak_dbfs,
            "silent": all(analysed.silent),
            "tags": sorted(set(description.tags)),
            "fields": dump_fields(description.fields),
            "peaks": levels.peaks(),
            "added_us": datetime.now(UTC),
        }
        batch.finish(analysed)
        return warnings

    def _rows(self, files: list[dict[str, Any]], done: list[_Analysed]) -> Rows:
        dims = self._encoder.spec.dims
        columns: dict[str, list[Any]] = {"sound_id": [], "start_s": [], "duration_s": [], "silent": []}
        vectors: list[FloatArray] = []
        for analysed in done:
            stacked = np.concatenate(analysed.vectors)
            sounding = stacked[~np.asarray(analysed.silent)]
            whole = self._encoder.pool(sounding) if len(sounding) else np.zeros(dims, np.float32)
            columns["sound_id"] += [analysed.sound["sound_id"]] * (len(stacked) + 1)
            columns["start_s"] += [None, *analysed.start_s]
            columns["duration_s"] += [analysed.sound["duration_s"], *analysed.duration_s]
            columns["silent"] += [analysed.sound["silent"], *analysed.silent]
            vectors += [whole[None], stacked]
        flat = np.concatenate(vectors).ravel() if vectors else np.empty(0, np.float32)
        arrays = [pa.array(columns[name], self._columns.field(name).type) for name in columns]
        arrays.append(pa.FixedSizeListArray.from_arrays(pa.array(flat, pa.float32()), dims))
        return Rows(
            pa.Table.from_pylist(files, schema=FILES),
            pa.Table.from_pylist([a.sound for a in done], schema=SOUNDS),
            pa.Table.from_arrays(arrays, schema=self._columns),
            float(sum(a.sound["duration_s"] for a in done)),
        )


class _Batch:
    """Segments of several sounds, gathered until there are enough to encode at once."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._waiting: list[tuple[_Analysed, Segments]] = []
        self._count = 0
        self.done: list[_Analysed] = []

    def add(self, analysed: _Analysed, segments: Segments | None) -> None:
        """Take a sound's next segments; encode when enough have come together."""
        if segments is None or len(segments.starts) == 0:
            return
        analysed.start_s += segments.start_s.tolist()
        analysed.duration_s += segments.duration_s.tolist()
        analysed.silent += segments.silent.tolist()
        self._waiting.append((analysed, segments))
        self._count += len(segments.starts)
        if self._count >= _BATCH_SEGMENTS:
            self.flush()

    def finish(self, analysed: _Analysed) -> None:
        """A sound is complete."""
        self.done.append(analysed)

    def flush(self) -> None:
        """Encode everything that waits; where that fails, piece by piece, to find the sound that is to blame.

        Silent segments are not encoded: their vectors are zero.
        """
        waiting, self._waiting, self._count = self._waiting, [], 0
        if not waiting:
            return
        try:
            parts = self._encoded([segments for _, segments in waiting])
        except Exception as error:
            if len(waiting) == 1:
                waiting[0][0].error = error
                return
            for piece in waiting:
                self._waiting = [piece]
                self.flush()
            return
        for (analysed, _), part in zip(waiting, parts, strict=True):
            analysed.vectors.append(part)

    def _encoded(self, pieces: Sequence[Segments]) -> list[FloatArray]:
        """Vectors ``(B, D)`` of the segments of each piece, made in one call of the encoder."""
        samples = np.concatenate([s.samples for s in pieces])
        bases = np.cumsum([0] + [len(s.samples) for s in pieces[:-1]])
        starts = np.concatenate([s.starts + base for s, base in zip(pieces, bases, strict=True)])
        lengths = np.concatenate([s.lengths for s in pieces])
        sounding = ~np.concatenate([s.silent for s in pieces])
        vectors = np.zeros((len(starts), self._encoder.spec.dims), np.float32)
        if sounding.any():
            vectors[sounding] = self._encoder.encode_at(samples, starts[sounding], lengths[sounding])
        return np.split(vectors, np.cumsum([len(s.starts) for s in pieces])[:-1])

    def forget(self, analysed: _Analysed) -> None:
        """Drop what came of a file that failed half-way."""
        self.done = [other for other in self.done if other is not analysed]
        self._waiting = [(other, s) for other, s in self._waiting if other is not analysed]
        self._count = sum(len(s.starts) for _, s in self._waiting)


def file_row(item: Item) -> dict[str, Any]:
    """Begin the row of a file with what its source says."""
    return {
        "uri": item.uri,
        "root": item.root,
        "name": item.name,
        "sound_id": None,
        "size_bytes": item.size_bytes,
        "modified_ns": item.modified_ns,
        "tags": list(item.tags),
        "fields": dump_fields(ucs_fields(item.name) | dict(item.metadata)),
        "error": None,
        "warnings": [],
        "missing": False,
        "added_us": datetime.now(UTC),
    }


def explain(error: BaseException) -> str:
    """Say in a sentence why a file could not be used."""
    if isinstance(error, SoundalikeError):
        return str(error)
    if isinstance(error, PermissionError):
        return "Permission to read the file was denied."
    if isinstance(error, FileNotFoundError):
        return "The file vanished before it could be read."
    if isinstance(error, OSError):
        return f"The file could not be read: {error.strerror or error}."
    if isinstance(error, MemoryError):
        return "There was not enough memory for this file."
    return f"Something unexpected went wrong ({type(error).__name__}: {error}); please report this file."


def dump_fields(fields: Any) -> str:
    """Write named texts as a JSON object."""
    return json.dumps(dict(fields), ensure_ascii=False, sort_keys=True)
