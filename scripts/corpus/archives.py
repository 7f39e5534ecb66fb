"""Sounds inside archives inside packages: zip files, Qt's resource files, OpenTTD's sound sets."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

MAX_MEMBER_BYTES = 256 * 1024 * 1024
MAX_MEMBERS = 200_000
MAX_TOTAL_BYTES = 8 * 1024**3

MAX_TITLE = 80

Members = Iterator[tuple[str, bytes]]


def members(file: Path, name: str, wanted: Callable[[str], bool]) -> Members:
    """Members of an archive; the kind of archive is told by its name.

    Args:
        file: The archive.
        name: Its name: ``.rcc`` is a Qt resource file, ``.cat`` a sound set, all else a zip file.
        wanted: Which members are read, by their path.

    Yields:
        Path inside the archive, and bytes.

    Raises:
        ValueError: It is no such archive, or larger than the bounds above.
    """
    suffix = PurePosixPath(name).suffix.lower()
    if suffix == ".rcc":
        found = _resource_members(file.read_bytes(), name, wanted)
    elif suffix == ".cat":
        found = _sound_set_members(file.read_bytes(), name, wanted)
    else:
        found = _zip_members(file, name, wanted)
    total = 0
    for path, data in found:
        total += len(data)
        if total > MAX_TOTAL_BYTES:
            raise ValueError(f"{name} holds more than {MAX_TOTAL_BYTES} bytes of wanted members.")
        yield path, data


def _zip_members(file: Path, name: str, wanted: Callable[[str], bool]) -> Members:
    try:
        archive = zipfile.ZipFile(file)
    except zipfile.BadZipFile as error:
        raise ValueError(f"{name} is no zip file: {error}.") from error
    with archive:
        infos = archive.infolist()
        if len(infos) > MAX_MEMBERS:
            raise ValueError(f"{name} has {len(infos)} members; at most {MAX_MEMBERS} are read.")
        for info in infos:
            if not info.is_dir() and info.file_size <= MAX_MEMBER_BYTES and wanted(info.filename):
                yield info.filename, archive.read(info)


def _sound_set_members(data: bytes, name: str, wanted: Callable[[str], bool]) -> Members:
    """A table of offsets and sizes, then for each sound a title, its WAV file, and a file name."""
    if len(data) < 8:
        raise ValueError(f"{name} is no sound set: it has {len(data)} bytes.")
    mask = 0x7FFFFFFF  # the highest bit of the first offset marks the newer form of the format
    count = (struct.unpack_from("<I", data)[0] & mask) // 8
    if count * 8 > len(data):
        raise ValueError(f"{name} is no sound set: a table of {count} sounds does not fit into it.")
    for index in range(count):
        offset, size = struct.unpack_from("<II", data, index * 8)
        offset &= mask
        title_bytes = data[offset]
        title = data[offset + 1 : offset + 1 + title_bytes].rstrip(b"\0").decode("latin-1")
        path = f"{index:03d} {title.replace('/', ' ')[:MAX_TITLE]}.wav"
        start = offset + 1 + title_bytes
        if data[start : start + 4] == b"RIFF" and wanted(path):
            yield path, data[start : start + size]


def _resource_members(data: bytes, name: str, wanted: Callable[[str], bool]) -> Members:
    """Qt's binary resources: a tree of nodes, a table of names, and the data of files."""
    if data[:4] != b"qres":
        raise ValueError(f"{name} is no Qt resource file.")
    version, tree, payload, names = struct.unpack_from(">4I", data, 4)
    node_bytes = 14 if version < 2 else 22
    stack = [(0, "")]
    for _ in range(MAX_MEMBERS):
        if not stack:
            return
        index, folder = stack.pop()
        at = tree + index * node_bytes
        name_at, flags = struct.unpack_from(">IH", data, at)
        length = struct.unpack_from(">H", data, names + name_at)[0] if index else 0
        own = data[names + name_at + 6 : names + name_at + 6 + 2 * length].decode("utf-16-be")
        path = f"{folder}/{own}".strip("/")
        if flags & 2:
            count, first = struct.unpack_from(">II", data, at + 6)
            stack.extend((child, path) for child in range(first, min(first + count, MAX_MEMBERS)))
        elif wanted(path):
            data_at = payload + struct.unpack_from(">I", data, at + 10)[0]
            size = struct.unpack_from(">I", data, data_at)[0]
            content = data[data_at + 4 : data_at + 4 + size]
            if flags & 1:  # zlib, behind four bytes of length
                content = zlib.decompressobj().decompress(content[4:], MAX_MEMBER_BYTES)
            if not flags & 4:  # Zstandard: what is compressed so is no audio
                yield path, content
