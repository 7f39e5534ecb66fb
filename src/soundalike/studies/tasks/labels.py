"""A task by labels: a query's hits are the sounds of its own label, but for those that would be too easy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from soundalike.core.errors import InvalidInputError
from soundalike.sources import Item
from soundalike.studies.tasks.scan import LeftOut

Key = TypeVar("Key", str, int)


@dataclass(frozen=True, slots=True)
class LabelTask:
    """Every sound in turn is a query; the others are ranked by their distance to it.

    Attributes:
        name: What users type.
        question: What is asked, in one sentence.
        items: The sounds, N of them.
        labels: The label of each.
        exclude: A key of each, or None for none: a sound of the query's own key is neither a hit nor a miss;
            it is taken out of the query's ranking.
        within: A key of each, or None for none: only sounds of the query's own key are ranked.
        folds: The official fold of each, or None where the set has none: k-NN trains on all others.
        groups: What each belongs to, or None where sounds stand alone: near-repeats of one recording, which
            are drawn together for intervals.
        left_out: Files that take no part, each with the reason.
        notes: What a reader of the figures must know.

    Raises:
        InvalidInputError: The lengths differ, or fewer than two labels have two sounds.
    """

    name: str
    question: str
    items: tuple[Item, ...]
    labels: tuple[str, ...]
    exclude: tuple[str, ...] | None = None
    within: tuple[str, ...] | None = None
    folds: tuple[int, ...] | None = None
    groups: tuple[str, ...] | None = None
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        keys = (self.labels, self.exclude, self.within, self.folds, self.groups)
        lengths = [len(key) for key in keys if key is not None]
        if any(length != len(self.items) for length in lengths):
            raise InvalidInputError(
                f"{self.name} has {len(self.items)} sounds, but labels and keys of {lengths} sounds."
            )
        counts = Counter(self.labels)
        if sum(count > 1 for count in counts.values()) < 2:
            raise InvalidInputError(
                f"{self.name} needs at least two labels of at least two sounds each; "
                f"{len(self.items)} sounds with {len(counts)} labels came."
            )

    def part(self, rows: Sequence[int]) -> LabelTask:
        """The same task on some of its sounds.

        Args:
            rows: Which, each from 0.

        Raises:
            InvalidInputError: Fewer than two labels are left with two sounds.
        """
        return replace(
            self,
            items=tuple(self.items[row] for row in rows),
            labels=tuple(self.labels[row] for row in rows),
            exclude=_some(self.exclude, rows),
            within=_some(self.within, rows),
            folds=_some(self.folds, rows),
            groups=_some(self.groups, rows),
            notes=(*self.notes, f"A part: {len(rows):,} of {len(self.items):,} sounds."),
        )


def _some(keys: tuple[Key, ...] | None, rows: Sequence[int]) -> tuple[Key, ...] | None:
    return None if keys is None else tuple(keys[row] for row in rows)
