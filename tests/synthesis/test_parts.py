"""The parts that textures are made of: curves, filters, noise, events, tones, each by what physics asks."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
import scipy.signal

from soundalike.synthesis.curves import cycles, pulses, swell, through, wander
from soundalike.synthesis.draw import log_uniforms
from soundalike.synthesis.filters import Kind, apply, band_pass, biquad, high_pass, low_pass
from soundalike.synthesis.impulses import burst_kernels, poisson_onsets, regular_onsets, scatter, tone_kernels
from soundalike.synthesis.levels import normalise, rms, unit
from soundalike.synthesis.machines import firing
from soundalike.synthesis.noise import band_noise, coloured_noise, white_noise
from soundalike.synthesis.rhythms import ticks
from soundalike.synthesis.spectral import formant_filter, frame_length, from_spectra, to_spectra
from soundalike.synthesis.tones import chirp, harmonics, modes, sine
from soundalike.synthesis.voices import glottis, roughness, vowels
from soundalike.synthesis.water_fire import bubbles

RATE_HZ = 32000


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def spectrum(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies in Hz and mean power of a sound."""
    frequencies, power = scipy.signal.welch(samples.astype(np.float64), RATE_HZ, nperseg=4096)
    return frequencies, power


def peak_hz(samples: np.ndarray) -> float:
    windowed = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(windowed.argmax() * RATE_HZ / len(samples))


class TestDraws:
    def test_octaves_are_equally_likely(self) -> None:
        drawn = log_uniforms(rng(), 100, 1600, 20000)
        shares = np.histogram(np.log2(drawn / 100), bins=4, range=(0, 4))[0] / 20000
        np.testing.assert_allclose(shares, 0.25, atol=0.02)
        assert drawn.min() >= 100
        assert drawn.max() <= 1600


