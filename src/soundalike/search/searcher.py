"""Answers queries on a library: what sounds like a file, a sound, a stretch of either, a vector."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundalike.core.arrays import BoolArray, FloatArray, IntArray, check_vectors
from soundalike.core.errors import AudioError, InvalidInputError, NotFoundError, QueryError
from soundalike.encoders import Encoder
from soundalike.search.filters import Filters
from soundalike.search.listen import AudioSource, check_region, content_id, listen, outside
from soundalike.search.results import Hit, Sound
from soundalike.search.state import State, open_state, update_state
from soundalike.search.vectors import SEGMENTS, SOUNDS
from soundalike.storage import Store

_ANY = Filters()
_EXCLUDED_BY_FETCHING_MORE = 64  # beyond that many rows a mask is cheaper than more neighbours


class Searcher:
    """Searches one library with one encoder. Threads may share it.

    What another process commits is seen after ``refresh_if_stale``.

    Args:
        store: The library's tables.
        encoder: What listens to queries. Vectors of the encoder that it names as its space are searched.
    """

    def __init__(self, store: Store, encoder: Encoder) -> None:
        self._store = store
        self._encoder = encoder
        self._lock = threading.RLock()
        self._state: State | None = None

    def refresh_if_stale(self) -> bool:
        """See what was committed since; costs the reading of two small files where nothing was.

        Returns:
            Whether anything had changed.
        """
        with self._lock:
            if self._state is None:
                return False
            before = self._state
            self._state = update_state(before, self._store)
            return self._state is not before

    def refresh(self) -> None:
        """See what was committed since, and bring the files beside the tables up to date where it pays.

        For the process that writes to the library. A folder that cannot be written to is left as it is.
        """
        with self._lock:
            self._state = open_state(self._store, self._encoder.spec, keep=True)

    def search_file(
        self,
        file: AudioSource,
        *,
        start_s: float | None = None,
        duration_s: float | None = None,
        limit: int = 10,
        segments: bool = False,
        filters: Filters = _ANY,
    ) -> list[Hit]:
        """Find what sounds like a file.

        The sound with the file's own bytes is marked ``same_file``; it comes first where the whole file is
        compared with whole sounds.

        Args:
            file: A path, or an open binary file that can seek.
            start_s: Where in it to listen; from the beginning by default.
            duration_s: For how long; to the end by default.
            limit: How many hits at most.
            segments: True finds stretches of sounds, False whole sounds, each once.
            filters: Which sounds may be found.

        Returns:
            Hits, best first.

        Raises:
            AudioError: The file cannot be read or decoded.
            QueryError: It is silent, or the stretch is empty or lies outside it.
            SpaceMismatchError: The library's vectors cannot be compared with the encoder's.
            InvalidInputError: ``limit`` is below 1.
        """
        _check_limit(limit)
        state = self._current()
        state.check_space()
        vector = listen(file, self._encoder, start_s=start_s, duration_s=duration_s)
        same = self._id_of(file)
        first = None if segments or start_s is not None or duration_s is not None else same
        return self._hits(vector, limit, segments, filters, same=same, first=first)

    def search_sound(
        self,
        sound_id: str,
        *,
        start_s: float | None = None,
        duration_s: float | None = None,
        limit: int = 10,
        segments: bool = False,
        filters: Filters = _ANY,
    ) -> list[Hit]:
        """Find what sounds like a sound of the library; it is left out of its own hits.

        Of a stretch, the file is listened to where it is there; where it is not, the stored segments that
        overlap the stretch stand for it. Among segments, only those that overlap the stretch are left out.

        Args:
            sound_id: The sound.
            start_s: Where in it to listen; from the beginning by default.
            duration_s: For how long; to the end by default.
            limit: How many hits at most.
            segments: True finds stretches of sounds, False whole sounds, each once.
            filters: Which sounds may be found.

        Raises:
            NotFoundError: No such sound.
            QueryError: It is silent, or the stretch is empty or lies outside it.
            SpaceMismatchError: The library's vectors cannot be compared with the encoder's.
            InvalidInputError: ``limit`` is below 1.
        """
        _check_limit(limit)
        check_region(start_s, duration_s)
        state = self._current()
        state.check_space()
        sound = state.catalogue.sound(state.catalogue.row(sound_id))
        begin = start_s or 0.0
        if begin >= sound.duration_s and begin > 0:
            raise outside(begin, sound.duration_s)
        end = sound.duration_s if duration_s is None else min(begin + duration_s, sound.duration_s)
        whole = start_s is None and duration_s is None
        with self._lock:
            vector = self._current().stored_vector(sound.id) if whole else None
        if vector is None and not whole:
            vector = self._region_vector(sound, start_s, duration_s, (begin, end))
        if vector is None:
            raise QueryError(f"{sound.name} is silent, so there is nothing to search with.")
        return self._hits(vector, limit, segments, filters, leave_out=(sound.id, begin, end))

    def search_vector(
        self,
        vector: NDArray[np.floating[Any]],
        *,
        limit: int = 10,
        segments: bool = False,
        filters: Filters = _ANY,
    ) -> list[Hit]:
        """Find what is nearest to a vector of shape ``(D,)`` in the encoder's space.

        Raises:
            InvalidInputError: Another shape, or ``limit`` below 1.
            SpaceMismatchError: The library's vectors cannot be compared with the encoder's.
        """
        return self.search_many(np.asarray(vector)[None], limit=limit, segments=segments, filters=filters)[0]

    def search_many(
        self,
        vectors: NDArray[np.floating[Any]],
        *,
        limit: int = 10,
        segments: bool = False,
        filters: Filters = _ANY,
    ) -> list[list[Hit]]:
        """Find what is nearest to each of several vectors, shape ``(Q, D)``; see ``search_vector``."""
        _check_limit(limit)
        self._current().check_space()
        checked = check_vectors(vectors, self._encoder.spec.dims)
        return [self._hits(vector, limit, segments, filters) for vector in checked]

    def neighbours(
        self, vectors: FloatArray, k: int, *, segments: bool = False
    ) -> tuple[IntArray, FloatArray]:
        """Find the nearest vectors of visible sounds, as ids and distances; see ``Index.query``."""
        with self._lock:
            state = self._current()
            state.check_space()
            sort = SEGMENTS if segments else SOUNDS
            return state.view.sets[sort].index.query(vectors, k, allowed=state.allowed(sort, _ANY))

    # Looking up and listing

    def list_sounds(
        self, filters: Filters = _ANY, *, offset: int = 0, limit: int | None = None
    ) -> list[Sound]:
        """The sounds that pass, in the order of their paths."""
        if offset < 0 or (limit is not None and limit < 0):
            raise InvalidInputError(f"offset and limit are 0 or more; got {offset} and {limit}.")
        catalogue = self._current().catalogue
        order = catalogue.path_order
        passing = order[catalogue.filter(filters)[order]]
        return catalogue.sounds(passing[offset : None if limit is None else offset + limit])

    def count_sounds(self, filters: Filters = _ANY) -> int:
        """How many sounds pass."""
        return int(np.count_nonzero(self._current().catalogue.filter(filters)))

    def find_sound(self, what: str) -> Sound:
        """A sound by its id, or by the uri or path of one of its files.

        Raises:
            NotFoundError: Nothing goes by that name.
        """
        catalogue = self._current().catalogue
        return catalogue.sound(catalogue.find(what))

    def tag_counts(self) -> list[tuple[str, int]]:
        """All tags and how many sounds have each, most frequent first."""
        return self._current().catalogue.tag_counts()

    # Inside

    def _current(self) -> State:
        with self._lock:
            if self._state is None:
                self._state = open_state(self._store, self._encoder.spec)
            return self._state

    def _id_of(self, file: AudioSource) -> str:
        """The id of a file's content, without reading it where it is indexed and has not changed since."""
        catalogue = self._current().catalogue
        if isinstance(file, str | os.PathLike):
            path = str(Path(file).expanduser().absolute())
            with contextlib.suppress(NotFoundError):
                row = catalogue.find(path)
                if path in catalogue.unchanged_files(row):
                    return str(catalogue.sound_ids[row].as_py())
        return content_id(file)

    def _region_vector(
        self,
        sound: Sound,
        start_s: float | None,
        duration_s: float | None,
        region: tuple[float, float],
    ) -> FloatArray | None:
        """The vector of a stretch: listened to where a file is there, else from stored segments."""
        catalogue = self._current().catalogue
        for path in catalogue.unchanged_files(catalogue.row(sound.id)):
            with contextlib.suppress(AudioError):
                return listen(path, self._encoder, start_s=start_s, duration_s=duration_s)
        with self._lock:
            near = self._current().best_overlap(sound.id, *region)
            return None if near is None else self._encoder.pool(near)

    def _hits(
        self,
        vector: FloatArray,
        limit: int,
        segments: bool,
        filters: Filters,
        *,
        same: str | None = None,
        first: str | None = None,
        leave_out: tuple[str, float, float] | None = None,
    ) -> list[Hit]:
        """Search one vector and dress what was found.

        Args:
            vector: Shape ``(D,)``.
            limit: How many hits at most.
            segments: Whether to find segments.
            filters: Which sounds may be found.
            same: The id of the sound to mark as the same file.
            first: The id of the sound that comes first if it may be found.
            leave_out: A sound, and the stretch of it in seconds, that is not to be found.
        """
        sort = SEGMENTS if segments else SOUNDS
        with self._lock:
            state = self._current()
            allowed = state.allowed(sort, filters)
            own = np.empty(0, np.int64)
            if leave_out is not None:
                own = state.rows_within(sort, *leave_out) if segments else state.rows_of(sort, leave_out[0])
            rows, distances = _search(state, sort, vector, limit, allowed, own)
            if first is not None:
                rows, distances = _with_first(state, vector, first, allowed, rows, distances, limit)
            one = state.view.sets[sort]
            columns, scores = one.columns, one.calibration.score(distances)
            owners = state.row_of_code[columns.owner[rows]]
            starts, lengths = columns.start_s[rows], columns.duration_s[rows]
        hits = []
        for n, sound in enumerate(state.catalogue.sounds(owners.tolist())):
            start_s = float(starts[n]) if segments else 0.0
            end_s = start_s + float(lengths[n]) if segments else sound.duration_s
            hits.append(
                Hit(n + 1, sound, start_s, end_s, float(distances[n]), float(scores[n]), sound.id == same)
            )
        return hits


