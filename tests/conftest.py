"""Fixtures that every test may use."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

TINY_RECIPE = """
name = "tiny"
batch_size = 12
objective = { kind = "triplet" }
network = { dims = 8, stages = [{ channels = 8 }, { channels = 8 }] }
positives = { deformations = [{ kind = "gain" }, { kind = "noise" }] }
optimiser = { learning_rate = 3e-3, ema_decay = 0.9 }
[input]
rate_hz = 16000
window_samples = 8000
hop_samples = 8000
[input.front_end]
kind = "log_mel"
frame_samples = 512
hop_samples = 256
bands = 24
low_hz = 40.0
high_hz = 8000.0
"""


def find_shared_data() -> Path | None:
    """Find the folder of real audio: $SOUNDALIKE_TEST_DATA, or ``shared/data`` beside the checkout."""
    named = os.environ.get("SOUNDALIKE_TEST_DATA")
    folder = Path(named) if named else Path(__file__).parents[2] / "shared" / "data"
    return folder if (folder / "esc10").is_dir() else None


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder that holds the real collections ``esc10``, ``fsdd`` and ``philharmonia``."""
    folder = find_shared_data()
    if folder is None:
        pytest.skip("the collections esc10, fsdd and philharmonia are not here (set SOUNDALIKE_TEST_DATA)")
    return folder


@pytest.fixture(scope="session", autouse=True)
def no_encoders_of_ones_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let no encoder that was added on this machine change what tests find; subprocesses included."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOUNDALIKE_ENCODERS", str(tmp_path_factory.mktemp("encoders")))
        yield


@pytest.fixture(scope="session")
def tiny_recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a recipe whose steps take some ten milliseconds."""
    path = tmp_path_factory.mktemp("recipe") / "tiny.toml"
    path.write_text(TINY_RECIPE)
    return path


@pytest.fixture(scope="session")
def trainable_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a library over fourteen real sounds of three folders, in ``samples`` beside it.

    Not to be written to: tests that do copy it.
    """
    from soundalike.library import Library, demo_sounds  # most tests do without

    folder = tmp_path_factory.mktemp("trainable") / "samples"
    for name, count in (("kicks", 8), ("snares", 3), ("guitar", 3)):
        (folder / name).mkdir(parents=True)
        for path in sorted((demo_sounds() / name).glob("*.flac"))[:count]:
            shutil.copyfile(path, folder / name / path.name)
    path = folder.parent / "template"
    Library.open(path, encoder="spectral").add(folder)  # few enough to need no worker processes
    return path


@pytest.fixture
def ship(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """A function that lets a tiny model come with soundalike as version 1 or 2 of its default encoder.

    Version 1 is there from the start. Worker processes of an ingest know nothing of it by its name.
    """
    from soundalike.encoders import BUILT_IN, DEFAULT_ENCODER, ENCODERS, models
    from soundalike.encoders.onnx_manifest import load_manifest, save_manifest

    golden = Path(__file__).parent / "golden"
    versions = {1: golden / "encoders_v1" / "onnx", 2: golden / "encoders_front_end"}
    folder = tmp_path / "models"
    address = f"soundalike.encoders.models:{DEFAULT_ENCODER}"
    monkeypatch.setattr(models, "FOLDER", folder)
    monkeypatch.setitem(ENCODERS._addresses, DEFAULT_ENCODER, address)
    monkeypatch.setitem(BUILT_IN, DEFAULT_ENCODER, address)

    def put(version: int) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(versions[version], folder)
        manifest = load_manifest(folder / "encoder.json")
        (folder / "encoder.json").unlink()
        (folder / manifest.file).rename(folder / f"{DEFAULT_ENCODER}.onnx")
        manifest = dataclasses.replace(
            manifest, name=DEFAULT_ENCODER, version=version, file=f"{DEFAULT_ENCODER}.onnx"
        )
        save_manifest(manifest, folder / f"{DEFAULT_ENCODER}.json")

    put(1)
    return put
