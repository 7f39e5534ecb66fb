"""Notes of orchestral instruments: which instrument whatever it plays, and which note within one."""

from __future__ import annotations

import re
from pathlib import Path

from soundalike.studies.tasks.labels import LabelTask
from soundalike.studies.tasks.scan import Named, scan_named, set_folder

NAME = re.compile(
    r"(?P<instrument>[A-Za-z-]+)_(?P<note>(?:[A-G]s?\d)?)_(?P<length>[a-z0-9-]+)"
    r"_(?P<dynamic>[a-z-]*)_(?P<articulation>[A-Za-z-]+)\.mp3"
)
"""A file's name: instrument, note (``As4`` is A♯4, empty for percussion), length, dynamic, articulation."""


def create_instrument(data: Path) -> LabelTask:
    """Instrument by retrieval; sounds of the query's own note are neither hits nor misses.

    Otherwise the same note at another loudness would do, and a ranking by pitch alone would be rewarded or
    punished. Percussion without a note excludes nothing but itself.

    Args:
        data: The set's folder, or the folder that holds it as ``philharmonia``.

    Raises:
        InvalidInputError: The files are called otherwise.

    Source:
        Philharmonia Orchestra, Sound samples.
    """
    named = _scan(data)
    return LabelTask(
        "philharmonia-instrument",
        "Is the same instrument found, playing other notes?",
        named.items,
        labels=tuple(facts["instrument"] for facts in named.facts),
        exclude=tuple(
            facts["note"] or item.uri for item, facts in zip(named.items, named.facts, strict=True)
        ),
        groups=tuple(_played(item.uri, facts) for item, facts in zip(named.items, named.facts, strict=True)),
        left_out=named.left_out,
    )


def create_pitch(data: Path) -> LabelTask:
    """Note by retrieval among the sounds of the query's own instrument; percussion takes no part.

    Args:
        data: The set's folder, or the folder that holds it as ``philharmonia``.

    Raises:
        InvalidInputError: The files are called otherwise.

    Source:
        Philharmonia Orchestra, Sound samples.
    """
    named = _scan(data)
    kept = [n for n, facts in enumerate(named.facts) if facts["note"]]
    without = len(named.facts) - len(kept)
    return LabelTask(
        "philharmonia-pitch",
        "Is the same note found among the sounds of one instrument?",
        tuple(named.items[n] for n in kept),
        labels=tuple(named.facts[n]["note"] for n in kept),
        within=tuple(named.facts[n]["instrument"] for n in kept),
        groups=tuple(_played(named.items[n].uri, named.facts[n]) for n in kept),
        left_out=named.left_out,
        notes=(f"{without:,} percussion sounds without a note take no part.",) if without else (),
    )


def _scan(data: Path) -> Named:
    expected = "INSTRUMENT_NOTE_LENGTH_DYNAMIC_ARTICULATION.mp3"
    return scan_named(set_folder(data, "philharmonia"), NAME, expected)


def _played(uri: str, facts: dict[str, str]) -> str:
    """A note of an instrument, whose takes are near-repeats; percussion stands alone."""
    return f"{facts['instrument']} {facts['note'] or uri}"
