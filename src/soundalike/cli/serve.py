"""``soundalike serve``: the page."""

from __future__ import annotations

from typing import Annotated

import typer

from soundalike.cli.console import EncoderOption, LibraryOption, say
from soundalike.cli.encoders import how_to_hear
from soundalike.library import Library


def serve(
    library: LibraryOption = None,
    encoder: EncoderOption = None,
    host: Annotated[
        str,
        typer.Option(
            "--host", help="Address to listen on; others than this machine's are open to your network."
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = 8765,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")
    ] = False,
) -> None:
    """Serve the page: search, listen, browse. Stop with Ctrl-C."""
    from soundalike.web import serve as run

    opened = Library.open(library, encoder=encoder, create=False)
    hint = how_to_hear(opened)
    if hint is not None:
        say(hint)
    run(opened, host=host, port=port, open_browser=browser)
