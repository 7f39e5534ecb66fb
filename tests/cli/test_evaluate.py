"""``soundalike evaluate`` on the command line."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from soundalike.library import DEFAULT_ENCODER, Library, demo_sounds

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folders of bundled sounds."""
    folder = tmp_path_factory.mktemp("evaluate") / "two"
    for name in ("kicks", "snares"):
        shutil.copytree(demo_sounds() / name, folder / name)
    return folder


def test_a_table_with_intervals_and_chance(run: Run, folders: Path) -> None:
    ended = run("evaluate", folders)
    assert ended.status == 0, ended
    for words in (
        "folders: two",
        DEFAULT_ENCODER,
        f"{DEFAULT_ENCODER}-untrained",
        "spectral",
        "mfcc-statistics",
        "log-mel-mean",
        "chance",
        "map",
        "hubness",
        "–",
    ):
        assert words in ended.out, words


def test_json_goes_to_the_output_stream_alone(run: Run, folders: Path) -> None:
    ended = run("evaluate", folders, "--json", "--seed", 3)
    assert ended.status == 0, ended
    assert ended.json["facts"]["seed"] == "3"
    assert {result["encoder"] for result in ended.json["results"]} == {
        DEFAULT_ENCODER,
        f"{DEFAULT_ENCODER}-untrained",
        "spectral",
        "mfcc-statistics",
        "log-mel-mean",
    }
    assert ended.json["left_out"] == []


def test_a_report_without_pictures(run: Run, folders: Path, tmp_path: Path) -> None:
    ended = run("evaluate", folders, "--out", tmp_path / "report", "--no-plots")
    assert ended.status == 0, ended
    assert f"Written to {tmp_path / 'report' / 'index.html'}" in ended.err
    assert json.loads((tmp_path / "report" / "report.json").read_text())["results"]
    assert not (tmp_path / "report" / "pictures").exists()


def test_missing_extra_is_named_and_the_rest_is_written(folders: Path, tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['matplotlib'] = sys.modules['sklearn'] = None\n"
        f"sys.argv = ['soundalike', 'evaluate', {str(folders)!r}, '--out', {str(tmp_path / 'report')!r}]\n"
        "from soundalike.cli import main; main()"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "Without pictures:" in ended.stderr
    assert "soundalike[evaluate]" in ended.stderr
    assert (tmp_path / "report" / "index.html").is_file()


def test_files_that_take_no_part_are_named(run: Run, folders: Path, tmp_path: Path) -> None:
    folder = tmp_path / "three"
    shutil.copytree(folders, folder)
    (folder / "snares" / "broken [1].wav").write_text("no sound")
    ended = run("evaluate", folder, "--json")
    assert ended.status == 3
    assert [Path(left["path"]).name for left in ended.json["left_out"]] == ["broken [1].wav"]
    assert "left out:" in ended.err
    assert "broken [1].wav" in ended.err


def test_a_library_is_asked_for_its_own_folders(
    run: Run, folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Library.open(tmp_path / "library").add(folders)
    named = run("evaluate", "--library", tmp_path / "library", "--json")
    assert named.status == 0, named
    assert {result["task"] for result in named.json["results"]} == {"library"}
    assert set(named.json["results"][0]["per_class"]) == {"kicks", "snares"}
    own = run("evaluate", "--json", library=tmp_path / "library")
    assert own.json["results"] == named.json["results"]


def test_wrong_words(run: Run, folders: Path, tmp_path: Path) -> None:
    run("evaluate", "esc10").fails("The task esc10 needs the folder that its sounds lie in: --data DIR.")
    run("evaluate", "nowhere").fails("There is no task and no folder called 'nowhere'")
    run("evaluate", folders, "--encoder", "nobody").fails("There is no encoder called 'nobody'")
    run("evaluate", "--library", tmp_path / "none").fails("There is no library at")
    run("evaluate", "esc10", "--data", folders).fails("Expected files called FOLD-RECORDING-TAKE.ogg")
    (tmp_path / "file").touch()
    run("evaluate", folders, "--out", tmp_path / "file").fails("--out names a folder to write to")


def test_ctrl_c_ends_in_a_line(start: Callable[..., subprocess.Popen[str]]) -> None:
    process = start("evaluate", "near-duplicates", "--data", demo_sounds())
    assert process.stderr is not None
    assert process.stderr.readline().startswith("listening: 1 of ")
    time.sleep(0.5)  # a line that is being printed is printed to its end
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Stopped. Nothing was written.\n" in said
    assert "Traceback" not in said
