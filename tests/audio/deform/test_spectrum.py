"""Filters: each tone of a row comes out as strong as its curve says, where it was."""

from __future__ import annotations

import numpy as np
import pytest

from soundalike.audio import Filter, limit_band, shape_spectrum
from soundalike.core.arrays import FloatArray
from soundalike.core.errors import InvalidInputError

RATE_HZ = 32000
TONES_HZ = np.array([62.5, 125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0])


def tones() -> FloatArray:
    """All tones at once, each of amplitude 0.1, faded in and out so that the curve alone changes them."""
    time_s = np.arange(RATE_HZ) / RATE_HZ
    waves = 0.1 * np.sin(2 * np.pi * TONES_HZ[:, None] * time_s).sum(axis=0)
    return np.asarray(waves * np.hanning(RATE_HZ), np.float32)


def gains_db(before: FloatArray, after: FloatArray) -> list[float]:
    spectra = [np.abs(np.fft.rfft(samples, 2 * RATE_HZ)) for samples in (before, after)]
    places = np.rint(2 * TONES_HZ).astype(int)
    return [float(20 * np.log10(spectra[1][place] / spectra[0][place])) for place in places]


def test_tones_get_the_gains_of_the_curve() -> None:
    points_hz = [125.0, 500.0, 8000.0]
    curves = np.array([[0.0, -12.0, 12.0], [6.0, 6.0, 6.0], [-3.0, 9.0, 9.0]])
    shaped = shape_spectrum(np.repeat(tones()[None], 3, axis=0), curves, points_hz, RATE_HZ)
    expected = [[0, 0, -6, -12, -6, 0, 6, 12], [6] * 8, [-3, -3, 3, 9, 9, 9, 9, 9]]
    for row, wanted_db in zip(shaped, expected, strict=True):
        np.testing.assert_allclose(gains_db(tones(), row), wanted_db, atol=0.05)


def test_a_band_keeps_what_is_in_it_and_falls_beside() -> None:
    rows = np.repeat(tones()[None], 3, axis=0)
    low_hz, high_hz = np.array([0.0, 250.0, 500.0]), np.array([2000.0, np.inf, 1000.0])
    limited = limit_band(rows, low_hz, high_hz, RATE_HZ, slope_db=24.0, floor_db=40.0)
    expected = [
        [0, 0, 0, 0, 0, 0, -24, -40],
        [-40, -24, 0, 0, 0, 0, 0, 0],
        [-40, -40, -24, 0, 0, -24, -40, -40],
    ]
    for row, wanted_db in zip(limited, expected, strict=True):
        np.testing.assert_allclose(gains_db(tones(), row), wanted_db, atol=0.2)


def test_nothing_is_delayed() -> None:
    click = np.zeros((1, RATE_HZ), np.float32)
    click[0, [7000, 20000]] = 1.0
    shaped = shape_spectrum(click, np.array([[6.0, -6.0, 3.0]]), [100, 1000, 10000], RATE_HZ)[0]
    assert set(np.argsort(np.abs(shaped))[-2:].tolist()) == {7000, 20000}


def test_the_end_does_not_come_round_to_the_start() -> None:
    late = np.zeros((1, RATE_HZ), np.float32)
    late[0, -50:] = 1.0
    limited = limit_band(late, 0.0, 200.0, RATE_HZ)[0]
    assert np.abs(limited[:10000]).max() < 1e-3 * np.abs(limited).max()


def test_a_flat_curve_gives_the_row_back(batch: FloatArray) -> None:
    flat = shape_spectrum(batch, np.zeros((6, 2)), [100.0, 1000.0], 16000)
    np.testing.assert_allclose(flat, batch, atol=1e-6)


def test_a_batch_is_its_rows_one_by_one(batch: FloatArray) -> None:
    curves = np.random.default_rng(1).uniform(-12, 12, (6, 3))
    points_hz = [100.0, 900.0, 6000.0]
    together = shape_spectrum(batch, curves, points_hz, 16000)
    for row, curve, shaped in zip(batch, curves, together, strict=True):
        alone = shape_spectrum(row[None], curve[None], points_hz, 16000)[0]
        np.testing.assert_allclose(shaped, alone, atol=1e-6)


def test_random_filters_stay_within_their_range() -> None:
    rows = np.repeat(tones()[None], 60, axis=0)
    rng = np.random.default_rng(1)
    shaped = Filter(gain_db=9.0, pass_share=0.0).apply(rows, rate_hz=RATE_HZ, rng=rng)
    measured = np.array([gains_db(tones(), row) for row in shaped])
    assert measured.min() > -9.1
    assert measured.max() < 9.1
    assert measured.std(axis=0).min() > 2.0


def test_the_share_of_rows_that_pass_a_band_only_is_kept() -> None:
    rows = np.repeat(tones()[None], 300, axis=0)
    settings = Filter(gain_db=0.0, pass_share=0.6, lowest_low_pass_hz=1000.0, highest_high_pass_hz=400.0)
    shaped = settings.apply(rows, rate_hz=RATE_HZ, rng=np.random.default_rng(1))
    measured = np.array([gains_db(tones(), row) for row in shaped])
    assert (measured[:, 0] < -1.0).mean() == pytest.approx(0.3 * np.log(400 / 62.5) / np.log(20), abs=0.07)
    assert (measured[:, 7] < -1.0).mean() == pytest.approx(0.3 * np.log(8) / np.log(16), abs=0.07)
    assert np.abs(measured[:, 4]).max() < 0.2  # 1000 Hz passes always
    assert measured.min() > -41.0


def test_filters_of_real_sounds_change_them_as_the_curve_says(bundled: dict[str, FloatArray]) -> None:
    row = bundled["drums"]
    shaped = shape_spectrum(row[None], np.array([[-20.0, 0.0]]), [300.0, 600.0], RATE_HZ)[0]
    before, after = (np.abs(np.fft.rfft(samples)) ** 2 for samples in (row, shaped))
    assert 10 * np.log10(after[20:280].sum() / before[20:280].sum()) == pytest.approx(-20.0, abs=1.0)
    assert 10 * np.log10(after[620:].sum() / before[620:].sum()) == pytest.approx(0.0, abs=0.1)


def test_what_is_no_curve_is_refused(batch: FloatArray) -> None:
    with pytest.raises(InvalidInputError, match="frequencies_hz must be above 0 and rise"):
        shape_spectrum(batch, np.zeros((6, 2)), [500.0, 100.0], 16000)
    with pytest.raises(InvalidInputError, match=r"shape \(6, 2\) within ±60; got shape \(2, 6\)"):
        shape_spectrum(batch, np.zeros((2, 6)), [100.0, 500.0], 16000)
    with pytest.raises(InvalidInputError, match=r"shape \(6, 2\) within ±60"):
        shape_spectrum(batch, np.full((6, 2), np.nan), [100.0, 500.0], 16000)
    with pytest.raises(InvalidInputError, match="points must run from low to high within 2"):
        Filter(points=1)
    with pytest.raises(InvalidInputError, match="pass_share"):
        Filter(pass_share=1.5)
