"""Disks that are full or read-only."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from soundalike.core.errors import LibraryError
from soundalike.storage import Store, Writer

if TYPE_CHECKING:
    from typing import Protocol

    class Disk(Protocol):
        path: Path

        def make_read_only(self) -> None: ...


WRITER_PROCESS = Path(__file__).with_name("writer_process.py")


def fill(writer: Writer, rows: ModuleType, first: int) -> int:
    """Commit batches until the disk is full; returns the number of sounds acknowledged in all."""
    acknowledged = first
    while True:
        try:
            writer.commit(*rows.batch(acknowledged, 200))
        except LibraryError as error:
            if "is full: the last batch was not written; what was acknowledged before is kept" not in str(
                error
            ):
                raise
            return acknowledged
        acknowledged += 200
        assert acknowledged < 10**5, "a disk of 4 MB held this"


def check(store: Store, rows: ModuleType, sounds: int) -> None:
    files, ids, with_vectors = rows.found(store)
    assert ids == with_vectors == {rows.sound_id(n) for n in range(sounds)}
    assert set(files) == {f"/s/{n}.wav" for n in range(sounds)}


def test_a_full_disk_loses_nothing(small_disk: Disk, rows: ModuleType) -> None:
    store = Store.open(small_disk.path / "library")
    ballast = small_disk.path / "ballast"
    ballast.write_bytes(bytes(1_000_000))
    with store.write() as writer:
        writer.ensure_encoder(rows.RECORD)
        acknowledged = fill(writer, rows, 0)
        assert acknowledged > 0
        check(store, rows, acknowledged)
        with pytest.raises(LibraryError, match=r"The disk that holds .* is full"):
            writer.commit(*rows.batch(acknowledged, 200))
    check(Store.open(store.path), rows, acknowledged)
    ballast.unlink()
    with store.write() as writer:
        writer.commit(*rows.batch(acknowledged, 200))
    check(Store.open(store.path), rows, acknowledged + 200)


LIMITED = """
import resource, sys
sys.path.insert(0, sys.argv[2])
import writer_process as rows
from soundalike.storage import Store
from soundalike.core.errors import LibraryError
with Store.open(sys.argv[1]).write() as writer:
    writer.ensure_encoder(rows.RECORD)
    writer.commit(*rows.batch(0, 3))
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    try:
        writer.commit(*rows.batch(3, 2000))
    except LibraryError as error:
        print(error)
    writer.commit(*rows.batch(3, 2))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="file-size limits are POSIX")
def test_a_file_size_limit_loses_nothing(tmp_path: Path, rows: ModuleType) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path / "library"), str(WRITER_PROCESS.parent)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "is full" in done.stdout
    check(Store.open(tmp_path / "library"), rows, 5)


def test_a_read_only_library_is_read(small_disk: Disk, store: Store, rows: ModuleType) -> None:
    place = small_disk.path / "library"
    shutil.copytree(store.path, place)
    small_disk.make_read_only()
    read_only = Store.open(place)
    assert rows.found(read_only) == rows.found(store)
    assert read_only.counts() == store.counts()
    with pytest.raises(LibraryError, match=r"cannot be written to: .*[Rr]ead-only"), read_only.write():
        pytest.fail("wrote to a read-only disk")
    with pytest.raises(LibraryError, match=r"[Rr]ead-only"):
        Store.open(small_disk.path / "other")
