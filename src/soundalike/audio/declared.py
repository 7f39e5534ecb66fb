"""What a file's header declares its duration to be, read from the bytes.

FFmpeg's own figure does not serve to find truncated files: for several containers it is cut to what the file's
size allows, or estimated from the bit rate.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

from av.audio.stream import AudioStream
from av.container import InputContainer

_MAX_CHUNKS = 1000  # headers hold a dozen; a hostile file could chain millions


def declared_duration_s(file: BinaryIO, container: InputContainer, stream: AudioStream) -> float | None:
    """Read the duration that a file's header declares.

    Args:
        file: The file's bytes; its position is kept.
        container: The same file, opened.
        stream: Its audio stream.

    Returns:
        Seconds, or None where the format declares none or the header cannot be read.
    """
    at = file.tell()
    try:
        return _declared(file, container, stream)
    except (struct.error, ValueError, ZeroDivisionError, OverflowError):
        return None
    finally:
        file.seek(at)


def _declared(file: BinaryIO, container: InputContainer, stream: AudioStream) -> float | None:
    name = container.format.name
    if name.startswith("mov,"):
        seconds = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else 0.0
        return seconds if seconds > 0.0 else None
    return None
