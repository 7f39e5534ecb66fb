"""Clips: always the same, of what they were drawn from, never silent."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from soundalike.core.errors import InvalidInputError, TrainingError
from soundalike.training import TrainingSounds, TrainingSoundsWriter
from soundalike.training.clips import ClipConfig, ClipSource

RATE_HZ = 16000
PLAIN = ClipConfig(
    clip_s=2.0, sequence=0.0, speed=0.0, granulated=0.0, filtered=0.0, reverberated=0.0, mixed=0.0, noisy=0.0
)


def tone(frequency_hz: float, duration_s: float) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * frequency_hz * np.arange(int(duration_s * RATE_HZ)) / RATE_HZ)


def loudest_hz(clip: np.ndarray) -> float:
    return float(np.abs(np.fft.rfft(clip)).argmax() * RATE_HZ / len(clip))


@pytest.fixture
def sounds(tmp_path: Path) -> TrainingSounds:
    with TrainingSoundsWriter(tmp_path / "sounds", RATE_HZ) as writer:
        writer.add(tone(300.0, 0.5), name="a", group="low", facts={"kind": "effect", "package": "p"})
        writer.add(tone(3000.0, 9.0), name="b", group="high", facts={"kind": "music", "package": "q"})
        writer.add(np.zeros(RATE_HZ), name="c", group="none", facts={"kind": "speech", "package": "r"})
    return TrainingSounds(tmp_path / "sounds")


def test_a_clip_is_a_pure_function_of_its_number(sounds: TrainingSounds) -> None:
    source = ClipSource([sounds], ClipConfig(clip_s=2.0))
    again = ClipSource([sounds], ClipConfig(clip_s=2.0))
    clips = [source.clip(number) for number in range(12)]
    for number in reversed(range(12)):
        np.testing.assert_array_equal(again.clip(number), clips[number])
    assert len({clip.tobytes() for clip in clips}) == 12


def test_clips_are_loud_bounded_and_no_longer_than_asked(sounds: TrainingSounds) -> None:
    source = ClipSource([sounds], ClipConfig(clip_s=2.0))
    for number in range(60):
        clip = source.clip(number)
        assert clip.dtype == np.float32
        assert 0.05 * RATE_HZ <= len(clip) <= 2 * RATE_HZ
        assert np.abs(clip).max() == pytest.approx(0.7, abs=1e-3)


def test_a_plain_clip_is_a_stretch_of_one_sound(sounds: TrainingSounds) -> None:
    source = ClipSource([sounds], PLAIN)
    heard = {round(loudest_hz(source.clip(number)), -2) for number in range(40)}
    assert heard == {300.0, 3000.0}  # the silent one is never drawn


def test_a_clip_tells_its_file(sounds: TrainingSounds) -> None:
    low, high, _ = (sound.file_code for sound in sounds.sounds)
    for number in range(40):
        clip, file = ClipSource([sounds], PLAIN).clip_and_file(number)
        assert file == (low if loudest_hz(clip) < 1000.0 else high)


def test_a_sequence_begins_with_the_sound_that_its_file_tells(tmp_path: Path) -> None:
    heights_hz = (400.0, 1600.0, 3000.0)
    with TrainingSoundsWriter(tmp_path / "family", RATE_HZ) as writer:
        for at, height in enumerate(heights_hz):
            writer.add(tone(height, 0.3), name=str(at), group="one", facts={"kind": "effect", "package": "p"})
    family = TrainingSounds(tmp_path / "family")
    heights = {sound.file_code: height for sound, height in zip(family.sounds, heights_hz, strict=True)}
    source = ClipSource([family], replace(PLAIN, sequence=1.0))
    kinds_of_sequence = set()
    for number in range(60):
        clip, file = source.clip_and_file(number)
        sounding = np.flatnonzero(np.abs(clip) > 1e-3)
        assert loudest_hz(clip[sounding[0] :][: RATE_HZ // 4]) == pytest.approx(heights[file], abs=10.0)
        spectrum = np.abs(np.fft.rfft(clip))
        levels = [spectrum[round(height * len(clip) / RATE_HZ)] for height in heights_hz]
        kinds_of_sequence.add(sum(level > 0.1 * max(levels) for level in levels))
    assert {1, 2} <= kinds_of_sequence, "of one sound alone, and of its family"


def test_kinds_are_drawn_in_the_shares_that_are_asked_for(sounds: TrainingSounds) -> None:
    shares = (("effect", 0.8), ("music", 0.2), ("speech", 1e-9))
    config = replace(PLAIN, kind_shares=shares)
    source = ClipSource([sounds], config)
    low = sum(loudest_hz(source.clip(number)) < 1000.0 for number in range(300))
    assert low == pytest.approx(240, abs=25)


def test_a_mixture_holds_both_at_the_level_that_is_asked_for(sounds: TrainingSounds) -> None:
    config = replace(PLAIN, mixed=1.0, mix_range_db=1e-6)
    source = ClipSource([sounds], config)
    both = 0
    for number in range(40):
        spectrum = np.abs(np.fft.rfft(source.clip(number)))
        hz = np.arange(len(spectrum)) * (RATE_HZ / 2) / (len(spectrum) - 1)
        low, high = spectrum[np.abs(hz - 300) < 50].max(), spectrum[np.abs(hz - 3000) < 50].max()
        both += 0.2 < low / high < 5.0
    assert both > 5


def test_a_sequence_repeats_a_short_sound(sounds: TrainingSounds) -> None:
    source = ClipSource([sounds], replace(PLAIN, sequence=1.0))
    lengths = [len(c) for c in map(source.clip, range(40)) if loudest_hz(c) < 1000.0]
    assert min(lengths) == 2 * RATE_HZ  # 0.5 s became a clip of 2 s


def test_all_silent_sounds_are_an_error(tmp_path: Path) -> None:
    with TrainingSoundsWriter(tmp_path, RATE_HZ) as writer:
        writer.add(np.zeros(RATE_HZ), name="a", group="a")
    source = ClipSource([TrainingSounds(tmp_path)], ClipConfig())
    with pytest.raises(TrainingError, match="silent"):
        source.clip(0)


def test_no_sounds_and_two_rates_are_errors(tmp_path: Path, sounds: TrainingSounds) -> None:
    with TrainingSoundsWriter(tmp_path / "none", RATE_HZ) as writer:
        pass
    with pytest.raises(TrainingError, match="one rate"):
        ClipSource([TrainingSounds(tmp_path / "none")], ClipConfig())
    with TrainingSoundsWriter(tmp_path / "other", 8000) as writer:
        writer.add(np.ones(100), name="a", group="a")
    with pytest.raises(TrainingError, match="8000"):
        ClipSource([sounds, TrainingSounds(tmp_path / "other")], ClipConfig())


def test_the_fingerprint_covers_sounds_and_settings(tmp_path: Path, sounds: TrainingSounds) -> None:
    with TrainingSoundsWriter(tmp_path / "more", RATE_HZ) as writer:
        writer.add(np.ones(100), name="a", group="a")
    more = TrainingSounds(tmp_path / "more")
    prints = {
        ClipSource([sounds], ClipConfig()).fingerprint,
        ClipSource([sounds], ClipConfig(seed=4)).fingerprint,
        ClipSource([sounds], ClipConfig(mixed=0.1)).fingerprint,
        ClipSource([sounds, more], ClipConfig()).fingerprint,
    }
    assert len(prints) == 4


@pytest.mark.parametrize(
    "settings", [{"mixed": 1.5}, {"noisy": -0.1}, {"clip_s": 0.0}, {"kind_shares": (("effect", 0.0),)}]
)
def test_settings_out_of_range_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(InvalidInputError, match=r"between 0|above 0"):
        ClipConfig(**settings)  # type: ignore[arg-type]
