"""All vectors of one encoder, ready to be searched: what was derived from the table, and what came since."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from soundalike.core.arrays import FloatArray, IntArray
from soundalike.core.errors import IndexFormatError
from soundalike.index import (
    INDEXES,
    ExactIndex,
    Index,
    IvfIndex,
    Metric,
    OpenFolder,
    choose_index,
    open_folder,
    save_folder,
)
from soundalike.search.calibration import Calibration, calibrate
from soundalike.search.vector_set import Columns, VectorSet
from soundalike.storage import Snapshot

SOUNDS, SEGMENTS = "sounds", "segments"
SORTS = (SOUNDS, SEGMENTS)

_KIND = "view"
_PREFIX, _WRITING, SPILL_PREFIX = "view-", ".writing-", ".spill-"
_LEFT_BEHIND_S = 24 * 3600.0  # no build takes as long: whoever made such a folder was killed
_COLUMNS = ["vector_id", "sound_id", "start_s", "duration_s", "silent", "vector"]
_ID_DIGITS = 32  # of a sound id
ROWS_IN_MEMORY = 250_000  # while building: 180 MB at 180 dimensions


@dataclass(slots=True)
class VectorView:
    """Whole sounds and segments of one encoder.

    Its files lie in a folder of their own and are written once, never changed; the folder's name holds the
    last ``vector_id`` that they know. What the table holds beyond is read by ``update`` and searched exactly.

    Attributes:
        fingerprint: The encoder's.
        dims: Size D of its vectors.
        metric: Its metric.
        sets: ``"sounds"`` and ``"segments"``.
        sound_ids: The sounds that vectors belong to; the columns' ``owner`` is a position here.
        last_id: The largest ``vector_id`` that was read, silent ones included; -1 before any.
        removals: What ``Snapshot.removals`` said of the table.
        opened_from: The folder that its files lie in, or None.
    """

    fingerprint: str
    dims: int
    metric: Metric
    sets: dict[str, VectorSet]
    sound_ids: pa.Array
    last_id: int = -1
    removals: int = 0
    opened_from: Path | None = None

    @classmethod
    def empty(cls, fingerprint: str, dims: int, metric: Metric) -> VectorView:
        """A view of no vectors."""
        nothing = Columns.empty()
        sets = {}
        for sort in SORTS:
            index = ExactIndex(dims, metric)
            sets[sort] = VectorSet(index, nothing, calibrate(nothing.ids, index.vectors_of, metric))
        return cls(fingerprint, dims, metric, sets, pa.array([], pa.string()))

    @classmethod
    def open(
        cls, snapshot: Snapshot, fingerprint: str, dims: int, metric: Metric, folder: Path
    ) -> VectorView:
        """Open the newest files that are whole; ``update`` then reads what the table holds beyond.

        Args:
            snapshot: The library.
            fingerprint: Whose vectors.
            dims: Their size.
            metric: Their metric.
            folder: Where derived files of this encoder lie; need not exist.
        """
        for path in newest_first(folder):
            with contextlib.suppress(IndexFormatError):
                view = _load(path, fingerprint, dims, metric)
                if view.removals <= _removals(snapshot, fingerprint):
                    return view
        return cls.empty(fingerprint, dims, metric)

    def update(self, snapshot: Snapshot, spill: Path | None = None) -> None:
        """Take in what the table holds beyond, and let go of what it no longer holds.

        Args:
            snapshot: The library.
            spill: A folder for what would take much memory, or None to keep everything there.
        """
        removals = _removals(snapshot, self.fingerprint)
        if removals != self.removals:
            ids = np.sort(_ids(snapshot, self.fingerprint))
            for one in self.sets.values():
                one.keep_only(ids)
            self.removals = removals
        in_memory = dict.fromkeys(SORTS, 0)
        for columns, vectors, sort in self._newer(snapshot):
            one = self.sets[sort]
            one.add(columns, vectors)
            in_memory[sort] += len(columns)
            if spill is not None and in_memory[sort] >= ROWS_IN_MEMORY and isinstance(one.index, ExactIndex):
                one.index.save(spill / sort)
                one.index = ExactIndex.load(spill / sort)
                in_memory[sort] = 0
        for one in self.sets.values():
            one.calibrate()

    @property
    def outdated(self) -> bool:
        """Whether files should be written: there are none, or a tenth of the vectors is not in them."""
        return any(one.outdated for one in self.sets.values())

    def save(self, folder: Path) -> Path:
        """Write everything to a new folder beside the older ones, and drop those.

        Returns:
            The new folder.

        Raises:
            OSError: It cannot be written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        token = secrets.token_hex(4)
        writing = folder / f"{_WRITING}{token}"
        writing.mkdir()
        try:
            settings: dict[str, object] = {
                "fingerprint": self.fingerprint,
                "dims": self.dims,
                "metric": self.metric,
                "last_id": self.last_id,
                "removals": self.removals,
            }
            with save_folder(writing, _KIND) as files:
                with files.create("sound_ids") as file:
                    file.write("".join(self.sound_ids.to_pylist()).encode())
                for sort, one in self.sets.items():
                    one.calibrate(anew=True)
                    index = _fit_for(one.index)
                    index.save(writing / sort)
                    one.columns.save(files, sort)
                    settings[sort] = {"kind": index.kind, "calibration": one.calibration.to_json()}
                files.settings = settings
            ready = folder / f"{_PREFIX}{self.last_id:012d}-{self.removals:06d}-{token}"
            writing.rename(ready)
        except BaseException:
            shutil.rmtree(writing, ignore_errors=True)
            raise
        for old in folder.glob(f"{_PREFIX}*"):
            if old.name < ready.name:  # whoever has them open keeps them until it closes them
                shutil.rmtree(old, ignore_errors=True)
        _sweep(folder)
        return ready

    def _newer(self, snapshot: Snapshot) -> Iterator[tuple[Columns, FloatArray, str]]:
        """Read the vectors behind the last one, silent ones left out, a batch at a time."""
        after = self.last_id if self.last_id >= 0 else None
        for batch in snapshot.iter_vectors(self.fingerprint, _COLUMNS, after):
            ids = batch.column("vector_id").to_numpy()
            self.last_id = max(self.last_id, int(ids[-1]))
            whole = pc.is_null(batch.column("start_s")).to_numpy(zero_copy_only=False)
            sounding = ~batch.column("silent").to_numpy(zero_copy_only=False)
            columns = Columns(
                ids.astype(np.int64),
                self._codes(batch.column("sound_id")),
                pc.fill_null(batch.column("start_s"), 0.0).to_numpy(),
                batch.column("duration_s").to_numpy(),
            )
            vectors = batch.column("vector").flatten().to_numpy().reshape(-1, self.dims)
            for sort, mask in ((SOUNDS, whole & sounding), (SEGMENTS, ~whole & sounding)):
                if mask.any():
                    yield columns.where(mask), vectors[mask], sort

    def _codes(self, ids: pa.Array) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
        """Codes of sounds, new ones for those not seen before."""
        unknown = pc.unique(ids.filter(pc.invert(pc.is_in(ids, value_set=self.sound_ids))))
        if len(unknown):
            self.sound_ids = pa.concat_arrays([self.sound_ids, unknown])
        return np.asarray(pc.index_in(ids, value_set=self.sound_ids).to_numpy(), np.int32)


