"""An ingest on real files: what is new, changed, moved, gone, and what a crash leaves behind."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soundalike.core.errors import LibraryBusyError
from soundalike.encoders import load_encoder
from soundalike.ingest import IngestSettings, Progress, Report, ingest
from soundalike.sources import source_for
from soundalike.storage import Store, Writer

ENCODER = "spectral"  # the same to the bit, whichever files come in a batch together
WriteTone = Callable[..., Path]


def run(store: Store, *places: Path, **settings: object) -> Report:
    sources = [source_for(place) for place in places]
    return ingest(store, sources, load_encoder(ENCODER), ENCODER, IngestSettings(**settings))  # type: ignore[arg-type]


def names(uris: list[str]) -> list[str]:
    return sorted(uri.rsplit("/", 1)[-1] for uri in uris)


def vectors(store: Store) -> dict[tuple[str, float | None], bytes]:
    table = store.read_vectors(load_encoder(ENCODER).spec.fingerprint)
    rows = table.select(["sound_id", "start_s", "vector"]).to_pylist()
    found = {(r["sound_id"], r["start_s"]): np.array(r["vector"], np.float32).tobytes() for r in rows}
    assert len(found) == len(rows), "a segment is there twice"
    return found


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "library")


def test_everything_is_added_once(store: Store, sounds: Path) -> None:
    first = run(store, sounds)
    assert len(first.added) == 12
    assert first.audio_s == pytest.approx(6.0, abs=0.01)
    before = vectors(store)
    again = run(store, sounds)
    assert (again.added, len(again.unchanged)) == ([], 12)
    assert vectors(store) == before


def test_workers_and_this_process_make_the_same_vectors(tmp_path: Path, sounds: Path) -> None:
    here, there = Store.open(tmp_path / "here"), Store.open(tmp_path / "there")
    run(here, sounds)
    run(there, sounds, isolate=True, jobs=2)
    assert vectors(here) == vectors(there)


def test_a_changed_file_is_embedded_anew(write_tone: WriteTone, store: Store, sounds: Path) -> None:
    run(store, sounds)
    write_tone(sounds / "low" / "tone03.wav", 3000.0, 0.7)
    report = run(store, sounds)
    assert names(report.changed) == ["tone03.wav"]
    assert len(report.unchanged) == 11


def test_a_touched_file_is_not_embedded_anew(store: Store, sounds: Path) -> None:
    run(store, sounds)
    os.utime(sounds / "low" / "tone03.wav", ns=(1, 1))
    report = run(store, sounds)
    assert (report.added, report.changed, report.duplicates, report.audio_s) == ([], [], [], 0.0)
    assert len(report.unchanged) == 12


def test_a_moved_file_keeps_its_vectors_and_leaves_its_old_place(store: Store, sounds: Path) -> None:
    run(store, sounds)
    before = vectors(store)
    (sounds / "low" / "tone03.wav").rename(sounds / "high" / "renamed.wav")
    report = run(store, sounds)
    assert names(report.moved) == ["renamed.wav"]
    assert (report.added, report.missing, report.duplicates, report.audio_s) == ([], [], [], 0.0)
    assert vectors(store) == before
    assert not any("tone03" in uri for uri in store.read_files(["uri"]).column("uri").to_pylist())


def test_a_vanished_file_is_missing_and_comes_back(store: Store, sounds: Path, tmp_path: Path) -> None:
    run(store, sounds)
    aside = tmp_path / "aside.wav"
    (sounds / "low" / "tone03.wav").rename(aside)
    report = run(store, sounds)
    assert names(report.missing) == ["tone03.wav"]
    missing = store.read_files(["uri", "missing"]).to_pylist()
    assert [row["uri"].rsplit("/")[-1] for row in missing if row["missing"]] == ["tone03.wav"]
    aside.rename(sounds / "low" / "tone03.wav")
    report = run(store, sounds)
    assert (report.added, len(report.unchanged), report.audio_s) == ([], 12, 0.0)
    assert not any(store.read_files(["missing"]).column("missing").to_pylist())


def test_a_place_that_was_not_looked_at_loses_nothing(store: Store, sounds: Path) -> None:
    run(store, sounds)
    for path in (sounds / "high").iterdir():
        path.unlink()
    report = run(store, sounds / "low")
    assert report.missing == []


def test_the_same_bytes_are_one_sound(store: Store, sounds: Path) -> None:
    (sounds / "copy.wav").write_bytes((sounds / "low" / "tone00.wav").read_bytes())
    report = run(store, sounds)
    assert (len(report.added), len(report.duplicates)) == (12, 1)
    assert store.counts()["sounds"] == 12


def test_a_zip_is_read_without_unpacking(store: Store, sounds: Path, tmp_path: Path) -> None:
    pack = tmp_path / "pack.zip"
    with zipfile.ZipFile(pack, "w") as archive:
        for path in sorted(sounds.rglob("*.wav")):
            archive.write(path, path.relative_to(sounds))
    report = run(store, pack)
    assert len(report.added) == 12
    assert report.added[0].endswith("pack.zip!/high/tone06.wav")
    assert len(run(store, pack).unchanged) == 12


def test_an_open_file_keeps_its_metadata(store: Store, sounds: Path) -> None:
    file = io.BytesIO((sounds / "low" / "tone00.wav").read_bytes())
    source = source_for(file, name="kick.wav", metadata={"artist": "Ann"})
    report = ingest(store, [source], load_encoder(ENCODER), ENCODER)
    assert len(report.added) == 1
    assert '"artist": "Ann"' in store.read_files(["fields"]).column("fields")[0].as_py()


def test_a_bad_file_is_recorded_and_stops_nothing(store: Store, sounds: Path) -> None:
    (sounds / "bad.wav").write_text("This is not a sound.")
    (sounds / "empty.wav").touch()
    report = run(store, sounds)
    assert len(report.added) == 12
    assert names([f.uri for f in report.failed]) == ["bad.wav", "empty.wav"]
    errors = [row["error"] for row in store.read_files(["uri", "error"]).to_pylist() if row["error"]]
    assert len(errors) == 2


def test_a_file_that_cannot_be_read_today_stays_the_sound_that_it_was(store: Store, sounds: Path) -> None:
    run(store, sounds)
    target = sounds / "low" / "tone03.wav"
    kept = target.read_bytes()
    stat = target.stat()
    target.unlink()
    target.mkdir()  # something is there that is no file: it cannot be read
    target.rmdir()
    os.mkfifo(target)
    report = run(store, sounds)
    target.unlink()
    rows = {r["uri"].rsplit("/")[-1]: r for r in store.read_files(["uri", "sound_id", "error"]).to_pylist()}
    assert rows["tone03.wav"]["sound_id"] is not None
    target.write_bytes(kept)
    os.utime(target, ns=(stat.st_mtime_ns, stat.st_mtime_ns))
    assert run(store, sounds).audio_s == 0.0
    assert report.added == []


def test_progress_counts_what_is_committed(store: Store, sounds: Path) -> None:
    told: list[Progress] = []
    ingest(store, [source_for(sounds)], load_encoder(ENCODER), ENCODER, IngestSettings(), told.append)
    stages = list(dict.fromkeys(p.stage for p in told))
    assert stages == ["looking", "listening", "tidying"]
    assert told[-1].files_done == told[-1].files_total == 12
    assert told[-1].bytes_done == told[-1].bytes_total > 0


def test_a_second_writer_is_told(store: Store, sounds: Path) -> None:
    with store.write(), pytest.raises(LibraryBusyError, match="writing"):
        run(store, sounds)


CRASHING_WORKER = """
import os, signal, time
from soundalike.ingest import analyse, worker
real = analyse.open_audio
def open_audio(file, *, rate_hz, name=""):
    if name == "boom.wav":
        os.kill(os.getpid(), signal.SIGSEGV)
    if name == "hang.wav":
        time.sleep(3600)
    return real(file, rate_hz=rate_hz, name=name)
