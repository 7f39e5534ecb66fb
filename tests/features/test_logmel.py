"""Log-mel spectra: against librosa, and what physics asks for."""

from __future__ import annotations

import librosa
import numpy as np
import pytest

from soundalike.core.errors import InvalidInputError
from soundalike.features.logmel import LogMelConfig, log_mel, log_mel_of_frames
from soundalike.features.mel import hz_to_mel, mel_to_hz
from soundalike.features.stft import hann_window

CONFIG = LogMelConfig()


def noise(*shape: int) -> np.ndarray:
    return (0.1 * np.random.default_rng(0).standard_normal(shape)).astype(np.float32)


def test_levels_are_librosas_within_a_thousandth_of_a_decibel() -> None:
    samples = noise(24000)
    mel = librosa.feature.melspectrogram(
        y=samples, sr=24000, n_fft=480, hop_length=240, center=False, n_mels=40, fmin=20.0, fmax=12000.0,
        norm=None,
    )  # fmt: skip
    expected = librosa.power_to_db(mel * (2.0 / hann_window(480).sum()) ** 2, amin=1e-16, top_db=None)
    np.testing.assert_allclose(log_mel(samples, CONFIG), expected, atol=1e-3)


@pytest.mark.parametrize("band", [3, 12, 25, 39])
def test_a_tone_is_loudest_in_its_band(band: int) -> None:
    edges_hz = mel_to_hz(np.linspace(float(hz_to_mel(20.0)), float(hz_to_mel(12000.0)), 42))
    tone = np.sin(2 * np.pi * edges_hz[band + 1] * np.arange(4800) / 24000)
    levels = log_mel(tone, CONFIG)
    assert (levels.argmax(axis=0) == band).all()
    far = np.abs(np.arange(40) - band) > 4
    assert (levels[band] - levels[far]).min() > 40.0


def test_gain_adds_a_constant() -> None:
    samples = noise(4800)
    louder = log_mel(samples * 10 ** (8 / 20), CONFIG)
    np.testing.assert_allclose(louder - log_mel(samples, CONFIG), 8.0, atol=1e-3)


def test_shift_by_hops_shifts_frames() -> None:
    samples = noise(9600)
    whole = log_mel(samples, CONFIG)
    np.testing.assert_array_equal(log_mel(samples[5 * 240 :], CONFIG), whole[:, 5:])


def test_silence_lies_on_the_floor() -> None:
    np.testing.assert_allclose(log_mel(np.zeros(4800), CONFIG), -160.0, atol=1e-3)


@pytest.mark.parametrize("count", [1, 2, 7, 15, 16, 17, 33, 200])
def test_a_frame_does_not_see_its_neighbours(count: int) -> None:
    frames = noise(200, 480)
    whole = log_mel_of_frames(frames, CONFIG)
    np.testing.assert_array_equal(log_mel_of_frames(frames[:count], CONFIG), whole[:, :count])
    np.testing.assert_array_equal(log_mel_of_frames(frames[200 - count :], CONFIG), whole[:, 200 - count :])


@pytest.mark.parametrize("leading", [(), (1,), (3,), (2, 3)])
def test_leading_axes_are_kept(leading: tuple[int, ...]) -> None:
    samples = noise(*leading, 1200)
    levels = log_mel(samples, CONFIG)
    assert levels.shape == (*leading, 40, 4)
    assert levels.dtype == np.float32
    for index in np.ndindex(leading):
        np.testing.assert_array_equal(levels[index], log_mel(samples[index], CONFIG))


def test_bad_floor_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="between -300 and 0 dB; got 3"):
        LogMelConfig(floor_db=3.0)
