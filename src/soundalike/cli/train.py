"""``soundalike train``: make an encoder fit one's own sounds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from soundalike.cli import train_embedding
from soundalike.cli.console import say, writing
from soundalike.studies import fit_spectral_to

app = typer.Typer(help="Make an encoder fit your own sounds.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Make an encoder fit your own sounds."""


@app.command("spectral")
def spectral(
    places: Annotated[
        list[str], typer.Argument(metavar="PLACE", help="Folders, files or archives of your sounds.")
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="Where to write the encoder: a .json file.")
    ],
) -> None:
    """Fit the constants that the spectral encoder standardises its statistics with to your own sounds.

    Use the result with --encoder FILE.
    """
    with writing(out, ".json"):
        fitted = fit_spectral_to(places, out)
    say(f"Fitted to {fitted:,} recordings; use it with: soundalike index FOLDER --encoder {out}")


app.command("embedding")(train_embedding.embedding)
