"""What broadcast WAVE files say of themselves: the ``bext`` and ``iXML`` chunks.

Source: EBU Tech 3285 (Broadcast Wave Format), chunk ``bext``; the iXML specification, version 3.
"""

from __future__ import annotations

import struct
from typing import BinaryIO
from xml.etree import ElementTree as ET

from soundalike.audio.chunks import riff_chunks
from soundalike.audio.text import clean_text

_BEXT_FIXED = 348  # bytes up to and with the time reference and version
_MAX_XML_BYTES = 256 * 1024
_IXML_FIELDS = {"PROJECT": "project", "SCENE": "scene", "TAKE": "take", "NOTE": "note", "TAPE": "tape"}


def bwf_fields(file: BinaryIO) -> dict[str, str]:
    """Read the ``bext`` and ``iXML`` chunks of a WAVE file.

    Args:
        file: The file's bytes; its position is kept.

    Returns:
        ``description``, ``originator``, ``originator_reference``, ``origination_date``,
        ``origination_time``, ``time_reference`` (samples since midnight), ``project``, ``scene``, ``take``,
        ``note``, ``tape``: those that are there; empty for a file that is no WAVE.
    """
    at = file.tell()
    fields: dict[str, str] = {}
    try:
        for chunk in riff_chunks(file):
            if chunk.name == b"bext":
                fields.update(_bext(chunk.read(_BEXT_FIXED)))
            elif chunk.name == b"iXML" and chunk.size is not None and chunk.size <= _MAX_XML_BYTES:
                fields.update(_ixml(chunk.read(_MAX_XML_BYTES)))
    finally:
        file.seek(at)
    return {key: value for key, value in fields.items() if value}


def _bext(content: bytes) -> dict[str, str]:
    if len(content) < 346:
        return {}
    description, originator, reference, date, time = struct.unpack_from("<256s32s32s10s8s", content)
    samples = struct.unpack_from("<Q", content, 338)[0]
    return {
        "description": clean_text(description),
        "originator": clean_text(originator),
        "originator_reference": clean_text(reference),
        "origination_date": clean_text(date),
        "origination_time": clean_text(time),
        "time_reference": str(samples) if samples else "",
    }


def _ixml(content: bytes) -> dict[str, str]:
    text = content.rstrip(b"\x00 \r\n\t")
    # No honest iXML declares entities or a document type; a hostile one could grow without bound.
    if b"<!DOCTYPE" in text.upper() or b"<!ENTITY" in text.upper() or b"\x00" in text:
        return {}
    try:
        root = ET.fromstring(text)  # noqa: S314
    except (ET.ParseError, ValueError, LookupError):
        return {}
    found = ((field, root.findtext(tag)) for tag, field in _IXML_FIELDS.items())
    return {field: clean_text(value) for field, value in found if value}
