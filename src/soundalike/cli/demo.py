"""``soundalike demo``: the bundled sounds, indexed and searched, in half a minute."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from soundalike.cli.console import say
from soundalike.cli.index import show
from soundalike.cli.search import print_hits
from soundalike.library import Library, demo_sounds

_QUERY = "drum_heavy_kick"


def demo(
    library: Annotated[
        Path | None,
        typer.Option(
            "--library",
            metavar="PATH",
            help="Keep the demo library there. [default: a temporary folder]",
            show_default=False,
        ),
    ] = None,
    serve: Annotated[bool, typer.Option("--serve/--no-serve", help="Serve the page afterwards.")] = True,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = 8765,
) -> None:
    """Index the sounds that come with soundalike, search them, and serve the page."""
    from soundalike.cli.progress import IngestProgress

    with tempfile.TemporaryDirectory(prefix="soundalike-demo-") as scratch:
        opened = Library.open(library or Path(scratch) / "library")
        with IngestProgress() as progress:
            report = opened.add(demo_sounds(), on_progress=progress)
        show(report, opened)
        query = next((s for s in opened.sounds() if _QUERY in s.name), opened.sounds()[0])
        say(f"What sounds like {query.name}?")
        print_hits(opened.search(query, limit=5), segments=False)
        if serve:
            from soundalike.web import serve as run

            run(opened, host=host, port=port, open_browser=False)
