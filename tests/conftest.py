"""Fixtures that every test may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


def find_shared_data() -> Path | None:
    """Find the folder of real audio: $SOUNDALIKE_TEST_DATA, or ``shared/data`` beside the checkout."""
    named = os.environ.get("SOUNDALIKE_TEST_DATA")
    folder = Path(named) if named else Path(__file__).parents[2] / "shared" / "data"
    return folder if (folder / "esc10").is_dir() else None


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder that holds the real collections ``esc10``, ``fsdd`` and ``philharmonia``."""
    folder = find_shared_data()
    if folder is None:
        pytest.skip("the collections esc10, fsdd and philharmonia are not here (set SOUNDALIKE_TEST_DATA)")
    return folder


@pytest.fixture(scope="session", autouse=True)
def no_encoders_of_ones_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let no encoder that was added on this machine change what tests find; subprocesses included."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOUNDALIKE_ENCODERS", str(tmp_path_factory.mktemp("encoders")))
        yield
