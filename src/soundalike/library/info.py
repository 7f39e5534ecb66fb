"""What a library holds, in figures."""

from __future__ import annotations

import contextlib
import stat
from dataclasses import dataclass
from pathlib import Path

import pyarrow.compute as pc

from soundalike.ingest import Failure
from soundalike.storage import Store


@dataclass(frozen=True, slots=True)
class EncoderInfo:
    """One encoder of a library: its name, its fingerprint, and how many segments it has embedded."""

    name: str
    fingerprint: str
    dims: int
    metric: str
    segments: int
    default: bool


@dataclass(frozen=True, slots=True)
class LibraryInfo:
    """A library in figures.

    Attributes:
        path: Its folder.
        sounds: Different contents that at least one file holds.
        files: Files that hold them, missing ones too.
        missing: Files that were gone when last looked.
        errors: Files that could not be used.
        audio_s: Length of all sounds together, in seconds.
        size_bytes: Size of the library's own folder.
        roots: The places that were added.
        encoders: What the sounds were embedded with.
    """

    path: Path
    sounds: int
    files: int
    missing: int
    errors: int
    audio_s: float
    size_bytes: int
    roots: tuple[str, ...]
    encoders: tuple[EncoderInfo, ...]

    @property
    def hours(self) -> float:
        """Length of all sounds together, in hours."""
        return self.audio_s / 3600.0


def library_info(store: Store) -> LibraryInfo:
    """Count what a library holds."""
    snapshot = store.snapshot()
    files = snapshot.read_files(columns=["root", "sound_id", "missing", "error"])
    live = pc.unique(files.column("sound_id").drop_null())
    sounds = snapshot.read_sounds(columns=["sound_id", "duration_s"])
    sounds = sounds.filter(pc.is_in(sounds.column("sound_id"), value_set=live))
    used = files.filter(pc.is_valid(files.column("sound_id")))
    return LibraryInfo(
        path=store.path,
        sounds=len(sounds),
        files=len(used),
        missing=pc.sum(used.column("missing")).as_py() or 0,
        errors=len(files) - files.column("error").null_count,
        audio_s=pc.sum(sounds.column("duration_s")).as_py() or 0.0,
        size_bytes=_size_of(store.path),
        roots=tuple(sorted(pc.unique(files.column("root")).to_pylist())),
        encoders=tuple(
            EncoderInfo(
                record.name,
                fingerprint,
                record.dims,
                record.metric,
                sum(
                    batch.num_rows
                    for batch in snapshot.iter_vectors(fingerprint, ["vector_id"], kind="segments")
                ),
                fingerprint == store.default_encoder,
            )
            for fingerprint, record in snapshot.encoders().items()
        ),
    )


def _size_of(folder: Path) -> int:
    """Size of all files in a folder; a writer may be deleting some meanwhile."""
    size_bytes = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            status = path.stat()
            size_bytes += status.st_size if stat.S_ISREG(status.st_mode) else 0
    return size_bytes


def library_errors(store: Store) -> list[Failure]:
    """List every file that could not be used, with the reason."""
    files = store.read_files(columns=["uri", "error"])
    bad = files.filter(pc.is_valid(files.column("error"))).sort_by("uri")
    return [Failure(row["uri"], row["error"]) for row in bad.to_pylist()]


def library_warnings(store: Store) -> list[Failure]:
    """List what was odd about files that were used all the same."""
    files = store.read_files(columns=["uri", "warnings"]).to_pylist()
    return sorted(
        (Failure(row["uri"], text) for row in files for text in row["warnings"]),
        key=lambda f: (f.uri, f.reason),
    )
