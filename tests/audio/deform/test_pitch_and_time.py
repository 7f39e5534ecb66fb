"""Pitch shift and time stretch: tones, attacks, notes and real sounds against what physics says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from soundalike.audio import change_speed, decode, shift_pitch, stretch_time
from soundalike.core.arrays import FloatArray
from soundalike.core.errors import InvalidInputError

RATE_HZ = 32000


def tone(frequency_hz: float, rate_hz: int = RATE_HZ, seconds: float = 1.0) -> FloatArray:
    time_s = np.arange(round(rate_hz * seconds)) / rate_hz
    return np.asarray(0.5 * np.sin(2 * np.pi * frequency_hz * time_s), np.float32)


def strongest_hz(samples: FloatArray, rate_hz: int = RATE_HZ) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 1 << 19))
    return float(spectrum.argmax()) * rate_hz / (1 << 19)


def note(fundamental_hz: float, wobble: float = 0.0) -> FloatArray:
    """A struck string: harmonics that decay, the higher the faster; perhaps with vibrato."""
    time_s = np.arange(RATE_HZ) / RATE_HZ
    phase = 2 * np.pi * fundamental_hz * (time_s + wobble * np.sin(10 * np.pi * time_s) / (10 * np.pi))
    waves = [np.exp(-time_s * (1.5 + n / 2)) / n * np.sin(n * phase + n) for n in range(1, 12)]
    return np.asarray(0.3 * sum(waves), np.float32)


def harmonic_to_noise_db(samples: FloatArray, fundamental_hz: float) -> float:
    middle = samples[4000:28000]
    power = np.abs(np.fft.rfft(middle * np.hanning(len(middle)))) ** 2
    order = np.fft.rfftfreq(len(middle), 1 / RATE_HZ) / fundamental_hz
    near = (np.abs(order - np.rint(order)) * fundamental_hz < 12.0) & (order > 0.5)
    return float(10 * np.log10(power[near].sum() / power[~near].sum()))


@pytest.mark.parametrize("semitones", [-24, -12, -4.0, -0.5, 0.5, 4.0, 7, 12])
@pytest.mark.parametrize(
    ("frequency_hz", "rate_hz"), [(130.0, 32000), (440.0, 32000), (440, 8000), (900, 44100)]
)
def test_a_tone_moves_by_two_to_the_twelfth(semitones: float, frequency_hz: float, rate_hz: int) -> None:
    shifted = shift_pitch(tone(frequency_hz, rate_hz)[None], semitones, rate_hz)[0]
    assert strongest_hz(shifted, rate_hz) == pytest.approx(frequency_hz * 2 ** (semitones / 12), rel=0.01)
    middle = shifted[len(shifted) // 4 : -len(shifted) // 4]
    assert np.sqrt(2 * np.mean(np.square(middle))) == pytest.approx(0.5, rel=0.05)


@pytest.mark.parametrize(("frequency_hz", "semitones"), [(7000.0, -4.0), (7000.0, 2.3), (1000.0, 24.0)])
def test_a_high_tone_stays_a_tone(frequency_hz: float, semitones: float) -> None:
    middle = shift_pitch(tone(frequency_hz)[None], semitones, RATE_HZ)[0, 8000:24000]
    power = np.abs(np.fft.rfft(middle * np.hanning(16000))) ** 2
    tonal = power[power.argmax() - 8 : power.argmax() + 9].sum()
    assert 10 * np.log10(tonal / (power.sum() - tonal)) > 50.0


def test_pitch_keeps_the_duration() -> None:
    sound = np.pad(tone(440.0, seconds=0.5), (8000, 8000))[None]
    for semitones in (-4.0, 4.0):
        shifted = shift_pitch(sound, semitones, RATE_HZ)[0]
        loud = np.flatnonzero(np.abs(shifted) > 0.1)
        assert loud[0] == pytest.approx(8000, abs=0.006 * RATE_HZ)
        assert loud[-1] == pytest.approx(24000, abs=0.006 * RATE_HZ)


@pytest.mark.parametrize("factor", [0.5, 0.8, 0.95, 1.05, 1.25, 2.0])
def test_stretch_keeps_the_pitch(factor: float) -> None:
    stretched = stretch_time(tone(440.0)[None], factor, RATE_HZ)[0]
    length = min(RATE_HZ, round(RATE_HZ * factor))
    assert strongest_hz(stretched[:length]) == pytest.approx(440.0, rel=0.002)
    steady = np.abs(stretched[400 : length - 1200]).reshape(-1, 100).max(axis=1)
    assert 0.45 < steady.min() <= steady.max() < 0.55
    assert not stretched[length + 320 :].any()


@pytest.mark.parametrize("factor", [0.8, 0.9, 1.2, 1.25])
@pytest.mark.parametrize("noise", [0.0, 0.003])
def test_an_attack_moves_by_the_factor_and_stays_sharp(factor: float, noise: float) -> None:
    clicks = np.random.default_rng(1).normal(0.0, noise, (3, RATE_HZ)).astype(np.float32)
    places = [3000, 12345, 20011]
    clicks[[0, 1, 2], places] = 0.9
    for stretched, place in zip(stretch_time(clicks, factor, RATE_HZ), places, strict=True):
        expected = round(place * factor)
        power = np.square(stretched[expected - 1600 : expected + 1600], dtype=np.float64)
        centre = expected - 1600 + int(power.argmax())
        assert centre == pytest.approx(expected, abs=0.006 * RATE_HZ)
        width = power[centre - expected + 1600 - 160 : centre - expected + 1600 + 160]  # 10 ms
        assert width.sum() > 0.9 * power.sum()


@pytest.mark.parametrize("semitones", [-4.0, 4.0])
def test_a_click_stays_a_click_at_another_pitch(semitones: float) -> None:
    click = np.random.default_rng(1).normal(0.0, 0.003, (1, RATE_HZ)).astype(np.float32)
    click[0, 12345] = 0.9
    power = np.square(shift_pitch(click, semitones, RATE_HZ)[0], dtype=np.float64)[10745:13945]
    centre = int(power.argmax())
    assert centre == pytest.approx(1600, abs=0.006 * RATE_HZ)
    assert power[centre - 160 : centre + 160].sum() > 0.9 * power.sum()


@pytest.mark.parametrize("semitones", [-4.0, -1.0, 1.0, 4.0])
def test_a_note_keeps_its_harmonics_clean(semitones: float) -> None:
    shifted = shift_pitch(note(440.0)[None], semitones, RATE_HZ)[0]
    ratio = 2.0 ** (semitones / 12.0)
    fundamental_hz = strongest_hz(shifted)
    assert fundamental_hz == pytest.approx(440.0 * ratio, rel=0.005)
    assert harmonic_to_noise_db(note(440.0 * ratio), 440.0 * ratio) > 55.0
    assert harmonic_to_noise_db(shifted, fundamental_hz) > 50.0


def band_levels_db(samples: FloatArray) -> NDArray[np.float64]:
    """Levels of third-octave bands every 10 ms, shape (bands, frames), from 60 dB below the loudest."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, 1024)[::320] * np.hanning(1024)
    power = np.abs(np.fft.rfft(frames)) ** 2
    edges_hz = 100.0 * 2.0 ** (np.arange(24) / 3.0)
    edges = np.unique(np.rint(edges_hz[edges_hz < 16000] * 1024 / RATE_HZ).astype(int))
    bands = np.add.reduceat(power, edges, axis=1)[:, :-1].T
    return np.asarray(10 * np.log10(bands + 1e-6 * bands.max()))


