"""A bank of sounds on a device gives the samples that were written, and zeros around them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from soundalike.core.errors import TrainingError
from soundalike.training import TrainingSounds, TrainingSoundsWriter
from soundalike.training.sound_bank import SoundBank

RATE_HZ = 16000
CPU = torch.device("cpu")


def written(folder: Path, *sounds: np.ndarray, rate_hz: int = RATE_HZ) -> TrainingSounds:
    with TrainingSoundsWriter(folder, rate_hz) as writer:
        for number, samples in enumerate(sounds):
            writer.add(samples.astype(np.float32), name=f"{folder.name}/{number}", group=folder.name)
    return TrainingSounds(folder)


@pytest.fixture
def folders(tmp_path: Path) -> list[TrainingSounds]:
    """Noise as loud as it may be, of odd lengths, in two folders and an empty one between them."""
    rng = np.random.default_rng(0)
    first = written(tmp_path / "a", *(rng.uniform(-1.0, 1.0, count) for count in (37, 1, 501)))
    second = written(tmp_path / "c", *(rng.uniform(-1.0, 1.0, count) for count in (200, 3)))
    return [first, written(tmp_path / "b"), second]


def read(bank: SoundBank, row: int, at: np.ndarray) -> np.ndarray:
    found: np.ndarray = bank.read(torch.tensor([[row]]), torch.from_numpy(at)[None].double())[0].numpy()
    return found


def test_samples_are_those_that_were_written(folders: list[TrainingSounds]) -> None:
    bank = SoundBank(folders, CPU)
    expected = [one.read(index) for one in folders for index in range(len(one))]
    assert len(bank) == len(expected) == 5
    assert bank.lengths.tolist() == [len(samples) for samples in expected]
    for row, samples in enumerate(expected):
        found = read(bank, row, np.arange(len(samples)))
        assert found.dtype == np.float32
        np.testing.assert_array_equal(np.rint(found * 32767.0), np.rint(samples * 32767.0))
        np.testing.assert_allclose(found, samples, rtol=2e-7)  # multiplied, where the other divides


def test_demo_sounds_are_those_that_were_written(demo_training: TrainingSounds) -> None:
    bank = SoundBank([demo_training], CPU)
    for row in range(len(bank)):
        samples = demo_training.read(row)
        np.testing.assert_allclose(read(bank, row, np.arange(len(samples))), samples, rtol=2e-7)


def test_the_bank_tells_what_it_was_read_from(folders: list[TrainingSounds]) -> None:
    bank = SoundBank(folders, CPU)
    assert bank.rate_hz == RATE_HZ
    assert [sound.name for sound in bank.sounds] == ["a/0", "a/1", "a/2", "c/0", "c/1"]
    assert bank.digests == tuple(one.digest for one in folders)
    assert len(set(bank.digests)) == 3


def test_between_samples_values_lie_on_a_line(folders: list[TrainingSounds]) -> None:
    bank = SoundBank(folders, CPU)
    samples = folders[2].read(0)
    at = np.sort(np.random.default_rng(1).uniform(0.0, len(samples) - 1, 400))
    expected = np.interp(at, np.arange(len(samples)), samples)
    np.testing.assert_allclose(read(bank, 3, at), expected, atol=1e-6)
    halves = read(bank, 3, np.arange(len(samples) - 1) + 0.5)
    np.testing.assert_allclose(halves, (samples[1:] + samples[:-1]) / 2.0, atol=1e-6)


def test_far_into_a_long_sound_places_are_exact(tmp_path: Path) -> None:
    ramp = np.linspace(-1.0, 1.0, 3_000_000)
    bank = SoundBank([written(tmp_path / "long", ramp)], CPU)
    samples = np.rint(ramp * 32767.0) / 32767.0
    at = np.arange(2_900_000, 2_900_050) + 0.25
    expected = np.interp(at, np.arange(len(ramp)), samples)
    np.testing.assert_allclose(read(bank, 0, at), expected, atol=1e-6)


@pytest.mark.parametrize("at", [-1e7, -200.0, -1.0, -0.999, -1e-3, 36.001, 36.999, 37.0, 250.0, 1e9])
def test_outside_of_a_sound_there_is_nothing(folders: list[TrainingSounds], at: float) -> None:
    third = folders[0].read(0)[3]
    for order in (folders, folders[::-1]):  # at the bank's beginning, and between others
        bank = SoundBank(order, CPU)
        row = next(row for row, sound in enumerate(bank.sounds) if sound.length == 37)
        before, inside, after = read(bank, row, np.array([at, 3.0, at])).tolist()
        assert before == after == 0.0
        assert inside == pytest.approx(third, rel=1e-6)


def test_a_sound_never_hears_its_neighbours(tmp_path: Path) -> None:
    levels = [0.25, -1.0, 0.5, 1.0]
    bank = SoundBank([written(tmp_path / "flat", *(np.full(20, level) for level in levels))], CPU)
    at = np.concatenate([np.linspace(-30.0, 50.0, 8001), [0.0, 19.0, 19.0 - 1e-9]])
    for row, level in enumerate(levels):
        found = read(bank, row, at)
        inside = (at >= 0.0) & (at <= 19.0)
        np.testing.assert_allclose(found[inside], np.rint(level * 32767.0) / 32767.0, atol=1e-7)
        np.testing.assert_array_equal(found[~inside], 0.0)


def test_every_sample_may_be_of_another_sound(folders: list[TrainingSounds]) -> None:
    bank = SoundBank(folders, CPU)
    rng = np.random.default_rng(2)
    rows, at = rng.integers(0, 5, (6, 40)), rng.uniform(-10.0, 220.0, (6, 40))
    found = bank.read(torch.from_numpy(rows), torch.from_numpy(at)).numpy()
    expected = [
        [read(bank, row, np.array([place]))[0] for row, place in zip(some, places, strict=True)]
        for some, places in zip(rows.tolist(), at.tolist(), strict=True)
    ]
    np.testing.assert_array_equal(found, expected)
    assert 0.1 < np.mean(found == 0.0) < 0.9
    assert bank.read(torch.zeros(0, 1, dtype=torch.int64), torch.zeros(0, 7).double()).shape == (0, 7)


def test_several_rates_or_no_sounds_are_errors(tmp_path: Path, folders: list[TrainingSounds]) -> None:
    other = written(tmp_path / "other", np.ones(100), rate_hz=8000)
    with pytest.raises(TrainingError, match=r"one rate; got 6 of rates \[8000, 16000\]"):
        SoundBank([*folders, other], CPU)
    with pytest.raises(TrainingError, match="got 0 of rates"):
        SoundBank([folders[1]], CPU)
    with pytest.raises(TrainingError, match=r"got 0 of rates \[\]"):
        SoundBank([], CPU)
