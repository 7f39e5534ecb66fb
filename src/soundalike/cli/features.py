"""``soundalike features``: what is heard before it is embedded."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from soundalike.cli.console import out, say, writing
from soundalike.library import compute_feature, feature_names

app = typer.Typer(help="What is heard before it is embedded.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """What is heard before it is embedded."""


@app.command("list")
def list_features() -> None:
    """List the features that can be computed."""
    for name, words in feature_names().items():
        out.print(f"[bold]{name}[/]: {words}")


@app.command("compute")
def compute(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="Any sound file.")],
    to: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to write it: a .npz file.")],
    feature: Annotated[
        str, typer.Option("--feature", metavar="NAME", help="Which: see soundalike features list.")
    ] = "log-mel",
) -> None:
    """Compute a feature of a file: a .npz file with values (frames by dimensions), start_s and hop_s."""
    with writing(to, ".npz"):
        computed = compute_feature(path, feature)
        np.savez(to, values=computed.values, start_s=computed.start_s, hop_s=computed.hop_s)
    frames, dims = computed.values.shape
    say(f"{frames:,} frames of {dims} values, one every {computed.hop_s * 1000:g} ms, written to {to}")
