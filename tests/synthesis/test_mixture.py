"""Mixtures: energies that match, ratios as asked."""

from __future__ import annotations

import numpy as np
import pytest

from soundalike.core.errors import InvalidInputError
from soundalike.synthesis import mixture

COUNT = 32000


def tone(cycles: int, gain: float = 1.0) -> np.ndarray:
    return (gain * np.sin(2 * np.pi * cycles * np.arange(COUNT) / COUNT)).astype(np.float32)


def level_db(samples: np.ndarray, cycles: int) -> float:
    return float(20 * np.log10(np.abs(np.fft.rfft(samples)[cycles])))


@pytest.mark.parametrize("snr_db", [-10.0, 0.0, 15.0])
def test_the_ratio_is_that_of_energies_whatever_the_gains(snr_db: float) -> None:
    out = mixture([tone(500, 0.001), tone(3000, 30.0)], np.random.default_rng(0), snr_db=(snr_db, snr_db))
    assert level_db(out, 500) - level_db(out, 3000) == pytest.approx(snr_db, abs=0.01)
    assert np.abs(out).max() == pytest.approx(1.0, abs=1e-6)


def test_ratios_are_drawn_within_their_range() -> None:
    found = []
    for seed in range(40):
        out = mixture([tone(500), tone(3000)], np.random.default_rng(seed), snr_db=(-3.0, 9.0))
        found.append(level_db(out, 500) - level_db(out, 3000))
    assert -3.01 <= min(found) < 0.0
    assert 6.0 < max(found) <= 9.01


def test_silence_adds_nothing() -> None:
    silence = np.zeros(COUNT, np.float32)
    out = mixture([silence, tone(100, 0.5), silence], np.random.default_rng(0))
    np.testing.assert_allclose(out, tone(100), atol=1e-4)
    assert not mixture([silence, silence], np.random.default_rng(0)).any()


def test_no_sound() -> None:
    with pytest.raises(InvalidInputError, match="at least one sound"):
        mixture([], np.random.default_rng(0))


def test_sounds_of_two_lengths() -> None:
    with pytest.raises(InvalidInputError, match=r"equally long; got lengths \[10, 11\]"):
        mixture([np.ones(11), np.ones(10)], np.random.default_rng(0))


def test_what_is_no_sound() -> None:
    with pytest.raises(InvalidInputError, match="floating point"):
        mixture([np.ones(5, np.int16)], np.random.default_rng(0))