class TestCurves:
    def test_through_meets_its_points(self) -> None:
        points = np.array([0.0, 3.0, -1.0, 2.0])
        curve = through(points, 301)
        np.testing.assert_allclose(curve[::100], points, atol=1e-6)
        assert curve.max() <= 3.0
        assert curve.min() >= -1.0

    @pytest.mark.parametrize("count", [1, 7])
    def test_through_one_point_is_constant(self, count: int) -> None:
        np.testing.assert_array_equal(through(np.array([2.5]), count), np.full(count, 2.5, np.float32))

    def test_wander_stays_within_its_bounds_and_is_slow(self) -> None:
        curve = wander(5 * RATE_HZ, RATE_HZ, rng(), change_hz=4.0, low=-2.0, high=3.0)
        assert -2.0 <= curve.min() < -1.0
        assert 2.0 < curve.max() <= 3.0
        # A step of 5 in a quarter of a second by 3x² - 2x³ rises by at most 1.5 times the mean.
        assert np.abs(np.diff(curve)).max() <= 1.5 * 5.0 * 4.0 / RATE_HZ * 1.01

    def test_cycles_come_as_often_as_asked(self) -> None:
        number, place = cycles(4 * RATE_HZ, RATE_HZ, rng(), per_s=7.0, start=0.25)
        assert number[-1] == 28
        assert place[0] == pytest.approx(0.25)
        assert place.min() >= 0.0
        assert place.max() < 1.0

    def test_pulses_that_all_rest_sound_all_the_same(self) -> None:
        assert pulses(RATE_HZ, RATE_HZ, rng(), per_s=5, rest=1.0).max() > 0.9

    def test_a_swell_rises_and_dies(self) -> None:
        curve = swell(RATE_HZ, RATE_HZ, attack_s=0.1, decay_s=0.2, start_s=0.1)
        assert not curve[: RATE_HZ // 10].any()
        assert curve.argmax() == pytest.approx(0.2 * RATE_HZ, abs=2)
        assert curve[int(0.4 * RATE_HZ)] == pytest.approx(np.exp(-1.0), abs=0.01)


class TestLevels:
    def test_unit_and_peak(self) -> None:
        noise = 0.01 * white_noise(10000, rng())
        assert rms(unit(noise)) == pytest.approx(1.0, abs=1e-5)
        assert np.abs(normalise(noise)).max() == 1.0

    def test_silence_stays_silence(self) -> None:
        silence = np.zeros(10, np.float32)
        np.testing.assert_array_equal(unit(silence), silence)
        np.testing.assert_array_equal(normalise(silence), silence)


class TestFilters:
    @pytest.mark.parametrize(
        ("kind", "at_hz", "gain_db"),
        [
            ("low", 10, 0),
            ("low", 1000, -3.01),
            ("high", 1000, -3.01),
            ("band", 1000, 0),
            ("peak", 1000, 9),
        ],
    )
    def test_gain_at_a_frequency(self, kind: Kind, at_hz: float, gain_db: float) -> None:
        section = biquad(kind, 1000, RATE_HZ, gain_db=9.0)
        _, response = scipy.signal.sosfreqz(section[None], [at_hz], fs=RATE_HZ)
        assert 20 * np.log10(abs(response[0])) == pytest.approx(gain_db, abs=0.05)

    @pytest.mark.parametrize("kind", ["low", "high"])
    def test_corners_are_butterworths(self, kind: Literal["low", "high"]) -> None:
        expected = scipy.signal.butter(2, 3000, kind, fs=RATE_HZ, output="sos")[0]
        np.testing.assert_allclose(biquad(kind, 3000, RATE_HZ, q=0.5**0.5), expected, atol=1e-12)

    @pytest.mark.parametrize("kind", ["low", "high", "band", "peak"])
    @pytest.mark.parametrize("centre_hz", [0.1, 15999, 50000])
    def test_poles_lie_inside_whatever_is_asked(self, kind: Kind, centre_hz: float) -> None:
        section = biquad(kind, centre_hz, RATE_HZ, q=8, gain_db=-18)
        assert np.abs(np.roots(section[3:])).max() < 1.0

    def test_sections_act_one_after_another(self) -> None:
        noise = white_noise(1000, rng())
        both = apply(noise, biquad("low", 2000, RATE_HZ), biquad("high", 300, RATE_HZ))
        np.testing.assert_allclose(both, high_pass(low_pass(noise, 2000, RATE_HZ), 300, RATE_HZ), atol=1e-5)


class TestNoise:
    @pytest.mark.parametrize("slope", [-9.0, -6.0, -3.0, 0.0, 3.0])
    def test_colour_is_the_slope_that_was_asked_for(self, slope: float) -> None:
        noise = coloured_noise(8 * RATE_HZ, RATE_HZ, rng(3), slope_db_per_octave=slope)
        frequencies, power = spectrum(noise)
        heard = (frequencies > 60) & (frequencies < 12000)
        # Weighted by 1/f, so that every octave counts the same.
        found = np.polyfit(
            np.log2(frequencies[heard]), 10 * np.log10(power[heard]), 1, w=frequencies[heard] ** -0.5
        )[0]
        assert found == pytest.approx(slope, abs=0.25)

    @pytest.mark.parametrize("slope", [-9.0, 0.0, 4.0])
    def test_coloured_noise_has_unit_variance(self, slope: float) -> None:
        assert rms(coloured_noise(4 * RATE_HZ, RATE_HZ, rng(1), slope_db_per_octave=slope)) == pytest.approx(
            1.0, abs=0.25
        )

    @pytest.mark.parametrize("count", [1, 2, 3, 997])
    def test_any_length(self, count: int) -> None:
        assert coloured_noise(count, RATE_HZ, rng(), slope_db_per_octave=-3).shape == (count,)

    def test_a_band_holds_most_of_its_energy(self) -> None:
        frequencies, power = spectrum(band_noise(4 * RATE_HZ, RATE_HZ, rng(), low_hz=1000, high_hz=3000))
        inside = (frequencies > 700) & (frequencies < 4300)
        assert power[inside].sum() > 0.85 * power.sum()


class TestEvents:
    def test_random_events_come_as_often_as_asked(self) -> None:
        onsets = poisson_onsets(20 * RATE_HZ, RATE_HZ, rng(), per_s=50)
        assert len(onsets) == pytest.approx(1000, abs=130)  # four standard deviations
        gaps_s = np.diff(onsets) / RATE_HZ
        assert gaps_s.std() == pytest.approx(gaps_s.mean(), rel=0.15)  # as of an exponential distribution

    @pytest.mark.parametrize("seed", range(5))
    def test_there_is_always_an_event(self, seed: int) -> None:
        assert poisson_onsets(100, RATE_HZ, rng(seed), per_s=0.01)[0] < 50
        assert regular_onsets(100, RATE_HZ, rng(seed), per_s=0.01)[0] < 51

    def test_regular_events_are_equally_far_apart(self) -> None:
        gaps = np.diff(regular_onsets(10 * RATE_HZ, RATE_HZ, rng(), per_s=8.0))
        assert len(gaps) in {78, 79}
        np.testing.assert_allclose(gaps, RATE_HZ / 8, atol=1)

    def test_scatter_is_a_loop_of_additions(self) -> None:
        onsets = np.sort(rng(1).integers(0, 500, 60))
        kernels = white_noise(40, rng(2)).reshape(1, 40)
        gains = rng(3).random(60).astype(np.float32)
        expected = np.zeros(540)
        for onset, gain in zip(onsets, gains, strict=True):
            expected[onset : onset + 40] += gain * kernels[0]
        np.testing.assert_allclose(
            scatter(500, onsets, kernels, rng(), gains=gains), expected[:500], atol=1e-5
        )

    def test_scatter_in_blocks_is_scatter_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        onsets = np.sort(rng(1).integers(0, 500, 60))
        kernels = white_noise(120, rng(2)).reshape(3, 40)
        at_once = scatter(500, onsets, kernels, rng(4))
        monkeypatch.setattr("soundalike.synthesis.impulses.BLOCK_VALUES", 100)
        np.testing.assert_allclose(scatter(500, onsets, kernels, rng(4)), at_once, atol=1e-6)

    def test_a_tone_falls_to_one_over_e_in_its_time(self) -> None:
        kernel = tone_kernels(RATE_HZ, rng(), pitch_hz=(1000, 1000), decay_s=(0.02, 0.02), kinds=1)[0]
        envelope = np.abs(scipy.signal.hilbert(kernel))
        assert envelope[1280] / envelope[640] == pytest.approx(np.exp(-1.0), rel=0.02)
        assert peak_hz(kernel) == pytest.approx(1000, abs=15)

    def test_bursts_of_noise_die_away(self) -> None:
        kernels = burst_kernels(RATE_HZ, rng(), decay_s=(0.005, 0.005), length_s=0.05, colour=(0.5, 2))
        power = np.square(kernels).mean(axis=0)
        assert power[320:480].mean() / power[:160].mean() == pytest.approx(np.exp(-4.0), rel=0.25)

    def test_bubbles_rise(self) -> None:
        sound = bubbles(RATE_HZ, RATE_HZ, rng(4), per_s=0.01, pitch_hz=(800, 800), decay_s=0.04)
        start = int(np.abs(sound).argmax())
        phases = np.unwrap(np.angle(scipy.signal.hilbert(sound[start : start + 900])))
        pitch = np.diff(phases) / (2 * np.pi) * RATE_HZ
        assert pitch[700:800].mean() > 1.02 * pitch[50:150].mean()


class TestTones:
    def test_a_chirp_rises_and_reaches_its_end(self) -> None:
        sound = chirp(RATE_HZ, RATE_HZ, start_hz=200, end_hz=6400)
        pieces = [peak_hz(sound[at : at + 1024]) for at in range(0, RATE_HZ - 1024, 1024)]
        assert (np.diff(pieces) >= 0).all()
        # Five octaves a second: the middle of the first and last pieces.
        assert pieces[0] == pytest.approx(200 * 2 ** (5 * 512 / RATE_HZ), abs=32)
        assert pieces[-1] == pytest.approx(
            6400 * 2 ** (-5 * (RATE_HZ - 30 * 1024 - 512 + 0.0) / RATE_HZ), rel=0.06
        )

    def test_a_sine_is_held_below_half_the_rate(self) -> None:
        assert peak_hz(sine(np.full(8192, 20000, np.float32), RATE_HZ)) == pytest.approx(
            0.45 * RATE_HZ, abs=5
        )

    def test_harmonics_are_the_sum_of_sines(self) -> None:
        amplitudes = np.array([1.0, 0.5, 0.0, 0.25])
        tone = harmonics(np.full(RATE_HZ, 250, np.float32), amplitudes, RATE_HZ, rng())
        lines = np.abs(np.fft.rfft(tone))[250:1250:250] / (RATE_HZ / 2)
        np.testing.assert_allclose(lines, amplitudes, atol=2e-3)
        assert np.square(tone).mean() == pytest.approx(np.square(amplitudes).sum() / 2, rel=0.01)

    def test_aligned_harmonics_peak_together_once_in_a_period(self) -> None:
        tone = harmonics(np.full(3200, 100, np.float32), np.ones(20), RATE_HZ, rng(), aligned=True)
        peaks = scipy.signal.find_peaks(tone, height=15)[0]
        assert len(peaks) == 10
        assert (np.diff(peaks) == 320).all()
        assert tone.max() == pytest.approx(20, rel=0.02)

    def test_harmonics_do_not_fold_back(self) -> None:
        tone = harmonics(np.full(RATE_HZ, 3000, np.float32), np.ones(40), RATE_HZ, rng())
        lines = np.abs(np.fft.rfft(tone)) ** 2
        wanted = lines[3000::3000].sum()
        assert wanted > 0.999 * lines.sum()
        assert lines[15000] < 1e-4 * wanted

    def test_modes_die_at_their_own_pace(self) -> None:
        sound = modes(
            RATE_HZ,
            RATE_HZ,
            pitches_hz=np.array([500.0, 4000.0, 15900.0]),
            decays_s=np.array([0.5, 0.05, 1.0]),
            amplitudes=np.ones(3),
        )
        early, late = (np.abs(np.fft.rfft(sound[at : at + 3200] * np.hanning(3200))) for at in (0, 9600))
        assert late[50] / early[50] == pytest.approx(np.exp(-0.3 / 0.5), rel=0.05)
        assert late[400] < 0.02 * early[400]
        assert early[1590] < 0.01 * early[50]

    def test_a_clock_ticks_as_often_as_asked(self) -> None:
        sound = ticks(8 * RATE_HZ, RATE_HZ, rng(5), per_s=5.0)
        envelope = np.abs(sound).reshape(-1, 64).max(axis=1)
        onsets = np.flatnonzero(
            (envelope > 0.1 * envelope.max()) & (np.roll(envelope, 1) < 0.02 * envelope.max())
        )
        assert len(onsets) == pytest.approx(40, abs=1)
        np.testing.assert_allclose(np.diff(onsets) * 64 / RATE_HZ, 0.2, atol=0.005)

    @pytest.mark.parametrize("cylinders", [1, 4])
    def test_an_engine_fires_once_per_cylinder_and_cycle(self, cylinders: int) -> None:
        sound = firing(np.full(RATE_HZ, 20, np.float32), RATE_HZ, rng(2), cylinders=cylinders)
        assert peak_hz(sound) == pytest.approx(20 * cylinders, abs=1.5)


class TestSpectra:
    @pytest.mark.parametrize("count", [1, 100, 511, 512, 513, 5000])
    def test_there_and_back_is_the_same(self, count: int) -> None:
        noise = white_noise(count, rng())
        np.testing.assert_allclose(from_spectra(to_spectra(noise, 512), count, 512), noise, atol=1e-5)

    def test_frames_are_a_power_of_two_near_their_duration(self) -> None:
        assert [frame_length(rate) for rate in (8000, 16000, 32000, 44100)] == [
            128,
            256,
            512,
            512 * 2 ** (0.4 > 0.5),
        ]

    def test_a_formant_moves_the_way_it_is_told(self) -> None:
        noise = white_noise(2 * RATE_HZ, rng())
        sound = formant_filter(noise, RATE_HZ, np.array([[500.0], [4000.0]]), np.array([150.0]))
        for at_s, expected_hz in ((0.1, 675), (1.0, 2250), (1.9, 3825)):
            piece = sound[int((at_s - 0.1) * RATE_HZ) : int((at_s + 0.1) * RATE_HZ)]
            frequencies, power = spectrum(piece)
            near = power[np.abs(frequencies - expected_hz) < 500].sum()
            assert near > 0.6 * power.sum()

    def test_a_voice_has_its_pitch(self) -> None:
        voice = glottis(np.full(RATE_HZ, 180, np.float32), RATE_HZ, rng(), tilt=1.0, breath=0.05)
        likeness = np.fft.irfft(np.abs(np.fft.rfft(voice, 2 * RATE_HZ)) ** 2)
        lags = np.arange(RATE_HZ // 400, RATE_HZ // 100)
        assert RATE_HZ / lags[likeness[lags].argmax()] == pytest.approx(180, rel=0.02)

    def test_a_rough_voice_shakes_by_its_depth(self) -> None:
        curve = roughness(RATE_HZ, RATE_HZ, rng(), depth=0.6)
        assert curve.min() == pytest.approx(0.4, abs=0.05)
        assert curve.max() == pytest.approx(1.0, abs=0.05)

    def test_vowels_are_in_order_and_scale_with_the_head(self) -> None:
        drawn = vowels(200, rng(), tract=1.0)
        assert (np.diff(drawn, axis=1) >= -100).all()
        np.testing.assert_allclose(vowels(200, rng(), tract=1.3), 1.3 * drawn)


def test_band_pass_keeps_a_stack_of_kernels_apart() -> None:
    kernels = white_noise(300, rng()).reshape(3, 100)
    together = band_pass(kernels, 1000, RATE_HZ)
    np.testing.assert_allclose(together[1], band_pass(kernels[1], 1000, RATE_HZ), atol=1e-6)
