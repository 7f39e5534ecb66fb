"""``soundalike encoders install``: published pretrained encoders, by name or by the address of a manifest."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from soundalike.cli.console import Exit, JsonOption, err, out, print_json, say
from soundalike.cli.live_line import LiveLine
from soundalike.core.units import human_duration, human_size
from soundalike.library import encoder_names

if TYPE_CHECKING:
    from soundalike.studies import Installed, InstallProgress

_OFFERED = "efficientat-mn04"
_CHECKED = {
    "pinned": "Verified: its file has the SHA-256 that this version of soundalike knows.",
    "given": "Its file has the SHA-256 that was given.",
    "manifest": "Its files match the manifest's checksums, which came from the same address.",
}


def install(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", help="A published encoder, or the address of a manifest; none lists them."
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="PLACE", help="A local copy of its file, or a mirror's address."),
    ] = None,
    sha256: Annotated[
        str | None,
        typer.Option("--sha256", metavar="HEX", help="Checksum of its file, where none is known here."),
    ] = None,
    unverified: Annotated[
        bool, typer.Option("--unverified", help="Take a file whose checksum is not known as it comes.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Fetch it anew, and replace one of its name.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Install a published pretrained encoder.

    Its file is fetched from its authors, compared with its checksum, converted and tried. A download that
    breaks off goes on where it was when the same command is run again.
    """
    from soundalike.studies import install_encoder

    if name is None:
        _list(json=json)
        return
    try:
        with InstallLine() as line:
            installed = install_encoder(
                name, source=source, sha256=sha256, unverified=unverified, force=force, on_progress=line
            )
    except KeyboardInterrupt:
        say("Stopped. What came is kept; run the same command again to go on.")
        raise typer.Exit(Exit.STOPPED) from None
    if json:
        print_json(dataclasses.asdict(installed) | {"verified": installed.verified})
    else:
        _tell(installed)


def offer() -> None:
    """Tell once, where people look on, that there is more to listen with: see ``soundalike index``."""
    from soundalike.studies import installable_encoders

    if not err.is_terminal or _OFFERED in encoder_names():
        return
    (offered,) = (encoder for encoder in installable_encoders() if encoder.name == _OFFERED)
    size = human_size(offered.size_bytes or 0)
    say(
        f"A published encoder may find everyday sounds better: soundalike encoders install {_OFFERED} "
        f"({size}, {offered.licence} licence)"
    )


def _list(*, json: bool) -> None:
    from soundalike.studies import installable_encoders

    table = installable_encoders()
    there = encoder_names()
    if json:
        print_json([dataclasses.asdict(one) | {"installed": one.name in there} for one in table])
        return
    for one in table:
        words = [human_size(one.size_bytes) if one.size_bytes else "size not known", one.licence]
        words += [] if one.sha256 else ["checksum not known: --unverified or --sha256"]
        words += ["installed"] if one.name in there else []
        out.print(f"[bold]{one.name}[/]: ", end="")
        out.print(f"{one.about} ({', '.join(words)})", markup=False)


def _tell(installed: Installed) -> None:
    name = installed.name
    if installed.was_there:
        say(f"{name} is installed already: {installed.fingerprint}.")
    else:
        licence = f" ({installed.licence} licence)" if installed.licence else ""
        say(f"Installed {name}{licence}: {installed.dims} dimensions, {installed.fingerprint}.")
        unchecked = f"Its file was not compared with a checksum; it has the SHA-256 {installed.sha256}."
        say(_CHECKED.get(installed.checked_against or "", unchecked))
    say(f"Listen with it: soundalike index FOLDER --encoder {name}, or soundalike encoders use {name}")


class InstallLine(LiveLine):
    """How far an installation is."""

    def __init__(self, console: Console = err) -> None:
        super().__init__(console=console, log_every_s=10.0, first="asking")

    def __call__(self, progress: InstallProgress) -> None:
        """Show how far it is."""
        done, whole = progress.done_bytes, progress.whole_bytes
        self.show(progress.stage, progress.elapsed_s, describe(progress), done, whole)


def describe(progress: InstallProgress) -> str:
    """Put the figures of a progress into words."""
    if progress.stage != "fetching":
        return ""
    text = human_size(progress.done_bytes)
    if progress.whole_bytes:
        text += f" of {human_size(progress.whole_bytes)}"
    left_s = progress.left_s
    return text + (f", {human_duration(left_s)} left" if left_s is not None else "")
