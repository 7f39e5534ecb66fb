"""Fixtures of the storage tests: rows, libraries, small and read-only disks."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from soundalike.storage import Store

WRITER_PROCESS = Path(__file__).with_name("writer_process.py")


def load_script(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def rows() -> ModuleType:
    """The functions of ``writer_process.py`` that make rows and say what a library must hold."""
    return load_script(WRITER_PROCESS)


@pytest.fixture
def store(tmp_path: Path, rows: ModuleType) -> Store:
    """A library of five sounds in two batches, with one encoder."""
    made = Store.open(tmp_path / "library")
    with made.write() as writer:
        writer.ensure_encoder(rows.RECORD)
        writer.commit(*rows.batch(0, 3))
        writer.commit(*rows.batch(3, 2))
    return made


class Disk:
    """A file system of its own in a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def make_read_only(self) -> None:
        subprocess.run(["mount", "-o", "remount,ro", str(self.path)], check=True, capture_output=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Disk]:
    """A disk of 4 MB in memory, where the tests may mount one."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("mounting a small disk needs Linux and root")
    path = tmp_path / "disk"
    path.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(path)],
        check=False,
        capture_output=True,
        text=True,
    )
    if mount.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted here: {mount.stderr.strip()}")
    yield Disk(path)
    subprocess.run(["umount", "-l", str(path)], check=True, capture_output=True)
