"""Make the library ``library_v1`` that every later soundalike must open. Run once, when the format was new.

The content is fixed; the names of Lance's files and the library's id are not, so that running it again gives
another folder with the same content.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from soundalike.storage import EncoderRecord, Store
from soundalike.storage.schema import FILES, SOUNDS, vectors_schema

TARGET = Path(__file__).with_name("library_v1")
ADDED = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
KICK, BELL, GONE = "0" * 31 + "a", "b" * 32, "c" * 32
ENCODERS = [
    EncoderRecord(
        "spectral-0011223344556677", "spectral", "spectral-0011223344556677", 4, "cosine", False, 22050, 0.96,
        0.48, {"bands": 40, "mean": [0.5, -0.25], "name": "Töne"},
    ),
    EncoderRecord(
        "voice-8899aabbccddeeff", "voice", "spectral-0011223344556677", 4, "cosine", True, 16000, 1.0, 0.5, {}
    ),
]  # fmt: skip
FILE_ROWS: list[dict[str, Any]] = [
    {
        "uri": "/sounds/Bob's 100%/kick\\1.wav", "root": "/sounds", "name": "kick\\1.wav", "sound_id": KICK,
        "size_bytes": 1234, "modified_ns": 1700000000123456789, "tags": ["Bob's 100%", "drum"],
        "fields": '{"category": "DRUM"}', "error": None, "warnings": ["shorter than declared"],
        "missing": False, "added_us": ADDED,
    },
    {
        "uri": "/sounds/pack.zip!/鐘\n.flac", "root": "/sounds/pack.zip", "name": "鐘\n.flac",
        "sound_id": BELL, "size_bytes": None, "modified_ns": None, "tags": [], "fields": "{}", "error": None,
        "warnings": [], "missing": True, "added_us": ADDED,
    },
    {
        "uri": "/sounds/broken.wav", "root": "/sounds", "name": "broken.wav", "sound_id": None,
        "size_bytes": 3, "modified_ns": 1, "tags": [], "fields": "{}", "error": "It is not audio.",
        "warnings": [], "missing": False, "added_us": ADDED,
    },
]  # fmt: skip
SOUND_ROWS: list[dict[str, Any]] = [
    {
        "sound_id": KICK, "duration_s": 0.75, "declared_duration_s": 1.5, "rate_hz": 44100, "channels": 2,
        "codec": "pcm_s16le", "size_bytes": 1234, "loudness_dbfs": -20.5, "peak_dbfs": -0.25, "silent": False,
        "tags": ["house"], "fields": '{"title": "Kick"}', "peaks": bytes(range(256)), "added_us": ADDED,
    },
    {
        "sound_id": BELL, "duration_s": 2.0, "declared_duration_s": None, "rate_hz": 96000, "channels": 1,
        "codec": "flac", "size_bytes": 99, "loudness_dbfs": -120.0, "peak_dbfs": -120.0, "silent": True,
        "tags": [], "fields": "{}", "peaks": b"", "added_us": ADDED,
    },
]  # fmt: skip
# The sound GONE had ids 4 and 5: they are never used again.
SPECTRAL_ROWS: list[dict[str, Any]] = [
    {"vector_id": 0, "sound_id": KICK, "start_s": None, "duration_s": 0.75, "silent": False,
     "vector": [0.5, -0.5, 0.25, 1.0]},
    {"vector_id": 1, "sound_id": KICK, "start_s": 0.0, "duration_s": 0.75, "silent": False,
     "vector": [1.0, 2.0, 3.0, 4.0]},
    {"vector_id": 2, "sound_id": BELL, "start_s": None, "duration_s": 2.0, "silent": True,
     "vector": [0.0, 0.0, 0.0, 0.0]},
    {"vector_id": 3, "sound_id": BELL, "start_s": 0.48, "duration_s": 0.96, "silent": True,
     "vector": [0.0, 0.0, 0.0, 0.0]},
]  # fmt: skip
VOICE_ROWS: list[dict[str, Any]] = [
    {"vector_id": 0, "sound_id": KICK, "start_s": None, "duration_s": 0.75, "silent": False,
     "vector": [1.0, 0.0, 0.0, 0.0]},
]  # fmt: skip
NEXT_VECTOR_ID = 6


def _without_ids(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=vectors_schema(4)).drop_columns(["vector_id"])


def make(target: Path) -> None:
    """Write the library."""
    store = Store.open(target)
    spectral, voice = (record.fingerprint for record in ENCODERS)
    with store.write() as writer:
        for record in ENCODERS:
            writer.ensure_encoder(record)
        writer.commit(
            pa.Table.from_pylist(FILE_ROWS[:1], schema=FILES),
            pa.Table.from_pylist(SOUND_ROWS[:1], schema=SOUNDS),
            {spectral: _without_ids(SPECTRAL_ROWS[:2]), voice: _without_ids(VOICE_ROWS)},
        )
        gone = [row | {"sound_id": GONE} for row in SPECTRAL_ROWS[2:]]
        writer.commit(
            pa.Table.from_pylist([row | {"missing": False} for row in FILE_ROWS[1:]], schema=FILES),
            pa.Table.from_pylist([*SOUND_ROWS[1:], SOUND_ROWS[0] | {"sound_id": GONE}], schema=SOUNDS),
            {spectral: _without_ids([*SPECTRAL_ROWS[2:], *gone])},
        )
        writer.set_missing([str(FILE_ROWS[1]["uri"])], missing=True)
        writer.purge([GONE])


if __name__ == "__main__":
    if TARGET.exists():
        sys.exit(f"{TARGET} exists: a golden library is made once, and kept for ever")
    make(TARGET)
