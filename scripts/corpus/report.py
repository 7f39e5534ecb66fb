"""The corpus as a table of parts, hours and licences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

KINDS = ("effect", "music", "speech", "instrument", "drum")


class Row(TypedDict):
    """What one part gave: its name, files and hours read, and per side its sounds, and its hours by kind."""

    part: str
    files: int
    hours_read: float
    sounds: dict[str, int]
    hours: dict[str, dict[str, float]]
    licences: list[str]
    dropped: dict[str, int]


def as_table(rows: Sequence[Row]) -> str:
    """Write rows as a Markdown table, with a last line for all of them.

    Args:
        rows: From :func:`scripts.corpus.assemble.write_corpus`.
    """
    head = ["part", "files", *(f"{kind} h" for kind in KINDS), "held out h", "dropped", "licence"]
    lines = [_line(head), _line(["---"] * len(head))]
    for row in rows:
        dropped = ", ".join(f"{count} {reason}" for reason, count in row["dropped"].items())
        kinds = [_hours(row["hours"]["train"].get(kind, 0.0)) for kind in KINDS]
        dev = _hours(sum(row["hours"]["dev"].values()))
        lines.append(
            _line([row["part"], str(row["files"]), *kinds, dev, dropped, "; ".join(row["licences"])])
        )
    totals = [_hours(sum(row["hours"]["train"].get(kind, 0.0) for row in rows)) for kind in KINDS]
    dev = _hours(sum(sum(row["hours"]["dev"].values()) for row in rows))
    lines.append(_line(["all", str(sum(row["files"] for row in rows)), *totals, dev, "", ""]))
    all_hours = sum(sum(row["hours"]["train"].values()) for row in rows)
    return "\n".join([*lines, "", f"To train on: {all_hours:.2f} h."])


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _hours(hours: float) -> str:
    return f"{hours:.2f}" if hours else ""
