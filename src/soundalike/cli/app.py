"""All verbs put together, and the one place where an error becomes a line and an exit code."""

from __future__ import annotations

import os
import sys

import typer

import soundalike
from soundalike.cli import (
    deform,
    demo,
    embed,
    encoders,
    evaluate,
    features,
    index,
    manage,
    search,
    serve,
    train,
)
from soundalike.cli.console import Exit, fail
from soundalike.core.errors import SoundalikeError
from soundalike.core.interrupts import defer_interrupts

app = typer.Typer(
    name="soundalike",
    help="Find sounds by how they sound: index folders, search by example, listen in the browser.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done but some files failed, 130 stopped.",
)

app.command("index")(index.index)
app.command("search")(search.search)
app.command("serve")(serve.serve)
app.command("demo")(demo.demo)
app.command("info")(manage.info)
app.command("errors")(manage.errors)
app.command("remove")(manage.remove)
app.command("export")(manage.export)
app.command("embed")(embed.embed)
app.command("deform")(deform.deform)
app.command("evaluate")(evaluate.evaluate)
app.add_typer(encoders.app, name="encoders")
app.add_typer(features.app, name="features")
app.add_typer(train.app, name="train")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"soundalike {soundalike.__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Find sounds by how they sound."""


def main() -> None:
    """Run the command line; never returns."""
    defer_interrupts()
    try:
        ended = app(prog_name="soundalike", standalone_mode=False)
        status = ended if isinstance(ended, int) else 0  # what typer.Exit was raised with
        sys.stdout.flush()
    except SoundalikeError as error:
        status = fail(error).exit_code
    except (KeyboardInterrupt, typer.Abort):
        status = fail("stopped", Exit.STOPPED).exit_code
    except (BrokenPipeError, SystemExit):  # Typer and Rich turn the one into the other
        # The reader of our output (head, say) has what it wanted: nothing is left to say.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = Exit.DONE
    except OSError as error:  # a disk, a folder, a right that the system refused
        said = f"{error.strerror or error}: {error.filename}" if error.filename else str(error)
        status = fail(said).exit_code
    except Exception as error:
        show = getattr(error, "show", None)  # a usage error of the command line's own library
        if show is None:
            raise
        show()
        status = Exit.USAGE
    sys.exit(int(status))
