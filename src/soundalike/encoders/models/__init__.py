"""The trained encoders that come with soundalike: a manifest and an ONNX model each, in this folder."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from soundalike.encoders.base import Encoder

FOLDER = Path(__file__).parent
"""Where they lie."""


def shipped_manifests() -> dict[str, Path]:
    """The manifests by their encoders' names, which are the files' names without ``.json``."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.json"))}


def __getattr__(name: str) -> Callable[[], Encoder]:
    """What makes the encoder whose manifest is ``name.json``: the registry's address of it."""
    path = shipped_manifests().get(name)
    if path is None:
        raise AttributeError(f"No encoder called {name!r} comes with soundalike.")
    return partial(_load, path)


def _load(path: Path) -> Encoder:
    from soundalike.encoders.onnx import load  # noqa: PLC0415 (naming an encoder must not load ONNX Runtime)

    return load(path)
