"""Grains and surrogates: what they keep, what they lose, and that nothing comes from nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from soundalike.audio import decode
from soundalike.core.errors import InvalidInputError
from soundalike.synthesis import cross_synthesise, granulate, randomise_phases, surrogate
from soundalike.synthesis.spectral import to_spectra

RATE_HZ = 32000


def noise(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(count).astype(np.float32)


def grains(samples: np.ndarray, seed: int, duration_s: float = 1.0) -> np.ndarray:
    return granulate(samples, rate_hz=RATE_HZ, duration_s=duration_s, rng=np.random.default_rng(seed))


def share_near(samples: np.ndarray, centre_hz: float, octaves: float) -> float:
    power = np.abs(np.fft.rfft(samples)) ** 2
    frequencies = np.maximum(np.fft.rfftfreq(len(samples), 1 / RATE_HZ), 1.0)
    return float(power[np.abs(np.log2(frequencies / centre_hz)) <= octaves].sum() / power.sum())


class TestGrains:
    @pytest.mark.parametrize("count", [1, 30, 1000, 3 * RATE_HZ])
    @pytest.mark.parametrize("duration_s", [0.001, 0.05, 1.5])
    def test_any_length_from_any_length(self, count: int, duration_s: float) -> None:
        for seed in range(4):
            out = grains(noise(count), seed, duration_s)
            assert out.shape == (round(duration_s * RATE_HZ),)
            assert out.dtype == np.float32
            assert np.abs(out).max() == pytest.approx(1.0, abs=1e-6)

    def test_the_seed_decides(self) -> None:
        sound = noise(RATE_HZ)
        np.testing.assert_array_equal(grains(sound, 1), grains(sound, 1))
        assert np.abs(grains(sound, 1) - grains(sound, 2)).max() > 0.1

    @pytest.mark.parametrize("seed", range(5))
    def test_silence_gives_silence(self, seed: int) -> None:
        assert not grains(np.zeros(5000, np.float32), seed).any()

    @pytest.mark.parametrize("seed", range(8))
    def test_nothing_but_the_input_is_heard(self, seed: int) -> None:
        tone = np.sin(2 * np.pi * 1000 * np.arange(2 * RATE_HZ) / RATE_HZ).astype(np.float32)
        # Grains move the pitch by 0.8 octaves at most, and a window of 20 ms blurs it a little.
        assert share_near(grains(tone, seed), 1000, octaves=1.0) > 0.99

    def test_grains_follow_what_is_loud(self) -> None:
        sound = np.concatenate([noise(RATE_HZ), np.zeros(RATE_HZ, np.float32)])
        quiet = [
            np.mean(np.abs(grains(sound, seed).reshape(50, -1)).max(axis=1) < 1e-6) for seed in range(12)
        ]
        assert max(quiet) > 0.1, "some grains come from the silent half"

    def test_more_density_means_fewer_gaps(self) -> None:
        def gaps(density: float) -> float:
            out = granulate(
                noise(RATE_HZ), rate_hz=RATE_HZ, duration_s=4.0, rng=np.random.default_rng(3), density=density
            )
            return float(np.mean(np.abs(out) < 1e-5))

        assert gaps(0.3) > 0.4
        assert gaps(5.0) < 0.05

    @pytest.mark.parametrize("duration_s", [0.0, -1.0, float("nan")])
    def test_no_duration(self, duration_s: float) -> None:
        with pytest.raises(InvalidInputError, match="at least one sample"):
            grains(noise(100), 0, duration_s)

    def test_no_density(self) -> None:
        with pytest.raises(InvalidInputError, match="density of grains is above 0"):
            granulate(noise(9), rate_hz=RATE_HZ, duration_s=1, rng=np.random.default_rng(0), density=0.0)


class TestPhases:
    @pytest.mark.parametrize("count", [1, 2, 999, 1000])
    def test_the_magnitude_spectrum_stays(self, count: int) -> None:
        sound = noise(count)
        out = randomise_phases(sound, np.random.default_rng(1))
        np.testing.assert_allclose(np.abs(np.fft.rfft(out)), np.abs(np.fft.rfft(sound)), rtol=1e-3, atol=1e-3)

    def test_the_course_in_time_goes(self) -> None:
        click = np.zeros(8000, np.float32)
        click[4000] = 1.0
        assert np.abs(randomise_phases(click, np.random.default_rng(0))).max() < 0.1


class TestCrossSynthesis:
    def test_the_envelope_comes_over_and_the_source_stays(self) -> None:
        time = np.arange(RATE_HZ) / RATE_HZ
        pulses = np.zeros(RATE_HZ, np.float32)
        pulses[::160] = 1.0  # 200 Hz
        band = np.convolve(noise(RATE_HZ), np.sin(2 * np.pi * 3000 * time[:200]) * np.hanning(200), "same")
        spoken = cross_synthesise(pulses, band.astype(np.float32), rate_hz=RATE_HZ)
        assert share_near(spoken, 3000, octaves=0.5) > 0.8
        lines = np.abs(np.fft.rfft(spoken)) ** 2
        near_lines = sum(lines[200 * k - 20 : 200 * k + 21].sum() for k in range(1, 79))
        assert near_lines > 0.6 * lines.sum(), "still pulses at 200 Hz: noise would have a fifth there"

    def test_lengths_must_agree(self) -> None:
        with pytest.raises(InvalidInputError, match="equally long; got 10 and 11"):
            cross_synthesise(noise(10), noise(11), rate_hz=RATE_HZ)


class TestSurrogates:
    @pytest.mark.parametrize("count", [1, 100, RATE_HZ])
    def test_length_type_and_peak(self, count: int) -> None:
        for seed in range(8):
            out = surrogate(noise(count), rate_hz=RATE_HZ, rng=np.random.default_rng(seed))
            assert out.shape == (count,)
            assert out.dtype == np.float32
            assert np.abs(out).max() == pytest.approx(1.0, abs=1e-6)

    def test_silence_gives_silence(self) -> None:
        for seed in range(8):
            assert not surrogate(
                np.zeros(4000, np.float32), rate_hz=RATE_HZ, rng=np.random.default_rng(seed)
            ).any()

    def test_real_speech_keeps_where_its_energy_lies(self, shared_data: Path) -> None:
        path = min((shared_data / "fsdd").rglob("*.wav"))
        speech = decode(path, rate_hz=RATE_HZ).samples

        def bands(samples: np.ndarray) -> np.ndarray:
            power = np.square(np.abs(to_spectra(samples, 512))).sum(axis=0)[1:129]
            return np.asarray(power.reshape(16, 8).sum(axis=1) / power.sum())

        for seed in range(8):
            out = surrogate(speech, rate_hz=RATE_HZ, rng=np.random.default_rng(seed))
            # Half the total variation: 0 for equal shares, 1 for shares that have nothing in common.
            assert 0.5 * np.abs(bands(out) - bands(speech)).sum() < 0.4
            assert np.abs(np.corrcoef(out, speech)[0, 1]) < 0.5, "it is another sound"
