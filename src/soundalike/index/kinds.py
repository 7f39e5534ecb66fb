"""The table of index kinds, and which one serves how many vectors."""

from __future__ import annotations

from soundalike.core.registry import Registry
from soundalike.index.base import Index

INDEXES: Registry[type[Index]] = Registry(
    "index",
    "soundalike.indexes",
    {"exact": "soundalike.index.exact:ExactIndex", "ivf": "soundalike.index.ivf:IvfIndex"},
)
"""Every kind of index, made with ``(dims, metric)``; plug-ins add to the group ``soundalike.indexes``."""

EXACT_UP_TO = 50_000


def choose_index(vectors: int) -> str:
    """Name the kind that serves a number of vectors best.

    Args:
        vectors: How many there are.

    Returns:
        ``"exact"`` while comparing with all takes a few milliseconds, ``"ivf"`` beyond.
    """
    return "exact" if vectors <= EXACT_UP_TO else "ivf"
