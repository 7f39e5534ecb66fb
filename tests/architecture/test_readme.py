"""The README cannot drift: every command and snippet in it is executed, or checked where that cannot be."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame

from soundalike.audio import decode, encode_wav
from soundalike.cli.app import app
from soundalike.encoders.models import shipped_manifests
from soundalike.library import ENVIRONMENT_VARIABLE, demo_sounds, load_encoder

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
RATE_HZ = 22050


def write_flac(path: Path, samples: np.ndarray) -> None:
    """Write mono samples as a FLAC file."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("flac", rate=RATE_HZ, layout="mono")
        assert isinstance(stream, av.AudioStream)
        whole = (samples * 32767).astype(np.int16)[None]
        frame = AudioFrame.from_ndarray(whole, format="s16", layout="mono")
        frame.sample_rate = RATE_HZ
        resampler = av.AudioResampler("s16", "mono", RATE_HZ, 4096)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))


class Home:
    """A home folder with samples, and a working folder with the files that the README names."""

    def __init__(self, path: Path) -> None:
        self.path, self.work = path / "home", path / "work"
        self.work.mkdir(parents=True)
        for name in ("kicks", "snares", "loops"):
            shutil.copytree(demo_sounds() / name, self.path / "samples" / name)
        with zipfile.ZipFile(self.work / "pack.zip", "w") as pack:
            for found in sorted((demo_sounds() / "tabla").iterdir())[:3]:
                pack.write(found, found.name)
        kick = decode(demo_sounds() / "kicks" / "bd_808.flac", rate_hz=RATE_HZ).samples
        (self.work / "kick.wav").write_bytes(encode_wav(0.5 * kick, RATE_HZ))
        field = np.resize(
            0.3 * decode(demo_sounds() / "ambience" / "ambi_drone.flac", rate_hz=RATE_HZ).samples,
            70 * RATE_HZ,
        )
        bell = decode(next((demo_sounds() / "loops").glob("loop_amen.flac")), rate_hz=RATE_HZ).samples
        part = bell[: round(1.5 * RATE_HZ)]
        at = round(63.2 * RATE_HZ)
        field[at : at + len(part)] = part
        write_flac(self.work / "field.flac", np.clip(field, -1, 1))
        kept = {k: v for k, v in os.environ.items() if k not in (ENVIRONMENT_VARIABLE, "XDG_DATA_HOME")}
        scripts = str(Path(sys.executable).parent)
        self.environment = kept | {
            "HOME": str(self.path),
            "PATH": scripts + os.pathsep + os.environ["PATH"],
            "PYTHONUNBUFFERED": "1",
        }

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in a shell, in the working folder."""
        return subprocess.run(
            ["sh", "-c", command],
            cwd=self.work,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def serve(self, command: str) -> None:
        """Start a command that serves the page on a free port, ask the page something, and stop it."""
        process = subprocess.Popen(
            ["sh", "-c", f"exec {command} --port 0"],
            cwd=self.work, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            found = None
            while found is None:
                line = process.stdout.readline()
                assert line, process.stderr.read()
                found = re.search(r"http://127\.0\.0\.1:\d+/", line)
            with urllib.request.urlopen(found.group() + "api/library", timeout=30) as answer:
                assert json.load(answer)["sounds"] > 0
            with urllib.request.urlopen(found.group(), timeout=30) as answer:
                assert b"<html" in answer.read()
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)
            assert process.returncode in (0, 130)
        finally:
            process.kill()
            process.communicate()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home folder of one's own."""
    return Home(tmp_path)


def serves(home: Home, command: str) -> None:
    """A command that serves the page until it is stopped."""
    home.serve(command)


def succeeds(home: Home, command: str) -> None:
    """A command that does something and ends."""
    done = home.run(command)
    assert done.returncode == 0, done.stderr
    if " search " in command:
        first = done.stdout.splitlines()[1]
        wanted = "loop_amen.flac" if "field.flac" in command else "bd_808.flac"
        assert wanted in first, done.stdout


