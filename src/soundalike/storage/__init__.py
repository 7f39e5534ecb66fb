"""Tables on a folder: crash-safe, versioned, one writer at a time, readers at any time."""

from soundalike.storage.quoting import in_filters, sql_in, sql_text
from soundalike.storage.records import EncoderRecord
from soundalike.storage.snapshot import Snapshot, VectorKind
from soundalike.storage.store import Store
from soundalike.storage.writer import Writer

__all__ = [
    "EncoderRecord",
    "Snapshot",
    "Store",
    "VectorKind",
    "Writer",
    "in_filters",
    "sql_in",
    "sql_text",
]
