"""The bytes of one file: hashed and handed to the decoder, without the file changing in between."""

from __future__ import annotations

import hashlib
import io
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from soundalike.core.errors import SourceError
from soundalike.sources import Item, Limits, open_item

SOUND_ID_DIGITS = 32
"""128 bits of the content's SHA-256: two of a billion sounds collide with a chance of 1e-21."""

_IN_MEMORY_BYTES = 48 * 1024 * 1024  # files up to this size are read once; larger ones are read twice
_CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Content:
    """An opened file.

    Attributes:
        file: Its bytes, seekable, at the start.
        sound_id: 32 hexadecimal digits of the SHA-256 of all bytes.
        size_bytes: How many there are.
        modified_ns: The modification time seen on opening, or the one that the source gave.
    """

    file: BinaryIO
    sound_id: str
    size_bytes: int
    modified_ns: int | None


@contextmanager
def open_content(
    item: Item, limits: Limits, on_chunk: Callable[[], None] = lambda: None
) -> Iterator[Content]:
    """Open a file and hash it.

    A small file is read into memory once, so what is hashed is what is decoded. A large one is read twice,
    and checked at the end for having changed meanwhile.

    Args:
        item: The file.
        limits: Bounds for a member of an archive.
        on_chunk: Called now and then while a large file is being hashed.

    Raises:
        SourceError: It is not a regular file, or it changed while it was being read.
        OSError: It cannot be opened or read.
    """
    with open_item(item, limits) as file:
        before = os.fstat(file.fileno()) if item.kind == "file" else None  # others are copies of our own
        if before is not None and not stat.S_ISREG(before.st_mode):
            raise SourceError("This is not a regular file, so it cannot hold a sound.")
        expected = min(file.seek(0, os.SEEK_END), _IN_MEMORY_BYTES)
        file.seek(0)
        head = file.read(expected + 1)
        digest = hashlib.sha256(head)
        size_bytes = len(head)
        if size_bytes > expected:
            del head
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
                size_bytes += len(chunk)
                on_chunk()
            file.seek(0)
            body: BinaryIO = file
        else:
            body = io.BytesIO(head)
        modified_ns = item.modified_ns if before is None else before.st_mtime_ns
        yield Content(body, digest.hexdigest()[:SOUND_ID_DIGITS], size_bytes, modified_ns)
        if body is file and before is not None and _marks(before) != _marks(os.fstat(file.fileno())):
            raise SourceError("The file changed while it was being read; index it again once it is whole.")


def _marks(status: os.stat_result) -> tuple[int, int]:
    """What changes when a file is written to."""
    return status.st_size, status.st_mtime_ns