def clones(home: Home, command: str) -> None:
    """Clone this checkout, and see what ``make demo`` would do in the clone."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no checkout: there is nothing to clone")
    assert "<this repository>" in command
    done = home.run(command.replace("<this repository>", f"'{ROOT}'") + " && make -n demo && make -n test")
    assert done.returncode == 0, done.stderr
    for words in ("-m venv .venv", "install --quiet", "soundalike demo", "ruff check", "pytest -n auto"):
        assert words in done.stdout


def is_target(home: Home, command: str) -> None:
    """A target of the Makefile: its commands are there, and are not run."""
    done = subprocess.run(
        command.replace("make ", "make -n "),
        shell=True,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


def installs_this(home: Home, command: str) -> None:
    """The package that pip would build here has the command that the README goes on with."""
    assert PROJECT["scripts"] == {"soundalike": "soundalike.cli:main"}
    assert shutil.which("soundalike", path=home.environment["PATH"])


def installs_torch(home: Home, command: str) -> None:
    """The build of torch that is named is the one that the extra pins."""
    (version,) = re.findall(r"torch==\S+", command)
    assert version in PROJECT["optional-dependencies"]["train"]
    assert "--index-url https://download.pytorch.org/whl/cpu" in command


def evaluates(home: Home, command: str) -> None:
    """The folders are a task, and every encoder stands above chance."""
    done = home.run(command + " --json --no-plots")
    assert done.returncode == 0, done.stderr
    assert "chance" in done.stdout
    assert "spectral" in done.stdout


def is_published(home: Home, command: str) -> None:
    """What is installed by name is in the table of what is published."""
    done = home.run("soundalike encoders install --json")
    assert done.returncode == 0, done.stderr
    assert command.rsplit(maxsplit=1)[-1] in done.stdout


def deforms(home: Home, command: str) -> None:
    """The folder that is named fills with sounds."""
    done = home.run(command)
    assert done.returncode == 0, done.stderr
    assert len(list((home.work / command.rsplit(maxsplit=1)[-1]).glob("*.wav"))) > 10


KINDS: list[tuple[str, Callable[[Home, str], None]]] = [
    (r"git clone .* && cd soundalike", clones),
    (r"make [a-z-]+", is_target),
    (r"pip install \.", installs_this),
    (r"pip install torch==\S+ --index-url \S+", installs_torch),
    (r"soundalike (demo|serve)", serves),
    (r"soundalike (index|search) .*", succeeds),
    (r"soundalike evaluate .*", evaluates),
    (r"soundalike encoders install [a-z0-9-]+", is_published),
    (r"soundalike deform .*", deforms),
]


@pytest.mark.slow
@pytest.mark.parametrize("block", [text for kind, text in BLOCKS if kind == "sh"], ids=lambda b: b.split()[1])
def test_commands(home: Home, block: str) -> None:
    for line in block.strip().splitlines():
        command = line.split("  #")[0].strip()
        checks = [check for pattern, check in KINDS if re.fullmatch(pattern, command)]
        assert len(checks) == 1, f"no one way to check {command!r}: add one"
        checks[0](home, command)


@pytest.mark.parametrize("block", [text for kind, text in BLOCKS if kind == "python"])
def test_snippets(home: Home, block: str) -> None:
    more = "\nassert len(names) == len(vectors) == library.count() == len(report.added)\n"
    done = subprocess.run(
        [sys.executable, "-c", block + more],
        cwd=home.work, env=home.environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 10
    assert re.fullmatch(rf"1 {re.escape(str(home.path))}/samples/kicks/bd_808\.flac (1\.0|0\.\d+)", lines[0])
    assert (home.work / "my-library").is_dir()


def test_there_is_no_block_of_another_kind() -> None:
    kinds = [kind for kind, _ in BLOCKS]
    assert set(kinds) == {"sh", "python"}
    assert README.count("```") == 2 * len(BLOCKS)


def test_the_verbs_that_are_named_are_all_there_are() -> None:
    verbs = {command.name for command in app.registered_commands} | {g.name for g in app.registered_groups}
    shown = {
        words.split()[1]
        for kind, text in BLOCKS
        if kind == "sh"
        for words in text.splitlines()
        if "soundalike " in words[:11]
    }
    (others,) = re.findall(r"Other verbs: (.*?)\.", README, re.DOTALL)
    inline = set(re.findall(r"`soundalike\s+(\w+)`", README))
    assert shown | inline | set(re.findall(r"`(\w+)`", others)) == verbs


def test_the_address_that_is_named_is_the_default() -> None:
    from soundalike.web.server import DEFAULT_PORT

    assert f"<http://127.0.0.1:{DEFAULT_PORT}>" in README


def test_the_encoder_that_is_named_is_the_default() -> None:
    spec = load_encoder().spec
    assert f"Listens with `{spec.name}`" in README
    words = " ".join(README.split())
    assert f"segments of {spec.window_s:.2f} s every {spec.hop_s:.2f} s" in words
    assert f"a vector of {spec.dims} numbers" in words
    model = shipped_manifests()[spec.name].with_suffix(".onnx")
    assert f"({model.stat().st_size / 1e6:.0f} MB, offline, no PyTorch)" in words


def test_what_else_is_named_is_there() -> None:
    assert {"train", "dev"} <= set(PROJECT["optional-dependencies"])
    assert (ROOT / "constraints.txt").is_file()
    assert f"${ENVIRONMENT_VARIABLE}" in README
    assert PROJECT["requires-python"] == ">=3.11,<3.14"
    assert "Python 3.11 to 3.13" in README
