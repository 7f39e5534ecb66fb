"""A library: the Python face of soundalike, where storage, ingest and search are wired together."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from soundalike.audio import unpack_peaks
from soundalike.core.arrays import FloatArray
from soundalike.core.errors import InvalidInputError, NotFoundError, SourceError
from soundalike.encoders import Encoder, declared_spec, load_encoder
from soundalike.ingest import Failure, IngestSettings, Progress, Report, ingest
from soundalike.library.absent import AbsentPlace
from soundalike.library.encoders import encoder_address, keep_encoder, newer_encoder
from soundalike.library.export import ExportFormat, export_sounds
from soundalike.library.info import LibraryInfo, library_errors, library_info, library_warnings
from soundalike.library.location import check_apart, default_library_path, lies_in, uri_of_place
from soundalike.library.playback import AudioFile, open_sound, preview_sound
from soundalike.library.switching import SwitchReport, sounds_without, switch_encoder
from soundalike.search import Filters, Hit, Searcher, Sound
from soundalike.sources import Limits, Source, is_on_disk, source_for
from soundalike.sources.addresses import is_unicode
from soundalike.storage import Store

Query: TypeAlias = str | os.PathLike[str] | BinaryIO | Sound


class Library:
    """Sounds that can be searched by how they sound.

    Open one with ``Library.open``. Reading works while another process writes; one process writes at a time.

    Example:
        >>> import tempfile, soundalike
        >>> library = soundalike.Library.open(tempfile.mkdtemp() + "/my-library")
        >>> library.info().sounds
        0
    """

    def __init__(self, store: Store, encoder: str | None) -> None:
        self._store = store
        self._encoder_name = encoder_address(store, encoder)
        self._by_default = encoder is None
        self._encoder: Encoder | None = None
        self._searcher: Searcher | None = None

    @classmethod
    def open(
        cls, path: str | os.PathLike[str] | None = None, *, encoder: str | None = None, create: bool = True
    ) -> Self:
        """Open a library, making it when it is absent.

        Args:
            path: Its folder; by default ``$SOUNDALIKE_LIBRARY``, else the platform's folder for user data.
            encoder: Name or path of the encoder to add and search with, or the fingerprint of one that the
                library has used; by default the library's own.
            create: False refuses to make a new one.

        Raises:
            LibraryError: The folder holds something else, or cannot be read or made.
            LibraryTooNewError: A newer version of soundalike wrote it.
            LibraryCorruptError: Its files are damaged.
            NotFoundError: It does not exist, and ``create`` is False.
        """
        folder = Path(path).expanduser().absolute() if path is not None else default_library_path()
        if not create and not os.path.lexists(folder):
            raise NotFoundError(f"There is no library at {folder}. Make one with: soundalike index FOLDER")
        return cls(Store.open(folder, create=create), encoder)

    def __repr__(self) -> str:
        return f"Library({str(self.path)!r})"

    @property
    def path(self) -> Path:
        """The library's folder."""
        return self._store.path

    @property
    def encoder(self) -> Encoder:
        """What this library listens with, loaded when first asked for."""
        if self._encoder is None:
            self._encoder = load_encoder(self._encoder_name)
        return self._encoder

    def add(
        self,
        *places: str | os.PathLike[str] | BinaryIO,
        metadata: Mapping[str, str] | None = None,
        name: str | None = None,
        jobs: int | None = None,
        isolate: bool = False,
        limits: Limits = Limits(),
        on_progress: Callable[[Progress], None] = lambda _progress: None,
    ) -> Report:
        """Add sounds, or look again at places that were added before.

        Files that have not changed are passed over; moved ones keep their vectors; vanished ones are marked
        as missing. A file that cannot be used is recorded with the reason and stops nothing.

        Where soundalike has a newer version of the library's encoder, the library goes on with its copy of
        the older one. Where it has none, or the code has changed so that nothing makes the older vectors any
        more, what is added gets vectors of the new one; ``unheard`` counts the sounds that wait for theirs.

        Args:
            places: Folders, files, zip archives, http(s) addresses, or open binary files. None at all: every
                folder, file and archive that was added before; those that are away are marked as missing.
            metadata: Named texts to keep as fields of the sounds.
            name: The name of an open file, with its extension.
            jobs: Worker processes; by default one per processor.
            isolate: True uses worker processes even for a few files.
            limits: Bounds on archives and downloads.
            on_progress: Called now and then with how far it is.

        Returns:
            What was added, skipped, and failed and why.

        Raises:
            SourceError: A place does not exist.
            LibraryError: The library lies inside a place, or cannot be written to (a full disk).
            LibraryBusyError: Another process is writing to it.
        """
        with ExitStack() as stack:
            sources: list[Source] = []
            for place in places:
                source = source_for(place, metadata=metadata, name=name, limits=limits)
                sources.append(stack.enter_context(source))
            if not places:
                sources = [stack.enter_context(source) for source in self._known_sources(limits)]
            for source in sources:
                check_apart(self.path, source.root)
            keep_encoder(self._store, self._encoder_name, self.encoder)
            settings = IngestSettings(jobs=jobs, isolate=isolate, limits=limits)
            report = ingest(self._store, sources, self.encoder, self._encoder_name, settings, on_progress)
        mine = self.encoder.spec.fingerprint
        if self._by_default and self._store.default_encoder != mine and not sounds_without(self._store, mine):
            with self._store.write() as writer:  # what made the older vectors is not to be had any more
                writer.set_default_encoder(mine)
        self.searcher.refresh()
        return report

    def use_encoder(
        self,
        address: str,
        *,
        force: bool = False,
        jobs: int | None = None,
        isolate: bool = False,
        on_progress: Callable[[Progress], None] = lambda _progress: None,
    ) -> SwitchReport:
        """Listen with another encoder from now on.

        Vectors that are absent are computed first, as ``add`` without places does; when it is stopped, the
        same call goes on from there. The old encoder's vectors stay, so switching back costs nothing.

        Args:
            address: Name or path of the encoder, or the fingerprint of one that the library has used.
            force: True switches although some sounds have no vectors of it, as their files are away.
            jobs: Worker processes; by default one per processor.
            isolate: True uses worker processes even for a few files.
            on_progress: Called now and then with how far it is.

        Returns:
            What was computed, and what was derived from the old encoder's space.

        Raises:
            NotFoundError: There is no such encoder.
            LibraryError: Sounds would have no vectors of it, and ``force`` is False.
        """
        kept = encoder_address(self._store, address)
        encoder = load_encoder(kept)
        keep_encoder(self._store, kept, encoder)

        def add() -> Report:
            if not any(map(is_on_disk, self.info().roots)):
                return Report()
            other = Library.open(self.path, encoder=kept, create=False)
            return other.add(jobs=jobs, isolate=isolate, on_progress=on_progress)

        report = switch_encoder(self._store, encoder, add, force=force)
        if report.after == self._store.default_encoder:
            self._encoder_name, self._by_default = encoder_address(self._store), True
            self._encoder = self._searcher = None
        return report

    def newer_default(self) -> str | None:
        """Name what new libraries listen with, where this one has an older default: for ``use_encoder``.

        Returns:
            The encoder's name: another one than this library's, or the same where this library listens with
            its copy of an older version. None where this library has it or was moved away from it, and where
            it was opened with an encoder of the caller's choice.
        """
        return newer_encoder(self._store) if self._by_default else None

    def unheard(self) -> int:
        """Count the sounds that cannot be found, as what made their vectors is not to be had any more.

        ``add`` without places computes new ones.

        Returns:
            How many sounds of the library wait for vectors of its encoder as it is now. 0 where that is the
            encoder that searches used before, and for a library that was opened with an encoder of the
            caller's choice.

        Raises:
            EncoderError: The encoder cannot be loaded.
        """
        spec = self._encoder.spec if self._encoder else declared_spec(self._encoder_name)
        if not self._by_default or self._store.default_encoder in (None, spec.fingerprint):
            return 0
        return sounds_without(self._store, spec.space)

    def remove(self, *what: Sound | str | os.PathLike[str]) -> int:
        """Take sounds out of the library. Their vectors are kept, so adding them again costs nothing.

        Args:
            what: Sounds, ids of sounds, or paths: of a file, or of a folder or archive with all that is in it

        Returns:
            How many files were taken out.

        Raises:
            NotFoundError: Nothing in the library goes by that id or path.
            InvalidInputError: An empty text.
        """
        files = self._store.read_files(columns=["uri", "root", "sound_id"]).to_pylist()
        doomed: list[str] = []
        for thing in what:
            is_meant = _matcher(thing)
            found = [row["uri"] for row in files if is_meant(row)]
            if not found:
                raise NotFoundError(f"Nothing in the library goes by {_spelt(thing)!r}.")
            doomed += found
        doomed = list(dict.fromkeys(doomed))
        with self._store.write() as writer:
            writer.delete_files(doomed)
        if self._searcher is not None:
            self._searcher.refresh_if_stale()
        return len(doomed)

    def forget(self) -> int:
        """Delete everything computed of sounds that no file has any more, and free its room.

        Returns:
            How many sounds were forgotten; adding one of them again computes its vectors anew.
        """
        with self._store.write() as writer:
            unused = writer.unreferenced_sounds()
            writer.purge(unused)
            writer.optimize()
        self.searcher.refresh()
        return len(unused)

    def search(
        self,
        query: Query,
        *,
        limit: int = 10,
        start_s: float | None = None,
        duration_s: float | None = None,
        segments: bool = False,
        filters: Filters = Filters(),
    ) -> list[Hit]:
        """Find the sounds that sound most like a query.

        Args:
            query: A path or open file of any sound, or a ``Sound`` of this library. A library's sound is left
                out of its own hits; of a file, the identical sound comes first, marked ``same_file``.
            limit: How many hits at most.
            start_s: Where in the query to listen; from its beginning by default.
            duration_s: For how long; to its end by default.
            segments: True finds stretches of sounds, False whole sounds, each once.
            filters: Which sounds may be found.

        Returns:
            Hits, best first.

        Raises:
            AudioError: The query cannot be decoded.
            QueryError: It is empty, silent, or the stretch lies outside it.
            InvalidInputError: ``limit`` or a filter is out of range.
        """
        common: dict[str, Any] = {
            "start_s": start_s,
            "duration_s": duration_s,
            "limit": limit,
            "segments": segments,
            "filters": filters,
        }
        if isinstance(query, Sound):
            return self.searcher.search_sound(query.id, **common)
        file = Path(query).expanduser() if isinstance(query, str | os.PathLike) else query
        if not isinstance(file, Path) and not callable(getattr(file, "read", None)):
            raise InvalidInputError(
                f"A query is a path, an open binary file or a Sound; got {type(query).__name__}."
            )
        return self.searcher.search_file(file, **common)

    def search_many(
        self,
        queries: Sequence[Query],
        *,
        limit: int = 10,
        segments: bool = False,
        filters: Filters = Filters(),
    ) -> list[list[Hit]]:
        """Search for several queries, each as ``search`` does."""
        return [self.search(query, limit=limit, segments=segments, filters=filters) for query in queries]

    def search_vector(
        self,
        vector: NDArray[np.floating[Any]],
        *,
        limit: int = 10,
        segments: bool = False,
        filters: Filters = Filters(),
    ) -> list[Hit]:
        """Find the sounds nearest to a vector of this library's encoder.

        Args:
            vector: Shape ``(D,)``, floating point: a row of ``vectors()``, or arithmetic on some.
            limit: How many hits at most.
            segments: True finds stretches of sounds, False whole sounds.
            filters: Which sounds may be found.
        """
        return self.searcher.search_vector(vector, limit=limit, segments=segments, filters=filters)

    def vectors(self, *, segments: bool = False) -> tuple[list[str], FloatArray]:
        """All vectors of this library's encoder, for a notebook.

        Args:
            segments: True gives a row per segment, False one per sound. Silent ones are left out.

        Returns:
            The sounds' paths, one per row, and the vectors, shape ``(N, D)``, float32.
        """
        fingerprint = self.encoder.spec.fingerprint
        if not self._store.encoders():
            return [], np.empty((0, self.encoder.spec.dims), np.float32)
        table = self._store.read_vectors(
            fingerprint,
            columns=["sound_id", "silent", "vector"],
            kind="segments" if segments else "sounds",
        )
        paths = {sound.id: sound.path for sound in self.sounds()}
        ids = table.column("sound_id").to_pylist()
        silent = table.column("silent").to_pylist()
        keep = np.array([i in paths and not s for i, s in zip(ids, silent, strict=True)], dtype=bool)
        flat = table.column("vector").combine_chunks().flatten().to_numpy(zero_copy_only=False)
        vectors = flat.reshape(-1, self.encoder.spec.dims)[keep]
        return [paths[i] for i, k in zip(ids, keep, strict=True) if k], vectors

    def sounds(
        self, filters: Filters = Filters(), *, offset: int = 0, limit: int | None = None
    ) -> list[Sound]:
        """List sounds in the order of their paths, those that pass the filters."""
        return self.searcher.list_sounds(filters, offset=offset, limit=limit)

    def count(self, filters: Filters = Filters()) -> int:
        """Count the sounds that pass the filters."""
        return self.searcher.count_sounds(filters)

    def sound(self, what: str | os.PathLike[str]) -> Sound:
        """Look up a sound by its id, or by the path of one of its files.

        Raises:
            NotFoundError: The library has no such sound.
        """
        text = os.fspath(what)
        uri = uri_of_place(text)
        try:
            return self.searcher.find_sound(uri)
        except NotFoundError:
            if not is_unicode(text):
                raise
            return self.searcher.find_sound(text)

    def tags(self) -> list[tuple[str, int]]:
        """All tags with the number of sounds that have them, most frequent first."""
        return self.searcher.tag_counts()

    def peaks(self, what: str | Sound) -> NDArray[np.int8]:
        """The waveform of a sound as it was indexed: ``(n, 2)``, minimum and maximum, full scale at 127."""
        sound_id = what.id if isinstance(what, Sound) else self.sound(what).id
        table = self._store.read_sounds(columns=["peaks"], ids=[sound_id])
        return unpack_peaks(table.column("peaks")[0].as_py())

    def open_audio_file(self, what: str | Sound) -> AudioFile:
        """Open a sound's original file, the first that is there.

        Raises:
            NotFoundError: No such sound, or none of its files can be opened.
        """
        return open_sound(what if isinstance(what, Sound) else self.sound(what))

    def preview(self, what: str | Sound, start_s: float = 0.0, duration_s: float = 30.0) -> bytes:
        """Cut a part of a sound, in its original channels, as a WAV file."""
        return preview_sound(what if isinstance(what, Sound) else self.sound(what), start_s, duration_s)

    def info(self) -> LibraryInfo:
        """Count what the library holds."""
        return library_info(self._store)

    def errors(self) -> list[Failure]:
        """Every file that could not be used, with the reason."""
        return library_errors(self._store)

    def warnings(self) -> list[Failure]:
        """What was odd about files that were used all the same."""
        return library_warnings(self._store)

    def export(
        self,
        path: str | os.PathLike[str],
        file_format: ExportFormat | None = None,
        filters: Filters = Filters(),
    ) -> int:
        """Write the sounds as CSV, JSON lines or Parquet; returns how many."""
        sounds = self.sounds(filters)
        export_sounds(sounds, Path(path).expanduser(), file_format)
        return len(sounds)

    def refresh(self) -> None:
        """See what another process has added; cheap when there is nothing new."""
        self.searcher.refresh_if_stale()

    def _known_sources(self, limits: Limits) -> list[Source]:
        """The places that were added before and can be looked at again, those that are away among them."""
        roots = [root for root in self.info().roots if is_on_disk(root)]
        if not roots:
            raise InvalidInputError("This library has no places to look at again; name a folder or file.")
        return [_known_source(root, limits) for root in roots]

    @property
    def searcher(self) -> Searcher:
        """What answers queries, made when first asked for."""
        if self._searcher is None:
            self._searcher = Searcher(self._store, self.encoder)
        return self._searcher


def _known_source(root: str, limits: Limits) -> Source:
    """The source of a place that was added before, wherever it is now."""
    try:
        return source_for(root, limits=limits)
    except SourceError as error:
        is_gone = isinstance(error.__cause__, FileNotFoundError | NotADirectoryError)
        return AbsentPlace(root, None if is_gone else str(error))


def _spelt(thing: Sound | str | os.PathLike[str]) -> str:
    """What a sound or path is called, for messages."""
    return thing.path if isinstance(thing, Sound) else os.fspath(thing)


def _matcher(thing: Sound | str | os.PathLike[str]) -> Callable[[dict[str, Any]], bool]:
    """What tells whether a file row is one that somebody named by sound, id, or path."""
    if isinstance(thing, Sound):
        return lambda row: bool(row["sound_id"] == thing.id)
    text = os.fspath(thing)
    if not text:  # it would be read as the working folder
        raise InvalidInputError("What is to be removed is named by a path or an id; got an empty text.")
    place = uri_of_place(text)
    return lambda row: text in (row["sound_id"], row["uri"]) or lies_in(row["uri"], place)
