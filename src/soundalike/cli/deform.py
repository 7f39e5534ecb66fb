"""``soundalike deform``: hear what training takes to be the same sound."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from soundalike.cli.console import JsonOption, out, print_json, say
from soundalike.core.units import human_count, human_duration


def deform(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Any sound file.")],
    folder: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder to write WAV files to.")],
    seed: Annotated[int, typer.Option("--seed", help="Another seed draws other noise, filters, crops.")] = 0,
    seconds: Annotated[float, typer.Option("--seconds", help="How much of the file's start to take.")] = 30.0,
    mix_with: Annotated[
        Path | None,
        typer.Option("--mix-with", metavar="FILE", help="What to mix in. [default: a bundled drum loop]"),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Write a sound deformed in every way that training knows, two strengths of each, for listening.

    An encoder that is trained without labels learns that these sound alike: the file higher, lower, slower,
    faster, with noise, mixed with another sound, louder, softer, filtered, cut; and what comes soon after it
    in the same file.
    """
    from soundalike.studies import write_deformed

    made = write_deformed(file, folder, seed=seed, seconds=seconds, other=mix_with)
    if json:
        print_json(
            [
                {
                    "path": str(one.path),
                    "kind": one.kind,
                    "what": one.what,
                    "duration_s": one.duration_s,
                    "level_db": one.level_db,
                }
                for one in made
            ]
        )
        return
    widest = max(len(one.path.name) for one in made)
    for one in made:
        out.print(f"{one.path.name:<{widest}}  {human_duration(one.duration_s):>7}  {one.what}", markup=False)
    if made[0].level_db < -0.05:
        say(f"All were written {-made[0].level_db:.1f} dB softer, so that the loudest is not clipped.")
    if not any(one.kind == "nearby" for one in made):
        say("The file is too short for a stretch nearby.")
    say(f"{human_count(len(made), 'file')} written to {folder}")
