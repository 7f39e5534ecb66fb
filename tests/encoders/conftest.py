"""Tiny real encoders: models of one layer with a manifest, tags and a text tower."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from soundalike.encoders import ENCODERS_VARIABLE

GOLDEN = Path(__file__).parents[1] / "golden"


def load_maker() -> ModuleType:
    """The script that made the golden encoders with a front end."""
    spec = importlib.util.spec_from_file_location("maker", GOLDEN / "make_encoders_front_end.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of added encoders, empty at first, and not the one of whoever runs the tests."""
    folder = tmp_path / "own encoders"
    monkeypatch.setenv(ENCODERS_VARIABLE, str(folder))
    return folder


@pytest.fixture
def make_full(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes an encoder with a front end, tags and a text tower, and gives its folder."""

    def make(folder_name: str = "full", **changes: object) -> Path:
        folder = tmp_path / folder_name
        load_maker().write_encoder(folder, **changes)
        return folder

    return make