analyse.open_audio = open_audio
worker.main()
"""


@pytest.mark.parametrize(
    ("name", "words"), [("boom.wav", "crashed on this file"), ("hang.wav", "did not get on")]
)
def test_a_file_that_brings_the_decoder_down_costs_itself_only(
    write_tone: WriteTone,
    store: Store,
    sounds: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    words: str,
) -> None:
    from soundalike.ingest import pool

    (tmp_path / "crashing_worker.py").write_text(CRASHING_WORKER)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(pool.WorkerPool.__init__, "__defaults__", ("crashing_worker",))
    monkeypatch.setattr(pool, "_SILENCE_S", 3.0)
    write_tone(sounds / "high" / name, 50.0)
    report = run(store, sounds, isolate=True, jobs=1)
    assert len(report.added) == 12
    assert names([f.uri for f in report.failed]) == [name]
    assert words in report.failed[0].reason


CHATTING_WORKER = """
import os, pathlib, time
from soundalike.ingest import analyse, worker
hung = pathlib.Path(__file__).with_name("hung")
class Teller(worker._Teller):
    def __call__(self, index, seconds):
        global at
        at = self, index
        super().__call__(index, seconds)
worker._Teller = Teller
def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
real = analyse.open_audio
def open_audio(file, *, rate_hz, name=""):
    if name == "hang.wav":
        hung.with_suffix(".part").write_text(str(os.getpid()))
        hung.with_suffix(".part").rename(hung)
        time.sleep(3600)
    if name == "chat.wav":
        until = time.monotonic() + 60
        while not hung.exists() or is_running(int(hung.read_text())):
            if time.monotonic() > until:
                raise RuntimeError("the worker that hangs was not given up meanwhile")
            time.sleep(0.1)
            teller, index = at
            teller(index, 0.0)
    return real(file, rate_hz=rate_hz, name=name)
