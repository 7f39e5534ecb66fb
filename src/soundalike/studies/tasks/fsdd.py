"""The Free Spoken Digit Dataset: which digit whoever says it, and who speaks whatever they say."""

from __future__ import annotations

import re
from pathlib import Path

from soundalike.studies.tasks.labels import LabelTask
from soundalike.studies.tasks.scan import count_note, scan_named, set_folder

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
    return _create(data, "digit", exclude="speaker", question="Is the same digit found, spoken by others?")


def create_speaker(data: Path) -> LabelTask:
    """Speaker by retrieval across digits: the query's own digit is neither hit nor miss.

    Args:
        data: The set's folder, or the folder that holds it as ``fsdd``.

    Raises:
        InvalidInputError: The files are called otherwise.

    Source:
        Jackson et al. 2018, Free Spoken Digit Dataset.
    """
    return _create(
        data, "speaker", exclude="digit", question="Is the same speaker found, saying other digits?"
    )


def _create(data: Path, label: str, *, exclude: str, question: str) -> LabelTask:
    """Retrieval by one fact of a file's name among files of which another differs."""
    named = scan_named(set_folder(data, "fsdd"), NAME, "DIGIT_SPEAKER_TAKE.wav")
    return LabelTask(
        f"fsdd-{label}",
        question,
        named.items,
        labels=tuple(facts[label] for facts in named.facts),
        exclude=tuple(facts[exclude] for facts in named.facts),
        groups=tuple(f"{facts['speaker']} {facts['digit']}" for facts in named.facts),  # takes: near-repeats
        left_out=named.left_out,
        notes=count_note(len(named.items), _FILES, "FSDD"),
    )
