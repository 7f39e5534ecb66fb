"""The cepstrum: against librosa, a naive sum, and the algebra of an orthonormal transform."""

from __future__ import annotations

import librosa
import numpy as np
import pytest

from soundalike.core.errors import InvalidInputError
from soundalike.features.cepstrum import cepstrum


def levels(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(-90.0, 0.0, shape).astype(np.float32)


def test_coefficients_are_librosas() -> None:
    values = levels(40, 50)
    np.testing.assert_allclose(cepstrum(values, 13), librosa.feature.mfcc(S=values, n_mfcc=13), atol=1e-3)


def test_coefficients_are_a_naive_sum() -> None:
    values = levels(12, 3)
    for k in range(12):
        waves = np.cos(np.pi * k * (2 * np.arange(12) + 1) / 24) * np.sqrt((1 if k == 0 else 2) / 12)
        np.testing.assert_allclose(cepstrum(values, 12)[k], waves @ values, atol=1e-3)


def test_all_coefficients_keep_the_energy() -> None:
    values = levels(40, 9)
    kept = cepstrum(values, 40)
    np.testing.assert_allclose(np.square(kept).sum(axis=0), np.square(values).sum(axis=0), rtol=1e-5)


def test_a_constant_moves_coefficient_zero_only() -> None:
    values = levels(40, 9)
    difference = cepstrum(values + 10.0, 20) - cepstrum(values, 20)
    np.testing.assert_allclose(difference[0], 10.0 * np.sqrt(40.0), rtol=1e-5)
    np.testing.assert_allclose(difference[1:], 0.0, atol=1e-3)


@pytest.mark.parametrize("count", [1, 3, 15, 16, 17, 50])
def test_a_spectrum_does_not_see_its_neighbours(count: int) -> None:
    values = levels(40, 50)
    whole = cepstrum(values, 20)
    np.testing.assert_array_equal(cepstrum(values[:, :count], 20), whole[:, :count])
    np.testing.assert_array_equal(cepstrum(values[:, 50 - count :], 20), whole[:, 50 - count :])


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3])
def test_any_axis_may_hold_the_bands(axis: int) -> None:
    values = levels(12, 13, 14)
    expected = np.moveaxis(cepstrum(np.moveaxis(values, axis, -2), 5), -2, axis)
    np.testing.assert_array_equal(cepstrum(values, 5, axis=axis), expected)


@pytest.mark.parametrize("count", [0, 41])
def test_counts_that_do_not_fit_are_refused(count: int) -> None:
    with pytest.raises(InvalidInputError, match=f"1 to 40 coefficients; got a count of {count}"):
        cepstrum(levels(40, 2), count)


def test_a_missing_axis_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"an axis -2 of bands; got shape \(40,\)"):
        cepstrum(levels(40), 3)
