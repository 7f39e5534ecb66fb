"""What all verbs share: where the library is, how errors are told, how a command ends."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from soundalike.core.errors import InvalidInputError, SoundalikeError


class Exit(IntEnum):
    """How a command can end."""

    DONE = 0
    FAILED = 1  # one sentence on the error stream says why
    USAGE = 2  # the words of the command are off
    SOME_FAILED = 3  # finished, but some files could not be used: soundalike errors
    STOPPED = 130  # Ctrl-C; what was done is kept


out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)

LibraryOption = Annotated[
    Path | None,
    typer.Option(
        "--library",
        metavar="PATH",
        help="The library's folder. [default: $SOUNDALIKE_LIBRARY, else the platform's folder for user data]",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
EncoderOption = Annotated[
    str | None,
    typer.Option("--encoder", metavar="NAME", help="What to listen with: see soundalike encoders list."),
]


def printable(text: str) -> str:
    """Make a name fit for a terminal: control characters and broken Unicode are shown as escapes."""
    safe = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in safe)


def print_json(value: Any) -> None:
    """Print a value as JSON on the output stream, one line per item of a list."""
    if isinstance(value, list):
        body = ",\n ".join(json.dumps(item, ensure_ascii=True) for item in value)
        sys.stdout.write(f"[{body}]\n")
    else:
        sys.stdout.write(json.dumps(value, ensure_ascii=True, indent=1) + "\n")


def fail(error: SoundalikeError | str, status: Exit = Exit.FAILED) -> typer.Exit:
    """Tell an error in one line, and give the exception that ends the command."""
    err.print(Text.assemble(("error:", "bold red"), " ", printable(str(error))))
    return typer.Exit(status)


def say(text: str) -> None:
    """Print a line for people on the error stream, so that the output stream holds results only."""
    err.print(Text(printable(text)))


def say_of(word: str, uri: str, reason: str) -> None:
    """Print a line about one file on the error stream: what kind of line, which file, what about it."""
    err.print(Text.assemble((f"{word}:", "yellow"), " ", printable(uri), ": ", printable(reason)))


@contextmanager
def writing(path: Path, suffix: str) -> Iterator[None]:
    """Around everything that ends in a file that was asked for: say in a sentence why it cannot be written.

    Raises:
        typer.BadParameter: Its name ends in something else than ``suffix``.
        InvalidInputError: There is no such folder, known before any work is done, or the disk is full.
    """
    if path.suffix != suffix:
        raise typer.BadParameter(f"--out takes a name that ends in {suffix}; got {path.name!r}.")
    if not path.absolute().parent.is_dir():
        raise InvalidInputError(f"{path} cannot be written: there is no folder {path.absolute().parent}.")
    try:
        yield
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be written: {error.strerror or error}.") from error
