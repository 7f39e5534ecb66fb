"""Sounds to deform: one of each kind, made; and real ones, as the bundled sounds have them."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from numpy.random import Generator

from soundalike.audio import decode
from soundalike.core.arrays import FloatArray

RATE_HZ = 16000


@pytest.fixture
def rng() -> Generator:
    return np.random.default_rng(7)


@pytest.fixture
def batch() -> FloatArray:
    """Six rows of half a second: tone, clicks, noise, a short sound before zeros, a late one, silence."""
    made = np.random.default_rng(1)
    time_s = np.arange(RATE_HZ // 2) / RATE_HZ
    rows = np.zeros((6, len(time_s)), np.float32)
    rows[0] = 0.5 * np.sin(2 * np.pi * 330 * time_s)
    rows[1, 500::2000] = 0.9
    rows[2] = made.normal(0.0, 0.1, len(time_s))
    rows[3, :3000] = made.normal(0.0, 0.2, 3000) * np.hanning(3000)
    rows[4, 5000:7000] = 0.3 * np.sin(2 * np.pi * 900 * time_s[:2000])
    return rows


@pytest.fixture(scope="session")
def bundled() -> dict[str, FloatArray]:
    """A second each of real sounds at 32 kHz: a loop of drums, a guitar chord, a choir, a bell."""
    names = {"drums": "loop_breakbeat", "guitar": "guit_em9", "choir": "ambi_choir", "bell": "perc_bell"}
    folder = Path(str(files("soundalike") / "data" / "demo"))
    found = {}
    for kind, name in names.items():
        samples = decode(next(folder.rglob(f"{name}.flac")), rate_hz=32000).samples[:32000]
        found[kind] = np.pad(samples, (0, 32000 - len(samples)))
    return found
