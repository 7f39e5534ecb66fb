"""``soundalike encoders``: what one can listen with, more of it, and moving a library to it."""

from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from soundalike.cli import install
from soundalike.cli.console import Exit, JsonOption, LibraryOption, out, print_json, printable, say
from soundalike.core.errors import SoundalikeError
from soundalike.core.units import human_count, human_size
from soundalike.library import (
    Library,
    ListedEncoder,
    SwitchReport,
    add_encoder,
    default_library_path,
    describe_encoder,
    list_encoders,
    remove_encoder,
)

app = typer.Typer(help="What one can listen with.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="As soundalike encoders list shows it.")]

_ORIGINS = {"soundalike": "comes with soundalike", "plug-in": "from a plug-in", "added": "added"}
_DERIVED_SHOWN = 5


@app.callback()
def _group() -> None:
    """What one can listen with."""


@app.command("list")
def list_all(json: JsonOption = False) -> None:
    """List the encoders that are there."""
    listed = list_encoders()
    if json:
        print_json([_plain(encoder) for encoder in listed])
        return
    for encoder in listed:
        default = " (default)" if encoder.default else ""
        out.print(f"[bold]{encoder.name}[/]{default}: ", end="")
        out.print(printable(_in_words(encoder)), markup=False, end="")
        out.print(f"  [dim]{encoder.spec.fingerprint}[/]" if encoder.spec else "")


@app.command("show")
def show(name: NameArgument) -> None:
    """Print everything that is known of an encoder as JSON: what it declares, and its manifest."""
    encoder = describe_encoder(name)
    manifest = dataclasses.asdict(encoder.manifest) if encoder.manifest else None
    print_json(_plain(encoder) | {"manifest": manifest})


@app.command("add")
def add(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="A manifest, a model with its manifest beside it, or a folder."),
    ],
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="What to call it. [default: as it says]")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace another one of that name.")] = False,
) -> None:
    """Add an encoder from its files, so that it is known by its name.

    It is tried on noise first. The files are copied; the given ones are not needed any more.
    """
    encoder = add_encoder(file, name, force=force)
    known = name or encoder.spec.name
    say(f"Added {known}: {encoder.spec.dims} dimensions, {encoder.spec.fingerprint}.")
    say(f"Listen with it: soundalike index FOLDER --encoder {known}, or soundalike encoders use {known}")


app.command("install")(install.install)


@app.command("remove")
def remove(name: NameArgument) -> None:
    """Remove an encoder that was added. Libraries that have listened with it keep a copy of their own."""
    remove_encoder(name)
    say(f"Removed {name}.")


@app.command("use")
def use(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A name, a path, or the fingerprint of one used before.")
    ],
    library: LibraryOption = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", min=1, help="Worker processes. [default: one per processor]")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Switch although the files of some sounds are away.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Let a library listen with another encoder.

    Vectors that are absent are computed first; stopped, it goes on from there when it is run again. The old
    encoder's vectors stay, so switching back costs nothing.
    """
    from soundalike.cli.progress import IngestProgress

    opened = Library.open(library, create=False)
    with IngestProgress() as progress:
        report = opened.use_encoder(name, force=force, jobs=jobs, isolate=True, on_progress=progress)
    if json:
        print_json(dataclasses.asdict(report) | {"derived": [_derived(one) for one in report.derived]})
    else:
        tell_switch(report, opened)
    if report.interrupted:
        raise typer.Exit(Exit.STOPPED)


def tell_switch(report: SwitchReport, library: Library) -> None:
    """Tell people how a library was moved to another encoder, and what depended on the old one."""
    if report.computed is not None:
        say(str(report.computed))
    if report.interrupted:
        say("Stopped. What was computed is kept; run the same command again to go on.")
        return
    name = library.encoder.spec.name
    if not report.switched:
        say(f"{library.path} listens with {name} already.")
        return
    say(f"{library.path} now listens with {name}. The vectors of {report.before or 'no other'} are kept.")
    if report.without:
        say(f"{human_count(report.without, 'sound')} cannot be found with it: their files are away.")
    for derived in report.derived[:_DERIVED_SHOWN]:
        say(f"not used any more: {derived.path} ({human_size(derived.size_bytes)})")
    if len(report.derived) > _DERIVED_SHOWN:
        say(f"… and {len(report.derived) - _DERIVED_SHOWN:,} more beside it")


def how_to_move(library: Library) -> str | None:
    """Tell in one line how a library of an older default or version is moved on; None where it is not."""
    unheard = how_to_hear(library)
    newer = library.newer_default()
    if unheard is not None or newer is None:
        return unheard
    own = next((encoder.name for encoder in library.info().encoders if encoder.default), None)
    what = f"there is a newer version of {newer}" if newer == own else f"{newer} is the default encoder now"
    return f"{what}; to move this library: soundalike encoders use {newer}{_where(library)}"


def how_to_hear(library: Library) -> str | None:
    """Tell in one line that sounds cannot be found after an upgrade, and what helps; None where all can."""
    try:
        unheard = library.unheard()
    except SoundalikeError:  # its encoder cannot be loaded: whoever needs it will hear of that
        return None
    if not unheard:
        return None
    sounds = human_count(unheard, "sound")
    return (
        f"{sounds} cannot be found until indexed again, as their vectors are of an older version of the "
        f"encoder; to do so: soundalike index{_where(library)}"
    )


def _where(library: Library) -> str:
    """The option that names a library, where it has to be named."""
    return "" if library.path == default_library_path() else f" --library {shlex.quote(str(library.path))}"


def _derived(derived: Any) -> dict[str, Any]:
    return {"path": str(derived.path), "size_bytes": derived.size_bytes}


def _in_words(encoder: ListedEncoder) -> str:
    """One line about an encoder, without its name and fingerprint."""
    spec, manifest = encoder.spec, encoder.manifest
    origin = _ORIGINS[encoder.origin]
    if spec is None:
        return f"cannot be loaded: {encoder.problem} ({origin})"
    grid = f"segments of {spec.window_s:.2f} s every {spec.hop_s:.2f} s at {spec.rate_hz / 1000:g} kHz"
    words = [f"{spec.dims} dimensions, {spec.metric}", grid]
    if spec.space != spec.fingerprint:
        words.append(f"in the space of {spec.space}")
    if manifest is not None:
        words.append(f"version {manifest.version}")
        words += [human_count(len(manifest.tags.names), "tag")] if manifest.tags else []
        words += ["with text"] if manifest.text_tower else []
        words.append(manifest.licence or "licence not known")
    return ", ".join([*words, origin])


def _plain(encoder: ListedEncoder) -> dict[str, Any]:
    """An encoder as plain values for JSON."""
    spec = dataclasses.asdict(encoder.spec) if encoder.spec else {}
    manifest = encoder.manifest
    return spec | {
        "name": encoder.name,
        "default": encoder.default,
        "origin": encoder.origin,
        "path": str(encoder.path) if encoder.path else None,
        "problem": encoder.problem,
        "version": manifest.version if manifest else None,
        "licence": manifest.licence if manifest else None,
        "training_data": manifest.training_data if manifest else None,
        "tags": len(manifest.tags.names) if manifest and manifest.tags else 0,
        "text": bool(manifest and manifest.text_tower),
    }
