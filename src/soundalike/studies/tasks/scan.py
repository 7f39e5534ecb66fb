"""The sounds of a task: found in a folder, their labels read from names, what does not fit reported."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from soundalike.core.errors import InvalidInputError, NotFoundError, SoundalikeError
from soundalike.core.units import human_count
from soundalike.sources import Item, Unreadable, open_item, source_for

_SHOWN = 3  # names in a message
_CHUNK_BYTES = 1 << 20


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


def content_keys(items: Sequence[Item]) -> list[str]:
    """Tell which files hold the same bytes; only files of equal size are read.

    Args:
        items: The files.

    Returns:
        A key for each: the same for the same bytes; a file that cannot be read has one of its own.
    """
    sizes = Counter(item.size_bytes for item in items)
    return [
        item.uri if item.size_bytes is not None and sizes[item.size_bytes] == 1 else _content_key(item)
        for item in items
    ]


def _content_key(item: Item) -> str:
    try:
        with open_item(item) as file:
            digest = hashlib.sha256()
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
            return digest.hexdigest()
    except (SoundalikeError, OSError):
        return item.uri  # whoever listens to it will say why
