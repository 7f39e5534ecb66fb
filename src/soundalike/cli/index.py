"""``soundalike index``: add sounds, or look again at places that were added before."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from soundalike.cli.console import (
    EncoderOption,
    Exit,
    JsonOption,
    LibraryOption,
    print_json,
    say,
    say_of,
)
from soundalike.cli.encoders import how_to_move
from soundalike.core.units import human_count, human_duration
from soundalike.library import Failure, Library, Report, check_apart, default_library_path

_SHOWN = 5
_STOPPED = "Stopped. Everything that was added is kept; run the same command again to go on."


def index(
    places: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PLACE",
            help="Folders, files, zip archives or http(s) addresses; none looks again at those added before.",
        ),
    ] = None,
    library: LibraryOption = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", min=1, help="Worker processes. [default: one per processor]")
    ] = None,
    encoder: EncoderOption = None,
    json: JsonOption = False,
) -> None:
    """Add sounds to the library.

    Unchanged files are passed over, so running it again is quick, and after a stop or a crash it goes on
    where it was. Ctrl-C stops cleanly.
    """
    from soundalike.cli.install import offer
    from soundalike.cli.progress import IngestProgress

    path = (library or default_library_path()).expanduser().absolute()
    is_new = not path.exists()
    for place in places or ():  # before a library is made there
        check_apart(path, place)
    opened = Library.open(library, encoder=encoder, create=bool(places))
    try:
        with IngestProgress() as progress:
            report = opened.add(*(places or ()), jobs=jobs, isolate=True, on_progress=progress)
    except KeyboardInterrupt:  # before the first file, or while tidying up behind the last
        say(_STOPPED)
        raise typer.Exit(Exit.STOPPED) from None
    if json:
        print_json(dataclasses.asdict(report))
    else:
        show(report, opened)
        if is_new and encoder is None:
            offer()
    if report.interrupted:
        raise typer.Exit(Exit.STOPPED)
    if report.failed:
        raise typer.Exit(Exit.SOME_FAILED)


def show(report: Report, library: Library) -> None:
    """Tell people what was done."""
    say(str(report))
    _list("failed", report.failed)
    _list("warning", report.warnings)
    if report.interrupted:
        say(_STOPPED)
    info = library.info()
    say(f"{human_count(info.sounds, 'sound')}, {human_duration(info.audio_s)} of audio, in {info.path}")
    hint = how_to_move(library)
    if hint is not None:
        say(hint)


def _list(word: str, failures: list[Failure]) -> None:
    """Show the first few of a list, one line each, and where the rest is."""
    for failure in failures[:_SHOWN]:
        say_of(word, failure.uri, failure.reason)
    if len(failures) > _SHOWN:
        say(f"… and {len(failures) - _SHOWN:,} more: soundalike errors")
