"""ESC-10: environmental sounds in ten classes."""

from __future__ import annotations

import re
from pathlib import Path

from soundalike.core.errors import InvalidInputError
from soundalike.studies.tasks.labels import LabelTask
from soundalike.studies.tasks.scan import count_note, folder_of, scan_named, set_folder

NAME = re.compile(r"(?P<fold>[1-5])-(?P<recording>\d+)-(?P<take>[A-Z])\.ogg")
"""The name of a file: official fold, number of the recording at Freesound, take."""

_FILES = 400


def create(data: Path) -> LabelTask:
    """Class by retrieval; clips of the query's own recording are neither hits nor misses.

    Args:
        data: The set's folder, with a folder per class, or the folder that holds it as ``esc10``.

    Raises:
        InvalidInputError: The files are called otherwise, or lie in no folders.

    Source:
        Piczak 2015, ESC: dataset for environmental sound classification: its ten-class subset with the
        official five folds, which no recording crosses.
    """
    folder = set_folder(data, "esc10")
    named = scan_named(folder, NAME, "FOLD-RECORDING-TAKE.ogg")
    labels = [folder_of(item) for item in named.items]
    if None in labels:
        raise InvalidInputError(f"Expected a folder per class in {folder}; some clips lie in it directly.")
    recordings = tuple(facts["recording"] for facts in named.facts)
    return LabelTask(
        "esc10",
        "Are environmental sounds of the same class found, from other recordings?",
        named.items,
        tuple(str(label) for label in labels),
        exclude=recordings,
        groups=recordings,
        folds=tuple(int(facts["fold"]) for facts in named.facts),
        left_out=named.left_out,
        notes=count_note(len(named.items), _FILES, "ESC-10"),
    )