@pytest.mark.parametrize("semitones", [-4.0, 4.0])
def test_vibrato_is_shifted_as_a_whole(semitones: float) -> None:
    shifted = shift_pitch(note(300.0, 0.02)[None], semitones, RATE_HZ)[0]
    ideal = note(300.0 * 2.0 ** (semitones / 12.0), 0.02)
    assert np.abs(band_levels_db(shifted) - band_levels_db(ideal)).mean() < 1.0


@pytest.mark.parametrize("kind", ["drums", "guitar", "choir", "bell"])
@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_real_sounds_keep_their_spectrum_at_the_stretched_time(
    bundled: dict[str, FloatArray], kind: str, factor: float
) -> None:
    before = band_levels_db(bundled[kind])
    after = band_levels_db(stretch_time(bundled[kind][None], factor, RATE_HZ)[0])
    times = (np.arange(before.shape[1]) + 1.6) * factor - 1.6  # of the frames' middles
    known = (times >= 0) & (times < min(1.0, factor) * after.shape[1] - 5)
    moved = np.stack([np.interp(times[known], np.arange(after.shape[1]), band) for band in after])
    assert np.abs(moved - before[:, known]).mean() < 3.0


@pytest.mark.parametrize("kind", ["guitar", "choir", "bell"])
@pytest.mark.parametrize("semitones", [-3.0, 3.0])
def test_real_sounds_move_along_the_logarithm_of_frequency(
    bundled: dict[str, FloatArray], kind: str, semitones: float
) -> None:
    def spectrum(samples: FloatArray) -> NDArray[np.float64]:
        power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 1 << 17)) ** 2
        at_hz = 60.0 * 2.0 ** (np.arange(700) / 100.0)  # a hundredth of an octave
        return np.asarray(np.sqrt(np.interp(at_hz, np.arange(len(power)) * RATE_HZ / (1 << 17), power)))

    before = spectrum(bundled[kind])
    after = spectrum(shift_pitch(bundled[kind][None], semitones, RATE_HZ)[0])
    fits = np.correlate(after - after.mean(), before - before.mean(), "same")[
        300:401
    ]  # half an octave each way
    assert fits.argmax() - 50 == pytest.approx(100 * semitones / 12, abs=1.5)


