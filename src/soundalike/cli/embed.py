"""``soundalike embed``: vectors of files, without a library."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from soundalike.cli.console import Exit, say, say_of, writing
from soundalike.core.units import human_count
from soundalike.library import DEFAULT_ENCODER
from soundalike.library import embed as embed_files


def embed(
    paths: Annotated[list[str], typer.Argument(metavar="PATH", help="Files, folders or zip archives.")],
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="Where to write the vectors: a .npz file.")
    ],
    encoder: Annotated[
        str, typer.Option("--encoder", metavar="NAME", help="What to listen with.")
    ] = DEFAULT_ENCODER,
    segments: Annotated[bool, typer.Option("--segments", help="A row per segment, not per sound.")] = False,
) -> None:
    """Turn files into vectors for a notebook or another program.

    The .npz file holds names (as given here) and vectors (float32, one row per sound); with --segments a row
    per segment, and start_s and end_s.
    """
    with writing(out, ".npz"):
        made = embed_files(paths, encoder=encoder, segments=segments)
        arrays: dict[str, Any] = {"names": np.array(made.names, dtype=np.str_), "vectors": made.vectors}
        if segments:
            arrays |= {"start_s": made.start_s, "end_s": made.end_s}
        part = out.with_name(out.name + ".part")
        with part.open("wb") as file:
            np.savez(file, **arrays)
        part.replace(out)
    for failure in made.failed:
        say_of("failed", failure.uri, failure.reason)
    say(f"{human_count(len(made.names), 'vector')} of {made.vectors.shape[1]} dimensions written to {out}")
    if made.failed:
        raise typer.Exit(Exit.SOME_FAILED)
