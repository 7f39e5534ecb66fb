"""The sounds that come with soundalike."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def demo_sounds() -> Path:
    """Find the folder of bundled sounds: CC0, credited one by one in its CREDITS.md."""
    return Path(str(files("soundalike") / "data" / "demo"))
