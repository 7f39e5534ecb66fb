"""What several encoders hear in one pass is what a library would hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from soundalike.audio import encode_wav
from soundalike.core.arrays import FloatArray, IntArray
from soundalike.core.errors import EncoderError
from soundalike.encoders import load_encoder
from soundalike.library import demo_sounds, embed
from soundalike.sources import Item, source_for
from soundalike.studies import listening
from soundalike.studies.baselines import LogMelMean, MfccStatistics
from soundalike.studies.listening import listen_to_items

FOLDERS = ("bass", "loops", "vinyl")


def items_in(*folders: Path) -> list[Item]:
    return [item for folder in folders for item in source_for(folder).scan() if isinstance(item, Item)]


@pytest.fixture(scope="module")
def items() -> list[Item]:
    return items_in(*(demo_sounds() / name for name in FOLDERS))


def test_vectors_are_those_of_a_library(items: list[Item]) -> None:
    heard = listen_to_items(items, [MfccStatistics(), load_encoder("spectral")])
    held = embed([demo_sounds() / name for name in FOLDERS], encoder="spectral")
    assert [item.uri for item in items] == held.names
    assert heard.failed == {}
    np.testing.assert_array_equal(heard.vectors[1], held.vectors)


def test_batches_change_nothing(items: list[Item], monkeypatch: pytest.MonkeyPatch) -> None:
    encoders = [load_encoder("spectral"), LogMelMean(), MfccStatistics()]
    whole = listen_to_items(items, encoders)
    monkeypatch.setattr(listening, "_BATCH_SEGMENTS", 3)
    monkeypatch.setattr(listening, "_BLOCK_S", 0.7)
    small = listen_to_items(items, encoders)
    for one, other in zip(whole.vectors, small.vectors, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-4)
    assert small.audio_s == pytest.approx(whole.audio_s)


def test_bad_files_are_told_and_silence_is_marked(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    noise: FloatArray = 0.1 * rng.standard_normal(48000).astype(np.float32)
    (tmp_path / "a.wav").write_bytes(encode_wav(noise, 16000))
    (tmp_path / "b.wav").write_bytes(b"not a sound at all")
    (tmp_path / "c.wav").write_bytes(encode_wav(np.zeros(48000, np.float32), 16000))
    (tmp_path / "d.wav").write_bytes(encode_wav(noise[:8000], 16000))
    heard = listen_to_items(items_in(tmp_path), [load_encoder("spectral"), MfccStatistics()])
    assert list(heard.failed) == [1]
    assert "b.wav" in heard.failed[1]
    for vectors, silent in zip(heard.vectors, heard.silent, strict=True):
        assert silent.tolist() == [False, False, True, False]
        assert vectors.any(axis=1).tolist() == [True, False, False, True]
    assert heard.audio_s == pytest.approx(3.0 + 3.0 + 0.5)


def test_an_encoder_that_fails_is_no_fault_of_a_sound(
    items: list[Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing(LogMelMean):
        def encode(self, segments: FloatArray, lengths: IntArray) -> FloatArray:
            raise EncoderError("It gave vectors that are NaN.")

    monkeypatch.setattr(listening, "_BATCH_SEGMENTS", 3)
    with pytest.raises(EncoderError, match="vectors that are NaN"):
        listen_to_items(items, [Failing()])


def test_a_file_that_vanishes_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(encode_wav(np.ones(1000, np.float32), 16000))
    items = items_in(tmp_path)
    path.unlink()
    heard = listen_to_items(items, [load_encoder("spectral")])
    assert "it is not there" in heard.failed[0]


def test_progress_counts_every_sound(items: list[Item]) -> None:
    told: list[tuple[int, float]] = []
    listen_to_items(items, [load_encoder("spectral")], lambda done, seconds: told.append((done, seconds)))
    assert [done for done, _ in told] == list(range(1, len(items) + 1))
    seconds = [s for _, s in told]
    assert seconds == sorted(seconds)
    assert seconds[0] > 0.0
