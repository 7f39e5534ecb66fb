"""Frames and power spectra: against a naive transform, librosa, and what physics asks for."""

from __future__ import annotations

import librosa
import numpy as np
import pytest

from soundalike.core.errors import InvalidInputError
from soundalike.features.stft import (
    StftConfig,
    count_frames,
    frame,
    hann_window,
    power_of_frames,
    power_spectrogram,
)

CONFIG = StftConfig(frame_samples=480, hop_samples=240)


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def test_frames_are_the_slices_of_a_loop() -> None:
    samples = noise(2000)
    frames = frame(samples, StftConfig(300, 70))
    expected = [samples[at : at + 300] for at in range(0, 2000 - 300 + 1, 70)]
    np.testing.assert_array_equal(frames, np.stack(expected))


@pytest.mark.parametrize(("samples", "frames"), [(0, 0), (479, 0), (480, 1), (719, 1), (720, 2), (23040, 95)])
def test_count_of_frames(samples: int, frames: int) -> None:
    assert count_frames(samples, CONFIG) == frames
    if frames:
        assert frame(noise(samples), CONFIG).shape == (frames, 480)


@pytest.mark.parametrize("samples", [8, 9, 480])
def test_hann_window_is_librosas(samples: int) -> None:
    expected = librosa.filters.get_window("hann", samples, fftbins=True)
    np.testing.assert_allclose(hann_window(samples), expected, atol=1e-7)


@pytest.mark.parametrize("length", [16, 15])
def test_power_is_that_of_a_naive_transform(length: int) -> None:
    frames = noise(5, length)
    window = hann_window(length).astype(np.float64)
    turns = np.exp(-2j * np.pi * np.outer(np.arange(length // 2 + 1), np.arange(length)) / length)
    expected = np.abs(turns @ (frames * window * 2.0 / window.sum()).T) ** 2
    np.testing.assert_allclose(power_of_frames(frames), expected, rtol=1e-4, atol=1e-6)


def test_power_spectrogram_is_librosas() -> None:
    samples = noise(24000)
    theirs = librosa.stft(samples, n_fft=480, hop_length=240, window="hann", center=False)
    expected = np.abs(theirs) ** 2 * (2.0 / hann_window(480).sum()) ** 2
    np.testing.assert_allclose(power_spectrogram(samples, CONFIG), expected, rtol=1e-3, atol=1e-7)


def test_full_scale_sine_has_power_one_in_its_bin() -> None:
    time_s = np.arange(4800) / 24000
    power = power_spectrogram(np.sin(2 * np.pi * 3000 * time_s), CONFIG)
    np.testing.assert_allclose(power[60], 1.0, rtol=1e-5)
    assert power[:58].max() < 1e-9
    assert power[63:].max() < 1e-9


def test_shift_by_hops_shifts_frames() -> None:
    samples = noise(9600)
    whole = power_spectrogram(samples, CONFIG)
    np.testing.assert_array_equal(power_spectrogram(samples[3 * 240 :], CONFIG), whole[:, 3:])


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 15, 16, 17, 31, 100])
def test_a_frame_does_not_see_its_neighbours(count: int) -> None:
    frames = noise(100, 480)
    whole = power_of_frames(frames)
    np.testing.assert_array_equal(power_of_frames(frames[:count]), whole[:, :count])
    np.testing.assert_array_equal(power_of_frames(frames[100 - count :]), whole[:, 100 - count :])


@pytest.mark.parametrize("leading", [(), (1,), (3,), (2, 3)])
def test_leading_axes_are_kept(leading: tuple[int, ...]) -> None:
    samples = noise(*leading, 1200)
    power = power_spectrogram(samples, CONFIG)
    assert power.shape == (*leading, 241, 4)
    assert power.dtype == np.float32
    for index in np.ndindex(leading):
        np.testing.assert_array_equal(power[index], power_spectrogram(samples[index], CONFIG))


def test_what_is_not_audio_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="at least one frame of 480 samples; got 479"):
        power_spectrogram(noise(479), CONFIG)
    with pytest.raises(InvalidInputError, match="floating point; got dtype int64"):
        power_spectrogram(np.zeros(1000, np.int64), CONFIG)
    with pytest.raises(InvalidInputError, match="1 of 1000 values are NaN"):
        power_spectrogram(np.where(np.arange(1000) == 7, np.nan, 0.0), CONFIG)
    with pytest.raises(InvalidInputError, match="a hop at least 1; got 480 and 0"):
        StftConfig(480, 0)
