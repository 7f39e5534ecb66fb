"""The opener of archive members: unpacked as a bounded stream, checked to the last byte before it is used."""

from __future__ import annotations

import tempfile
import zipfile
from typing import BinaryIO, cast

from soundalike.core.errors import ArchiveError
from soundalike.core.units import human_size
from soundalike.sources.addresses import path_of_uri
from soundalike.sources.archive import refusal
from soundalike.sources.item import Item
from soundalike.sources.limits import Limits
from soundalike.sources.open_archives import ARCHIVE_FAULTS, open_archive

SPOOL_BYTES = 32 << 20
"""Members up to this size stay in memory; larger ones go to a temporary file without a name."""

_CHUNK_BYTES = 1 << 18
# zipfile unpacks a whole chunk of these at once, and 64 kB of bzip2 can become over a gigabyte.
_CHUNK_BYTES_UNBOUNDED = 1 << 12


def open_member(item: Item, limits: Limits) -> BinaryIO:
    """Open an item of kind ``"zip"``.

    Args:
        item: The member; ``location`` is the archive.
        limits: Bounds that are held while reading, whatever the archive declares.

    Returns:
        The unpacked member from its first byte, seekable; its CRC has been checked.

    Raises:
        ArchiveError: The archive or the member is gone, damaged, hostile, encrypted or too large.
    """
    archive, _ = open_archive(path_of_uri(item.location), limits)
    try:
        info = archive.getinfo(item.member or "")
    except KeyError:
        raise ArchiveError(f"{item.uri} is no longer in its archive.") from None
    reason = refusal(info, limits)
    if reason:
        raise ArchiveError(f"{item.uri} cannot be opened. {reason}")
    spool = tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES)  # noqa: SIM115 (handed to the caller)
    try:
        _unpack(archive, info, cast(BinaryIO, spool), limits)
    except BaseException as error:
        spool.close()
        if isinstance(error, ArchiveError) or not isinstance(error, ARCHIVE_FAULTS):
            raise
        raise ArchiveError(f"{item.uri} is damaged in its archive: {_fault(error)}.") from error
    spool.seek(0)
    return cast(BinaryIO, spool)


def _unpack(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: BinaryIO, limits: Limits) -> None:
    streamed = info.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    chunk_bytes = _CHUNK_BYTES if streamed else _CHUNK_BYTES_UNBOUNDED
    written = 0
    with archive.open(info) as stream:
        while chunk := stream.read(chunk_bytes):
            written += len(chunk)
            if written > limits.max_member_bytes:
                raise ArchiveError(
                    f"{info.filename} is over {human_size(limits.max_member_bytes)} unpacked; it is not read."
                )
            target.write(chunk)
    if written != info.file_size:
        raise EOFError(f"{written:,} of {info.file_size:,} bytes are there")


def _fault(error: BaseException) -> str:
    text = str(error).rstrip(".")
    return text[:1].lower() + text[1:] if text else "its bytes end early"
