"""The table of what the training corpus is made of: one entry for every part of a package."""

from __future__ import annotations

import fnmatch
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

Kind = Literal["music", "effect", "speech", "instrument", "drum"]
HeldOut = Literal["", "variants", "folders", "drums"]

AUDIO_EXTENSIONS = frozenset(
    {".aif", ".aiff", ".au", ".flac", ".mp3", ".oga", ".ogg", ".opus", ".wav", ".wv"}
)
TABLE = Path(__file__).with_name("packages.toml")


@dataclass(frozen=True)
class Part:
    """A part of a package: files that are treated alike.

    Attributes:
        name: Unique; the package's own name, or that and what the part is.
        package: Name of the package.
        source: Where it is downloaded: ``apt`` (Debian) or ``pypi``.
        version: The version that ``pypi`` is asked for; Debian gives the one of its release.
        what: What the sounds are, in words.
        licence: The licence of its sounds, as read in its copyright file.
        kind: What its sounds are, unless ``kinds`` says otherwise.
        kinds: Kinds of files whose path matches a pattern; the first that matches counts.
        licences: Licences of files whose path matches a pattern; the first that matches counts.
        include: Patterns of paths of which one must match; ``*`` matches slashes too.
        exclude: Patterns of paths of which none may match.
        archives: Patterns of paths of archives inside the package whose members are read as well.
        max_hours: Files are taken in a seeded order until this is reached; 0 takes all.
        max_file_s: A longer file gives stretches spread over it, together this long.
        held_out: How sounds of it get into the development set, see ``held_out.py``.
        grouped: The group is the package and the file's folder, not the package alone.
    """

    name: str
    package: str
    what: str
    licence: str
    source: Literal["apt", "pypi"] = "apt"
    version: str = ""
    kind: Kind = "effect"
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    licences: Mapping[str, str] = field(default_factory=dict)
    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()
    archives: tuple[str, ...] = ()
    max_hours: float = 0.0
    max_file_s: float = 240.0
    held_out: HeldOut = ""
    grouped: bool = False

    def takes(self, path: str) -> bool:
        """Whether a file belongs to this part.

        Args:
            path: Its path inside the package.
        """
        if Path(path).suffix.lower() not in AUDIO_EXTENSIONS:
            return False
        return any_matches(path, self.include) and not any_matches(path, self.exclude)

    def kind_of(self, path: str) -> Kind:
        """Kind of a file."""
        return next((kind for pattern, kind in self.kinds.items() if matches(path, pattern)), self.kind)

    def licence_of(self, path: str) -> str:
        """Licence of a file."""
        found = (text for pattern, text in self.licences.items() if matches(path, pattern))
        return next(found, self.licence)


def matches(path: str, pattern: str) -> bool:
    """Whether a path matches a pattern, letters of either case alike; ``*`` matches slashes too."""
    return fnmatch.fnmatchcase(path.lower(), pattern.lower())


def any_matches(path: str, patterns: tuple[str, ...]) -> bool:
    """Whether a path matches one of several patterns."""
    return any(matches(path, pattern) for pattern in patterns)


def read_table(path: Path = TABLE) -> tuple[Part, ...]:
    """Read the table.

    Args:
        path: The file.

    Returns:
        Its entries, in order.

    Raises:
        ValueError: An entry has an unknown field, kind or rule, or two have one name.
    """
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    parts = tuple(_part(row) for row in document["part"])
    names = [part.name for part in parts]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{path} has more than one part named {', '.join(twice)}.")
    return parts


def _part(row: dict[str, Any]) -> Part:
    unknown = row.keys() - Part.__dataclass_fields__.keys()
    if unknown:
        raise ValueError(f"Part {row.get('name')!r} has unknown fields: {', '.join(sorted(unknown))}.")
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
    part = Part(**{"package": row["name"], **values})
    unknown_kinds = {part.kind, *part.kinds.values()} - set(get_args(Kind))
    if unknown_kinds or part.held_out not in get_args(HeldOut) or part.source not in {"apt", "pypi"}:
        raise ValueError(
            f"Part {part.name!r} should have a kind of {get_args(Kind)}, a rule of {get_args(HeldOut)} and "
            f"a source apt or pypi; got {sorted(unknown_kinds)}, {part.held_out!r}, {part.source!r}."
        )
    return part
