"""The sounds of a library as columns: opened without touching single rows, looked up and filtered."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from soundalike.core.arrays import BoolArray, IntArray
from soundalike.core.errors import NotFoundError
from soundalike.search.filters import Filters, glob_to_regex
from soundalike.search.results import Sound
from soundalike.search.words import contains_every_word, searchable
from soundalike.storage import Snapshot

_FILE_COLUMNS = ["uri", "name", "sound_id", "size_bytes", "modified_ns", "tags", "fields", "missing"]
_SOUND_COLUMNS = [
    "sound_id", "duration_s", "rate_hz", "channels", "loudness_dbfs", "silent", "tags", "fields",
]  # fmt: skip


class Catalogue:
    """All sounds of a library at one moment. A sound is known by its row, ``0..len - 1``.

    A sound is visible while it has at least one file, and missing where all of its files were missing when
    last looked for.

    Args:
        files: The table ``files``, the columns of ``_FILE_COLUMNS``.
        sounds: The table ``sounds``, the columns of ``_SOUND_COLUMNS``.
    """

    def __init__(self, files: pa.Table, sounds: pa.Table) -> None:
        files = files.filter(pc.is_valid(files.column("sound_id")))
        self._sounds = sounds.combine_chunks()
        self.sound_ids: pa.Array = _flat(sounds.column("sound_id"))
        rows = pc.index_in(_flat(files.column("sound_id")), value_set=self.sound_ids)
        self._files = files.filter(pc.is_valid(rows)).combine_chunks()
        self._row_of_file: IntArray = rows.drop_null().to_numpy().astype(np.int64)
        missing = _flat(self._files.column("missing")).to_numpy(zero_copy_only=False).astype(np.bool_)
        # Files grouped by sound; within a sound those that are there come first, then the oldest.
        self._file_order = np.lexsort((np.arange(len(missing)), missing, self._row_of_file))
        grouped = self._row_of_file[self._file_order]
        self._bounds = np.searchsorted(grouped, np.arange(len(self) + 1))
        self.visible: BoolArray = np.diff(self._bounds) > 0
        self.missing: BoolArray = np.zeros(len(self), np.bool_)
        first = self._first_files
        self.missing[self.visible] = missing[first]

    @classmethod
    def read(cls, snapshot: Snapshot) -> Catalogue:
        """Read a library's sounds."""
        return cls(snapshot.read_files(_FILE_COLUMNS), snapshot.read_sounds(_SOUND_COLUMNS))

    def __len__(self) -> int:
        return len(self.sound_ids)

    def rows_of(self, ids: pa.Array) -> IntArray:
        """Rows of sounds by their ids, -1 where there is none, shape ``(N,)``."""
        found = pc.fill_null(pc.index_in(ids, value_set=self.sound_ids), -1)
        return np.asarray(found.to_numpy(zero_copy_only=False), np.int64)

    def row(self, sound_id: str) -> int:
        """The row of a visible sound.

        Raises:
            NotFoundError: No such sound.
        """
        found = int(pc.index(self.sound_ids, pa.scalar(sound_id, pa.string())).as_py())
        if found < 0 or not self.visible[found]:
            raise NotFoundError(f"The library has no sound with the id {sound_id!r}.")
        return found

    def find(self, what: str) -> int:
        """The row of a sound by its id, or by the uri or path of one of its files.

        Raises:
            NotFoundError: Nothing goes by that name.
        """
        if any("\ud800" <= letter <= "\udfff" for letter in what):
            raise NotFoundError(f"The library knows {what!r}, which is not Unicode, by its file:// uri only.")
        uris = _flat(self._files.column("uri"))
        for uri in dict.fromkeys((what, str(Path(what).expanduser().absolute()))):
            at = pc.index(uris, pa.scalar(uri, uris.type)).as_py()
            if at >= 0:
                return int(self._row_of_file[at])
        try:
            return self.row(what)
        except NotFoundError as error:
            raise NotFoundError(f"The library has no sound with the id or path {what!r}.") from error

    def sound(self, row: int) -> Sound:
        """One sound, with everything that is known of it."""
        return self.sounds([row])[0]

    def unchanged_files(self, row: int) -> list[str]:
        """Paths of a sound's files that are on a disk here, with the size and time they were indexed with."""
        at = self._file_order[self._bounds[row] : self._bounds[row + 1]]
        found = []
        for file in self._files.select(["uri", "size_bytes", "modified_ns"]).take(at).to_pylist():
            try:
                now = os.stat(file["uri"])  # noqa: PTH116 (a uri of another kind is no valid Path everywhere)
            except (OSError, ValueError):
                continue
            if (now.st_size, now.st_mtime_ns) == (file["size_bytes"], file["modified_ns"]):
                found.append(file["uri"])
        return found

    def sounds(self, rows: Iterable[int]) -> list[Sound]:
        """Several sounds."""
        wanted = np.fromiter(rows, np.int64)
        bounds = np.stack([self._bounds[wanted], self._bounds[wanted + 1]], axis=1)
        at = [self._file_order[first:last] for first, last in bounds]
        files = self._files.take(np.concatenate([*at, np.empty(0, np.int64)])).to_pylist()
        ends = np.cumsum([len(some) for some in at]).tolist()
        found = []
        for n, own in enumerate(self._sounds.take(wanted).to_pylist()):
            mine = files[ends[n] - len(at[n]) : ends[n]]
            found.append(_sound(own, mine, missing=bool(self.missing[wanted[n]])))
        return found

    def filter(self, filters: Filters) -> BoolArray:
        """Which sounds are visible and pass, shape ``(len,)``."""
        mask: BoolArray = self.visible.copy()
        if not filters.include_missing:
            mask &= ~self.missing
        uris = self._files.column("uri")
        if filters.under is not None:
            mask &= self._any_file(_lies_under(uris, filters.under))
        if filters.path_glob is not None:
            mask &= self._any_file(pc.match_substring_regex(uris, glob_to_regex(filters.path_glob)))
        for tag in filters.tags:
            mask &= self._tagged(tag)
        mask &= self._within_durations(filters)
        if filters.modified_after is not None or filters.modified_before is not None:
            mask &= self._within_dates(filters)
        if filters.words:
            mask &= self.text_search(filters.words)
        return mask

    def text_search(self, words: Sequence[str]) -> BoolArray:
        """Which sounds have every word in their names, tags or descriptions, shape ``(len,)``."""
        mask: BoolArray = np.ones(len(self), np.bool_)
        for word in words:
            in_sound = contains_every_word(self._sound_texts, [word])
            mask &= in_sound | self._any_file(contains_every_word(self._file_texts, [word]))
        return mask

    @cached_property
    def path_order(self) -> IntArray:
        """Rows of all visible sounds in the order of their paths."""
        paths = _flat(self._files.column("uri")).take(pa.array(self._first_files))
        order = pc.sort_indices(paths).to_numpy().astype(np.int64)
        return np.asarray(np.flatnonzero(self.visible)[order], np.int64)

    def tag_counts(self) -> list[tuple[str, int]]:
        """All tags of visible sounds and how many have each, most frequent first, then by name."""
        lists = (self._files.column("tags"), self._sounds.column("tags"))
        owners = (self._row_of_file, np.arange(len(self)))
        rows, tags = [], []
        for column, owner in zip(lists, owners, strict=True):
            flat = _flat(column)
            rows.append(owner[pc.list_parent_indices(flat).to_numpy()])
            tags.append(pc.list_flatten(flat).cast(pa.string()))
        table = pa.table({"row": np.concatenate(rows), "tag": pa.concat_arrays(tags)})
        table = table.filter(pa.array(self.visible[table.column("row").to_numpy()]))
        unique = table.group_by(["row", "tag"]).aggregate([])
        counts = Counter(unique.column("tag").to_pylist())
        return sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))

    @property
    def _first_files(self) -> IntArray:
        """The first file of every visible sound, in the order of the sounds."""
        return np.asarray(self._file_order[self._bounds[:-1][self.visible]], np.int64)

    @cached_property
    def _file_texts(self) -> pa.Array:
        return searchable(
            self._files.column("name"), self._files.column("tags"), self._files.column("fields")
        )

    @cached_property
    def _sound_texts(self) -> pa.Array:
        nothing = pa.nulls(len(self), pa.string()).fill_null("")
        return searchable(nothing, self._sounds.column("tags"), self._sounds.column("fields"))

    def _any_file(self, passes: Any) -> BoolArray:
        """Which sounds have a file that passes, given a boolean per file."""
        flags = np.asarray(passes, np.bool_)
        mask = np.zeros(len(self), np.bool_)
        mask[self._row_of_file[flags]] = True
        return mask

    def _tagged(self, tag: str) -> BoolArray:
        mask = np.zeros(len(self), np.bool_)
        wanted = pa.scalar(tag.strip().casefold())
        owners = (self._row_of_file, np.arange(len(self)))
        for table, owner in zip((self._files, self._sounds), owners, strict=True):
            column = _flat(table.column("tags"))
            hits = pc.equal(pc.utf8_lower(pc.list_flatten(column)), wanted)
            parents = pc.list_parent_indices(column).to_numpy()
            mask[owner[parents[np.asarray(hits, np.bool_)]]] = True
        return mask

    def _within_durations(self, filters: Filters) -> BoolArray:
        durations: NDArray[np.float64] = self._sounds.column("duration_s").to_numpy()
        low = 0.0 if filters.min_duration_s is None else filters.min_duration_s
        high = np.inf if filters.max_duration_s is None else filters.max_duration_s
        return np.asarray((durations >= low) & (durations <= high), np.bool_)

    def _within_dates(self, filters: Filters) -> BoolArray:
        """A sound whose file has no date passes no date."""
        dates = _flat(self._files.column("modified_ns")).take(pa.array(self._first_files))
        known = pc.is_valid(dates).to_numpy(zero_copy_only=False)
        times_ns = pc.fill_null(dates, 0).to_numpy()
        if filters.modified_after is not None:
            known &= times_ns >= _nanoseconds(filters.modified_after)
        if filters.modified_before is not None:
            known &= times_ns < _nanoseconds(filters.modified_before)
        mask = np.zeros(len(self), np.bool_)
        mask[self.visible] = known
        return mask


