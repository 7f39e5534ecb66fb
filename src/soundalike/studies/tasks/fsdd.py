"""The Free Spoken Digit Dataset: which digit whoever says it, and who speaks whatever they say."""

from __future__ import annotations

import re
from pathlib import Path

from soundalike.studies.tasks.labels import LabelTask
from soundalike.studies.tasks.scan import Named, count_note, scan_named, set_folder

NAME = re.compile(r"(?P<digit>\d)_(?P<speaker>[a-z]+)_(?P<take>\d+)\.wav")
"""The name of a file: digit, speaker, take."""

_FILES = 3000


def create_digit(data: Path) -> LabelTask:
    """Digit by retrieval across speakers: the query's own speaker is neither hit nor miss.

    Args:
        data: The set's folder, or the folder that holds it as ``fsdd``.

    Raises:
        InvalidInputError: The files are called otherwise.

    Source:
        Jackson et al. 2018, Free Spoken Digit Dataset.
    """
    named = _scan(data)
    return LabelTask(
        "fsdd-digit",
        "Is the same digit found, spoken by others?",
        named.items,
        labels=_column(named, "digit"),
        exclude=_column(named, "speaker"),
        groups=_takes(named),
        left_out=named.left_out,
        notes=count_note(len(named.items), _FILES, "FSDD"),
    )


def create_speaker(data: Path) -> LabelTask:
    """Speaker by retrieval across digits: the query's own digit is neither hit nor miss.

    Args:
        data: The set's folder, or the folder that holds it as ``fsdd``.

    Raises:
        InvalidInputError: The files are called otherwise.

    Source:
        Jackson et al. 2018, Free Spoken Digit Dataset.
    """
    named = _scan(data)
    return LabelTask(
        "fsdd-speaker",
        "Is the same speaker found, saying other digits?",
        named.items,
        labels=_column(named, "speaker"),
        exclude=_column(named, "digit"),
        groups=_takes(named),
        left_out=named.left_out,
        notes=count_note(len(named.items), _FILES, "FSDD"),
    )


def _scan(data: Path) -> Named:
    return scan_named(set_folder(data, "fsdd"), NAME, "DIGIT_SPEAKER_TAKE.wav")


def _takes(named: Named) -> tuple[str, ...]:
    """Takes of one digit by one speaker are near-repeats."""
    return tuple(f"{facts['speaker']} {facts['digit']}" for facts in named.facts)


def _column(named: Named, fact: str) -> tuple[str, ...]:
    return tuple(facts[fact] for facts in named.facts)
