"""Disks, libraries and ports that cannot be used, end to end: one sentence, exit code 1, nothing is lost."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soundalike.audio import encode_wav
from soundalike.library import Library, demo_sounds


def listing(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Everything in a folder, with what changes where something is written."""
    return {
        str(path): (path.stat().st_mtime_ns, path.stat().st_size, path.stat().st_mode)
        for path in [folder, *folder.rglob("*")]
    }


def write_tones(folder: Path, count: int, lowest_hz: float) -> Path:
    """Write tones of four seconds, whose vectors take about 8 kB each."""
    folder.mkdir(parents=True, exist_ok=True)
    time_s = np.arange(4 * 8000) / 8000
    for number in range(count):
        wave = 0.3 * np.sin(2 * np.pi * (lowest_hz + 3 * number) * time_s)
        (folder / f"tone{number:04d}.wav").write_bytes(encode_wav(wave.astype(np.float32), 8000))
    return folder


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MB in memory, where the tests may mount one."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("mounting a small disk needs Linux and root")
    path = tmp_path / "disk"
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(path)]
    mount = subprocess.run(command, check=False, capture_output=True, text=True)
    if mount.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted here: {mount.stderr.strip()}")
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True, capture_output=True)


def test_a_full_disk_stops_index_and_keeps_what_was_committed(
    run: Any, small_disk: Path, tmp_path: Path
) -> None:
    first, many = write_tones(tmp_path / "first", 5, 1000), write_tones(tmp_path / "many", 200, 100)
    library = small_disk / "library"
    indexed = run("index", first, "--jobs", 1, "--encoder", "spectral", library=library)
    assert indexed.status == 0, indexed  # its vectors are many and large: they fill the disk
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(3_000_000))
    ended = run("index", many, "--jobs", 2)
    assert (ended.status, ended.out) == (1, "")
    assert re.fullmatch(
        r"error: The disk that holds .* is full: the last batch was not written; "
        r"what was acknowledged before is kept\..*\n",
        ended.err,
    ), ended.err
    kept = run("info", "--json").json["sounds"]
    assert 5 <= kept < 205
    assert run("search", first / "tone0002.wav", "--json").json[0]["same_file"]
    ballast.unlink()
    report = run("index", many, "--jobs", 2, "--json").json
    assert len(report["added"]) == 205 - kept
    assert run("info", "--json").json["sounds"] == 205


def test_a_limit_on_the_size_of_files_stops_index_and_keeps_what_was_committed(
    run: Any, start: Any, tmp_path: Path
) -> None:
    if sys.platform == "win32":
        pytest.skip("file-size limits are POSIX")
    import resource

    first, many = write_tones(tmp_path / "first", 5, 1000), write_tones(tmp_path / "many", 60, 100)
    library = tmp_path / "library"
    assert run("index", first, "--jobs", 1, library=library).status == 0

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))

    process = start("index", many, "--jobs", 1, "--library", library, preexec_fn=limit)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (1, ""), err
    assert "Traceback" not in err
    assert "error: " in err
    assert "what was acknowledged before is kept" in err
    assert run("info", "--json").json["sounds"] >= 5
    assert run("index", many, "--jobs", 1).status == 0
    assert run("info", "--json").json["sounds"] == 65


def test_a_read_only_volume_of_sounds(run: Any, small_disk: Path, tmp_path: Path) -> None:
    shutil.copytree(demo_sounds() / "kicks", small_disk / "kicks")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True, capture_output=True)
    assert run("index", small_disk, "--jobs", 1, library=tmp_path / "library").status == 0
    assert run("search", small_disk / "kicks" / "bd_808.flac", "--json").json[0]["same_file"]


def test_nothing_is_ever_written_beside_the_sounds(
    run: Any, library: Library, samples: Path, tmp_path: Path
) -> None:
    with (samples / "snares" / "sn_dub.flac").open("rb"):
        before = listing(samples)
        kick = samples / "kicks" / "bd_808.flac"
        run("index", samples, "--jobs", 1)
        run("search", kick)
        run("search", "--sound", kick, "--at", 0.1, "--for", 0.2)
        run("errors")
        run("embed", samples, "--out", tmp_path / "v.npz")
        run("features", "compute", kick, "--out", tmp_path / "f.npz")
        run("train", "spectral", samples, "--out", tmp_path / "e.json")
        run("remove", samples / "kicks")
        library.preview(library.sound(samples / "snares" / "sn_dub.flac"))
        assert listing(samples) == before


@pytest.mark.parametrize("verb", ["index", "search", "info", "errors", "serve"])
def test_a_folder_that_is_no_library_is_left_alone(run: Any, kicks: Path, tmp_path: Path, verb: str) -> None:
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    (photographs / "cat.jpg").write_bytes(b"\xff\xd8")
    words = {"index": [kicks], "search": [min(kicks.iterdir())]}.get(verb, [])
    before = listing(photographs)
    told = "photographs is not a library, and not empty" if verb == "index" else "There is no library at"
    run(verb, *words, "--library", photographs).fails(told)
    assert listing(photographs) == before
    told = "cat.jpg is a file" if verb == "index" else "There is no library at"
    run(verb, *words, "--library", photographs / "cat.jpg").fails(told)
    assert listing(photographs) == before


