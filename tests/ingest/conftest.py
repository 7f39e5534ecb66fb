"""Small real files, and sources and encoders to ingest them with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from soundalike.audio import encode_wav

RATE_HZ = 22050


def write_tone(path: Path, frequency_hz: float, duration_s: float = 0.5, gain: float = 0.3) -> Path:
    """Write a decaying tone as a 16-bit WAV file."""
    time_s = np.arange(int(duration_s * RATE_HZ)) / RATE_HZ
    samples = gain * np.sin(2 * np.pi * frequency_hz * time_s) * np.exp(-2.0 * time_s)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_wav(samples.astype(np.float32), RATE_HZ))
    return path


@pytest.fixture(name="write_tone")
def write_tone_fixture() -> Callable[..., Path]:
    """The function that writes a tone."""
    return write_tone


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    """A folder of twelve different tones in two folders."""
    folder = tmp_path / "sounds"
    for index in range(12):
        write_tone(folder / ("low" if index < 6 else "high") / f"tone{index:02d}.wav", 110.0 * 1.3**index)
    return folder
