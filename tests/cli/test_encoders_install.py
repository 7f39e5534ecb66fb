"""``soundalike encoders install``, and the line that offers it after the first ``index``."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from soundalike.cli.install import InstallLine, describe
from soundalike.encoders.published import published_encoder
from soundalike.encoders.published_conversion import write_published
from soundalike.library import encoder_names
from soundalike.studies import InstallProgress

Run = Callable[..., Any]
FILE = "mn04_as_mAP_432.pt"
OFFER = "soundalike encoders install efficientat-mn04 (4.1 MB, MIT licence)"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folders of added encoders and of caches that are this test's own."""
    monkeypatch.setenv("SOUNDALIKE_ENCODERS", str(tmp_path / "encoders"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture
def teacher(shared_data: Path) -> Path:
    return shared_data / "teacher" / FILE


@pytest.fixture
def mirror(tmp_path: Path, teacher: Path) -> Iterator[str]:
    """The address of a server of the published file, in a process of its own."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    shutil.copyfile(teacher, folder / FILE)
    script = Path(__file__).parents[1] / "studies" / "range_server.py"
    command = [sys.executable, str(script), str(folder), str(tmp_path / "log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.kill()


def test_without_a_name_the_table_is_listed(run: Run) -> None:
    listed = run("encoders", "install", "--json").json
    assert [one["name"] for one in listed] == ["efficientat-mn04", "efficientat-mn10"]
    assert not any(one["installed"] for one in listed)
    assert "efficientat-mn10: " in run("encoders", "install").out
    assert "checksum not known: --unverified or --sha256" in run("encoders", "install").out


def test_an_encoder_is_installed_from_a_mirror_and_listed(run: Run, mirror: str) -> None:
    ended = run("encoders", "install", "efficientat-mn04", "--from", f"{mirror}/{FILE}?breaks=3000000")
    assert ended.status == 0, ended
    assert "Installed efficientat-mn04 (MIT licence): 576 dimensions, efficientat-mn04-" in ended.err
    assert "Verified: its file has the SHA-256 that this version of soundalike knows." in ended.err
    assert "soundalike encoders use efficientat-mn04" in ended.err
    (listed,) = (one for one in run("encoders", "list", "--json").json if one["name"] == "efficientat-mn04")
    assert (listed["dims"], listed["tags"], listed["licence"]) == (576, 527, "MIT")
    again = run("encoders", "install", "efficientat-mn04", "--json")
    assert again.json["was_there"]
    assert "installed)" in run("encoders", "install").out


def test_a_manifests_own_checksum_verifies_nothing(
    run: Run, mirror: str, teacher: Path, tmp_path: Path
) -> None:
    write_published(published_encoder("efficientat-mn04"), teacher, tmp_path / "mirror")
    (manifest,) = (tmp_path / "mirror").glob("*.json")
    ended = run("encoders", "install", f"{mirror}/{manifest.name}")
    assert ended.status == 0, ended
    assert "Its files match the manifest's checksums, which came from the same address." in ended.err
    assert "erified" not in ended.err
    told = run("encoders", "install", f"{mirror}/{manifest.name}", "--force", "--json").json
    assert (told["checked_against"], told["verified"]) == ("manifest", False)


def test_what_went_wrong_is_told_in_one_line(run: Run, mirror: str, tmp_path: Path) -> None:
    run("encoders", "install", "efficientat-mn04", "--from", f"{mirror}/absent").fails("--from FILE")
    run("encoders", "install", "efficientat-mn04", "--from", tmp_path / "absent").fails("cannot be read")
    run("encoders", "install", "efficientat-mn10").fails("--unverified")
    run("encoders", "install", "other").fails("there are: efficientat-mn04, efficientat-mn10")
    run("encoders", "install", f"{mirror}/absent.json").fails("404")
    assert "efficientat-mn04" not in encoder_names()


def test_a_library_listens_with_an_installed_encoder(
    run: Run, teacher: Path, kicks: Path, home: Path
) -> None:
    assert run("encoders", "install", "efficientat-mn04", "--from", teacher).status == 0
    library = home / "library"
    ended = run("index", kicks, "--encoder", "efficientat-mn04", "--jobs", "1", library=library)
    assert ended.status == 0, ended
    hits = run("search", next(kicks.iterdir()), "--json", library=library).json
    assert len(hits) >= 3


def on_a_terminal(command: list[str]) -> str:
    """Run a command whose error stream is a terminal; give what appeared there."""
    import pty

    leader, follower = pty.openpty()
    environment = os.environ | {"COLUMNS": "200", "TERM": "xterm"}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=follower, env=environment) as process:
        os.close(follower)
        said = b""
        try:
            while piece := os.read(leader, 4096):
                said += piece
        except OSError:  # Linux's way to say that the other end is closed
            pass
        assert process.wait() == 0, said
    os.close(leader)
    return said.decode(errors="replace").replace("\r\n", " ").replace("\n", " ")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_the_first_index_on_a_terminal_offers_it_once(kicks: Path, home: Path) -> None:
    command = [sys.executable, "-m", "soundalike", "index", str(kicks), "--jobs", "1", "--library"]
    library = str(home / "library")
    assert OFFER in on_a_terminal([*command, library])
    assert OFFER not in on_a_terminal([*command, library])
    assert OFFER not in on_a_terminal([*command, str(home / "other"), "--encoder", "spectral"])


def test_scripts_are_offered_nothing(run: Run, kicks: Path, home: Path) -> None:
    ended = run("index", kicks, "--jobs", "1", library=home / "library")
    assert ended.status == 0
    assert "encoders install" not in ended.err


def test_progress_is_told_in_words(capfd: pytest.CaptureFixture[str]) -> None:
    progress = InstallProgress("fetching", 3_000_000, 4_000_000, 2_000_000, 20.0)
    assert describe(progress) == "3.0 MB of 4.0 MB, 10.0 s left"
    assert describe(InstallProgress("fetching", 3_000_000)) == "3.0 MB"
    assert describe(InstallProgress("converting")) == ""
    with InstallLine() as line:
        line(progress)
        line(progress)
    assert capfd.readouterr().err == "fetching: 3.0 MB of 4.0 MB, 10.0 s left\n"
