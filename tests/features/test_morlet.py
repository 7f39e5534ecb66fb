"""Morlet wavelets: centre, width, height, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from soundalike.core.errors import InvalidInputError
from soundalike.features.morlet import MorletConfig, half_band_filter, morlet_centres_hz, morlet_wavelets

RATE_HZ = 16000


def response(wavelet: np.ndarray, frequency_hz: float) -> float:
    """Magnitude of a wavelet's response to a complex sine of amplitude 1, times 2 as for a real one."""
    time_s = (np.arange(len(wavelet)) - len(wavelet) // 2) / RATE_HZ
    return float(abs((wavelet * np.exp(-2j * np.pi * frequency_hz * time_s)).sum())) / 2.0


@pytest.mark.parametrize("bandwidth_octaves", [0.1, 0.25, 0.5])
@pytest.mark.parametrize("centre_hz", [100.0, 1000.0])
def test_a_wavelet_passes_half_the_power_at_the_edges_of_its_band(
    centre_hz: float, bandwidth_octaves: float
) -> None:
    (wavelet,) = morlet_wavelets(np.array([centre_hz]), RATE_HZ, bandwidth_octaves)
    assert response(wavelet, centre_hz) == pytest.approx(1.0, abs=1e-3)
    grid = centre_hz * 2.0 ** np.linspace(-0.6, 0.6, 2401)
    powers = np.array([response(wavelet, f) ** 2 for f in grid])
    inside = grid[powers >= 0.5]
    assert np.log2(inside[-1] / inside[0]) == pytest.approx(bandwidth_octaves, abs=0.03 * bandwidth_octaves)
    assert abs(np.log2(grid[powers.argmax()] / centre_hz)) < 0.01


def test_centres_are_evenly_spaced_in_octaves() -> None:
    steps = np.diff(np.log2(morlet_centres_hz(MorletConfig())))
    np.testing.assert_allclose(steps, steps[0], rtol=1e-9)


def test_half_band_filter_passes_and_stops() -> None:
    spectrum = np.abs(np.fft.rfft(half_band_filter(), 8192))
    share = np.arange(len(spectrum)) / 8192
    levels_db = 20.0 * np.log10(np.maximum(spectrum, 1e-12))
    assert np.abs(levels_db[share <= 0.225]).max() < 0.1
    assert levels_db[share >= 0.275].max() < -60.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bands": 1}, "at least 2 wavelets"),
        ({"bandwidth_octaves": 1.5}, "at most 1 octave"),
        ({"high_hz": 15500.0}, "below half the rate"),
        ({"low_hz": 20000.0}, "lowest first"),
    ],
)
def test_other_banks_are_refused(changes: dict[str, float], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        MorletConfig(**changes)  # type: ignore[arg-type]


def test_a_half_band_filter_is_odd() -> None:
    with pytest.raises(InvalidInputError, match="odd number of taps"):
        half_band_filter(64)
