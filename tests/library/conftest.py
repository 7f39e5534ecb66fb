"""Real sounds, a library over them, and files in every format."""

from __future__ import annotations

import importlib.util
import shutil
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from soundalike.audio import encode_wav
from soundalike.library import Library, demo_sounds

FOLDERS = ("bass", "kicks", "snares")
RATE_HZ = 22050


def load_module(path: Path, name: str) -> ModuleType:
    """Import a file of another folder of the tests by its path."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def format_files(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """A file of three seconds of a rising tone in every format that the audio tests write."""
    made = load_module(Path(__file__).parents[1] / "audio" / "conftest.py", "soundalike_audio_formats")
    folder = tmp_path_factory.mktemp("formats")
    files = {}
    for name, form in made.FORMATS.items():
        (folder / name).mkdir()
        channels = made.av.AudioLayout(form.layout).nb_channels
        samples = made.tone(form.rate_hz, channels, 3.0)
        files[name] = made.write(folder / name / form.file_name, form, samples)
    return files


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of bundled sounds, two of them in a zip archive, and a text named wav; not to change."""
    folder = tmp_path_factory.mktemp("library") / "samples"
    for name in FOLDERS:
        shutil.copytree(demo_sounds() / name, folder / name)
    with zipfile.ZipFile(folder / "pack.zip", "w") as pack:
        for path in sorted((demo_sounds() / "tabla").glob("*.flac"))[:2]:
            pack.write(path, f"hits/{path.name}")
    (folder / "notes.wav").write_text("These are notes, not sound.")
    return folder


@pytest.fixture(scope="session")
def template(samples: Path) -> Path:
    """The folder of a library over the samples; never opened for writing."""
    path = samples.parent / "template"
    report = Library.open(path).add(samples, jobs=2)
    assert [Path(f.uri).name for f in report.failed] == ["notes.wav"]
    return path


@pytest.fixture
def library(template: Path, tmp_path: Path) -> Library:
    """A copy of the library over the samples."""
    shutil.copytree(template, tmp_path / "copied library")
    return Library.open(tmp_path / "copied library")


@pytest.fixture
def empty(tmp_path: Path) -> Library:
    """A library that holds nothing yet."""
    return Library.open(tmp_path / "empty library")


@pytest.fixture
def kicks(tmp_path: Path) -> Path:
    """A folder of four real kick drums, which a test may change."""
    folder = tmp_path / "sounds" / "kicks"
    folder.mkdir(parents=True)
    for path in sorted((demo_sounds() / "kicks").glob("*.flac"))[:4]:
        shutil.copyfile(path, folder / path.name)
    return folder


WriteTone = Callable[..., Path]


@pytest.fixture(scope="session")
def write_tone() -> WriteTone:
    """A function that writes a decaying tone as a 16-bit WAV file."""

    def write(path: Path, frequency_hz: float = 440.0, duration_s: float = 1.0) -> Path:
        time_s = np.arange(int(duration_s * RATE_HZ)) / RATE_HZ
        wave = 0.3 * np.sin(2 * np.pi * frequency_hz * time_s) * np.exp(-2.0 * time_s)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_wav(wave.astype(np.float32), RATE_HZ))
        return path

    return write
