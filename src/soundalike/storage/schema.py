"""The columns of a library's tables: the one place that says what is kept.

Tables are the truth; everything else in a library's folder is derived from them.
"""

from __future__ import annotations

import pyarrow as pa

FORMAT_VERSION = 1
"""Raised when an older soundalike could misread what this one writes."""

FILES = pa.schema(
    [
        pa.field("uri", pa.string(), nullable=False),  # the key: sources.Item.uri
        pa.field("root", pa.string(), nullable=False),  # what the user named: a folder, archive, address
        pa.field("name", pa.string(), nullable=False),
        pa.field("sound_id", pa.string()),  # null where the file could not be used
        pa.field("size_bytes", pa.int64()),
        pa.field("modified_ns", pa.int64()),
        pa.field("tags", pa.list_(pa.string()), nullable=False),  # from folder names and UCS names
        pa.field(
            "fields", pa.string(), nullable=False
        ),  # a JSON object of texts: UCS parts, a caller's metadata
        pa.field("error", pa.string()),  # why it could not be used, as a sentence
        pa.field("warnings", pa.list_(pa.string()), nullable=False),  # what was odd about it all the same
        pa.field("missing", pa.bool_(), nullable=False),  # true where it was gone when last looked
        pa.field("added_us", pa.timestamp("us", tz="UTC"), nullable=False),
    ]
)
"""A row per file: a path, a member of an archive, a download. Keyed by ``uri``."""

SOUNDS = pa.schema(
    [
        pa.field("sound_id", pa.string(), nullable=False),  # the key: 32 hex digits of the content's SHA-256
        pa.field("duration_s", pa.float64(), nullable=False),  # as decoded
        pa.field("declared_duration_s", pa.float64()),  # as the container says; null where it does not
        pa.field("rate_hz", pa.int32(), nullable=False),
        pa.field("channels", pa.int32(), nullable=False),
        pa.field("codec", pa.string(), nullable=False),
        pa.field("size_bytes", pa.int64(), nullable=False),
        pa.field("loudness_dbfs", pa.float32(), nullable=False),  # root mean square over the whole sound
        pa.field("peak_dbfs", pa.float32(), nullable=False),
        pa.field("silent", pa.bool_(), nullable=False),
        pa.field("tags", pa.list_(pa.string()), nullable=False),  # from inside the bytes: genre, keywords
        pa.field("fields", pa.string(), nullable=False),  # a JSON object of texts: title, artist, description
        pa.field("peaks", pa.binary(), nullable=False),  # int8 pairs (minimum, maximum), oldest first
        pa.field("added_us", pa.timestamp("us", tz="UTC"), nullable=False),
    ]
)
"""A row per content: the same bytes in ten places are one sound. Keyed by ``sound_id``."""


def vectors_schema(dims: int) -> pa.Schema:
    """The columns of one encoder's vector table: a row per segment, and one per whole sound.

    A row's ``vector_id`` is unique within the table, never used again, and grows with every append.
    """
    return pa.schema(
        [
            pa.field("vector_id", pa.int64(), nullable=False),
            pa.field("sound_id", pa.string(), nullable=False),
            pa.field("start_s", pa.float64()),  # null: the whole sound
            pa.field("duration_s", pa.float64(), nullable=False),
            pa.field("silent", pa.bool_(), nullable=False),  # its vector is zero and takes no part in search
            pa.field("vector", pa.list_(pa.float32(), dims), nullable=False),
        ]
    )
