"""Vectors of files for a notebook or another program, without a library."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from soundalike.core.arrays import FloatArray
from soundalike.core.errors import AudioError
from soundalike.encoders import DEFAULT_ENCODER, load_encoder
from soundalike.ingest import Failure
from soundalike.ingest.analyse import Analyst, Rows
from soundalike.sources import Item, Unreadable, source_for

_FILES_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Embedded:
    """Vectors of some files.

    Attributes:
        names: The paths exactly as they were given (those inside a folder or archive: as found), one per row.
        vectors: Shape ``(N, D)``, float32: a row per sound, or per segment.
        start_s: Where each segment starts, in seconds; zeros for whole sounds.
        end_s: Where it ends; the sound's duration for whole sounds.
        failed: Files that could not be used.
    """

    names: list[str]
    vectors: FloatArray
    start_s: NDArray[np.float64]
    end_s: NDArray[np.float64]
    failed: list[Failure] = field(default_factory=list)


def embed(paths: Sequence[str | Path], *, encoder: str = DEFAULT_ENCODER, segments: bool = False) -> Embedded:
    """Turn files into vectors.

    Args:
        paths: Files, folders or zip archives. A file gives rows under the very name that was given.
        encoder: The encoder's name, or the path of its file.
        segments: True gives a row for every segment that is not silent, False one per sound.

    Returns:
        Names and vectors, in the order of ``paths``. A file named twice gives its rows twice. A file that
        cannot be used has no row, and is listed in ``failed``.

    Raises:
        AudioError: No file could be used.
        NotFoundError: No encoder of that name.
    """
    ear = load_encoder(encoder)
    analyst = Analyst(ear)
    out = _Rows(ear.spec.dims, segments)
    named: list[tuple[Item, str]] = []
    with ExitStack() as stack:  # a download is there for as long as its source is open
        for place in paths:
            for item in stack.enter_context(source_for(place)).scan():
                name = str(place) if item.uri == item.root else item.uri
                if isinstance(item, Unreadable):
                    out.failed.append(Failure(name, item.reason))
                else:
                    named.append((item, name))
        for first in range(0, len(named), _FILES_AT_ONCE):
            piece = named[first : first + _FILES_AT_ONCE]
            out.take(analyst.analyse([item for item, _ in piece]), [name for _, name in piece])
    if not out.names and out.failed:
        raise AudioError(f"None of the files could be used. {out.failed[0].uri}: {out.failed[0].reason}")
    return out.embedded()


class _Rows:
    """Rows as they come together, kept by sound: one that comes again was analysed only once."""

    def __init__(self, dims: int, segments: bool) -> None:
        self._dims, self._segments = dims, segments
        self.names: list[str] = []
        self.failed: list[Failure] = []
        self._by_sound: dict[str, list[tuple[FloatArray, float, float]]] = {}
        self._taken: list[tuple[FloatArray, float, float]] = []

    def take(self, rows: Rows, names: list[str]) -> None:
        """Keep the rows that were asked for, under the names of their files."""
        flat = rows.vectors.column("vector").combine_chunks().flatten().to_numpy(zero_copy_only=False)
        vectors = flat.reshape(-1, self._dims)
        columns = (
            rows.vectors.column(c).to_pylist() for c in ("sound_id", "start_s", "duration_s", "silent")
        )
        for vector, sound_id, start_s, duration_s, silent in zip(vectors, *columns, strict=True):
            mine = self._by_sound.setdefault(sound_id, [])
            if not self._segments and start_s is None:
                mine.append((vector, 0.0, duration_s))
            elif self._segments and start_s is not None and not silent:
                mine.append((vector, start_s, start_s + duration_s))
        ids, errors = (rows.files.column(c).to_pylist() for c in ("sound_id", "error"))
        for name, sound_id, error in zip(names, ids, errors, strict=True):
            if error is not None:
                self.failed.append(Failure(name, error))
                continue
            self._taken += self._by_sound[sound_id]
            self.names += [name] * len(self._by_sound[sound_id])

    def embedded(self) -> Embedded:
        """Stack what came together."""
        vectors = [vector for vector, _, _ in self._taken]
        return Embedded(
            self.names,
            np.stack(vectors) if vectors else np.empty((0, self._dims), np.float32),
            np.array([start_s for _, start_s, _ in self._taken], np.float64),
            np.array([end_s for _, _, end_s in self._taken], np.float64),
            self.failed,
        )
