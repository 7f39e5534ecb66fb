"""A zip archive as a source: its sounds as items, everything hostile or odd in it as a sentence."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Self

from soundalike.core.errors import ArchiveError
from soundalike.core.units import human_count, human_size
from soundalike.sources.addresses import readable, uri_of_member, uri_of_path
from soundalike.sources.item import Found, Item, Unreadable
from soundalike.sources.limits import Limits
from soundalike.sources.names import is_archive_name, is_hidden_name, is_sound_name
from soundalike.sources.open_archives import open_archive

_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA}
_DRIVE = re.compile(r"^[A-Za-z]:")
_LOCAL_HEADER_BYTES = 30
# zipfile shows no public name for the general-purpose flag bits.
_ENCRYPTED = 0x1
_CRC_BITS = 32


class ZipSource:
    """The sounds of one zip archive.

    Members are offered by name; nothing is unpacked by a scan. A member's modification time is the archive's
    with its low 32 bits (4.3 seconds) replaced by the member's CRC-32, so that a member that was replaced
    is noticed even where size and time of the archive stayed as they were.

    Args:
        path: Absolute path of the archive.
        root: The uri of the place that the archive was found in; by default the archive itself.
        tags: Tags that every member gets, before the archive's name and its own folders.
        metadata: Named texts that are kept with every member.
        limits: Bounds that the archive is held to.
    """

    def __init__(
        self,
        path: Path,
        *,
        root: str | None = None,
        tags: tuple[str, ...] = (),
        metadata: Mapping[str, str] | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.uri = uri_of_path(path)
        self.root = self.uri if root is None else root
        self.complete = False
        self._path = path
        self._tags = (*tags, readable(path.stem))
        self._metadata = dict(metadata or {})
        self._limits = limits or Limits()

    def scan(self) -> Iterator[Found]:
        """Offer the sounds of the archive, sorted by name; an archive that is damaged gives one sentence."""
        self.complete = False
        try:
            archive, modified_ns = open_archive(self._path, self._limits)
            members = self._check_whole(archive)
        except ArchiveError as error:
            yield Unreadable(self.uri, self.root, str(error))
            return
        total_bytes = 0
        for info in members:
            reason = refusal(info, self._limits)
            total_bytes += 0 if reason else info.file_size
            if reason:
                yield Unreadable(uri_of_member(self.uri, _printable(info)), self.root, reason)
            elif total_bytes > self._limits.max_total_bytes:
                size = human_size(self._limits.max_total_bytes)
                reason = f"The sounds of this archive are over {size} unpacked; the rest of it is left out."
                yield Unreadable(self.uri, self.root, reason)
                return
            else:
                yield self._item(info, modified_ns)
        self.complete = True

    def covers(self, uri: str) -> bool:
        """Whether a uri names a member of this archive."""
        return uri.startswith(uri_of_member(self.uri, ""))

    def close(self) -> None:
        """Do nothing: there is no temporary copy."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _check_whole(self, archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
        """Check what concerns the archive as a whole; give the members that matter, by name."""
        entries = archive.infolist()
        if len(entries) > self._limits.max_members:
            raise ArchiveError(
                f"The archive has {human_count(len(entries), 'entry', 'entries')}; "
                f"at most {self._limits.max_members:,} are read."
            )
        check_overlap(entries)
        # Of several members of one name an unpacker keeps the last, which is the one that getinfo gives.
        chosen = [i for i in entries if _matters(i) and archive.NameToInfo.get(i.filename) is i]
        return sorted(chosen, key=lambda info: info.filename)

    def _item(self, info: zipfile.ZipInfo, archive_modified_ns: int) -> Item:
        parts = _parts(info.filename)
        return Item(
            uri=uri_of_member(self.uri, info.filename),
            root=self.root,
            name=parts[-1],
            kind="zip",
            location=self.uri,
            member=info.filename,
            size_bytes=info.file_size,
            modified_ns=archive_modified_ns >> _CRC_BITS << _CRC_BITS | info.CRC,
            tags=(*self._tags, *parts[:-1]),
            metadata=dict(self._metadata),
        )


def refusal(info: zipfile.ZipInfo, limits: Limits) -> str | None:  # noqa: PLR0911 (one reason per line)
    """Say why a member is not read, from what the archive's table of contents says of it.

    Args:
        info: The member.
        limits: The bounds that it is held to.

    Returns:
        A sentence, or None where the member may be read.
    """
    if _is_traversal(info):
        return "The member's name leads out of the archive; it is not read."
    if is_archive_name(info.filename):
        return "An archive inside an archive is not opened; unpack it first."
    if info.flag_bits & _ENCRYPTED:
        return "The member is encrypted; unpack it with its password first."
    if info.compress_type not in _METHODS:
        return f"The member is compressed by a method that is not known here (number {info.compress_type})."
    if info.file_size > limits.max_member_bytes:
        size, most = human_size(info.file_size), human_size(limits.max_member_bytes)
        return f"The member is {size} unpacked; at most {most} are read."
    if info.file_size > max(limits.ratio_grace_bytes, limits.max_ratio * info.compress_size):
        size, packed = human_size(info.file_size), human_size(info.compress_size)
        return f"The member unpacks from {packed} to {size}, as zip bombs do; it is not read."
    return None


def check_overlap(entries: list[zipfile.ZipInfo]) -> None:
    """Refuse an archive whose members share compressed bytes: a zip bomb's way to unpack without end.

    Raises:
        ArchiveError: Two members overlap.

    Source: D. Fifield 2019, *A better zip bomb*.
    """
    end = 0
    for info in sorted(entries, key=lambda entry: entry.header_offset):
        if info.header_offset < end:
            raise ArchiveError("The archive's members overlap, as in zip bombs; it is not read.")
        end = info.header_offset + _LOCAL_HEADER_BYTES + info.compress_size


def _matters(info: zipfile.ZipInfo) -> bool:
    """Whether a member is to be offered or reported: sounds, archives, and names that are an attack."""
    if _is_traversal(info):
        return True
    parts = _parts(info.filename)
    if info.is_dir() or not parts or any(is_hidden_name(part) for part in parts):
        return False
    return is_sound_name(parts[-1]) or is_archive_name(parts[-1])


def _is_traversal(info: zipfile.ZipInfo) -> bool:
    # The name as it stands in the archive: zipfile has cut .filename at a NUL already.
    name = info.orig_filename
    return (
        "\0" in name
        or name.startswith(("/", "\\"))
        or _DRIVE.match(name) is not None
        or ".." in name.replace("\\", "/").split("/")
    )


def _parts(name: str) -> tuple[str, ...]:
    """The folders and the name of a member; some Windows programs write backslashes."""
    return PurePosixPath(name.replace("\\", "/")).parts


def _printable(info: zipfile.ZipInfo) -> str:
    return readable(info.orig_filename.replace("\0", "\N{REPLACEMENT CHARACTER}"))
