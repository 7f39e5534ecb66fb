"""Front ends: gain does not matter; a sine stands in its band; a shift of the sound shifts the frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from soundalike.audio import decode
from soundalike.features.morlet import morlet_centres_hz, morlet_wavelets
from soundalike.training.front_end import FrontEnd, MorletBank, MorletGroup, count_bank_macs
from soundalike.training.inputs import InputConfig, MorletFrontEnd, network_inputs

RATE_HZ = 32000
CONFIG = InputConfig(front_end=MorletFrontEnd())
CENTRES_HZ = morlet_centres_hz(MorletFrontEnd().bank(RATE_HZ))


@pytest.fixture(scope="module")
def bank() -> MorletBank:
    return MorletBank(MorletFrontEnd(), RATE_HZ)


def levels(bank: MorletBank, samples: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        found: np.ndarray = bank(torch.from_numpy(samples.astype(np.float32))[None])[0].numpy()
    return found


@pytest.mark.parametrize("band", [3, 20, 40, 63])
def test_a_sine_at_a_bands_centre_peaks_there_at_its_own_level(bank: MorletBank, band: int) -> None:
    sine = 0.5 * np.sin(2 * np.pi * CENTRES_HZ[band] * np.arange(RATE_HZ) / RATE_HZ)
    middle = levels(bank, sine)[:, 50]
    assert middle.argmax() == band
    assert middle[band] == pytest.approx(-6.02, abs=0.1)


def test_halved_rates_hear_what_the_full_rate_hears(bank: MorletBank, demo_folder: Path) -> None:
    """Against wavelets at full rate, by numpy, on a real sound."""
    sound = decode(demo_folder / "ambience" / "ambi_piano.flac", rate_hz=RATE_HZ).samples[:RATE_HZ]
    found = levels(bank, sound)
    groups = [group for group in bank.groups if isinstance(group, MorletGroup)]
    averaged = [group.averaged for group in groups[::-1] for _ in range(group.bands)]
    assert max(averaged) == 8
    for band in range(0, 64, 9):
        (wavelet,) = morlet_wavelets(CENTRES_HZ[band : band + 1], RATE_HZ, 0.25)
        direct = np.abs(np.convolve(sound, wavelet, "same")) ** 2
        apart = 320 // averaged[band]
        around = (np.arange(averaged[band]) - (averaged[band] - 1) / 2.0) * apart
        at = (320 * np.arange(100)[:, None] + around).astype(int)
        inside = (at >= 0) & (at < len(direct))
        mean = np.where(inside, direct[np.clip(at, 0, len(direct) - 1)], 0.0).mean(axis=1)
        expected = 10.0 * np.log10(np.maximum(mean, 1e-16))
        loud = expected > found.max() - 50.0
        assert np.abs(found[band] - expected)[loud].max(initial=0.0) < 0.5


def test_a_shift_by_a_hop_shifts_frames_by_one(bank: MorletBank) -> None:
    noise = np.random.default_rng(0).standard_normal(RATE_HZ)
    late = np.concatenate([np.zeros(320), noise[:-320]])
    np.testing.assert_allclose(levels(bank, late)[:, 31:70], levels(bank, noise)[:, 30:69], atol=1e-2)


def test_most_bands_listen_at_lower_rates(bank: MorletBank) -> None:
    groups = [group for group in bank.groups if isinstance(group, MorletGroup)]
    assert sum(group.bands for group in groups) == 64
    assert len(groups) == 7
    assert 4.8e6 < count_bank_macs(CONFIG) < 4.9e6


@pytest.mark.parametrize("config", [InputConfig(), CONFIG], ids=["log_mel", "morlet"])
def test_gain_does_not_matter(config: InputConfig) -> None:
    sound = np.random.default_rng(1).standard_normal((1, RATE_HZ)).astype(np.float32)
    front_end = FrontEnd(config)
    maps = [front_end(torch.from_numpy(network_inputs(gain * sound, config))) for gain in (0.3, 0.01)]
    np.testing.assert_allclose(maps[0], maps[1], atol=1e-4)
    assert maps[0].max() == 1.0
    assert maps[0].min() >= -1.0
    assert tuple(maps[0].shape) == (1, front_end.bands, front_end.frames)


@pytest.mark.parametrize("config", [InputConfig(), CONFIG], ids=["log_mel", "morlet"])
def test_silence_is_finite(config: InputConfig) -> None:
    silence = network_inputs(np.zeros((1, RATE_HZ), np.float32), config)
    assert torch.isfinite(FrontEnd(config)(torch.from_numpy(silence))).all()


def test_levels_far_below_the_loudest_are_raised() -> None:
    maps = FrontEnd(InputConfig())(torch.tensor([-10.0, -50.0, -90.0, -140.0]).reshape(1, 2, 2))
    assert maps.flatten().tolist() == pytest.approx([1.0, 0.0, -1.0, -1.0])
