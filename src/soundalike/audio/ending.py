"""Whether a file ends where it should: every decoder gives a truncated file short without an error."""

from __future__ import annotations

from typing import BinaryIO

from soundalike.audio.container import AudioInfo
from soundalike.core.units import human_duration

_EXACT_CONTAINERS = {"wav", "w64", "aiff", "caf", "au", "flac"}
_EXACT_CODECS = ("pcm_", "flac")
_EXACT_TOLERANCE_S = 0.001
_TOLERANCE_SAMPLES = 4096  # encoder delay and padding: up to two frames of any of the codecs
_OGG_PAGE_BYTES = 65307  # the longest that a page can be
_OGG_LAST_PAGE = 0x04


def cut_short_warning(file: BinaryIO, info: AudioInfo, decoded_s: float) -> str | None:
    """Compare what was decoded with what was declared.

    Args:
        file: The file's bytes.
        info: What the file says of itself.
        decoded_s: Duration of what was decoded.

    Returns:
        A sentence for a file that was cut short, None for one that is whole.
    """
    if info.container == "ogg" and not ogg_is_complete(file):
        return f"cut short: the stream's last page is missing; {human_duration(decoded_s)} could be decoded"
    declared_s = info.declared_duration_s
    if declared_s is None:
        return None
    exact = info.container in _EXACT_CONTAINERS and info.codec.startswith(_EXACT_CODECS)
    tolerance_s = _EXACT_TOLERANCE_S if exact else _TOLERANCE_SAMPLES / info.rate_hz
    if decoded_s + tolerance_s >= declared_s:
        return None
    return f"cut short: {human_duration(decoded_s)} of {human_duration(declared_s)} could be decoded"


def ogg_is_complete(file: BinaryIO) -> bool:
    """Say whether the last page of an Ogg file is whole and marked as the last of its stream.

    Source: RFC 3533, section 6.
    """
    size = file.seek(0, 2)
    file.seek(max(0, size - 2 * _OGG_PAGE_BYTES))
    end = file.read(2 * _OGG_PAGE_BYTES)
    at = end.rfind(b"OggS\x00")
    if at < 0 or at + 27 > len(end):
        return False
    segments = end[at + 27 : at + 27 + end[at + 26]]
    whole = len(segments) == end[at + 26] and at + 27 + len(segments) + sum(segments) <= len(end)
    return whole and bool(end[at + 5] & _OGG_LAST_PAGE)
