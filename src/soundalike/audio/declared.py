"""What a file's header declares its duration to be, read from the bytes.

FFmpeg's own figure does not serve to find truncated files: for several containers it is cut to what the
file's size allows, or estimated from the bit rate. Every parser here reads a bounded number of bytes.

Source: Microsoft RIFF and EBU Tech 3306 (RF64), Sony Wave64, Apple AIFF-C and Core Audio Format, RFC 9639
(FLAC), the Xing/LAME and VBRI headers of MP3, Microsoft's Advanced Systems Format.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import BinaryIO

from av.audio.stream import AudioStream
from av.container import InputContainer

from soundalike.audio.chunks import aiff_chunks, caf_chunks, riff_chunks, w64_chunks

_PCM_TAGS = {1, 3, 6, 7, 0xFFFE}  # integer, float, A-law, mu-law, extensible
_ADPCM_TAGS = {2, 0x11}
_AU_SAMPLE_BYTES = {1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 4, 7: 8, 27: 1}
_ASF_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_FROM_STREAM = {"wv", "tta", "ape", "tak"}  # FFmpeg takes these from the header as they are


def declared_duration_s(file: BinaryIO, container: InputContainer, stream: AudioStream) -> float | None:
    """Read the duration that a file's header declares.

    Args:
        file: The file's bytes; its position is kept.
        container: The same file, opened.
        stream: Its audio stream.

    Returns:
        Seconds, or None where the format declares none or the header cannot be read.
    """
    name = container.format.name
    if name.startswith("mov,") or name in _FROM_STREAM:
        ticks, tick_s = stream.duration, stream.time_base
        return _positive(float(ticks * tick_s)) if ticks and tick_s else None
    if name.startswith("matroska"):
        return _matroska(container, stream)
    parser = _PARSERS.get(name)
    if parser is None or (name == "aiff" and not stream.codec_context.name.startswith("pcm_")):
        return None
    at = file.tell()
    try:
        seconds = parser(file)
    except (struct.error, ValueError, ZeroDivisionError, OverflowError, IndexError):
        return None
    finally:
        file.seek(at)
    return None if seconds is None else _positive(seconds)


def _positive(seconds: float) -> float | None:
    return seconds if 0.0 < seconds < 1e9 else None


def _matroska(container: InputContainer, stream: AudioStream) -> float | None:
    stamp = stream.metadata.get("DURATION", "")
    hours, _, rest = stamp.partition(":")
    minutes, _, seconds = rest.partition(":")
    try:
        return _positive(int(hours) * 3600 + int(minutes) * 60 + float(seconds))
    except ValueError:
        alone = len(container.streams) == 1  # otherwise it may be the picture that lasts so long
        return _positive(container.duration / 1e6) if alone and container.duration else None


def _wave_seconds(form: bytes, data_bytes: int, fact: bytes) -> float | None:
    tag, _, rate_hz, bytes_per_s, align = struct.unpack_from("<HHIIH", form)
    if tag in _PCM_TAGS:
        return float(data_bytes // align / rate_hz)
    if len(fact) >= 4 and 0 < (frames := struct.unpack_from("<I", fact)[0]) < 0xFFFFFFFF:
        return float(frames / rate_hz)
    return float(data_bytes / bytes_per_s) if tag in _ADPCM_TAGS else None


def _wav(file: BinaryIO) -> float | None:
    form = fact = b""
    for chunk in riff_chunks(file):
        if chunk.name == b"fmt ":
            form = chunk.read(64)
        elif chunk.name == b"fact":
            fact = chunk.read(8)
        elif chunk.name == b"data":
            return None if chunk.size is None else _wave_seconds(form, chunk.size, fact)
    return None


def _w64(file: BinaryIO) -> float | None:
    form = fact = b""
    for chunk in w64_chunks(file):
        if chunk.name == b"fmt ":
            form = chunk.read(64)
        elif chunk.name == b"fact":
            fact = chunk.read(8)
        elif chunk.name == b"data":
            return None if chunk.size is None else _wave_seconds(form, chunk.size, fact)
    return None


def _aiff(file: BinaryIO) -> float | None:
    for chunk in aiff_chunks(file):
        if chunk.name == b"COMM":
            _, frames, _, exponent, mantissa = struct.unpack_from(">hIhHQ", chunk.read(18))
            return float(frames / (mantissa * 2.0 ** ((exponent & 0x7FFF) - 16383 - 63)))
    return None


def _caf(file: BinaryIO) -> float | None:
    rate_hz, packet_bytes, packet_frames, data_bytes = 0.0, 0, 0, None
    for chunk in caf_chunks(file):
        if chunk.name == b"desc":
            rate_hz, _, _, packet_bytes, packet_frames = struct.unpack_from(">d4sIII", chunk.read(32))
        elif chunk.name == b"pakt":
            return float(struct.unpack_from(">qq", chunk.read(24))[1] / rate_hz)
        elif chunk.name == b"data":
            data_bytes = chunk.size
            if packet_bytes:
                break
    if not packet_bytes or data_bytes is None:
        return None
    return float((data_bytes - 4) // packet_bytes * packet_frames / rate_hz)


def _au(file: BinaryIO) -> float | None:
    file.seek(0)
    magic, _, data_bytes, encoding, rate_hz, channels = struct.unpack(">4sIIIII", file.read(24))
    if magic != b".snd" or data_bytes == 0xFFFFFFFF or encoding not in _AU_SAMPLE_BYTES:
        return None
    return float(data_bytes // (_AU_SAMPLE_BYTES[encoding] * channels) / rate_hz)


def _behind_id3(file: BinaryIO) -> int:
    """Find where the first byte behind any ID3v2 tags lies."""
    at = 0
    for _ in range(8):
        file.seek(at)
        head = file.read(10)
        if len(head) < 10 or head[:3] != b"ID3":
            break
        size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
        at += 10 + size + (10 if head[5] & 0x10 else 0)
    return at


def _flac(file: BinaryIO) -> float | None:
    file.seek(_behind_id3(file))
    head = file.read(8 + 34)
    if head[:4] != b"fLaC" or head[4] & 0x7F:
        return None
    packed = int.from_bytes(head[18:26], "big")
    rate_hz, frames = packed >> 44, packed & ((1 << 36) - 1)
    return float(frames / rate_hz)


def _mp3(file: BinaryIO) -> float | None:
    file.seek(_behind_id3(file))
    head = file.read(8192)
    at = head.find(b"\xff")
    while 0 <= at < len(head) - 200 and not _is_layer_3(head[at : at + 4]):
        at = head.find(b"\xff", at + 1)
    if not 0 <= at < len(head) - 200:
        return None
    version, mono = head[at + 1] >> 3 & 3, head[at + 3] >> 6 == 3
    rate_hz = (44100, 48000, 32000)[head[at + 2] >> 2 & 3] >> {3: 0, 2: 1, 0: 2}[version]
    frame_samples = 1152 if version == 3 else 576
    side_bytes = (17 if mono else 32) if version == 3 else (9 if mono else 17)
    if head[at + 36 : at + 40] == b"VBRI":
        return float(struct.unpack_from(">I", head, at + 50)[0] * frame_samples / rate_hz)
    xing = at + 4 + side_bytes
    if head[xing : xing + 4] not in {b"Xing", b"Info"}:
        return None
    flags, frames = struct.unpack_from(">II", head, xing + 4)
    if not flags & 1:
        return None
    lame = xing + 8 + 4 + (4 if flags & 2 else 0) + (100 if flags & 4 else 0) + (4 if flags & 8 else 0)
    trimmed = 0
    if head[lame : lame + 4] in {b"LAME", b"Lavf", b"Lavc"}:
        delays = int.from_bytes(head[lame + 21 : lame + 24], "big")
        trimmed = (delays >> 12) + (delays & 0xFFF)
    return float((frames * frame_samples - trimmed) / rate_hz)


def _is_layer_3(head: bytes) -> bool:
    return (
        head[1] & 0xE6 == 0xE2  # sync and layer III
        and head[1] >> 3 & 3 != 1
        and head[2] >> 4 not in {0, 15}
        and head[2] >> 2 & 3 != 3
    )


def _asf(file: BinaryIO) -> float | None:
    file.seek(0)
    head = file.read(65536)
    at = 30
    for _ in range(64):
        size = struct.unpack_from("<Q", head, at + 16)[0]
        if head[at : at + 16] == _ASF_FILE_PROPERTIES:
            play, _, preroll_ms, flags = struct.unpack_from("<QQQI", head, at + 64)
            return None if flags & 1 else float(play / 1e7 - preroll_ms / 1e3)
        at += max(24, size)
    return None


_PARSERS: dict[str, Callable[[BinaryIO], float | None]] = {
    "wav": _wav,
    "w64": _w64,
    "aiff": _aiff,
    "caf": _caf,
    "au": _au,
    "flac": _flac,
    "mp3": _mp3,
    "asf": _asf,
}