def _fit_for(index: Index) -> Index:
    """The index in the kind that serves its size."""
    if isinstance(index, ExactIndex) and choose_index(len(index)) == IvfIndex.kind:
        return IvfIndex.of(index)
    return index


def _load(path: Path, fingerprint: str, dims: int, metric: Metric) -> VectorView:
    """Open one folder of files.

    Raises:
        IndexFormatError: Damaged, or of other vectors.
    """
    folder = open_folder(path, _KIND)
    found = (folder.text("fingerprint"), folder.whole_number("dims"), folder.text("metric"))
    if found != (fingerprint, dims, metric):
        raise IndexFormatError(f"{path} holds vectors of {found}; expected {(fingerprint, dims, metric)}.")
    joined = folder.array("sound_ids", np.dtype(f"S{_ID_DIGITS}"))
    view = VectorView.empty(fingerprint, dims, metric)
    view.sound_ids = pa.array(joined.astype(f"U{_ID_DIGITS}"), pa.string())
    view.last_id = int(folder.settings.get("last_id", -1))
    view.removals = folder.whole_number("removals")
    view.opened_from = path
    view.sets = {sort: _load_set(folder, sort, len(joined)) for sort in SORTS}
    return view


def _load_set(folder: OpenFolder, sort: str, sounds: int) -> VectorSet:
    values = folder.settings.get(sort)
    if not isinstance(values, dict) or values.get("kind") not in INDEXES:
        raise IndexFormatError(f"{folder.path} says of {sort} only {values!r}.")
    index = INDEXES.load(values["kind"]).load(folder.path / sort)
    columns = Columns.load(folder, sort)
    if len(columns) != len(index) or (len(columns) and int(columns.owner.max()) >= sounds):
        raise IndexFormatError(f"The columns of {sort} in {folder.path} do not fit its index.")
    calibration = Calibration.from_json(values.get("calibration"))
    return VectorSet(index, columns, calibration, calibrated=len(columns), saved=len(columns))


def _sweep(folder: Path) -> None:
    """Delete what builds that were killed left behind; those of others that still run are younger."""
    for prefix in (_WRITING, SPILL_PREFIX):
        for path in folder.glob(f"{prefix}*"):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > _LEFT_BEHIND_S:
                    shutil.rmtree(path, ignore_errors=True)


def newest_first(folder: Path) -> list[Path]:
    """The folders that views were saved to, the newest first."""
    try:
        return sorted(folder.glob(f"{_PREFIX}*"), reverse=True)
    except OSError:
        return []


def _removals(snapshot: Snapshot, fingerprint: str) -> int:
    return snapshot.removals().get(f"vectors_{fingerprint}", 0)


def _ids(snapshot: Snapshot, fingerprint: str) -> IntArray:
    """Every ``vector_id`` that the table holds."""
    column = snapshot.read_vectors(fingerprint, ["vector_id"]).column(0)
    return np.asarray(column.to_numpy(), np.int64)
