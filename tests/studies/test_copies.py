"""Copies differ from their originals by what they say and by nothing else."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from soundalike.audio import decode, encode_wav
from soundalike.core.errors import AudioError, InvalidInputError
from soundalike.library import demo_sounds
from soundalike.studies.tasks.copies import KINDS, Copy, decode_at_own_rate, encode_file, make_copies

RATE_HZ = 22050


def tone(frequency_hz: float = 440.0, seconds: float = 2.0) -> NDArray[np.float32]:
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return (0.3 * np.sin(2 * np.pi * frequency_hz * time_s)).astype(np.float32)


def original(samples: NDArray[np.float32], rate_hz: int = RATE_HZ) -> Copy:
    return Copy("sound", "sound.wav", encode_wav(samples, rate_hz))


def heard(copy: Copy, rate_hz: int = RATE_HZ) -> NDArray[np.float32]:
    return decode(io.BytesIO(copy.content), rate_hz=rate_hz, name=copy.name).samples


def level_db(samples: NDArray[np.float32]) -> float:
    return float(10 * np.log10(np.mean(np.square(samples, dtype=np.float64))))


@pytest.fixture(scope="module")
def copies() -> dict[str, NDArray[np.float32]]:
    made = make_copies(original(tone()), KINDS, np.random.default_rng(5))
    assert list(made) == [kind.name for kind in KINDS]
    return {name: heard(copy) for name, copy in made.items()}


def test_levels(copies: dict[str, NDArray[np.float32]]) -> None:
    before = level_db(tone())
    assert level_db(copies["+12 dB"]) - before == pytest.approx(12.0, abs=0.01)
    assert level_db(copies["-12 dB"]) - before == pytest.approx(-12.0, abs=0.01)
    assert np.abs(copies["+12 dB"]).max() > 1.0, "nothing is clipped"


@pytest.mark.parametrize("kind", ["MP3 64 kbit/s", "Opus 64 kbit/s"])
def test_codecs_keep_the_sound_and_not_the_samples(kind: str, copies: dict[str, NDArray[np.float32]]) -> None:
    copy = copies[kind]
    assert len(copy) == pytest.approx(len(tone()), rel=0.06)
    assert level_db(copy) == pytest.approx(level_db(tone()), abs=0.6)
    size = min(len(copy), len(tone()))
    assert not np.allclose(copy[:size], tone()[:size], atol=1e-4)


def test_noise_lies_20_db_below(copies: dict[str, NDArray[np.float32]]) -> None:
    noise = copies["noise at 20 dB"] - tone()
    assert level_db(tone()) - level_db(noise) == pytest.approx(20.0, abs=0.3)


def test_a_semitone(copies: dict[str, NDArray[np.float32]]) -> None:
    copy = copies["a semitone off"]
    peak_hz = np.abs(np.fft.rfft(copy)).argmax() * RATE_HZ / len(copy)
    assert abs(12 * np.log2(peak_hz / 440.0)) == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("seconds", [0.05, 1.0, 20.0])
def test_trimming_is_within_bounds_and_always_does_something(seconds: float) -> None:
    ramp = np.linspace(0.1, 0.9, round(seconds * RATE_HZ), dtype=np.float32)
    most = min(0.1 * len(ramp), 0.5 * RATE_HZ)
    trim = next(kind for kind in KINDS if kind.name == "trimmed")
    rng = np.random.default_rng(0)
    for _ in range(20):
        part = trim.change(ramp, RATE_HZ, rng)
        start = int(np.argmin(np.abs(ramp - part[0])))
        end = len(ramp) - start - len(part)
        np.testing.assert_array_equal(part, ramp[start : start + len(part)])
        assert 1 <= start <= most + 1
        assert 1 <= end <= most + 1


def test_every_copy_of_real_sounds_differs(shared_data: Path) -> None:
    paths = [
        next((shared_data / "esc10" / "rain").glob("*.ogg")),
        shared_data / "fsdd" / "0_george_0.wav",
        next((shared_data / "philharmonia" / "flute").glob("*.mp3")),
    ]
    rng = np.random.default_rng(0)
    for path in paths:
        source = Copy(str(path), path.name, path.read_bytes())
        samples, rate_hz = decode_at_own_rate(source)
        assert rate_hz in (8000, 44100)
        for name, copy in make_copies(source, KINDS, rng).items():
            again = heard(copy, rate_hz)
            size = min(len(again), len(samples))
            error = np.abs(again[:size] - samples[:size]).max() / np.abs(samples).max()
            assert error > 1e-3, (path, name)


def test_copies_are_drawn_by_seed() -> None:
    source = original(tone(seconds=0.5))
    one, same, other = (make_copies(source, KINDS, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one["trimmed"].content == same["trimmed"].content != other["trimmed"].content
    assert one["noise at 20 dB"].content != other["noise at 20 dB"].content


def test_a_rate_that_mp3_has_not_becomes_another() -> None:
    _, rate_hz = decode_at_own_rate(original(tone(), 96000))
    assert rate_hz == 44100
    with pytest.raises(InvalidInputError, match=r"an MP3 at .* got 'mp3' at 96000 Hz"):
        encode_file(tone(), 96000, "mp3")
    with pytest.raises(InvalidInputError, match="got 'aac'"):
        encode_file(tone(), 44100, "aac")


def test_what_is_no_sound_cannot_be_copied() -> None:
    with pytest.raises(AudioError, match="text"):
        make_copies(Copy("text", "text.wav", b"no sound"), KINDS, np.random.default_rng(0))


def test_the_bundled_sounds_can_be_copied() -> None:
    path = next((demo_sounds() / "kicks").glob("*.flac"))
    made = make_copies(Copy(str(path), path.name, path.read_bytes()), KINDS, np.random.default_rng(0))
    assert all(len(heard(copy)) > 100 for copy in made.values())
