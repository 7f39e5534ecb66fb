"""Messages between an ingest and its workers: a kind, and bytes, over a pipe that only these two hold.

A message is nine bytes (a letter for the kind, the length as a 64-bit big-endian number) and its body: JSON,
or Arrow's stream format for tables. Nothing is pickled.
"""

from __future__ import annotations

import dataclasses
import io
import json
import struct
from collections.abc import Sequence
from typing import IO, Any

import pyarrow as pa

from soundalike.ingest.analyse import Rows
from soundalike.sources import Item

HELLO, WORK, AT, DONE = b"H", b"W", b"A", b"D"
_ITEM_FIELDS = [entry.name for entry in dataclasses.fields(Item)]
_HEADER = struct.Struct(">cQ")


def send(pipe: IO[bytes], kind: bytes, body: bytes) -> None:
    """Write one message."""
    pipe.write(_HEADER.pack(kind, len(body)))
    pipe.write(body)
    pipe.flush()


def receive(pipe: IO[bytes]) -> tuple[bytes, bytes] | None:
    """Read one message; None where the other side has gone."""
    header = pipe.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return None
    kind, length = _HEADER.unpack(header)
    body = pipe.read(length)
    return (kind, body) if len(body) == length else None


def pack_items(items: Sequence[Item]) -> bytes:
    """Write items as JSON."""
    return json.dumps([{name: getattr(item, name) for name in _ITEM_FIELDS} for item in items]).encode()


def unpack_items(body: bytes) -> list[Item]:
    """Read items from JSON."""
    return [Item(**{**fields, "tags": tuple(fields["tags"])}) for fields in json.loads(body)]


def pack_rows(rows: Rows) -> bytes:
    """Write rows as three Arrow streams behind their lengths."""
    parts = [_table_to_bytes(table) for table in (rows.files, rows.sounds, rows.vectors)]
    head = json.dumps({"lengths": [len(part) for part in parts], "audio_s": rows.audio_s}).encode()
    return b"".join([struct.pack(">I", len(head)), head, *parts])


def unpack_rows(body: bytes) -> Rows:
    """Read rows from what ``pack_rows`` wrote."""
    (length,) = struct.unpack_from(">I", body)
    head: dict[str, Any] = json.loads(body[4 : 4 + length])
    tables, at = [], 4 + length
    for size in head["lengths"]:
        tables.append(pa.ipc.open_stream(pa.py_buffer(body[at : at + size])).read_all())
        at += size
    return Rows(tables[0], tables[1], tables[2], head["audio_s"])


def _table_to_bytes(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()
