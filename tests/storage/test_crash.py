"""A writer that dies at any moment leaves whole batches only, and none that it acknowledged is lost."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from soundalike.core.errors import LibraryBusyError
from soundalike.storage import Store

WRITER_PROCESS = Path(__file__).with_name("writer_process.py")


class Process:
    """A writer in a process of its own."""

    def __init__(self, library: Path, first_step: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(WRITER_PROCESS), str(library), str(first_step)],
            stdout=subprocess.PIPE,
            text=True,
        )

    def acknowledged(self) -> int:
        """Wait for the next step to be acknowledged."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the writer ended by itself"
        return int(line)

    def kill(self) -> list[int]:
        """Kill it; returns the steps that were acknowledged since last asked."""
        self.process.kill()
        assert self.process.stdout is not None
        rest = self.process.stdout.read()
        self.process.stdout.close()
        self.process.wait()
        return [int(line) for line in rest.splitlines() if line.strip()]


def kill_in_a_loop(library: Path, rows: ModuleType, kills: int, seed: int) -> int:
    """Kill writers at random moments; check the library after each, as a reader and as the next writer."""
    rng = np.random.default_rng(seed)
    store = Store.open(library)  # one reader, held through it all
    done = 0
    for _ in range(kills):
        writer = Process(library, done)
        last = writer.acknowledged()
        time.sleep(rng.uniform(0.0, 0.25))
        last = max([last, *writer.kill()])
        seen = rows.found(store)
        allowed = {steps: rows.expected(steps) for steps in (last + 1, last + 2)}
        matching = [steps for steps, state in allowed.items() if state == seen]
        assert matching, f"after step {last} the library holds neither {last + 1} nor {last + 2} steps"
        with Store.open(library).write():
            pass  # undoes what was begun
        assert rows.found(store) == seen
        assert rows.found(Store.open(library)) == seen
        done = matching[-1]
    return done


def test_killed_writers_lose_nothing(tmp_path: Path, rows: ModuleType) -> None:
    assert kill_in_a_loop(tmp_path / "library", rows, kills=15, seed=1) >= 15


@pytest.mark.slow
def test_many_killed_writers_lose_nothing(tmp_path: Path, rows: ModuleType) -> None:
    assert kill_in_a_loop(tmp_path / "library", rows, kills=30, seed=2) >= 30


def test_readers_see_whole_batches_while_a_writer_works(tmp_path: Path, rows: ModuleType) -> None:
    library = tmp_path / "library"
    store = Store.open(library)
    writer = Process(library, 0)
    try:
        last = writer.acknowledged()
        states = [rows.expected(steps) for steps in range(400)]
        reads = 0
        while last < 40:
            seen = rows.found(store)
            # Fails where the state is none that a commit left; housekeeping leaves two steps with one state.
            at = max(steps for steps, state in enumerate(states) if state == seen)
            assert at >= last + 1, "a read is older than what was acknowledged before it"
            last = writer.acknowledged()
            reads += 1
        assert reads > 5
    finally:
        writer.kill()


def test_a_second_writer_is_told_who_the_first_is(tmp_path: Path, rows: ModuleType) -> None:
    library = tmp_path / "library"
    writer = Process(library, 0)
    try:
        writer.acknowledged()
        with (
            pytest.raises(LibraryBusyError, match=rf"process {writer.process.pid} on .*, since 20"),
            Store.open(library, create=False).write(),
        ):
            pytest.fail("two writers at once")
    finally:
        writer.kill()
    with Store.open(library).write() as second:  # the system took the lock back
        second.commit(*rows.batch(10**6, 1))


DIES_BEFORE_THE_COMMIT = """
import os, sys
sys.path.insert(0, sys.argv[2])
import writer_process as rows
from soundalike.storage import Store, folder
with Store.open(sys.argv[1]).write() as writer:
    folder.write_commit = lambda *_: os._exit(9)
    writer.commit(*rows.batch(100, 4))
"""
DIES_AFTER_THE_FIRST_TABLE = """
import os, sys
sys.path.insert(0, sys.argv[2])
import writer_process as rows
from soundalike.storage import Store, writer as module
with Store.open(sys.argv[1]).write() as writer:
    real = module._append
    def append(table, new):
        real(table, new)
        os._exit(9)
    module._append = append
    writer.commit(*rows.batch(100, 4))
"""


@pytest.mark.parametrize("script", [DIES_BEFORE_THE_COMMIT, DIES_AFTER_THE_FIRST_TABLE])
def test_half_a_batch_is_invisible_and_undone(store: Store, rows: ModuleType, script: str) -> None:
    before, versions = rows.found(store), store.versions()
    died = subprocess.run(
        [sys.executable, "-c", script, str(store.path), str(WRITER_PROCESS.parent)], check=False
    )
    assert died.returncode == 9
    for reader in (store, Store.open(store.path)):
        assert rows.found(reader) == before
        assert reader.versions() == versions
    with store.write() as writer:
        assert rows.found(store) == before
        writer.commit(*rows.batch(100, 4))
    files, sounds, with_vectors = rows.found(store)
    assert len(files) == len(sounds) == len(with_vectors) == 9
    assert store.read_vectors(rows.RECORD.fingerprint)["vector_id"].to_pylist() == list(range(27))


def test_the_first_batch_ever_can_die(tmp_path: Path, rows: ModuleType) -> None:
    store = Store.open(tmp_path / "library")
    with store.write() as writer:
        writer.ensure_encoder(rows.RECORD)
    died = subprocess.run(
        [sys.executable, "-c", DIES_BEFORE_THE_COMMIT, str(store.path), str(WRITER_PROCESS.parent)],
        check=False,
    )
    assert died.returncode == 9
    assert store.counts() == {"files": 0, "sounds": 0, f"vectors_{rows.RECORD.fingerprint}": 0}
    with store.write() as writer:
        writer.commit(*rows.batch(0, 2))
    assert set(store.counts().values()) == {2, 6}


def test_an_empty_manifest_left_by_a_power_cut_is_discarded(store: Store, rows: ModuleType) -> None:
    before = rows.found(store)
    died = subprocess.run(
        [sys.executable, "-c", DIES_BEFORE_THE_COMMIT, str(store.path), str(WRITER_PROCESS.parent)],
        check=False,
    )
    assert died.returncode == 9
    for table in ("files", "sounds", f"vectors_{rows.RECORD.fingerprint}"):
        versions = store.path / "tables" / f"{table}.lance" / "_versions"
        newest = min(versions.glob("*.manifest"))
        newest.write_bytes(b"")
    with Store.open(store.path).write() as writer:
        assert rows.found(Store.open(store.path)) == before
        writer.commit(*rows.batch(100, 1))
    assert len(rows.found(Store.open(store.path))[0]) == 6
