"""Archives that this process holds open, so that its table of contents is not read for each member."""

from __future__ import annotations

import atexit
import lzma
import os
import stat
import struct
import threading
import zipfile
import zlib
from collections import OrderedDict
from pathlib import Path
from typing import BinaryIO

from soundalike.core.errors import ArchiveError
from soundalike.core.units import human_size
from soundalike.sources.files import system_reason
from soundalike.sources.limits import Limits

MAX_OPEN_ARCHIVES = 8

ARCHIVE_FAULTS = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    IndexError,
    KeyError,
    MemoryError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
    struct.error,
)
"""What zipfile and the decompressors below it raise on damaged bytes."""

_Key = tuple[int, str, int, int]
_lock = threading.Lock()
_open: OrderedDict[_Key, zipfile.ZipFile] = OrderedDict()


def open_archive(path: Path, limits: Limits) -> tuple[zipfile.ZipFile, int]:
    """Open an archive, or find it among those that are open.

    Args:
        path: Absolute path of the archive.
        limits: The bound on its table of contents.

    Returns:
        The archive, which the caller must not close, and the file's modification time in nanoseconds.

    Raises:
        ArchiveError: The file is gone, may not be read, or is not a zip archive that is whole.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise ArchiveError(f"The archive cannot be looked at: {system_reason(error)}.") from error
    if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for its other end
        raise ArchiveError("This is not a zip archive, and not a regular file.")
    # The process is part of the key: a forked child would share the file position with its parent.
    key = (os.getpid(), os.fspath(path), status.st_mtime_ns, status.st_size)
    with _lock:
        archive = _open.get(key)
        if archive is not None:
            _open.move_to_end(key)
            return archive, status.st_mtime_ns
    archive = _read_directory(path, limits)
    with _lock:
        _open[key] = archive
        while len(_open) > MAX_OPEN_ARCHIVES:
            # Not closed here: another thread may be about to read. It closes itself when nobody holds it.
            _open.popitem(last=False)
    return archive, status.st_mtime_ns


def close_archives() -> None:
    """Let go of all archives that this process holds open."""
    with _lock:
        _open.clear()


atexit.register(close_archives)


def _read_directory(path: Path, limits: Limits) -> zipfile.ZipFile:
    try:
        with path.open("rb") as file:
            _check_directory_size(file, limits)
        try:
            # Names without the UTF-8 flag are UTF-8 all the same when macOS packed them.
            return zipfile.ZipFile(path, metadata_encoding="utf-8")
        except UnicodeDecodeError:
            return zipfile.ZipFile(path)
    except PermissionError as error:
        raise ArchiveError("The archive cannot be read: permission was denied.") from error
    except ARCHIVE_FAULTS as error:
        raise ArchiveError("This is not a zip archive, or it is damaged or cut short.") from error


def _check_directory_size(file: BinaryIO, limits: Limits) -> None:
    """Refuse a table of contents that would fill the memory, before zipfile reads it in one piece."""
    size = file.seek(0, os.SEEK_END)
    if size <= limits.max_directory_bytes:
        return
    tail_bytes = min(size, 22 + 0xFFFF)  # the end record and the longest comment
    file.seek(size - tail_bytes)
    tail = file.read(tail_bytes)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < 22:
        return  # zipfile says what is wrong
    (directory_bytes,) = struct.unpack_from("<L", tail, at + 12)
    if directory_bytes == 0xFFFFFFFF and at >= 20 and tail[at - 20 : at - 16] == b"PK\x06\x07":
        (record_at,) = struct.unpack_from("<Q", tail, at - 12)
        file.seek(record_at)
        record = file.read(56)
        if len(record) == 56:
            (directory_bytes,) = struct.unpack_from("<Q", record, 40)
    if directory_bytes > limits.max_directory_bytes:
        raise ArchiveError(
            f"The archive's table of contents is {human_size(directory_bytes)}; "
            f"at most {human_size(limits.max_directory_bytes)} are read."
        )
