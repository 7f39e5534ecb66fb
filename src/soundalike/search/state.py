"""What a searcher knows of a library at one moment: its sounds, its vectors, what belongs to what."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from soundalike.core.arrays import BoolArray, FloatArray, IntArray
from soundalike.core.errors import SpaceMismatchError
from soundalike.encoders import EncoderSpec
from soundalike.index import distances_to
from soundalike.search.catalogue import Catalogue
from soundalike.search.filters import Filters
from soundalike.search.vectors import (
    ROWS_IN_MEMORY,
    SEGMENTS,
    SOUNDS,
    SPILL_PREFIX,
    VectorView,
    newest_first,
)
from soundalike.storage import Snapshot, Store

_WORTH_FILES = 20_000  # below, reading the table costs less than a tenth of a second
_KEPT_MASKS = 8


@dataclass(slots=True)
class State:
    """One moment of a library, for one encoder.

    Attributes:
        spec: The encoder that listens to queries.
        versions: What ``Snapshot.versions`` said.
        catalogue: The sounds.
        view: The vectors.
        row_of_code: Row in the catalogue of each of the view's sounds, -1 where it is not there.
        others: Spaces that the library has vectors of, where it has none of the encoder's.
    """

    spec: EncoderSpec
    versions: dict[str, int]
    catalogue: Catalogue
    view: VectorView
    row_of_code: IntArray
    others: tuple[str, ...] = ()
    _masks: OrderedDict[tuple[str, Filters], BoolArray | None] = field(default_factory=OrderedDict)

    def check_space(self) -> None:
        """Raise SpaceMismatchError where the library has vectors, but none to compare the encoder's with."""
        if self.others:
            raise SpaceMismatchError(
                f"The encoder {self.spec.name} makes vectors of the space {self.spec.space}; this library "
                f"has vectors of {', '.join(self.others)}. Index it again with {self.spec.name}, or search "
                "with the encoder that it was indexed with."
            )

    def allowed(self, sort: str, filters: Filters) -> BoolArray | None:
        """Which vector ids may be found, as ``Index.query`` takes it; None for all."""
        key = (sort, filters)
        if key not in self._masks:
            sounds = np.append(self.catalogue.filter(filters), False)
            one = self.view.sets[sort]
            rows = sounds[self.row_of_code][one.columns.owner]
            self._masks[key] = None if rows.all() else one.allow(rows)
            if len(self._masks) > _KEPT_MASKS:
                self._masks.popitem(last=False)
        else:
            self._masks.move_to_end(key)
        return self._masks[key]

    def rows_of(self, sort: str, sound_id: str) -> IntArray:
        """Rows of a sound in a set."""
        code = pc.index(self.view.sound_ids, pa.scalar(sound_id, pa.string())).as_py()
        return (
            np.flatnonzero(self.view.sets[sort].columns.owner == code) if code >= 0 else np.empty(0, np.int64)
        )

    def rows_within(self, sort: str, sound_id: str, start_s: float, end_s: float) -> IntArray:
        """Rows of a sound that overlap a stretch of it."""
        rows, columns = self.rows_of(sort, sound_id), self.view.sets[sort].columns
        starts = columns.start_s[rows]
        inside = (starts < end_s) & (starts + columns.duration_s[rows] > start_s)
        return np.asarray(rows[inside], np.int64)

    def stored_vector(self, sound_id: str) -> FloatArray | None:
        """The vector of a whole sound, shape ``(D,)``; None where it has none: a silent one."""
        rows, one = self.rows_of(SOUNDS, sound_id), self.view.sets[SOUNDS]
        return one.index.vectors_of(one.columns.ids[rows[:1]])[0] if len(rows) else None

    def best_overlap(self, sound_id: str, start_s: float, end_s: float) -> FloatArray | None:
        """Vectors ``(N, D)`` of the stored segments that overlap a stretch most, or half as much."""
        one = self.view.sets[SEGMENTS]
        rows = self.rows_within(SEGMENTS, sound_id, start_s, end_s)
        if len(rows) == 0:
            return None
        starts, lengths = one.columns.start_s[rows], one.columns.duration_s[rows]
        overlap = np.minimum(starts + lengths, end_s) - np.maximum(starts, start_s)
        best = rows[overlap >= 0.5 * overlap.max()]
        return one.index.vectors_of(one.columns.ids[best])

    def distance(self, sort: str, row: int, vector: FloatArray) -> float:
        """The distance from a vector ``(D,)`` to a row of a set."""
        one = self.view.sets[sort]
        stored = one.index.vectors_of(one.columns.ids[row : row + 1])
        return float(distances_to(vector, stored, self.view.metric)[0])


def open_state(store: Store, spec: EncoderSpec, *, keep: bool = False) -> State:
    """Open a library for searching.

    Args:
        store: The library.
        spec: The encoder that listens to queries; vectors of its space are searched.
        keep: Write files beside the tables wherever they are outdated. Without it, only where a large
            library has none: opening it would be slow every time.
    """
    snapshot = store.snapshot()
    folder = store.derived_path / spec.space
    if spec.space not in snapshot.encoders():
        view = VectorView.empty(spec.space, spec.dims, spec.metric)
        return _state(snapshot, spec, Catalogue.read(snapshot), view)
    view = VectorView.open(snapshot, spec.space, spec.dims, spec.metric, folder)
    with contextlib.ExitStack() as stack:
        large = snapshot.counts().get(f"vectors_{spec.space}", 0) > 2 * ROWS_IN_MEMORY
        view.update(snapshot, _spill(folder, stack) if large and view.opened_from is None else None)
        worth = keep or (view.opened_from is None and max(map(len, view.sets.values())) >= _WORTH_FILES)
        if worth and view.outdated:
            with contextlib.suppress(OSError):  # a read-only or full disk: everything works in memory
                view.save(folder)
                view = VectorView.open(snapshot, spec.space, spec.dims, spec.metric, folder)
                view.update(snapshot)
    return _state(snapshot, spec, Catalogue.read(snapshot), view)


def update_state(state: State, store: Store) -> State:
    """The state of now: the same one where nothing was committed since."""
    snapshot = store.snapshot()
    versions = snapshot.versions()
    if versions == state.versions:
        return state
    folder = store.derived_path / state.spec.space
    written = newest_first(folder)
    if state.view.opened_from != (written[0] if written else None) or state.others:
        return open_state(store, state.spec)
    vectors = f"vectors_{state.spec.space}"
    if vectors not in state.versions:
        return open_state(store, state.spec)
    if versions[vectors] != state.versions[vectors]:
        state.view.update(snapshot)
    tables = ("files", "sounds")
    unchanged = all(versions[name] == state.versions[name] for name in tables)
    catalogue = state.catalogue if unchanged else Catalogue.read(snapshot)
    return _state(snapshot, state.spec, catalogue, state.view)


def _state(snapshot: Snapshot, spec: EncoderSpec, catalogue: Catalogue, view: VectorView) -> State:
    records = snapshot.encoders()
    others = () if spec.space in records else tuple(sorted({record.space for record in records.values()}))
    return State(spec, snapshot.versions(), catalogue, view, catalogue.rows_of(view.sound_ids), others)


def _spill(folder: Path, stack: contextlib.ExitStack) -> Path | None:
    """A temporary folder beside the derived files, gone with the stack; None where none can be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = Path(tempfile.mkdtemp(prefix=SPILL_PREFIX, dir=folder))
    except OSError:
        return None
    stack.callback(shutil.rmtree, path, ignore_errors=True)
    return path
