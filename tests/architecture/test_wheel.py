"""The wheel that pip installs holds all that soundalike needs at run time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "src" / "soundalike"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what a wheel, built from this checkout, holds."""
    folder = tmp_path_factory.mktemp("wheel")
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "installed")
    return folder / "installed"


def test_what_is_no_code_is_there_too(installed: Path) -> None:
    wanted = [path for path in SOURCES.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")]
    assert {".onnx", ".json", ".flac", ".toml", ".html"} <= {path.suffix for path in wanted}
    for path in wanted:
        there = installed / path.relative_to(ROOT / "src")
        assert there.is_file(), f"{path.relative_to(ROOT)} is not in the wheel"
        assert there.stat().st_size == path.stat().st_size


def test_the_encoder_listens_from_the_wheel(installed: Path) -> None:
    code = (
        "import json, numpy as np, soundalike; from soundalike.library import load_encoder\n"
        "encoder = load_encoder(); window = encoder.spec.window_samples\n"
        "vectors = encoder.encode(np.ones((1, window), np.float32), np.array([window]))\n"
        "print(json.dumps([soundalike.__file__, encoder.spec.name, vectors.shape]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(installed)},
        cwd=installed,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [str(installed / "soundalike" / "__init__.py"), "ear", [1, 128]]
