"""``soundalike search``: find what sounds like a file, a sound of the library, or a part of either."""

from __future__ import annotations

import io
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from soundalike.cli.console import EncoderOption, JsonOption, LibraryOption, out, print_json, printable, say
from soundalike.cli.encoders import how_to_hear
from soundalike.core.units import human_duration
from soundalike.library import Filters, Hit, Library, Sound, absolute_place

_PANEL = "Filters"
_BAR_CELLS = 10
_PIPED_CELLS = 100_000  # wider than any path


QueryArgument = Annotated[
    Path | None, typer.Argument(metavar="FILE", help="Any sound file.", show_default=False)
]
SoundOption = Annotated[
    str | None,
    typer.Option("--sound", metavar="ID", help="Search by a sound of the library instead: its id or path."),
]
AtOption = Annotated[
    float | None, typer.Option("--at", min=0, help="Listen from this second of the query on.")
]
ForOption = Annotated[float | None, typer.Option("--for", help="Listen for this many seconds.")]
SegmentsOption = Annotated[
    bool, typer.Option("--segments", help="Find stretches of sounds, not whole sounds.")
]
LimitOption = Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="How many hits.")]

UnderOption = Annotated[
    str | None,
    typer.Option("--under", metavar="PATH", help="Only below this folder.", rich_help_panel=_PANEL),
]
TagOption = Annotated[
    list[str] | None,
    typer.Option("--tag", help="Only with this tag; may be repeated.", rich_help_panel=_PANEL),
]
TextOption = Annotated[
    str | None,
    typer.Option("--text", help="Only with these words in name or tags.", rich_help_panel=_PANEL),
]
ShortestOption = Annotated[
    float | None, typer.Option("--min-duration", help="Only at least this long.", rich_help_panel=_PANEL)
]
LongestOption = Annotated[
    float | None, typer.Option("--max-duration", help="Only at most this long.", rich_help_panel=_PANEL)
]
AfterOption = Annotated[
    datetime | None, typer.Option("--after", help="Only files from this date on.", rich_help_panel=_PANEL)
]
BeforeOption = Annotated[
    datetime | None, typer.Option("--before", help="Only files up to this date.", rich_help_panel=_PANEL)
]


def search(
    query: QueryArgument = None,
    sound: SoundOption = None,
    at: AtOption = None,
    duration: ForOption = None,
    segments: SegmentsOption = False,
    limit: LimitOption = 10,
    under: UnderOption = None,
    tag: TagOption = None,
    text: TextOption = None,
    shortest: ShortestOption = None,
    longest: LongestOption = None,
    after: AfterOption = None,
    before: BeforeOption = None,
    library: LibraryOption = None,
    encoder: EncoderOption = None,
    json: JsonOption = False,
) -> None:
    """Find the sounds that sound most like a file, best first."""
    if (query is None) == (sound is None):
        raise typer.BadParameter("Name a FILE to search with, or a sound of the library with --sound ID.")
    opened = Library.open(library, encoder=encoder, create=False)
    wanted: Path | Sound = query if query is not None else opened.sound(sound or "")
    filters = Filters(
        under=absolute_place(under) if under else under,
        tags=tuple(tag or ()),
        text=text,
        min_duration_s=shortest,
        max_duration_s=longest,
        modified_after=_with_zone(after),
        modified_before=_with_zone(before),
    )
    hits = opened.search(
        wanted, limit=limit, start_s=at, duration_s=duration, segments=segments, filters=filters
    )
    _tell(hits, opened, segments=segments, json=json)


def _with_zone(date: datetime | None) -> datetime | None:
    """A date as it was typed means this machine's time zone."""
    return date.astimezone() if date else None


def _tell(hits: list[Hit], library: Library, *, segments: bool, json: bool) -> None:
    """Print hits for a script or for people."""
    if json:
        print_json([hit_to_json(hit) for hit in hits])
    elif hits:
        print_hits(hits, segments)
    else:
        say("Nothing was found." if library.count() else "The library is empty: soundalike index FOLDER")
    hint = how_to_hear(library)
    if hint is not None:
        say(hint)


def hit_to_json(hit: Hit) -> dict[str, Any]:
    """The object that stands for a hit in ``--json``."""
    return {
        "rank": hit.rank,
        "path": hit.sound.path,
        "start_s": hit.start_s,
        "end_s": hit.end_s,
        "distance": hit.distance,
        "score": hit.score,
        "id": hit.sound.id,
        "paths": list(hit.sound.paths),
        "duration_s": hit.sound.duration_s,
        "tags": list(hit.sound.tags),
        "same_file": hit.same_file,
        "missing": hit.sound.missing,
    }


def print_hits(hits: list[Hit], segments: bool) -> None:
    """Print hits for people: folded to the width of a terminal, one line each where something else reads."""
    table = _hit_table(hits, segments)
    if out.is_terminal:
        out.print(table)
        return
    wide = Console(file=io.StringIO(), width=_PIPED_CELLS, color_system=None)
    with wide.capture() as capture:
        wide.print(table)
    sys.stdout.writelines(f"{line.rstrip()}\n" for line in capture.get().splitlines())


def _hit_table(hits: list[Hit], segments: bool) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("", justify="right", style="dim")
    table.add_column("alike")
    table.add_column("distance", justify="right")
    table.add_column("from … to" if segments else "length", justify="right")
    table.add_column("sound", overflow="fold")
    for hit in hits:
        filled = round(hit.score * _BAR_CELLS)
        where = (
            f"{human_duration(hit.start_s)} … {human_duration(hit.end_s)}"
            if segments
            else human_duration(hit.sound.duration_s)
        )
        note = " (the same file)" if hit.same_file else " (missing)" if hit.sound.missing else ""
        copies = f" (+{len(hit.sound.paths) - 1} identical)" if len(hit.sound.paths) > 1 else ""
        table.add_row(
            str(hit.rank),
            Text.assemble(("━" * filled, "green"), ("─" * (_BAR_CELLS - filled), "dim")),
            f"{hit.distance:.4f}",
            where,
            Text.assemble(printable(hit.sound.path), (note + copies, "dim")),
        )
    return table
