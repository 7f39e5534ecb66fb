"""Mel scales and filter banks: against librosa, a loop, and what a filter bank is."""

from __future__ import annotations

from typing import Literal

import librosa
import numpy as np
import pytest

from soundalike.core.errors import InvalidInputError
from soundalike.features.mel import MelConfig, MelNorm, MelScale, hz_to_mel, mel_filter_bank, mel_to_hz

FREQUENCIES_HZ = np.array([0.0, 1.0, 100.0, 999.9, 1000.0, 1000.1, 6400.0, 22050.0])


@pytest.mark.parametrize("scale", ["slaney", "htk"])
def test_scale_is_librosas_and_comes_back(scale: MelScale) -> None:
    mels = hz_to_mel(FREQUENCIES_HZ, scale)
    np.testing.assert_allclose(mels, librosa.hz_to_mel(FREQUENCIES_HZ, htk=scale == "htk"), rtol=1e-12)
    np.testing.assert_allclose(mel_to_hz(mels, scale), FREQUENCIES_HZ, rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize("scale", ["slaney", "htk"])
@pytest.mark.parametrize(("norm", "theirs"), [("area", "slaney"), ("peak", None)])
@pytest.mark.parametrize(
    ("rate_hz", "fft", "bands"), [(24000, 480, 20), (22050, 2048, 128), (16000, 1024, 40)]
)
def test_filter_bank_is_librosas(
    scale: MelScale, norm: MelNorm, theirs: Literal["slaney"] | None, rate_hz: int, fft: int, bands: int
) -> None:
    config = MelConfig(rate_hz, fft, bands, 30.0, 7000.0, scale, norm)
    expected = librosa.filters.mel(
        sr=rate_hz, n_fft=fft, n_mels=bands, fmin=30.0, fmax=7000.0, htk=scale == "htk", norm=theirs
    )
    weights = mel_filter_bank(config)
    assert weights.dtype == np.float32
    np.testing.assert_allclose(weights, expected, atol=2e-6 * expected.max())


def test_filter_bank_is_a_loop_over_bins() -> None:
    config = MelConfig(24000, 480, 10, 0.0, 12000.0, "htk", "peak")
    edges = mel_to_hz(np.linspace(0.0, float(hz_to_mel(12000.0, "htk")), 12), "htk")
    weights = mel_filter_bank(config)
    for band in range(10):
        left, apex, right = edges[band : band + 3]
        for bin_ in range(241):
            hz = bin_ * 50.0
            expected = 0.0
            if left < hz <= apex:
                expected = (hz - left) / (apex - left)
            elif apex < hz < right:
                expected = (right - hz) / (right - apex)
            assert weights[band, bin_] == pytest.approx(expected, abs=1e-6)


def test_neighbouring_triangles_add_up_to_one_between_the_outer_apexes() -> None:
    weights = mel_filter_bank(MelConfig(24000, 480, 40, 20.0, 12000.0))
    first, last = weights[0].argmax(), weights[-1].argmax()
    np.testing.assert_allclose(weights.sum(axis=0)[first + 1 : last], 1.0, atol=1e-6)


@pytest.mark.parametrize(
    ("low_hz", "high_hz", "bands", "fft", "message"),
    [
        (500.0, 100.0, 10, 480, "lower edge first"),
        (0.0, 12001.0, 10, 480, "half the rate, 12000 Hz"),
        (0.0, 12000.0, 0, 480, "at least 1 band"),
        (0.0, 12000.0, 10, 1, "a transform of 2 samples"),
    ],
)
def test_bad_settings_are_refused(low_hz: float, high_hz: float, bands: int, fft: int, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        MelConfig(24000, fft, bands, low_hz, high_hz)


def test_unknown_formula_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="'bark' and 'peak'"):
        MelConfig(24000, 480, scale="bark")  # type: ignore[arg-type]


def test_bands_without_bins_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="band 0 holds no bin"):
        mel_filter_bank(MelConfig(24000, 256, 200))
