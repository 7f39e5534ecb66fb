"""One thing that a source offers: where it is, what it is called, how to tell that it changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, Self, TypeAlias


@dataclass(frozen=True, slots=True)
class Item:
    """One sound file that a source offers; plain data, so that it can cross to another process.

    Attributes:
        uri: The key of this file in a library: an absolute path where the file lies on a disk
            (``/home/ann/kick.wav``), ``/home/ann/pack.zip!/drums/kick.wav`` inside an archive, the address
            of a download, ``stream:NAME`` for an open file. Names that are not valid Unicode are
            percent-encoded behind ``file://``. Stable from scan to scan.
        root: The uri of the folder, file, archive or address that the user named.
        name: The file's own name, with its extension: a hint for people and for the decoder.
        kind: Which opener reads it: ``"file"``, ``"zip"``, ``"download"``, ``"stream"``, or a plug-in's.
        location: What that opener needs: the file, archive or temporary copy, as `uri_of_path` writes it.
        member: The name inside the archive, for kinds that have one.
        size_bytes: Size of the audio file in bytes (uncompressed), None where unknown.
        modified_ns: Modification time in nanoseconds since 1970, None where unknown. Size and time
            together tell whether a file changed. For a member of an archive the low 32 bits are its CRC.
        tags: Words that come from where the file lies: the names of the folders between root and file.
        metadata: Named texts that come with the file from outside its bytes (a caller's dictionary).
    """

    uri: str
    root: str
    name: str
    kind: str
    location: str
    member: str | None = None
    size_bytes: int | None = None
    modified_ns: int | None = None
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Something that a source came across and cannot offer, with the reason as a sentence."""

    uri: str
    root: str
    reason: str


Found: TypeAlias = Item | Unreadable


class Source(Protocol):
    """A place that sounds come from; a context manager, because it may hold a temporary copy."""

    root: str
    """The uri of the place: what a library remembers, so that it can look again."""

    complete: bool
    """True once a scan has listed everything there is, so that what it did not list has vanished.

    False before the end of a scan, and after one that could not look into some folder or archive.
    """

    def scan(self) -> Iterator[Found]:
        """Walk the place, in a stable order; an unreadable part is reported and does not stop the walk."""
        ...

    def covers(self, uri: str) -> bool:
        """Whether a uri lies in this place, so that a complete scan would have listed it."""
        ...

    def close(self) -> None:
        """Delete temporary copies; the items of this source may not be openable afterwards."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: object) -> None: ...