def damage_header(library: Path) -> None:
    (library / "soundalike.json").write_text('{"format_version": 1, "enco')


def damage_commit(library: Path) -> None:
    (library / "commit.json").write_bytes(bytes(100))


def lose_commit(library: Path) -> None:
    (library / "commit.json").unlink()


def lose_table(library: Path) -> None:
    shutil.rmtree(next((library / "tables").glob("sounds*")))


def damage_data(library: Path) -> None:
    for path in (library / "tables").rglob("*.lance"):
        if path.is_file():
            path.write_bytes(bytes(path.stat().st_size))


def lose_manifests(library: Path) -> None:
    for path in (library / "tables").rglob("_versions"):
        shutil.rmtree(path)


DAMAGES: list[Callable[[Path], None]] = [
    damage_header, damage_commit, lose_commit, lose_table, damage_data, lose_manifests,
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_library_is_told_in_a_sentence(
    run: Any, library: Library, samples: Path, damage: Callable[[Path], None]
) -> None:
    damage(library.path)
    kick = samples / "kicks" / "bd_808.flac"
    for words in (["search", kick], ["info"], ["index", samples, "--jobs", 1], ["export", "x.csv"]):
        ended = run(*words)
        assert (ended.status, ended.out) == (1, ""), ended
        assert ended.err.startswith("error: "), ended
        assert ended.err.count("\n") == 1, ended
        assert str(library.path) in ended.err or "table" in ended.err, ended


def test_what_is_derived_may_be_damaged_or_deleted(run: Any, library: Library, samples: Path) -> None:
    kick = samples / "kicks" / "bd_808.flac"
    before = run("search", kick, "--json").json
    derived = library.path / "derived"
    for path in [p for p in derived.rglob("*") if p.is_file()]:
        path.write_bytes(b"damaged")
    assert run("search", kick, "--json").json == before
    shutil.rmtree(derived, ignore_errors=True)
    assert run("search", kick, "--json").json == before


def test_a_library_of_a_newer_version(run: Any, library: Library, samples: Path) -> None:
    header = library.path / "soundalike.json"
    header.write_text(json.dumps(json.loads(header.read_text()) | {"format_version": 99}))
    before = listing(library.path)
    for words in (["search", samples / "kicks" / "bd_808.flac"], ["index", samples], ["info"], ["serve"]):
        run(*words).fails("has format version 99")
        run(*words).fails("Update soundalike to open it.")
    assert listing(library.path) == before


def test_a_library_under_a_name_that_no_table_can_have(run: Any, kicks: Path, tmp_path: Path) -> None:
    run("index", kicks, library=tmp_path / "two\nlines").fails(
        "must be valid Unicode without control characters"
    )


def test_a_second_indexer_is_told(run: Any, library: Library, samples: Path) -> None:
    with library._store.write():
        ended = run("index", samples, "--jobs", 1)
        assert (ended.status, ended.out) == (1, "")
        assert "is writing to" in ended.err
        assert run("search", samples / "kicks" / "bd_808.flac", "--json").status == 0  # readers go on


def test_a_port_in_use(run: Any, library: Library) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        run("serve", "--port", port).fails(
            f"Port {port} on 127.0.0.1 is in use by another program; choose another"
        )
    run("serve", "--host", "192.0.2.1", "--port", 0).fails("192.0.2.1 is not an address of this machine")
    assert run("serve", "--port", 70_000).status == 2


@pytest.mark.parametrize("verb", ["serve", "demo"])
def test_the_page_is_served_until_it_is_stopped(
    start: Any, library: Library, tmp_path: Path, verb: str
) -> None:
    path = library.path if verb == "serve" else tmp_path / "demo"
    process = start(verb, "--port", 0, "--library", path)
    try:
        said = ""
        while not (found := re.search(r"http://127\.0\.0\.1:\d+/", said)):
            line = process.stdout.readline()
            assert line, process.stderr.read()
            said += line
        with urllib.request.urlopen(found.group() + "api/library", timeout=30) as answer:
            assert json.load(answer)["sounds"] == (16 if verb == "serve" else 125)
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=60)
        assert process.returncode in (0, 130)
        assert "Traceback" not in complaints
    finally:
        process.kill()
        process.communicate()


def test_a_crash_of_the_program_is_not_hidden(
    run: Any, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(_: object) -> None:
        raise ZeroDivisionError("a mistake in the program")

    monkeypatch.setattr(Library, "info", crash)
    with pytest.raises(ZeroDivisionError, match="a mistake in the program"):
        run("info")


def test_ctrl_c_ends_with_130(run: Any, library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Library, "info", stopped)
    ended = run("info")
    assert ended.status == 130
    assert "Traceback" not in ended.err
