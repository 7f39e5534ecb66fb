"""Noise, mixing, gain and crop: ratios and places to the letter."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.random import Generator
from numpy.typing import NDArray

from soundalike.audio import (
    Crop,
    Gain,
    Mix,
    Noise,
    add_noise,
    change_gain,
    coloured_noise,
    crop,
    mix,
)
from soundalike.core.arrays import FloatArray
from soundalike.core.errors import InvalidInputError

RATE_HZ = 16000
SNR_DB = np.array([-20.0, 0.0, 5.0, 17.3, 30.0, 60.0])


def ratio_db(sound: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    powers = [np.square(samples, dtype=np.float64).sum() for samples in (sound, other)]
    return float(10 * np.log10(powers[0] / powers[1]))


def test_noise_is_as_far_below_the_sound_as_was_asked(batch: FloatArray, rng: Generator) -> None:
    noise = coloured_noise(np.array([0.0, 1, 2, 0, 1, 2]), batch.shape[1], rate_hz=RATE_HZ, rng=rng)
    noisy = add_noise(batch, SNR_DB, noise)
    for row, added, snr_db in zip(batch[:5], (noisy - batch)[:5], SNR_DB, strict=False):
        sounding = np.flatnonzero(row)
        part = slice(sounding[0], sounding[-1] + 1)
        assert ratio_db(row[part], added[part]) == pytest.approx(snr_db, abs=0.05)
        assert not added[: part.start].any()
        assert not added[part.stop :].any()
    assert not noisy[5].any()


def test_noise_on_a_real_sound(bundled: dict[str, FloatArray]) -> None:
    rows = np.stack(list(bundled.values()))
    for snr_db in (5.0, 30.0):
        settings = Noise(snr_db, snr_db)
        added = settings.apply(rows, rate_hz=32000, rng=np.random.default_rng(1)) - rows
        for row, more in zip(rows, added, strict=True):
            assert ratio_db(row, more) == pytest.approx(snr_db, abs=0.1)


@pytest.mark.parametrize(("exponent", "per_octave_db"), [(0.0, 0.0), (1.0, -3.01), (2.0, -6.02)])
def test_noise_falls_by_its_colour(exponent: float, per_octave_db: float, rng: Generator) -> None:
    noise = coloured_noise(np.full(20, exponent), 32000, rate_hz=32000, rng=rng)
    assert np.square(noise).mean() == pytest.approx(1.0, rel=0.3)
    power = (np.abs(np.fft.rfft(noise)) ** 2).mean(axis=0)
    octaves = [power[100 * 2**n : 200 * 2**n].mean() for n in range(7)]
    np.testing.assert_allclose(np.diff(10 * np.log10(octaves)), per_octave_db, atol=0.6)


def test_noise_of_brown_colour_is_flat_where_nobody_hears(rng: Generator) -> None:
    noise = coloured_noise(np.full(50, 2.0), 32000, rate_hz=32000, rng=rng)
    power = (np.abs(np.fft.rfft(noise)) ** 2).mean(axis=0)
    assert power[1:10].mean() == pytest.approx(power[10:20].mean(), rel=0.4)


def test_mixing_matches_energies(batch: FloatArray) -> None:
    others = np.roll(batch, 1, axis=0) * 7.0
    mixed = mix(batch, others, SNR_DB)
    for row, added, snr_db in zip(batch[1:5], (mixed - batch)[1:5], SNR_DB[1:5], strict=True):
        assert ratio_db(row, added) == pytest.approx(snr_db, abs=0.05)
    np.testing.assert_array_equal(mixed[0], batch[0])  # its other is silent
    assert not mixed[5].any()


def test_mixing_takes_another_row_never_the_row_itself() -> None:
    rows = np.eye(40, 50, dtype=np.float32)
    added = Mix(0.0, 0.0).apply(rows, rate_hz=RATE_HZ, rng=np.random.default_rng(1)) - rows
    np.testing.assert_array_equal((added != 0.0).sum(axis=1), 1)
    assert not (added * rows).any()
    sources = added.argmax(axis=1)
    assert len(set(sources.tolist())) > 15


def test_mixing_takes_what_is_given_and_not_the_row_that_is_in_it_too() -> None:
    rows = np.eye(30, 50, dtype=np.float32)
    pool = np.eye(2, 50, k=40, dtype=np.float32)
    rng = np.random.default_rng(1)
    added = Mix(0.0, 0.0).apply(rows, rate_hz=RATE_HZ, rng=rng, others=pool) - rows
    assert set(added.argmax(axis=1).tolist()) == {40, 41}
    added = Mix(0.0, 0.0).apply(rows[:5], rate_hz=RATE_HZ, rng=rng, others=rows[:5]) - rows[:5]
    assert not (added * rows[:5]).any()


def test_mixing_needs_another_sound() -> None:
    one = np.ones((1, 100), np.float32)
    rng = np.random.default_rng(1)
    with pytest.raises(InvalidInputError, match="another sound"):
        Mix().apply(one, rate_hz=RATE_HZ, rng=rng)
    with pytest.raises(InvalidInputError, match="rows of 100 samples; got rows of 99"):
        Mix().apply(one, rate_hz=RATE_HZ, rng=rng, others=np.ones((3, 99), np.float32))
    with pytest.raises(InvalidInputError, match=r"samples' shape \(1, 100\)"):
        mix(one, np.ones((3, 100), np.float32), 0.0)


def test_gain_is_exact(batch: FloatArray) -> None:
    gains_db = np.array([-12.0, -6.0, 0.0, 6.0, 12.0, 20.0])
    expected = [row * 10 ** (gain / 20) for row, gain in zip(batch, gains_db, strict=True)]
    np.testing.assert_allclose(change_gain(batch, gains_db), expected, rtol=1e-6)


def test_gains_fill_their_range() -> None:
    rows = np.ones((2000, 1), np.float32)
    gains_db = 20 * np.log10(Gain(-6.0, 12.0).apply(rows, rate_hz=1, rng=np.random.default_rng(1)))
    assert -6.0 <= gains_db.min() < -5.8
    assert 11.8 < gains_db.max() <= 12.001
    assert gains_db.mean() == pytest.approx(3.0, abs=0.4)


def test_crop_keeps_what_was_asked_for(batch: FloatArray) -> None:
    start, length = np.array([0, 10, 7999, 8000, 4000, 3]), np.array([8000, 20, 1, 0, 4000, 5])
    cropped = crop(batch, start, length)
    for row, kept, first, count in zip(batch, cropped, start, length, strict=True):
        np.testing.assert_array_equal(kept[:count], row[first : first + count])
        assert not kept[count:].any()


def test_crop_outside_of_the_row_is_refused(batch: FloatArray) -> None:
    whole = np.full(6, 8000)
    with pytest.raises(InvalidInputError, match="within the 8000 samples"):
        crop(batch, np.ones(6, int), whole)
    with pytest.raises(InvalidInputError, match="within the 8000 samples"):
        crop(batch, np.full(6, -1), np.ones(6, int))
    with pytest.raises(InvalidInputError, match="whole numbers"):
        crop(batch, np.zeros(6), np.ones(6))  # type: ignore[arg-type]


def test_a_random_crop_lies_within_the_sound() -> None:
    rows = np.zeros((500, 1000), np.float32)
    rows[:, 600:700] = np.arange(1, 101)
    cropped = Crop(0.4, 0.9).apply(rows, rate_hz=RATE_HZ, rng=np.random.default_rng(1))
    kept = (cropped != 0.0).sum(axis=1)
    assert (kept.min(), kept.max()) == (41, 90)
    first = cropped[:, 0].astype(int)
    assert first.min() == 1
    assert (first + kept).max() == 101
    np.testing.assert_array_equal(cropped[:, 40], first + 40)


@pytest.mark.parametrize("function", ["add_noise", "mix", "change_gain"])
def test_a_batch_is_its_rows_one_by_one(batch: FloatArray, rng: Generator, function: str) -> None:
    others = rng.normal(0.0, 1.0, batch.shape).astype(np.float32)

    def call(rows: FloatArray, others: FloatArray, values: NDArray[np.float64]) -> FloatArray:
        if function == "change_gain":
            return change_gain(rows, values)
        return mix(rows, others, values) if function == "mix" else add_noise(rows, values, others)

    one_by_one = [call(batch[n : n + 1], others[n : n + 1], SNR_DB[n : n + 1])[0] for n in range(len(batch))]
    np.testing.assert_allclose(call(batch, others, SNR_DB), one_by_one, rtol=1e-5, atol=1e-6)


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="snr_db must run from low to high"):
        Noise(30.0, 5.0)
    with pytest.raises(InvalidInputError, match="colours must be some of white, pink, brown"):
        Noise(colours=("blue",))
    with pytest.raises(InvalidInputError, match="colours must be some of"):
        Noise(colours=())
    with pytest.raises(InvalidInputError, match="shares must run from low to high"):
        Crop(0.0, 0.5)
    with pytest.raises(InvalidInputError, match="gains_db must run from low to high"):
        Gain(float("nan"), 3.0)
