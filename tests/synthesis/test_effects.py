"""Effects: same length, same seed same sound, silence stays silence, and each does what it says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from soundalike.audio import decode
from soundalike.core.errors import InvalidInputError
from soundalike.synthesis import envelope, modulate, random_filter, reverberate, saturate, vary

RATE_HZ = 32000
Effect = Callable[[np.ndarray, np.random.Generator], np.ndarray]

EFFECTS: dict[str, Effect] = {
    "random_filter": lambda x, rng: random_filter(x, rate_hz=RATE_HZ, rng=rng),
    "reverberate": lambda x, rng: reverberate(x, rate_hz=RATE_HZ, rng=rng),
    "modulate": lambda x, rng: modulate(x, rate_hz=RATE_HZ, rng=rng),
    "saturate": lambda x, rng: saturate(x, rng=rng),
    "envelope": lambda x, rng: envelope(x, rate_hz=RATE_HZ, rng=rng),
    "vary": lambda x, rng: vary(x, rate_hz=RATE_HZ, rng=rng),
}


def noise(count: int, seed: int = 0) -> np.ndarray:
    return 0.3 * np.random.default_rng(seed).standard_normal(count).astype(np.float32)


@pytest.mark.parametrize("effect", EFFECTS.values(), ids=EFFECTS)
class TestEveryEffect:
    @pytest.mark.parametrize("count", [1, 2, 50, RATE_HZ])
    def test_length_and_type_stay(self, effect: Effect, count: int) -> None:
        for seed in range(8):
            out = effect(noise(count), np.random.default_rng(seed))
            assert out.shape == (count,)
            assert out.dtype == np.float32
            assert np.isfinite(out).all()

    def test_the_seed_decides(self, effect: Effect) -> None:
        sound = noise(8000)
        first = effect(sound, np.random.default_rng(4))
        np.testing.assert_array_equal(first, effect(sound, np.random.default_rng(4)))
        others = [effect(sound, np.random.default_rng(seed)) for seed in range(5, 9)]
        assert any(np.abs(first - other).max() > 1e-3 for other in others)

    def test_silence_stays_silence_and_input_stays_input(self, effect: Effect) -> None:
        silence, sound = np.zeros(3000, np.float32), noise(3000)
        before = sound.copy()
        for seed in range(8):
            assert not effect(silence, np.random.default_rng(seed)).any()
            effect(sound, np.random.default_rng(seed))
        np.testing.assert_array_equal(sound, before)

    @pytest.mark.parametrize("bad", [np.zeros((2, 10), np.float32), np.zeros(0, np.float32)])
    def test_what_is_not_one_sound(self, effect: Effect, bad: np.ndarray) -> None:
        with pytest.raises(InvalidInputError, match="at least one sample"):
            effect(bad, np.random.default_rng(0))

    def test_what_is_not_finite(self, effect: Effect) -> None:
        with pytest.raises(InvalidInputError, match="finite"):
            effect(np.array([0.0, np.nan]), np.random.default_rng(0))


def test_filtering_is_linear() -> None:
    sound = noise(4000)
    one = random_filter(sound, rate_hz=RATE_HZ, rng=np.random.default_rng(1))
    two = random_filter(2 * sound, rate_hz=RATE_HZ, rng=np.random.default_rng(1))
    np.testing.assert_allclose(two, 2 * one, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("decay_s", [0.2, 0.6])
def test_a_room_dies_by_60_db_in_its_time(decay_s: float) -> None:
    click = np.zeros(RATE_HZ, np.float32)
    click[0] = 1.0
    room = reverberate(click, rate_hz=RATE_HZ, rng=np.random.default_rng(0), decay_s=decay_s, wet=1.0)
    power = np.square(room[: int(decay_s * RATE_HZ)].astype(np.float64))
    assert np.square(room).sum() == pytest.approx(1.0, rel=1e-3)
    level_db = 10 * np.log10(power[: len(power) // 32 * 32].reshape(32, -1).mean(axis=1))[4:]
    slope_db_per_s = np.polyfit(np.arange(len(level_db)) * decay_s / 32, level_db, 1)[0]
    assert slope_db_per_s == pytest.approx(-60 / decay_s, rel=0.1)


def test_a_dry_room_changes_nothing() -> None:
    sound = noise(2000)
    dry = reverberate(sound, rate_hz=RATE_HZ, rng=np.random.default_rng(0), wet=0.0)
    np.testing.assert_allclose(dry, sound, atol=1e-6)


@pytest.mark.parametrize("wrong", [{"decay_s": 0.0}, {"decay_s": -1.0}, {"wet": 1.5}, {"wet": -0.1}])
def test_a_room_that_cannot_be(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidInputError, match="decay_s is above 0"):
        reverberate(noise(100), rate_hz=RATE_HZ, rng=np.random.default_rng(0), **wrong)


@pytest.mark.parametrize("seed", range(6))
def test_modulation_never_makes_louder(seed: int) -> None:
    sound = noise(RATE_HZ)
    moved = modulate(sound, rate_hz=RATE_HZ, rng=np.random.default_rng(seed))
    assert (np.abs(moved) <= np.abs(sound) * 1.0001).all()
    assert np.square(moved).sum() < 0.95 * np.square(sound).sum()


def test_saturation_lifts_what_is_soft() -> None:
    ramp = np.linspace(0, 0.5, 1000, dtype=np.float32)
    for seed in range(6):
        driven = saturate(ramp, rng=np.random.default_rng(seed))
        assert np.abs(driven).max() <= 1.0
        assert (np.diff(driven) >= -1e-6).all(), "louder stays louder"
        assert driven[500] >= 0.5 * driven[-1] * 0.99


def test_real_sound_is_varied_without_losing_itself(shared_data: Path) -> None:
    path = min((shared_data / "esc10").rglob("*.*g"))
    sound = decode(path, rate_hz=RATE_HZ).samples[: 2 * RATE_HZ]
    made = [vary(sound, rate_hz=RATE_HZ, rng=np.random.default_rng(seed)) for seed in range(6)]
    for one in made:
        assert one.shape == sound.shape
        assert np.abs(one).max() == pytest.approx(1.0, abs=1e-6)
    assert len({one.tobytes() for one in made}) >= 5