def _flat(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """A column as one array."""
    if not isinstance(column, pa.ChunkedArray):
        return column
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _lies_under(uris: pa.ChunkedArray, place: str) -> Any:
    exact = place.rstrip("/") or "/"
    folder = "/" if exact == "/" else exact + "/"
    found = pc.or_(pc.equal(uris, exact), pc.starts_with(uris, folder))
    return pc.or_(found, pc.starts_with(uris, exact + "!/"))


def _nanoseconds(time: datetime) -> int:
    return int(time.timestamp()) * 1_000_000_000 + time.microsecond * 1000


def _parse(fields: str) -> dict[str, str]:
    return {str(key): str(value) for key, value in json.loads(fields or "{}").items()}


def _sound(own: dict[str, Any], files: list[dict[str, Any]], *, missing: bool) -> Sound:
    """Put a sound together from its row and those of its files."""
    fields = _parse(own["fields"])
    for file in reversed(files):
        fields |= _parse(file["fields"])
    modified_ns = files[0]["modified_ns"] if files else None
    return Sound(
        id=own["sound_id"],
        path=files[0]["uri"] if files else "",
        paths=tuple(file["uri"] for file in files),
        duration_s=own["duration_s"],
        tags=tuple(sorted({tag for source in (own, *files) for tag in source["tags"]})),
        fields=fields,
        missing=missing,
        silent=own["silent"],
        rate_hz=own["rate_hz"],
        channels=own["channels"],
        loudness_dbfs=own["loudness_dbfs"],
        modified=None if modified_ns is None else datetime.fromtimestamp(modified_ns / 1e9, UTC),
    )
