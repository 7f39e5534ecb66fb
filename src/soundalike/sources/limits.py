"""How much a source may cost: the bounds that archives and downloads are held to."""

from __future__ import annotations

from dataclasses import dataclass, fields

from soundalike.core.errors import InvalidInputError

_MIB = 1 << 20
_GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what one archive or one download may cost.

    Attributes:
        max_member_bytes: Largest sound in an archive, uncompressed. The default is the largest plain WAV.
        max_total_bytes: All sounds of one archive together, uncompressed.
        max_members: Entries of one archive, sounds or not.
        max_directory_bytes: Size of an archive's table of contents, which has to be held in memory.
        max_ratio: Uncompressed over compressed size of one entry. Digital silence reaches 1030 in an honest
            archive, so the ratio counts only for entries larger than ``ratio_grace_bytes``.
        ratio_grace_bytes: Entries up to this uncompressed size may have any ratio.
        max_download_bytes: Size of one download, and of one stream, after any content encoding is undone.
        max_download_s: Seconds that one download may take, redirects included.
        max_redirects: Redirects that are followed.
        allow_private_addresses: Whether addresses of this machine and of private networks may be asked.

    Raises:
        InvalidInputError: A bound that is below zero.
    """

    max_member_bytes: int = 4 * _GIB
    max_total_bytes: int = 256 * _GIB
    max_members: int = 500_000
    max_directory_bytes: int = 128 * _MIB
    max_ratio: float = 200.0
    ratio_grace_bytes: int = 64 * _MIB
    max_download_bytes: int = 512 * _MIB
    max_download_s: float = 300.0
    max_redirects: int = 5
    allow_private_addresses: bool = False

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = getattr(self, entry.name)
            if not value >= 0:
                raise InvalidInputError(f"Limits.{entry.name} must be zero or more; got {value!r}.")
