"""``soundalike encoders``: what one can listen with."""

from __future__ import annotations

import dataclasses

import typer

from soundalike.cli.console import JsonOption, out, print_json
from soundalike.library import DEFAULT_ENCODER, encoder_names, load_encoder

app = typer.Typer(help="What one can listen with.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """What one can listen with."""


@app.command("list")
def list_encoders(json: JsonOption = False) -> None:
    """List the encoders that are there."""
    specs = [load_encoder(name).spec for name in encoder_names()]
    if json:
        print_json([dataclasses.asdict(s) | {"default": s.name == DEFAULT_ENCODER} for s in specs])
        return
    for spec in specs:
        default = " (default)" if spec.name == DEFAULT_ENCODER else ""
        grid = f"segments of {spec.window_s:.2f} s every {spec.hop_s:.2f} s at {spec.rate_hz / 1000:g} kHz"
        figures = f"{spec.dims} dimensions, {spec.metric}, {grid}"
        out.print(f"[bold]{spec.name}[/]{default}: {figures}  [dim]{spec.fingerprint}[/]")
