"""Fitting constants: streaming moments against numpy, and the script against the package."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from soundalike.audio import segment
from soundalike.core.errors import InvalidInputError
from soundalike.encoders.fit import StreamingMoments, fit_spectral
from soundalike.encoders.spectral import SpectralEncoder
from soundalike.encoders.spectral_config import SpectralConfig, default_config

ROOT = Path(__file__).parents[2]


def noises(count: int = 6) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [(0.1 * rng.standard_normal(5000 + 9000 * n)).astype(np.float32) for n in range(count)]


def test_moments_in_batches_are_numpys() -> None:
    rows = np.random.default_rng(0).normal(1e6, 2.0, (1000, 5))
    moments = StreamingMoments(5)
    for part in np.split(rows, [0, 1, 7, 500, 500]):
        moments.add(part)
    assert moments.count == 1000
    np.testing.assert_allclose(moments.mean, rows.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(moments.deviation, rows.std(axis=0), rtol=1e-6)


def test_constants_are_those_of_recordings_of_equal_weight() -> None:
    fitted = fit_spectral(iter(noises()))
    encoder = SpectralEncoder(SpectralConfig())
    means, variances = [], []
    for samples in noises():
        cut = segment(samples, window_samples=23040, hop_samples=11520, rate_hz=24000, silence_db=-50.0)
        rows = encoder.statistics_at(cut.samples, cut.starts, cut.lengths)
        means.append(rows.astype(np.float64).mean(axis=0))
        variances.append(rows.astype(np.float64).var(axis=0))
    np.testing.assert_allclose(fitted.mean, np.mean(means, axis=0), rtol=1e-4, atol=1e-4)
    scale = np.sqrt(np.var(means, axis=0) + np.mean(variances, axis=0))
    np.testing.assert_allclose(fitted.scale, np.maximum(scale, 1e-3), rtol=1e-4)


def test_other_settings_are_kept_and_old_constants_are_not_used() -> None:
    base = dataclasses.replace(default_config(), range_db=33.0)
    fitted = fit_spectral(noises(), base)
    assert fitted.range_db == 33.0
    assert fitted == fit_spectral(noises(), dataclasses.replace(base, mean=(), scale=()))


def test_silence_is_passed_over() -> None:
    silent = [np.zeros(30000, np.float32), np.zeros(0, np.float32)]
    assert fit_spectral([*noises(), *silent]) == fit_spectral(noises())


def test_too_few_recordings_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="at least 2 recordings with sound in them; got 1"):
        fit_spectral([noises()[0], np.zeros(30000, np.float32)])


def test_recordings_that_are_not_mono_are_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"shape \(T,\); got shape \(2, 500\)"):
        fit_spectral([np.zeros((2, 500), np.float32)])


def test_shipped_constants_are_those_of_the_script() -> None:
    script = ROOT / "scripts" / "fit_spectral_constants.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
