"""Near-duplicates: are changed copies of sounds found again among all sounds?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from soundalike.core.arrays import IntArray
from soundalike.core.errors import InvalidInputError, NotFoundError
from soundalike.sources import Item
from soundalike.studies.tasks.copies import KINDS, CopyKind
from soundalike.studies.tasks.scan import LeftOut, content_keys, scan_folder

SETS = ("esc10", "fsdd", "philharmonia")
"""The folders that are searched together where a folder of sets holds them."""

_ORIGINALS = 200


@dataclass(frozen=True, slots=True)
class NearDuplicateTask:
    """Copies of some sounds are the queries; all sounds are ranked by the distance of their whole vectors.

    Attributes:
        name: What users type.
        question: What is asked, in one sentence.
        items: The sounds that are searched, N of them.
        kinds: How copies are made.
        originals: How many sounds are copied, of each kind; fewer where there are not so many.
        left_out: Files that take no part, each with the reason.
        notes: What a reader of the figures must know.
    """

    name: str
    question: str
    items: tuple[Item, ...]
    kinds: tuple[CopyKind, ...] = KINDS
    originals: int = _ORIGINALS
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.items) < 2 or self.originals < 1 or not self.kinds:
            raise InvalidInputError(
                f"{self.name} needs two sounds, an original and a kind of copy; "
                f"got {len(self.items)} sounds, {self.originals} originals and {len(self.kinds)} kinds."
            )

    def drawing_order(self, seed: int) -> IntArray:
        """The order in which sounds are drawn as originals, all of them: the first usable ones are taken.

        Args:
            seed: Of the draw.

        Returns:
            Rows of ``items``, shape ``(N,)``.
        """
        return np.random.default_rng(seed).permutation(len(self.items)).astype(np.int64)


def create(data: Path) -> NearDuplicateTask:
    """Search among the sets ``esc10``, ``fsdd`` and ``philharmonia`` together, or among any folder.

    Of files with the same bytes one is searched, as a library holds a sound once.

    Args:
        data: The folder that holds the sets, those that are there; or any folder of sounds.

    Raises:
        NotFoundError: There is no such folder.
        InvalidInputError: It holds fewer than two sounds.
    """
    if not data.is_dir():
        raise NotFoundError(f"There is no folder {data}.")
    sets = [data / name for name in SETS if (data / name).is_dir()]
    items: list[Item] = []
    left_out: list[LeftOut] = []
    for folder in sets or [data]:
        scanned = scan_folder(folder)
        items += scanned.items
        left_out += scanned.left_out
    absent = [name for name in SETS if sets and data / name not in sets]
    different: dict[str, Item] = {}
    for key, item in zip(content_keys(items), items, strict=True):
        different.setdefault(key, item)
    notes = [f"Not searched, as they are not here: {', '.join(absent)}."] if absent else []
    if len(different) < len(items):
        notes.append(f"{len(items) - len(different):,} files repeat the bytes of others and are left out.")
    return NearDuplicateTask(
        "near-duplicates",
        "Are changed copies found again among all sounds?",
        tuple(different.values()),
        left_out=tuple(left_out),
        notes=tuple(notes),
    )
