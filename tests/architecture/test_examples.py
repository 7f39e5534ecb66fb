"""Every example runs, and says what it promises."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))
SAYS = {
    "find_similar": "What sounds like",
    "find_a_moment": "1. from 4",  # the bell lies at 41 s; the nearest segment begins just before it
    "arithmetic_on_vectors": "1. ",
    "evaluate_folder": "| ear | ",
    "deform": "moved by +4 semitones: 4",  # a bell at 3621 Hz goes to about 4560 Hz
    "textures": "sounds of 74 textures",
    "train_embedding": "were held out",
    "triplets": "semi-hard",
    "front_ends": "64 wavelets",
    "metrics": "| ear | **0.",  # clearly better than four of its dimensions
}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_an_example_runs(path: Path, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, path], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert SAYS[path.stem] in done.stdout
    assert not list(tmp_path.iterdir()), "an example leaves nothing behind"