def test_collections_of_real_sounds_go_up_and_come_back(shared_data: Path) -> None:
    paths = [
        *sorted((shared_data / "esc10").rglob("*.ogg"))[::80],
        *sorted((shared_data / "philharmonia").rglob("*.mp3"))[::600],
        *sorted((shared_data / "fsdd").rglob("*.wav"))[::900],
    ]
    assert len(paths) > 8
    rows = np.zeros((len(paths), 32000), np.float32)
    for row, path in zip(rows, paths, strict=True):
        samples = decode(path, rate_hz=RATE_HZ).samples[:32000]
        row[: len(samples)] = samples
    semitones = np.linspace(0.5, 4.0, len(rows))
    back = shift_pitch(shift_pitch(rows, semitones, RATE_HZ), -semitones, RATE_HZ)
    for row, again in zip(rows, back, strict=True):
        change_db = np.abs(band_levels_db(again) - band_levels_db(row))[:-3]  # the highest bands were cut off
        assert change_db.mean() < 4.0


def test_nothing_to_do_gives_the_row_back() -> None:
    rows = np.random.default_rng(1).normal(0.0, 0.2, (3, 20000)).astype(np.float32)
    np.testing.assert_allclose(stretch_time(rows, 1.0, RATE_HZ), rows, atol=1e-6)
    np.testing.assert_allclose(shift_pitch(rows, 0.0, RATE_HZ), rows, atol=1e-6)


def test_a_batch_is_its_rows_one_by_one(batch: FloatArray) -> None:
    semitones = np.array([-24.0, -3.3, -0.5, 2.0, 4.0, 24.0])
    factors = np.array([0.25, 0.8, 0.93, 1.1, 1.25, 4.0])
    one_by_one = [shift_pitch(row[None], n, 16000)[0] for row, n in zip(batch, semitones, strict=True)]
    np.testing.assert_allclose(shift_pitch(batch, semitones, 16000), one_by_one, atol=1e-5)
    one_by_one = [stretch_time(row[None], f, 16000)[0] for row, f in zip(batch, factors, strict=True)]
    np.testing.assert_allclose(stretch_time(batch, factors, 16000), one_by_one, atol=1e-5)


def test_many_rows_go_through_in_blocks_that_do_not_matter() -> None:
    rows = np.random.default_rng(1).normal(0.0, 0.2, (40, 9000)).astype(np.float32)
    stretched = stretch_time(rows, 1.2, RATE_HZ)
    np.testing.assert_allclose(stretched[17:19], stretch_time(rows[17:19], 1.2, RATE_HZ), atol=1e-5)


def test_out_of_range_is_refused(batch: FloatArray) -> None:
    with pytest.raises(InvalidInputError, match="semitones must be -24 to 24"):
        shift_pitch(batch, 25.0, RATE_HZ)
    with pytest.raises(InvalidInputError, match="semitones must be -24 to 24"):
        shift_pitch(batch, np.nan, RATE_HZ)
    with pytest.raises(InvalidInputError, match=r"factors must be 0\.25 to 4"):
        stretch_time(batch, 0.0, RATE_HZ)
    with pytest.raises(InvalidInputError, match=r"shape \(6,\); got \(5,\)"):
        stretch_time(batch, np.ones(5), RATE_HZ)


@pytest.mark.parametrize("factor", [0.5, 0.8, 1.0, 1.5])
def test_speed_moves_pitch_and_duration_alike(factor: float) -> None:
    played = change_speed(tone(400.0), factor)
    assert played.dtype == np.float32
    assert len(played) == pytest.approx(RATE_HZ / factor, abs=2)
    assert strongest_hz(played) == pytest.approx(400.0 * factor, rel=0.01)
    if factor == 1.0:
        np.testing.assert_array_equal(played, tone(400.0)[:-1])