analyse.open_audio = open_audio
worker.main()
"""


def test_a_worker_that_hangs_is_given_up_while_others_go_on(
    write_tone: WriteTone, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from soundalike.ingest import plan, pool

    (tmp_path / "chatting_worker.py").write_text(CHATTING_WORKER)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(pool.WorkerPool.__init__, "__defaults__", ("chatting_worker",))
    monkeypatch.setattr(pool, "_SILENCE_S", 8.0)  # longer than a busy machine takes to start one
    monkeypatch.setattr(plan, "_TASK_FILES", 1)
    for index, name in enumerate(("chat.wav", "hang.wav")):
        write_tone(tmp_path / "sounds" / name, 100.0 + 70.0 * index)
    report = run(store, tmp_path / "sounds", isolate=True, jobs=2)
    assert names(report.added) == ["chat.wav"]
    assert [f.reason for f in report.failed] == [
        "The decoder did not get on with this file for 8 seconds, so it was given up."
    ]


def test_workers_that_do_not_start_are_an_error_that_says_why(
    store: Store, sounds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from soundalike.core.errors import SoundalikeError
    from soundalike.ingest import pool

    monkeypatch.setattr(pool.WorkerPool.__init__, "__defaults__", ("no_such_module",))
    with pytest.raises(SoundalikeError, match=r"do not start.*no_such_module"):
        run(store, sounds, isolate=True, jobs=1)


INGEST = """
import sys
from soundalike.library import Library
Library.open(sys.argv[1], encoder=sys.argv[3]).add(sys.argv[2], isolate=True, jobs=2)
"""


def test_killed_again_and_again_it_ends_with_the_same_library(write_tone: WriteTone, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    for index in range(150):
        write_tone(folder / f"tone{index:03d}.wav", 60.0 * 1.03**index, 0.4)
    whole = Store.open(tmp_path / "whole")
    run(whole, folder)
    broken = Store.open(tmp_path / "broken")
    command = [sys.executable, "-c", INGEST, str(broken.path), str(folder), ENCODER]
    acknowledged: set[str] = set()
    for delay_s in (0.6, 1.0, 1.4, 1.8, 2.2):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        time.sleep(delay_s)
        process.send_signal(signal.SIGKILL)
        process.wait()
        there = set(broken.read_files(["uri"]).column("uri").to_pylist())
        assert acknowledged <= there
        acknowledged = there
    subprocess.run(command, check=True)
    assert vectors(broken) == vectors(whole)
    assert sorted(broken.read_files(["uri"]).column("uri").to_pylist()) == sorted(
        whole.read_files(["uri"]).column("uri").to_pylist()
    )
    columns = ["sound_id", "duration_s", "peaks", "loudness_dbfs", "tags", "fields"]
    assert sorted(map(str, broken.read_sounds(columns).to_pylist())) == sorted(
        map(str, whole.read_sounds(columns).to_pylist())
    )


COMMAND_LINE_THAT_COMMITS_OFTEN = """
import time
from soundalike.ingest import run
from soundalike.storage.writer import Writer
run._COMMIT_EVERY_S = 0.2  # a fast machine would be done before there is anything to stop
commit = Writer.commit
def commit_and_dawdle(*args, **kwargs):
    commit(*args, **kwargs)
    time.sleep(3.0)  # nor may it be done where this test's own process is slow to look
Writer.commit = commit_and_dawdle
from soundalike.cli import main
main()
"""


def test_ctrl_c_while_a_batch_is_written_loses_nothing(
    store: Store, sounds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = Writer.commit
    calls: list[None] = []

    def interrupted(self: Writer, *args: Any, **kwargs: Any) -> None:
        calls.append(None)
        if len(calls) == 1:
            raise KeyboardInterrupt
        commit(self, *args, **kwargs)

    monkeypatch.setattr(Writer, "commit", interrupted)
    report = run(store, sounds)
    assert report.interrupted
    assert len(report.added) == store.counts()["files"] == 12


def test_ctrl_c_while_tidying_is_reported(
    store: Store, sounds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: Writer) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Writer, "optimize", interrupted)
    report = run(store, sounds)
    assert (report.interrupted, len(report.added)) == (True, 12)


def test_ctrl_c_stops_cleanly_and_the_next_run_goes_on(write_tone: WriteTone, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    for index in range(400):
        write_tone(folder / f"tone{index:03d}.wav", 60.0 * 1.01**index, 2.0)
    library = tmp_path / "library"
    command = [
        sys.executable,
        "-c",
        COMMAND_LINE_THAT_COMMITS_OFTEN,
        "index",
        str(folder),
        "--library",
        str(library),
        "--jobs",
        "1",
        "--encoder",
        ENCODER,
    ]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    store = None
    for _ in range(600):
        time.sleep(0.05)
        if (library / "soundalike.json").exists():
            store = store or Store.open(library)
            if store.counts()["files"] > 0:
                break
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "run the same command again" in said
    assert "Traceback" not in said
    assert store is not None
    done = store.counts()["files"]
    assert 0 < done < 400
    report = run(store, folder)
    assert len(report.unchanged) == done
    assert len(report.added) == 400 - done
