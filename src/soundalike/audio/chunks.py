"""Walks over the chunks of RIFF, RF64, Wave64, AIFF and CAF files, within bounds whatever a header says."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

_MAX_CHUNKS = 1000  # headers hold a dozen; a hostile file could chain millions
_STREAMED = 0x7FFFF000  # sizes that programs write when they do not know: just below 2 or 4 GiB


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk of a file: its name, where its content starts, and its declared size (None: not known)."""

    file: BinaryIO
    name: bytes
    at: int
    size: int | None

    def read(self, limit_bytes: int) -> bytes:
        """Read its content, at most ``limit_bytes``, from the file."""
        self.file.seek(self.at)
        return self.file.read(limit_bytes if self.size is None else min(limit_bytes, self.size))


def _streamed(size: int) -> bool:
    return size == 0 or _STREAMED <= size <= 0x7FFFFFFF or size >= 0xFFFFF000


def riff_chunks(file: BinaryIO) -> Iterator[Chunk]:
    """Walk a WAVE file, RF64 and BW64 too; nothing where it is none."""
    file.seek(0)
    head = file.read(12)
    if head[:4] not in {b"RIFF", b"RF64", b"BW64"} or head[8:12] != b"WAVE":
        return
    long_data: int | None = None
    at = 12
    for _ in range(_MAX_CHUNKS):
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            return
        name, size = struct.unpack("<4sI", head)
        if name == b"ds64":
            sizes = file.read(16)
            long_data = struct.unpack("<8xQ", sizes)[0] if len(sizes) == 16 else None
        if name == b"data" and size == 0xFFFFFFFF and long_data:
            size = long_data
            yield Chunk(file, name, at + 8, size)
        else:
            yield Chunk(file, name, at + 8, None if name == b"data" and _streamed(size) else size)
        at += 8 + size + size % 2


def w64_chunks(file: BinaryIO) -> Iterator[Chunk]:
    """Walk a Sony Wave64 file; names are the first four bytes of its identifiers."""
    file.seek(0)
    if file.read(4) != b"riff":
        return
    at = 40
    for _ in range(_MAX_CHUNKS):
        file.seek(at)
        head = file.read(24)
        if len(head) < 24:
            return
        name, size = struct.unpack("<4s12xQ", head)
        if size < 24 or size >= 1 << 62:
            yield Chunk(file, name, at + 24, None)
            return
        yield Chunk(file, name, at + 24, size - 24)
        at += size + -size % 8


def aiff_chunks(file: BinaryIO) -> Iterator[Chunk]:
    """Walk an AIFF or AIFF-C file; nothing where it is none."""
    file.seek(0)
    head = file.read(12)
    if head[:4] != b"FORM" or head[8:12] not in {b"AIFF", b"AIFC"}:
        return
    at = 12
    for _ in range(_MAX_CHUNKS):
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            return
        name, size = struct.unpack(">4sI", head)
        yield Chunk(file, name, at + 8, size)
        at += 8 + size + size % 2


def caf_chunks(file: BinaryIO) -> Iterator[Chunk]:
    """Walk a Core Audio Format file; nothing where it is none."""
    file.seek(0)
    if file.read(4) != b"caff":
        return
    at = 8
    for _ in range(_MAX_CHUNKS):
        file.seek(at)
        head = file.read(12)
        if len(head) < 12:
            return
        name, size = struct.unpack(">4sq", head)
        if size < 0:
            yield Chunk(file, name, at + 12, None)
            return
        yield Chunk(file, name, at + 12, size)
        at += 12 + size
        if at >= 1 << 62:
            return