def _search(
    state: State,
    sort: str,
    vector: FloatArray,
    limit: int,
    allowed: BoolArray | None,
    left_out: IntArray,
) -> tuple[IntArray, FloatArray]:
    """Rows of a set and their distances, nearest first; of whole sounds, each sound once."""
    one = state.view.sets[sort]
    if len(left_out) > _EXCLUDED_BY_FETCHING_MORE:
        allowed = one.allow(np.ones(len(one), np.bool_)) if allowed is None else allowed.copy()
        allowed[one.columns.ids[left_out]] = False
    k = limit + min(len(left_out), _EXCLUDED_BY_FETCHING_MORE)
    while True:
        ids, distances = one.index.query(vector[None], min(k, max(len(one), 1)), allowed=allowed)
        found = ids[0] >= 0
        rows, near = one.rows_of(ids[0][found]), distances[0][found]
        keep = ~np.isin(rows, left_out)
        if sort == SOUNDS:  # a sound has one vector, but a table may come to hold it twice
            _, at = np.unique(one.columns.owner[rows], return_index=True)
            once = np.zeros(len(rows), np.bool_)
            once[at] = True
            keep &= once
        if np.count_nonzero(keep) >= limit or len(rows) < k:
            return rows[keep][:limit], near[keep][:limit]
        k *= 4


def _with_first(
    state: State,
    vector: FloatArray,
    sound_id: str,
    allowed: BoolArray | None,
    rows: IntArray,
    distances: FloatArray,
    limit: int,
) -> tuple[IntArray, FloatArray]:
    """Bring the identical sound to the front, whether it was found or not, if it may be found."""
    one = state.view.sets[SOUNDS]
    own = state.rows_of(SOUNDS, sound_id)
    if len(own) == 0 or (allowed is not None and not allowed[one.columns.ids[own[0]]]):
        return rows, distances
    others = rows != own[0]
    distance = state.distance(SOUNDS, int(own[0]), vector)
    return (
        np.concatenate([own[:1], rows[others]])[:limit],
        np.concatenate([np.array([distance], np.float32), distances[others]])[:limit],
    )


def _check_limit(limit: int) -> None:
    if limit < 1:
        raise InvalidInputError(f"At least 1 hit must be asked for; got {limit}.")
