"""What the HTTP interface sends: the shapes that a generated client is made of."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

if TYPE_CHECKING:
    from soundalike import library


class Problem(BaseModel):
    """Why a request failed."""

    detail: str = Field(description="A sentence for people: what was expected and what came.")
    kind: str = Field(description="A word for programs, such as not_found, invalid_input, query or audio.")


class EncoderInfo(BaseModel):
    """One encoder of the library, and how much it has embedded."""

    name: str
    fingerprint: str = Field(description="Changes whenever the encoder's vectors would.")
    dims: int
    metric: str
    segments: int
    default: bool = Field(description="True for the one that searches use.")


class LibraryInfo(BaseModel):
    """What the library holds."""

    path: str
    sounds: int = Field(description="Sounds with different content.")
    files: int = Field(description="Files that hold them; the same bytes in ten places are one sound.")
    missing: int = Field(description="Files that were gone when last looked.")
    errors: int = Field(description="Files that could not be used.")
    hours: float = Field(description="Hours of audio.")
    size_bytes: int = Field(description="Size of the library's own folder.")
    roots: list[str] = Field(description="The folders, archives and addresses that were added.")
    encoders: list[EncoderInfo]

    @classmethod
    def of(cls, info: library.LibraryInfo) -> LibraryInfo:
        """Write down the figures of a library."""
        return cls(
            path=str(info.path),
            sounds=info.sounds,
            files=info.files,
            missing=info.missing,
            errors=info.errors,
            hours=info.hours,
            size_bytes=info.size_bytes,
            roots=list(info.roots),
            encoders=[EncoderInfo(**dataclasses.asdict(encoder)) for encoder in info.encoders],
        )


class Sound(BaseModel):
    """One sound: the audio of one or several identical files."""

    id: str = Field(description="32 hexadecimal digits: the hash of the content.")
    name: str = Field(description="The file's own name.")
    folder: str = Field(description="The folder or archive that it lies in.")
    path: str
    paths: list[str] = Field(description="All files with these bytes.")
    duration_s: float
    tags: list[str]
    fields: dict[str, str] = Field(description="Named texts: title, artist, description and the like.")
    missing: bool = Field(description="True where none of the files was there when last looked.")
    silent: bool
    rate_hz: int
    channels: int
    loudness_dbfs: float
    modified: datetime | None

    @classmethod
    def of(cls, sound: library.Sound) -> Sound:
        """Write down a sound of the library."""
        folder, _, name = sound.path.rpartition("/")
        return cls(
            id=sound.id,
            name=name,
            folder=folder.removesuffix("!"),
            path=sound.path,
            paths=list(sound.paths),
            duration_s=sound.duration_s,
            tags=list(sound.tags),
            fields=dict(sound.fields),
            missing=sound.missing,
            silent=sound.silent,
            rate_hz=sound.rate_hz,
            channels=sound.channels,
            loudness_dbfs=sound.loudness_dbfs,
            modified=sound.modified,
        )


class SoundPage(BaseModel):
    """Some of the sounds that pass the filters."""

    total: int = Field(description="How many pass the filters altogether.")
    offset: int
    sounds: list[Sound]


class Hit(BaseModel):
    """One ranked result."""

    rank: int = Field(description="1 is the best.")
    sound: Sound
    start_s: float
    end_s: float
    distance: float = Field(description="In the encoder's metric; smaller is nearer.")
    score: float = Field(description="From 0 to 1, larger is nearer; not a percentage of anything.")
    same_file: bool = Field(description="True where the query's bytes are this very file's.")


class VectorQuery(BaseModel):
    """A vector to search with."""

    vector: list[float] = Field(
        min_length=1, max_length=65536, description="One number for each dimension of the library's encoder."
    )


class SearchResult(BaseModel):
    """What sounds like the query, best first."""

    hits: list[Hit]

    @classmethod
    def of(cls, hits: Iterable[library.Hit]) -> SearchResult:
        """Write down the library's hits."""
        return cls(
            hits=[
                Hit(
                    rank=hit.rank,
                    sound=Sound.of(hit.sound),
                    start_s=hit.start_s,
                    end_s=hit.end_s,
                    distance=hit.distance,
                    score=hit.score,
                    same_file=hit.same_file,
                )
                for hit in hits
            ]
        )


class Peaks(BaseModel):
    """The outline of a sound's waveform: its lowest and highest values in equal stretches of time."""

    duration_s: float
    lowest: list[int] = Field(description="From -128 to 127, oldest first.")
    highest: list[int] = Field(description="From -128 to 127, oldest first.")


class TagCount(BaseModel):
    """A tag and how many sounds carry it."""

    tag: str
    sounds: int


class FailedFile(BaseModel):
    """A file that could not be used, and why."""

    path: str
    reason: str
