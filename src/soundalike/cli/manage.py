"""``soundalike info``, ``errors``, ``remove`` and ``export``."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

import typer

from soundalike.cli.console import JsonOption, LibraryOption, out, print_json, printable, say
from soundalike.cli.encoders import how_to_move
from soundalike.core.units import human_count, human_duration, human_size
from soundalike.library import Library


def info(library: LibraryOption = None, json: JsonOption = False) -> None:
    """Show what the library holds."""
    opened = Library.open(library, create=False)
    figures = opened.info()
    if json:
        print_json(dataclasses.asdict(figures) | {"path": str(figures.path)})
        return
    lines = [
        ("library", str(figures.path)),
        ("sounds", f"{figures.sounds:,} ({human_duration(figures.audio_s)} of audio)"),
        ("files", f"{figures.files:,}" + (f", {figures.missing:,} missing" if figures.missing else "")),
        ("errors", f"{figures.errors:,}" + (" (soundalike errors lists them)" if figures.errors else "")),
        ("size", human_size(figures.size_bytes)),
    ]
    lines += [("place", root) for root in figures.roots]
    for encoder in figures.encoders:
        note = ", default" if encoder.default else ""
        words = f"{encoder.dims} dimensions, {human_count(encoder.segments, 'segment')}{note}"
        lines.append(("encoder", f"{encoder.name} ({words}) {encoder.fingerprint}"))
    hint = how_to_move(opened)
    if hint is not None:
        lines.append(("newer", hint))
    for word, text in lines:
        out.print(f"[dim]{word:>8}[/]  ", end="")
        out.print(printable(text), markup=False)


def errors(library: LibraryOption = None, json: JsonOption = False) -> None:
    """List the files that could not be used, and those used with a doubt."""
    opened = Library.open(library, create=False)
    listed = [("error", f) for f in opened.errors()] + [("warning", f) for f in opened.warnings()]
    if json:
        print_json([{"kind": kind, "path": f.uri, "reason": f.reason} for kind, f in listed])
        return
    for kind, failure in listed:
        colour = "red" if kind == "error" else "yellow"
        out.print(f"[{colour}]{kind}:[/] ", end="")
        out.print(f"{printable(failure.uri)}: {printable(failure.reason)}", markup=False)
    if not listed:
        say("Every file could be used.")


def remove(
    what: Annotated[
        list[str],
        typer.Argument(metavar="WHAT", help="Paths of files, folders or archives, or ids of sounds."),
    ],
    forget: Annotated[
        bool,
        typer.Option("--forget", help="Also delete what was computed of every sound that has no file left."),
    ] = False,
    library: LibraryOption = None,
) -> None:
    """Take sounds out of the library. The files are not touched, and adding them again costs nothing.

    With --forget the room that their vectors take is freed too; adding them again then computes them anew.
    """
    opened = Library.open(library, create=False)
    count = opened.remove(*what)
    say(f"{human_count(count, 'file')} taken out. The files themselves are where they were.")
    if forget:
        say(f"{human_count(opened.forget(), 'sound')} forgotten.")


def export(
    path: Annotated[
        Path, typer.Argument(metavar="FILE", help="Where to: a name that ends in .csv, .jsonl or .parquet.")
    ],
    file_format: Annotated[
        Literal["csv", "jsonl", "parquet"] | None,
        typer.Option("--format", help="Which format, whatever the name."),
    ] = None,
    library: LibraryOption = None,
) -> None:
    """Write a table of all sounds for other programs."""
    count = Library.open(library, create=False).export(path, file_format)
    say(f"{human_count(count, 'sound')} written to {path}")
