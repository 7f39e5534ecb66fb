"""Whether a file ends where it should: every decoder gives a truncated file short without an error."""

from __future__ import annotations

from typing import BinaryIO

from soundalike.audio.container import AudioInfo
from soundalike.core.units import human_duration

_EXACT = ("pcm_", "flac", "alac")
_EXACT_TOLERANCE_S = 0.002
_LOSSY_TOLERANCE_SAMPLES = 4096  # encoder delay and padding: up to two frames of any of the codecs


def cut_short_warning(file: BinaryIO, info: AudioInfo, decoded_s: float) -> str | None:
    """Compare what was decoded with what was declared.

    Args:
        file: The file's bytes.
        info: What the file says of itself.
        decoded_s: Duration of what was decoded.

    Returns:
        A sentence for a file that was cut short, None for one that is whole.
    """
    declared_s = info.declared_duration_s
    if declared_s is None:
        return None
    exact = info.codec.startswith(_EXACT)
    tolerance_s = _EXACT_TOLERANCE_S if exact else _LOSSY_TOLERANCE_SAMPLES / info.rate_hz
    if decoded_s + tolerance_s >= declared_s:
        return None
    return f"cut short: {human_duration(decoded_s)} of {human_duration(declared_s)} could be decoded"
