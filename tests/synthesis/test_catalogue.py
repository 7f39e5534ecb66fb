"""Every texture at every rate and length; the same seed gives the same sound, another seed another one."""

from __future__ import annotations

import numpy as np
import pytest

from soundalike.core.errors import InvalidInputError, NotFoundError
from soundalike.core.registry import Registry
from soundalike.features import StftConfig, power_spectrogram
from soundalike.synthesis import catalogue as catalogue_module
from soundalike.synthesis import texture, texture_names
from soundalike.synthesis.catalogue import FAMILIES, Texture

RATES_HZ = (16000, 32000, 44100)
DURATIONS_S = (0.05, 1.0, 5.0)


def make(name: str, seed: int, *, duration_s: float = 1.0, rate_hz: int = 32000) -> np.ndarray:
    return texture(name, duration_s=duration_s, rate_hz=rate_hz, rng=np.random.default_rng(seed))


def centroids_hz(name: str, seeds: int = 9) -> np.ndarray:
    """Where the energy of several sounds of a family lies on the whole, in Hz."""
    found = []
    for seed in range(seeds):
        power = power_spectrogram(make(name, seed), StftConfig(1024, 512)).astype(np.float64).sum(axis=1)
        found.append(float(power @ np.arange(len(power)) * 32000 / 1024 / power.sum()))
    return np.array(found)


@pytest.mark.parametrize("name", texture_names())
def test_a_texture_keeps_its_word_at_any_rate_and_length(name: str) -> None:
    for rate_hz in RATES_HZ:
        for duration_s in DURATIONS_S:
            sound = make(name, 7, duration_s=duration_s, rate_hz=rate_hz)
            assert sound.shape == (round(duration_s * rate_hz),)
            assert sound.dtype == np.float32
            assert np.isfinite(sound).all()
            assert np.abs(sound).max() == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("name", texture_names())
def test_the_seed_decides(name: str) -> None:
    first, second = make(name, 1), make(name, 2)
    np.testing.assert_array_equal(first, make(name, 1))
    assert np.abs(first - second).max() > 0.1


def test_no_texture_is_mostly_a_constant() -> None:
    for name in texture_names():
        sound = make(name, 3).astype(np.float64)
        assert abs(sound.mean()) < 0.35 * np.sqrt(np.mean(sound**2)), f"{name} stands off zero"


def test_names_are_sorted_and_are_those_of_the_table() -> None:
    names = texture_names()
    assert list(names) == sorted(names)
    assert set(names) >= {name for family in FAMILIES.values() for name in family}
    assert sum(map(len, FAMILIES.values())) == len({name for family in FAMILIES.values() for name in family})


@pytest.mark.parametrize(
    ("low", "high"),
    [
        ("thunder", "rain"),
        ("rumble", "frying"),
        ("engine", "insects"),
        ("cooing", "bird_song"),
        ("lowing", "squeaking"),
    ],
)
def test_what_is_low_lies_below_what_is_high(low: str, high: str) -> None:
    assert np.median(centroids_hz(low)) * 2 < np.median(centroids_hz(high))


@pytest.mark.parametrize(
    ("steady", "eventful"), [("fan", "knocking"), ("steady_noise", "footsteps"), ("fan", "drips")]
)
def test_what_is_made_of_events_has_higher_crests(steady: str, eventful: str) -> None:
    crests = {
        name: np.median([1.0 / np.sqrt(np.mean(make(name, seed) ** 2)) for seed in range(9)])
        for name in (steady, eventful)
    }
    assert crests[eventful] > 1.5 * crests[steady]


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(NotFoundError, match="no texture called 'silence'"):
        make("silence", 0)


@pytest.mark.parametrize("duration_s", [0.0, -1.0, float("nan"), float("inf"), 1e-6])
def test_a_duration_of_nothing(duration_s: float) -> None:
    with pytest.raises(InvalidInputError, match="at least one sample"):
        make("rain", 0, duration_s=duration_s)


@pytest.mark.parametrize("rate_hz", [0, 4000, -32000])
def test_a_rate_that_is_too_low(rate_hz: int) -> None:
    with pytest.raises(InvalidInputError, match="at least 8000 Hz"):
        make("rain", 0, rate_hz=rate_hz)


def registry_of(address: str) -> Registry[Texture]:
    return Registry[Texture]("texture", "soundalike.test.textures", {"made": address})


def test_a_sound_that_falls_into_a_gap_is_cut_around_a_peak(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(count: int, rate_hz: int, rng: np.random.Generator) -> np.ndarray:
        sound = np.zeros(count, np.float32)
        sound[rate_hz : rate_hz + 1] = 0.5
        return sound

    monkeypatch.setattr(np, "late_texture", late, raising=False)
    monkeypatch.setattr(catalogue_module, "TEXTURES", registry_of("numpy:late_texture"))
    sound = make("made", 0, duration_s=0.1, rate_hz=16000)
    assert sound.shape == (1600,)
    assert int(sound.argmax()) == 800


def test_a_texture_that_stays_silent_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(count: int, rate_hz: int, rng: np.random.Generator) -> np.ndarray:
        return np.zeros(count, np.float32)

    monkeypatch.setattr(np, "silent_texture", silent, raising=False)
    monkeypatch.setattr(catalogue_module, "TEXTURES", registry_of("numpy:silent_texture"))
    with pytest.raises(InvalidInputError, match="gave silence for 10 s"):
        make("made", 0, rate_hz=16000)
