"""Loudness, peak and outline against their definitions, in blocks of any size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soundalike.audio import Levels, unpack_peaks
from soundalike.core.errors import InvalidInputError


def outline_by_definition(samples: np.ndarray) -> np.ndarray:
    bucket = 1
    while len(samples) > bucket * 1024:
        bucket *= 2
    pieces = [samples[at : at + bucket] for at in range(0, len(samples), bucket)]
    pairs = np.array([[piece.min(), piece.max()] for piece in pieces])
    return np.asarray(np.rint(np.clip(pairs, -1, 1) * 127), np.int8)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 20000), st.lists(st.integers(0, 5000), max_size=10), st.integers(0, 99))
def test_any_blocks_give_the_same(count: int, sizes: list[int], seed: int) -> None:
    samples = np.random.default_rng(seed).uniform(-1.2, 1.2, count).astype(np.float32)
    levels, at = Levels(), 0
    for size in [*sizes, count]:
        levels.push(samples[at : at + size])
        at += size
    np.testing.assert_array_equal(unpack_peaks(levels.peaks()), outline_by_definition(samples))
    power = np.mean(samples.astype(np.float64) ** 2)
    assert levels.loudness_dbfs == pytest.approx(max(-120.0, 10 * np.log10(power)), abs=1e-3)
    assert levels.peak_dbfs == pytest.approx(20 * np.log10(np.abs(samples).max()), abs=1e-3)


def test_nothing_and_silence_are_at_the_floor() -> None:
    levels = Levels()
    assert (levels.loudness_dbfs, levels.peak_dbfs, levels.peaks()) == (-120.0, -120.0, b"")
    levels.push(np.zeros(5000, np.float32))
    assert (levels.loudness_dbfs, levels.peak_dbfs) == (-120.0, -120.0)
    assert unpack_peaks(levels.peaks()).shape == (625, 2)


def test_a_full_scale_square_wave_is_at_zero() -> None:
    levels = Levels()
    levels.push(np.tile([1.0, -1.0], 5000).astype(np.float32))
    assert (levels.loudness_dbfs, levels.peak_dbfs) == (0.0, 0.0)


def test_half_a_pair_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="got 3 bytes"):
        unpack_peaks(b"abc")
