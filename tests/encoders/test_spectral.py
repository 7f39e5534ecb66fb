"""The spectral encoder: what its numbers are, and what must not change them."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from soundalike.audio import decode
from soundalike.encoders.spectral import SpectralEncoder, create
from soundalike.encoders.spectral_config import SpectralConfig, default_config
from soundalike.features.cepstrum import cepstrum
from soundalike.features.logmel import LogMelConfig, log_mel

DEMO = Path(__file__).parents[2] / "src" / "soundalike" / "data" / "demo"
BARE = SpectralConfig()


def noise(samples: int, seed: int = 0) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal(samples)).astype(np.float32)


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


def naive_statistics(samples: np.ndarray, config: SpectralConfig) -> np.ndarray:
    """The definition, one segment at a time, in float64 behind the log-mel spectrum."""
    levels = log_mel(samples, config.log_mel).astype(np.float64)
    levels = np.maximum(levels - (levels.max() - config.range_db), 0.0)
    values = np.concatenate([levels, cepstrum(levels, config.cepstra + 1)[1:]])
    mean = values.mean(axis=1)
    mean[: config.log_mel.bands] -= mean[: config.log_mel.bands].mean()
    return np.concatenate([mean, values.std(axis=1), np.abs(np.diff(values, axis=1)).mean(axis=1)])


@pytest.mark.parametrize("length", [23040, 22000, 7200, 720])
def test_statistics_are_those_of_the_definition(length: int) -> None:
    samples = noise(23040) * np.exp(-np.arange(23040) / 5000).astype(np.float32)
    found = SpectralEncoder(BARE).statistics_at(samples, np.array([0]), np.array([length]))[0]
    np.testing.assert_allclose(found, naive_statistics(samples[:length], BARE), atol=2e-3)


def test_vectors_are_standardised_held_weighted_and_brought_to_length_one() -> None:
    encoder = create()
    config = encoder.config
    samples = noise(60000)
    starts, lengths = np.array([0, 11520, 30000]), np.array([23040, 23040, 500])
    raw = encoder.statistics_at(samples, starts, lengths).astype(np.float64)
    held = np.clip((raw - config.mean) / config.scale, -config.clip, config.clip)
    weights = np.concatenate([w * np.repeat([0.5, 1.0], [40, 20]) for w in (1.0, 0.35, 0.5)])
    weighted = held * weights
    expected = weighted / np.linalg.norm(weighted, axis=1, keepdims=True)
    np.testing.assert_allclose(encoder.encode_at(samples, starts, lengths), expected, atol=1e-5)


def test_shipped_constants_bring_the_demo_sounds_near_zero_and_one() -> None:
    encoder = create()
    rows = []
    for path in sorted(DEMO.rglob("*.flac")):
        samples = decode(path, rate_hz=24000).samples
        starts = np.arange(0, max(1, len(samples) - 23039), 11520)
        rows.append(encoder.statistics_at(samples, starts, np.minimum(23040, len(samples) - starts)))
    standard = (np.concatenate(rows) - encoder.config.mean) / encoder.config.scale
    assert np.abs(standard.mean(axis=0)).max() < 2.0
    assert 0.2 < np.median(standard.std(axis=0)) < 2.0


@pytest.mark.parametrize("gain_db", [-40.0, -8.0, 12.0])
def test_level_does_not_matter(gain_db: float) -> None:
    encoder = create()
    samples = decode(sorted(DEMO.rglob("*.flac"))[5], rate_hz=24000).samples[:23040]
    at = np.array([0]), np.array([len(samples)])
    quiet = encoder.encode_at(samples * np.float32(10 ** (gain_db / 20)), *at)
    np.testing.assert_allclose(quiet, encoder.encode_at(samples, *at), atol=1e-3)


def test_a_short_sound_is_heard_by_its_own_frames() -> None:
    """A tenth of a second of a steady sound is near to a whole segment of it, and far from another sound."""
    encoder = create()
    steady = noise(23040)
    tone = np.sin(2 * np.pi * 440 * np.arange(23040) / 24000).astype(np.float32)
    short, whole = encoder.encode_at(steady, np.array([0, 0]), np.array([2400, 23040]))
    (other,) = encoder.encode_at(tone, np.array([0]), np.array([2400]))
    assert cosine(short, whole) > 0.8
    assert cosine(short, other) < 0.3


def test_a_sound_shorter_than_a_frame_does_not_hear_what_follows_it() -> None:
    encoder = create()
    samples = noise(1000)
    alone = np.zeros(480, np.float32)
    alone[:100] = samples[:100]
    found = encoder.encode_at(samples, np.array([0]), np.array([100]))
    np.testing.assert_array_equal(found, encoder.encode_at(alone, np.array([0]), np.array([480])))


def test_segment_hop_is_whole_frame_hops() -> None:
    spec = create().spec
    assert (spec.rate_hz, spec.window_s, spec.hop_s) == (24000, 0.96, 0.48)
    assert spec.hop_samples % BARE.log_mel.hop_samples == 0


def variations() -> list[tuple[str, SpectralConfig]]:
    """One config for every field, the inner ones too, that differs in that field only."""
    base = default_config()
    inner: dict[str, Any] = {
        "rate_hz": 32000, "frame_samples": 512, "hop_samples": 120, "bands": 41, "low_hz": 21.0,
        "high_hz": 11000.0, "scale": "htk", "norm": "area", "floor_db": -150.0,
    }  # fmt: skip
    outer: dict[str, Any] = {
        "window_frames": 96, "segment_hop_frames": 47, "cepstra": 21, "range_db": 81.0, "clip": 5.0,
        "silence_db": -45.0, "bands_weight": 0.9, "mean_weight": 0.9, "spread_weight": 0.9,
        "change_weight": 0.9,
        "mean": (base.mean[0] + 1e-5, *base.mean[1:]), "scale": (*base.scale[:-1], base.scale[-1] + 1e-5),
    }  # fmt: skip
    assert set(inner) == {field.name for field in dataclasses.fields(LogMelConfig)}
    assert set(outer) | {"log_mel"} == {field.name for field in dataclasses.fields(SpectralConfig)}
    found = []
    for name, value in inner.items():
        bare: dict[str, Any] = {"mean": (), "scale": ()} if name == "bands" else {}
        changed = dataclasses.replace(base.log_mel, **{name: value})
        found.append((f"log_mel.{name}", dataclasses.replace(base, log_mel=changed, **bare)))
    for name, value in outer.items():
        bare = {"mean": (), "scale": ()} if name == "cepstra" else {}
        found.append((name, dataclasses.replace(base, **{name: value}, **bare)))
    return found


@pytest.mark.parametrize(("name", "changed"), variations(), ids=lambda value: str(value)[:30])
def test_fingerprint_changes_with_every_setting(name: str, changed: SpectralConfig) -> None:
    spec = SpectralEncoder(changed).spec
    assert spec.fingerprint != create().spec.fingerprint, name
    assert spec.space == spec.fingerprint


def test_code_version_changes_the_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    before = create().spec.fingerprint
    monkeypatch.setattr("soundalike.encoders.spectral.CODE_VERSION", 10**6)
    assert create().spec.fingerprint != before


@pytest.mark.parametrize("code", ["DECODING_VERSION", "SEGMENTATION_VERSION", "POOLING_VERSION"])
def test_how_it_is_fed_and_pooled_changes_the_fingerprint(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    before = create().spec.fingerprint
    monkeypatch.setattr(f"soundalike.encoders.base.{code}", 10**6)
    assert create().spec.fingerprint != before


def to_mp3(samples: np.ndarray, rate_hz: int) -> io.BytesIO:
    file = io.BytesIO()
    with av.open(file, "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=rate_hz, layout="mono")
        stream.bit_rate = 64_000
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate = rate_hz
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    file.seek(0)
    return file


def whole_sound(encoder: SpectralEncoder, samples: np.ndarray) -> np.ndarray:
    spec = encoder.spec
    starts = np.arange(0, max(1, len(samples) - spec.window_samples + 1), spec.hop_samples)
    lengths = np.minimum(spec.window_samples, len(samples) - starts)
    return encoder.pool(encoder.encode_at(samples, starts, lengths))


def test_damaged_copies_of_real_sounds_are_nearest_to_their_originals(shared_data: Path) -> None:
    """At -8 dB, 0.1 s off the start, as an MP3 of 64 kbit/s: 19 of 20 among 80 sounds."""
    encoder = create()
    paths = sorted((shared_data / "esc10").rglob("*.ogg"))[::10]
    paths += sorted((shared_data / "philharmonia").rglob("*.mp3"))[::55]
    vectors = np.stack([whole_sound(encoder, decode(path, rate_hz=24000).samples) for path in paths])
    found = 0
    for number in range(0, 80, 4):
        damaged = decode(paths[number], rate_hz=44100).samples[4410:] * np.float32(10 ** (-8 / 20))
        query = decode(to_mp3(damaged, 44100), rate_hz=24000).samples
        found += int((vectors @ whole_sound(encoder, query)).argmax()) == number
    assert found >= 19
