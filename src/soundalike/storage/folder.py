"""The small files of a library's folder: written whole or not at all, and read back with clear errors.

::

    LIBRARY/
      soundalike.json   what this folder is: format version, encoders; changed seldom
      commit.json       which version of every table is the library's state; replaced by every commit
      tables/           Lance tables
      derived/          indexes and the like: safe to delete
      lock, writer.json the writer's lock, and who holds it

``commit.json`` is what makes several tables change as one. A writer appends new versions to the tables,
and then replaces this file; until then no reader looks at them, and what a killed writer left is undone by
the next one. Everything that would differ on an object store is in this file and in ``lock.py``.
"""

from __future__ import annotations

import json
import os
import uuid
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from soundalike.core.errors import LibraryCorruptError, LibraryError, LibraryTooNewError
from soundalike.storage.records import EncoderRecord
from soundalike.storage.schema import FORMAT_VERSION

HEADER_FILE = "soundalike.json"
COMMIT_FILE = "commit.json"
TABLES_FOLDER = "tables"
DERIVED_FOLDER = "derived"
LOCK_FILE = "lock"
WRITER_FILE = "writer.json"
# What a creation that was cut short may leave; a folder that holds nothing else can become a library.
_LEFT_BY_CREATION = frozenset({COMMIT_FILE, LOCK_FILE, WRITER_FILE})
_TEMPORARY_PREFIX = ".writing-"


@dataclass(frozen=True, slots=True)
class Header:
    """What ``soundalike.json`` says.

    Attributes:
        library_id: 32 hex digits that a copy shares and a library made anew at the same place does not.
        created: When the library was made: ISO 8601, UTC.
        soundalike_version: The version that made it.
        encoders: The encoders whose vectors it holds, by fingerprint.
        default_encoder: Fingerprint of the encoder that searches use, None where there is none yet.
        format_version: The form of everything in the folder.
    """

    library_id: str
    created: str
    soundalike_version: str
    encoders: dict[str, EncoderRecord] = field(default_factory=dict)
    default_encoder: str | None = None
    format_version: int = FORMAT_VERSION


@dataclass(frozen=True, slots=True)
class TableState:
    """Where one table stands.

    Attributes:
        lance_version: The version of the Lance table that holds the state.
        revision: Grows by one with every commit that changes rows; compaction leaves it alone.
        removals: Grows by one with every commit that takes rows away or changes them.
        next_id: For vector tables: the id that the next vector gets.
    """

    lance_version: int
    revision: int = 0
    removals: int = 0
    next_id: int = 0

    def changed(self, lance_version: int, *, removed: bool, next_id: int) -> TableState:
        """The state after a commit that changed rows."""
        return TableState(lance_version, self.revision + 1, self.removals + int(removed), next_id)

    def moved(self, lance_version: int) -> TableState:
        """The state after the same rows were written anew."""
        return replace(self, lance_version=lance_version)


Commit = dict[str, TableState]
"""What ``commit.json`` says: the state of every table, by name."""


def check_usable_path(path: Path) -> None:
    """Raise LibraryError where no table could be kept under a path."""
    text = str(path)
    if any(ord(c) < 32 or ord(c) == 127 or "\ud800" <= c <= "\udfff" for c in text):
        raise LibraryError(
            f"A library's path must be valid Unicode without control characters; got {text!r}. "
            "The sounds themselves may have any names."
        )


def is_library(path: Path) -> bool:
    """Whether a folder is a library, sound or damaged."""
    return (path / HEADER_FILE).exists()


def may_become_library(path: Path) -> bool:
    """Whether a folder is empty, or holds no more than a creation that was cut short left there."""
    return all(
        entry.name in _LEFT_BY_CREATION or entry.name.startswith(_TEMPORARY_PREFIX)
        for entry in path.iterdir()
    )


def read_header(path: Path) -> Header:
    """Read ``soundalike.json``.

    Raises:
        LibraryTooNewError: A newer soundalike wrote it, in a form that this one does not know.
        LibraryCorruptError: It is not what a soundalike writes.
    """
    document = _read_json(path / HEADER_FILE)
    version = document.get("format_version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise LibraryCorruptError(f"{path / HEADER_FILE} names no format version; got {version!r}.")
    if version > FORMAT_VERSION:
        raise LibraryTooNewError(
            f"The library {path} has format version {version} (soundalike "
            f"{document.get('soundalike_version', 'of unknown version')}); this soundalike reads up to "
            f"format version {FORMAT_VERSION}. Update soundalike to open it."
        )
    try:
        encoders = {key: EncoderRecord.from_json(value) for key, value in document["encoders"].items()}
        return Header(
            library_id=str(document["library_id"]),
            created=str(document["created"]),
            soundalike_version=str(document["soundalike_version"]),
            encoders=encoders,
            default_encoder=document["default_encoder"],
            format_version=version,
        )
    except (KeyError, TypeError, AttributeError, LibraryCorruptError) as error:
        raise LibraryCorruptError(f"{path / HEADER_FILE} is damaged: {error}.") from error


def write_header(path: Path, header: Header) -> None:
    """Write ``soundalike.json``."""
    document = {
        "format_version": header.format_version,
        "library_id": header.library_id,
        "created": header.created,
        "soundalike_version": header.soundalike_version,
        "default_encoder": header.default_encoder,
        "encoders": {key: record.to_json() for key, record in header.encoders.items()},
    }
    write_whole(path / HEADER_FILE, _to_json(document, indent=2))


def read_commit(path: Path) -> Commit:
    """Read ``commit.json``.

    Raises:
        LibraryCorruptError: It is absent, or not what a soundalike writes.
    """
    document = _read_json(path / COMMIT_FILE)
    try:
        return {
            name: TableState(
                int(state["lance_version"]),
                int(state["revision"]),
                int(state["removals"]),
                int(state["next_id"]),
            )
            for name, state in document["tables"].items()
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise LibraryCorruptError(f"{path / COMMIT_FILE} is damaged: {error!r}.") from error


def write_commit(path: Path, commit: Commit) -> None:
    """Replace ``commit.json``: the moment at which a batch is in the library."""
    tables = {
        name: {
            "lance_version": state.lance_version,
            "revision": state.revision,
            "removals": state.removals,
            "next_id": state.next_id,
        }
        for name, state in commit.items()
    }
    write_whole(path / COMMIT_FILE, _to_json({"tables": tables}))


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file so that a reader, a crash or a power cut sees the old one or the new one, whole."""
    temporary = path.with_name(f"{_TEMPORARY_PREFIX}{path.name}-{uuid.uuid4().hex[:8]}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make the names in a folder last through a power cut, where the system can."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _to_json(document: dict[str, Any], indent: int | None = None) -> bytes:
    return (json.dumps(document, ensure_ascii=False, indent=indent) + "\n").encode()


def _read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object."""
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise LibraryCorruptError(f"The library's file {path} is missing.") from error
    except OSError as error:
        raise LibraryError(f"The library's file {path} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:
        raise LibraryCorruptError(f"The library's file {path} is damaged: not JSON ({error}).") from error
    if not isinstance(document, dict):
        raise LibraryCorruptError(f"The library's file {path} is damaged: not a JSON object.")
    return document
