"""The command line: thin verbs over the library."""

from soundalike.cli.app import main

__all__ = ["main"]
