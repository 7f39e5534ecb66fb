"""Running the command line in this process and in one of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from soundalike.cli import main
from soundalike.library import ENVIRONMENT_VARIABLE, Library, demo_sounds


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it said."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The output stream read as JSON."""
        return json.loads(self.out)

    def fails(self, words: str, status: int = 1) -> None:
        """Assert that it failed with one line on the error stream, and nothing on the other."""
        assert (self.status, self.out) == (status, ""), self
        assert self.err.startswith("error: "), self
        assert self.err.count("\n") == 1, self
        assert words in self.err, self


Run = Callable[..., Ended]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """A function that runs a command in this process; the library is the one that the variable names."""

    def run_here(*arguments: object, library: Path | None = None) -> Ended:
        capfd.readouterr()
        if library is not None:
            monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(library))
        monkeypatch.setattr(sys, "argv", ["soundalike", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        status = ended.value.code
        assert isinstance(status, int)
        said = capfd.readouterr()
        return Ended(status, said.out, said.err)

    return run_here


@pytest.fixture(scope="session")
def start() -> Callable[..., subprocess.Popen[str]]:
    """A function that starts a command in a process of its own."""

    def start_there(*arguments: object, **more: Any) -> subprocess.Popen[str]:
        environment = os.environ | {"PYTHONUNBUFFERED": "1"} | more.pop("env", {})
        command = [sys.executable, "-m", "soundalike", *map(str, arguments)]
        more = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | more
        return subprocess.Popen(command, env=environment, **more)

    return start_there


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of bundled sounds, one under a name with brackets and a line break, and a text named wav."""
    folder = tmp_path_factory.mktemp("cli") / "samples"
    for name in ("kicks", "snares"):
        shutil.copytree(demo_sounds() / name, folder / name)
    odd = folder / "odd [red]\\[b]"
    odd.mkdir()
    shutil.copyfile(demo_sounds() / "bass" / "bass_hit_c.flac", odd / "two\nlines [x].flac")
    (folder / "notes [1]\n.wav").write_text("not sound")
    return folder


@pytest.fixture(scope="session")
def template(samples: Path) -> Path:
    """The folder of a library over the samples; not to be written to."""
    path = samples.parent / "template"
    Library.open(path).add(samples)
    return path


@pytest.fixture
def library(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    """A copy of the library over the samples, which $SOUNDALIKE_LIBRARY names."""
    path = tmp_path / "copied library"
    shutil.copytree(template, path)
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(path))
    return Library.open(path)


@pytest.fixture
def kicks(tmp_path: Path) -> Path:
    """A folder of four real kick drums, which a test may change."""
    folder = tmp_path / "sounds" / "kicks"
    folder.mkdir(parents=True)
    for path in sorted((demo_sounds() / "kicks").glob("*.flac"))[:4]:
        shutil.copyfile(path, folder / path.name)
    return folder
