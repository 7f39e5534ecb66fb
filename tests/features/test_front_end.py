"""Front ends: against our own log-mel, against torch and a loop, and their own laws."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soundalike.audio import decode
from soundalike.core.errors import InvalidInputError
from soundalike.features import LogMelConfig, LogMelFrontEnd, front_end_of, front_end_spectra, log_mel
from soundalike.features.front_end import emphasised, spectra_of_frames
from soundalike.features.mel import MelConfig, mel_filter_bank

DEMO = Path(__file__).parents[2] / "src" / "soundalike" / "data" / "demo"
RATE_HZ = 32000
EFFICIENT_AT = LogMelFrontEnd(
    frame_samples=800, fft_samples=1024, hop_samples=320, bands=128, low_hz=0.0, high_hz=15000.0, scale="htk",
    triangles="mel", pre_emphasis=0.97, centred=True, window="hann_symmetric", power="plain",
    logarithm="natural", offset=1e-5, shift=4.5, divide=5.0,
)  # fmt: skip
PLAIN = LogMelFrontEnd(frame_samples=1024, hop_samples=320, bands=64, low_hz=20.0, high_hz=16000.0)


@pytest.fixture(scope="module")
def segments() -> np.ndarray:
    """Three seconds of real sound, a row each; the last one silent, with a click."""
    sounds = [decode(path, rate_hz=RATE_HZ).samples for path in sorted(DEMO.rglob("*.flac"))[::7]]
    audio = np.concatenate(sounds)[: 3 * RATE_HZ]
    rows = np.concatenate([audio.reshape(3, RATE_HZ), np.zeros((1, RATE_HZ), np.float32)])
    rows[3, 100] = 0.5
    return rows


def kaldi_bank(bands: int, fft: int, rate_hz: int, low_hz: float, high_hz: float) -> np.ndarray:
    """Kaldi's triangles by a loop over bands and bins."""

    def mel(hz: float) -> float:
        return 1127.0 * math.log(1.0 + hz / 700.0)

    step = (mel(high_hz) - mel(low_hz)) / (bands + 1)
    bank = np.zeros((bands, fft // 2 + 1))
    for band in range(bands):
        left = mel(low_hz) + band * step
        centre, right = left + step, left + 2 * step
        for k in range(fft // 2):
            at = mel(k * rate_hz / fft)
            if left < at <= centre:
                bank[band, k] = (at - left) / (centre - left)
            elif centre < at < right:
                bank[band, k] = (right - at) / (right - centre)
    return bank


def test_kaldis_bank_is_htk_with_triangles_over_mel() -> None:
    config = MelConfig(RATE_HZ, 1024, 128, 0.0, 15000.0, "htk", "peak", "mel", allow_empty=True)
    expected = kaldi_bank(128, 1024, RATE_HZ, 0.0, 15000.0)
    np.testing.assert_allclose(mel_filter_bank(config), expected, atol=1e-6)


def test_empty_bands_are_refused_unless_they_are_allowed() -> None:
    config = MelConfig(RATE_HZ, 512, 128, 0.0, 15000.0, "htk", "peak", "mel")
    with pytest.raises(InvalidInputError, match="128 bands are too narrow"):
        mel_filter_bank(config)
    bank = mel_filter_bank(dataclasses.replace(config, allow_empty=True))
    empty = kaldi_bank(128, 512, RATE_HZ, 0.0, 15000.0).max(axis=1) == 0.0
    assert empty.any()
    np.testing.assert_array_equal(bank.max(axis=1) == 0.0, empty)


def test_efficient_at_as_torch_computes_it(segments: np.ndarray) -> None:
    torch = pytest.importorskip("torch")
    x = torch.from_numpy(segments)
    x = torch.nn.functional.conv1d(x[:, None], torch.tensor([[[-0.97, 1.0]]]))[:, 0]
    spectrum = torch.stft(
        x, 1024, hop_length=320, win_length=800, center=True, normalized=False,
        window=torch.hann_window(800, periodic=False), return_complex=True,
    )  # fmt: skip
    bank = torch.from_numpy(kaldi_bank(128, 1024, RATE_HZ, 0.0, 15000.0)).float()
    expected = ((torch.matmul(bank, spectrum.abs() ** 2) + 1e-5).log() + 4.5) / 5.0
    found = front_end_spectra(segments, EFFICIENT_AT, RATE_HZ)
    assert found.shape == tuple(expected.shape) == (4, 128, 100)
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-4, rtol=0)


@pytest.mark.parametrize("bands", [40, 64])
def test_defaults_are_log_mel_bit_for_bit(segments: np.ndarray, bands: int) -> None:
    config = LogMelConfig(RATE_HZ, 1024, 320, bands, 20.0, 16000.0, floor_db=-100.0)
    found = front_end_spectra(segments, front_end_of(config), RATE_HZ)
    np.testing.assert_array_equal(found, log_mel(segments, config))


@pytest.mark.parametrize(
    "front_end",
    [PLAIN, EFFICIENT_AT, dataclasses.replace(PLAIN, pre_emphasis=0.97)],
    ids=["ours", "at", "pre"],
)
def test_a_segments_spectra_do_not_depend_on_the_batch(
    segments: np.ndarray, front_end: LogMelFrontEnd
) -> None:
    together = front_end_spectra(segments, front_end, RATE_HZ)
    assert together.shape[2] == front_end.count_frames(RATE_HZ)
    for row in range(4):
        alone = front_end_spectra(segments[row : row + 1], front_end, RATE_HZ)[0]
        np.testing.assert_array_equal(alone, together[row])


def test_a_sine_of_full_scale_stands_at_0_db() -> None:
    hz = 40 * RATE_HZ / 1024
    sine = np.sin(2 * np.pi * hz * np.arange(RATE_HZ) / RATE_HZ)[None]
    # One band whose apex is that bin: from half of it to one and a half.
    one = dataclasses.replace(PLAIN, bands=1, low_hz=hz / 2, high_hz=hz * 1.5, scale="htk", triangles="hz")
    weight = float(mel_filter_bank(one.mel(RATE_HZ))[0, 40])
    level = front_end_spectra(sine, one, RATE_HZ)[0, 0, 5]
    beside = mel_filter_bank(one.mel(RATE_HZ))[0, [39, 41]].sum() / 4  # what the window spreads
    assert level == pytest.approx(10 * math.log10(weight + beside), abs=0.01)
    shifted = dataclasses.replace(one, shift=10.0, divide=2.0)
    assert front_end_spectra(sine, shifted, RATE_HZ)[0, 0, 5] == pytest.approx((level + 10) / 2, abs=1e-4)


def test_plain_power_is_the_squared_transform() -> None:
    frame = np.random.default_rng(0).standard_normal((1, 64)).astype(np.float32)
    front_end = LogMelFrontEnd(
        frame_samples=64, fft_samples=128, hop_samples=1, bands=3, low_hz=0.0, high_hz=4000.0, power="plain",
        logarithm="natural", window="hann_symmetric", norm="area",
    )  # fmt: skip
    spectrum = np.abs(np.fft.rfft(frame[0].astype(np.float64) * np.hanning(64), 128)) ** 2
    expected = np.log(mel_filter_bank(front_end.mel(8000)).astype(np.float64) @ spectrum + 1e-5)
    np.testing.assert_allclose(spectra_of_frames(frame, front_end, 8000)[:, 0], expected, atol=1e-5)


def test_librosas_mel_spectrogram(segments: np.ndarray) -> None:
    librosa = pytest.importorskip("librosa")
    mel = librosa.feature.melspectrogram(
        y=segments[0],
        sr=RATE_HZ,
        n_fft=1024,
        hop_length=320,
        n_mels=64,
        fmin=20.0,
        fmax=16000.0,
        center=False,
    )
    front_end = dataclasses.replace(PLAIN, power="plain", norm="area", floor_db=-100.0)
    expected = librosa.power_to_db(mel, amin=1e-10, top_db=None)
    np.testing.assert_allclose(
        front_end_spectra(segments[:1], front_end, RATE_HZ)[0], expected, atol=0.01, rtol=0
    )


def test_pre_emphasis_is_one_sample_shorter() -> None:
    front_end = dataclasses.replace(PLAIN, pre_emphasis=0.5)
    found = emphasised(np.array([1.0, 2.0, 4.0], np.float32), front_end)
    assert found.tolist() == [1.5, 3.0]
    assert front_end.count_frames(1024) == 0
    assert front_end.count_frames(1025) == 1


@pytest.mark.parametrize("samples", [800, 1024, 4097])
def test_frames_are_counted_as_torch_counts_them(samples: int) -> None:
    torch = pytest.importorskip("torch")
    x = torch.zeros(1, samples - 1)
    spectrum = torch.stft(
        x, 1024, 320, 800, torch.hann_window(800), center=True, return_complex=True, pad_mode="reflect"
    )
    assert EFFICIENT_AT.count_frames(samples) == spectrum.shape[2]
    assert front_end_spectra(np.zeros((2, samples)), EFFICIENT_AT, RATE_HZ).shape == (
        2,
        128,
        spectrum.shape[2],
    )


def test_segments_too_short_for_a_frame_are_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"1023 samples are too short for frames of 1024 samples\.$"):
        front_end_spectra(np.zeros((1, 1023)), PLAIN, RATE_HZ)
    with pytest.raises(InvalidInputError, match=r"513 samples .* mirrored segment"):
        front_end_spectra(np.zeros((1, 513)), EFFICIENT_AT, RATE_HZ)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "cqt"}, r"kind is one of \('log_mel',\); got 'cqt'"),
        ({"scale": "bark"}, "scale is one of .* got 'bark'"),
        ({"triangles": "octave"}, "triangles is one of"),
        ({"window": "hamming"}, "window is one of"),
        ({"power": "amplitude"}, "power is one of"),
        ({"logarithm": "log2"}, "logarithm is one of"),
        ({"fft_samples": 1000}, "as long as a frame or longer"),
        ({"fft_samples": 1 << 40}, "got 1024, 320 and 1099511627776"),
        ({"hop_samples": 0}, "got 1024, 0 and 1024"),
        ({"bands": 0}, "bands must be 1 to 512; got 0"),
        ({"bands": 10**9}, "bands must be 1 to 512"),
        ({"low_hz": 16000.0}, "below high_hz"),
        ({"high_hz": math.nan}, "below high_hz"),
        ({"pre_emphasis": 1.5}, "between 0 and 1; got 1.5"),
        ({"floor_db": 1.0}, "floor_db lies between -300 and 0"),
        ({"offset": 0.0}, "offset is at least 1e-30"),
        ({"shift": math.inf}, "shift is finite"),
        ({"divide": 0.0}, "not near 0; got 0 and 0"),
    ],
)
def test_what_is_wrong_with_a_front_end_is_said(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        dataclasses.replace(PLAIN, **changes)


def test_bands_above_half_the_rate_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="half the rate, 8000 Hz"):
        front_end_spectra(np.zeros((1, 2000)), PLAIN, 16000)
