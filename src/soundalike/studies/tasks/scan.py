"""The sounds of a task: found in a folder, their labels read from names, what does not fit reported."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from soundalike.core.errors import InvalidInputError, NotFoundError
from soundalike.core.units import human_count
from soundalike.sources import Item, Unreadable, source_for

_SHOWN = 3  # names in a message


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file that takes no part in a task.

    Attributes:
        uri: Which file.
        reason: Why, as a sentence.
    """

    uri: str
    reason: str


@dataclass(frozen=True, slots=True)
class Scanned:
    """What a folder holds.

    Attributes:
        items: The sound files, in the order of their paths.
        left_out: What cannot be read.
    """

    items: tuple[Item, ...]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True)
class Named:
    """Sound files whose names say what they are.

    Attributes:
        items: The files.
        facts: The named parts of each file's name, one dictionary per file.
        left_out: Files that cannot be read, or are called otherwise.
    """

    items: tuple[Item, ...]
    facts: tuple[dict[str, str], ...]
    left_out: tuple[LeftOut, ...]


def set_folder(data: Path, name: str) -> Path:
    """Find the folder of a set of sounds.

    Args:
        data: The folder of all sets, or of this set itself.
        name: The set's name: the folder that it lies in below ``data``.

    Returns:
        ``data/name`` where there is one, else ``data``.

    Raises:
        NotFoundError: There is no folder ``data``.
    """
    if not data.is_dir():
        raise NotFoundError(f"There is no folder {data} to look for the sounds of {name} in.")
    inner = data / name
    return inner if inner.is_dir() else data


def scan_folder(folder: Path) -> Scanned:
    """List every sound file below a folder, as an ingest would.

    Raises:
        NotFoundError: There is no such folder.
        InvalidInputError: There is not one sound file in it.
    """
    if not folder.is_dir():
        raise NotFoundError(f"There is no folder {folder}.")
    items: list[Item] = []
    left_out: list[LeftOut] = []
    with source_for(folder) as source:
        for found in source.scan():
            if isinstance(found, Unreadable):
                left_out.append(LeftOut(found.uri, found.reason))
            else:
                items.append(found)
    if not items:
        raise InvalidInputError(f"There is no sound file in {folder}.")
    items.sort(key=lambda item: item.uri)
    return Scanned(tuple(items), tuple(left_out))


def scan_named(folder: Path, pattern: re.Pattern[str], expected: str) -> Named:
    """List the sound files of a set whose names follow a rule.

    Args:
        folder: The set's folder.
        pattern: What a whole name matches; its named groups are the facts.
        expected: The rule in words, for messages.

    Raises:
        InvalidInputError: Hardly a name follows the rule, so that this is another set.
    """
    scanned = scan_folder(folder)
    items: list[Item] = []
    facts: list[dict[str, str]] = []
    others: list[LeftOut] = []
    for item in scanned.items:
        match = pattern.fullmatch(item.name)
        if match:
            items.append(item)
            facts.append(match.groupdict())
        else:
            others.append(LeftOut(item.uri, f"Its name is not of the form {expected}."))
    if len(others) > len(items):
        shown = ", ".join(repr(other.uri.rsplit("/", 1)[-1]) for other in others[:_SHOWN])
        raise InvalidInputError(
            f"Expected files called {expected} in {folder}; "
            f"{human_count(len(others), 'name')} of {len(scanned.items):,} differ, such as {shown}."
        )
    return Named(tuple(items), tuple(facts), (*scanned.left_out, *others))


def folder_of(item: Item) -> str | None:
    """The name of the folder directly below the root that an item lies in; None where it lies in the root."""
    return item.tags[1] if len(item.tags) > 1 else None


def count_note(found: int, expected: int, name: str) -> tuple[str, ...]:
    """Say where a published set is not whole; nothing where it is."""
    return () if found == expected else (f"{name} has {expected:,} files; {found:,} are here.",)


def share_of(keys: Sequence[str]) -> float:
    """The chance that two different items, drawn at random, have the same key."""
    total = len(keys)
    counts: dict[str, int] = {}
    for key in keys:
        counts[key] = counts.get(key, 0) + 1
    pairs = sum(count * (count - 1) for count in counts.values())
    return pairs / (total * (total - 1)) if total > 1 else 0.0
