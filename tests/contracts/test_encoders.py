"""What every encoder keeps: registering one, or adding a kind of encoder file, enrols it here."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from soundalike.audio import decode
from soundalike.core.errors import InvalidInputError
from soundalike.encoders import ENCODERS, Encoder, load_encoder

GOLDEN = Path(__file__).parents[1] / "golden" / "encoders_v1"
DEMO = Path(__file__).parents[2] / "src" / "soundalike" / "data" / "demo"
ADDRESSES = [
    *ENCODERS.names(),
    str(GOLDEN / "onnx"),
    str(GOLDEN / "spectral.json"),
    str(GOLDEN.parent / "encoders_front_end"),
]


@pytest.fixture(scope="module", params=ADDRESSES, ids=lambda address: Path(address).name)
def address(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def encoder(address: str) -> Encoder:
    return load_encoder(address)


@pytest.fixture(scope="module")
def recording(encoder: Encoder) -> np.ndarray:
    """Real sounds behind one another, 100 segments long or a little more."""
    wanted = encoder.spec.window_samples + 99 * encoder.spec.hop_samples
    pieces: list[np.ndarray] = []
    paths = sorted(DEMO.rglob("*.flac"))
    for path in [path for first in range(4) for path in paths[first::4]]:
        pieces.append(decode(path, rate_hz=encoder.spec.rate_hz).samples)
        if sum(map(len, pieces)) >= wanted:
            break
    samples = np.concatenate(pieces)
    assert len(samples) >= wanted
    return samples[: wanted + 17]


@pytest.fixture(scope="module")
def same(encoder: Encoder) -> Callable[[Any, Any], None]:
    """Bit for bit; to rounding where another runtime picks its routines by the batch's size."""

    def check(actual: np.ndarray, expected: np.ndarray) -> None:
        if type(encoder).__name__ == "OnnxEncoder":
            np.testing.assert_allclose(actual, expected, atol=1e-5, rtol=0)
        else:
            np.testing.assert_array_equal(actual, expected)

    return check


def grid(encoder: Encoder, recording: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    starts = np.arange(0, len(recording) - encoder.spec.window_samples + 1, encoder.spec.hop_samples)
    return starts, np.full(len(starts), encoder.spec.window_samples)


def cut(encoder: Encoder, recording: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    segments = np.zeros((len(starts), encoder.spec.window_samples), np.float32)
    for row, (start, length) in enumerate(zip(starts, lengths, strict=True)):
        segments[row, :length] = recording[start : start + length]
    return segments


def test_spec_holds_together(encoder: Encoder) -> None:
    spec = encoder.spec
    assert spec.fingerprint.startswith(f"{spec.name}-")
    assert spec.dims >= 1
    assert 1 <= spec.hop_samples <= spec.window_samples
    assert spec.metric in ("cosine", "euclidean")


def test_vectors_have_the_declared_form(encoder: Encoder, recording: np.ndarray) -> None:
    starts, lengths = grid(encoder, recording)
    vectors = encoder.encode(cut(encoder, recording, starts, lengths), lengths)
    assert vectors.shape == (len(starts), encoder.spec.dims)
    assert vectors.dtype == np.float32
    assert np.isfinite(vectors).all()
    if encoder.spec.unit_length:
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    assert np.unique(vectors, axis=0).shape[0] > len(starts) // 2, "different sounds, different vectors"


def test_alone_and_anywhere_in_a_batch(encoder: Encoder, recording: np.ndarray, same: Any) -> None:
    starts, lengths = grid(encoder, recording)
    segments = cut(encoder, recording, starts, lengths)
    together = encoder.encode(segments, lengths)
    for row in (0, 1, 31, 50, 99):
        same(encoder.encode(segments[row : row + 1], lengths[row : row + 1])[0], together[row])
    order = np.random.default_rng(1).permutation(len(starts))
    same(encoder.encode(segments[order], lengths[order]), together[order])
    for size in (2, 3, 7, 17, 40):
        same(encoder.encode(segments[5 : 5 + size], lengths[5 : 5 + size]), together[5 : 5 + size])


def test_encode_at_is_encode_on_the_grid(encoder: Encoder, recording: np.ndarray, same: Any) -> None:
    starts, lengths = grid(encoder, recording)
    expected = encoder.encode(cut(encoder, recording, starts, lengths), lengths)
    same(encoder.encode_at(recording, starts, lengths), expected)


def test_encode_at_is_encode_off_the_grid(encoder: Encoder, recording: np.ndarray, same: Any) -> None:
    rng = np.random.default_rng(2)
    window = encoder.spec.window_samples
    lengths = np.concatenate([[1, 2, window, window - 1], rng.integers(1, window + 1, 60)])
    starts = rng.integers(0, len(recording) - window, len(lengths))  # in no order, some overlapping
    starts[5] = len(recording) - lengths[5]  # up to the very end
    starts[6], lengths[6] = starts[7], lengths[7]
    expected = encoder.encode(cut(encoder, recording, starts, lengths), lengths)
    same(encoder.encode_at(recording, starts, lengths), expected)


def test_many_short_sounds_behind_one_another(encoder: Encoder, recording: np.ndarray, same: Any) -> None:
    lengths = np.random.default_rng(3).integers(1, encoder.spec.window_samples // 8, 200)
    starts = np.cumsum(lengths) - lengths
    expected = encoder.encode(cut(encoder, recording, starts, lengths), lengths)
    same(encoder.encode_at(recording, starts, lengths), expected)


def test_what_lies_behind_the_end_does_not_matter(encoder: Encoder, recording: np.ndarray, same: Any) -> None:
    window = encoder.spec.window_samples
    for length in (1, window // 50, window // 3, window - 1):
        clean = np.zeros((1, window), np.float32)
        clean[0, :length] = recording[1000 : 1000 + length]
        dirty = clean.copy()
        dirty[0, length:] = 0.9
        lengths = np.array([length])
        same(encoder.encode(dirty, lengths), encoder.encode(clean, lengths))


def test_threads_of_the_linear_algebra_do_not_matter(
    encoder: Encoder, recording: np.ndarray, same: Any
) -> None:
    starts, lengths = grid(encoder, recording)
    with threadpool_limits(1):
        one = encoder.encode_at(recording, starts, lengths)
    with threadpool_limits(4):
        same(encoder.encode_at(recording, starts, lengths), one)


@pytest.mark.parametrize("threads", ["1", "3"])
def test_another_process_gives_the_same(
    address: str, encoder: Encoder, recording: np.ndarray, same: Any, threads: str, tmp_path: Path
) -> None:
    np.save(tmp_path / "recording.npy", recording)
    code = (
        "import sys, numpy as np; from soundalike.encoders import load_encoder\n"
        "folder, address = sys.argv[1:]; x = np.load(folder + '/recording.npy'); e = load_encoder(address)\n"
        "s = np.arange(0, len(x) - e.spec.window_samples + 1, e.spec.hop_samples)\n"
        "np.save(folder + '/vectors.npy', e.encode_at(x, s, np.full(len(s), e.spec.window_samples)))\n"
    )
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    environment = {**os.environ, **dict.fromkeys(names, threads)}
    subprocess.run([sys.executable, "-c", code, str(tmp_path), address], check=True, env=environment)
    same(np.load(tmp_path / "vectors.npy"), encoder.encode_at(recording, *grid(encoder, recording)))


def test_silence_and_single_samples_are_finite(encoder: Encoder) -> None:
    window = encoder.spec.window_samples
    segments = np.zeros((5, window), np.float32)
    segments[1, 0] = 1.0
    segments[3] = 1.0
    segments[4] = 1e-30
    vectors = encoder.encode(segments, np.array([window, 1, 1, window, window]))
    assert np.isfinite(vectors).all()
    assert (np.linalg.norm(vectors, axis=1) < 1.0 + 1e-5).all()


def test_no_segments_give_no_vectors(encoder: Encoder) -> None:
    none = np.zeros(0, np.int64)
    assert encoder.encode_at(np.zeros(10, np.float32), none, none).shape == (0, encoder.spec.dims)
    empty = np.zeros((0, encoder.spec.window_samples), np.float32)
    assert encoder.encode(empty, none).shape == (0, encoder.spec.dims)


def test_stretches_outside_are_refused(encoder: Encoder) -> None:
    samples = np.zeros(1000, np.float32)
    with pytest.raises(InvalidInputError, match="but there are 1000 samples"):
        encoder.encode_at(samples, np.array([990]), np.array([11]))
    with pytest.raises(InvalidInputError, match="got 0 to 0"):
        encoder.encode_at(samples, np.array([0]), np.array([0]))
    with pytest.raises(InvalidInputError, match="Expected segments of shape"):
        encoder.encode(np.zeros((1, encoder.spec.window_samples - 1), np.float32), np.array([5]))


def test_input_is_left_as_it_was(encoder: Encoder, recording: np.ndarray) -> None:
    samples = recording.copy()
    samples.setflags(write=False)
    encoder.encode_at(samples, *grid(encoder, samples))
    np.testing.assert_array_equal(samples, recording)


def test_pooled_vector_keeps_the_declared_length(encoder: Encoder, recording: np.ndarray) -> None:
    pooled = encoder.pool(encoder.encode_at(recording, *grid(encoder, recording)))
    assert pooled.shape == (encoder.spec.dims,)
    if encoder.spec.unit_length:
        assert np.linalg.norm(pooled) == pytest.approx(1.0, abs=1e-5)


def test_what_it_saves_is_the_same_encoder(encoder: Encoder, recording: np.ndarray, tmp_path: Path) -> None:
    if not encoder.save(tmp_path):
        assert list(tmp_path.iterdir()) == []
        return
    saved = load_encoder(tmp_path)
    assert saved.spec == encoder.spec
    assert saved.tag_names == encoder.tag_names
    assert saved.reads_text == encoder.reads_text
    starts, lengths = grid(encoder, recording)
    np.testing.assert_array_equal(
        saved.encode_at(recording, starts, lengths), encoder.encode_at(recording, starts, lengths)
    )


def test_fingerprint_is_the_same_each_time(address: str, encoder: Encoder) -> None:
    assert load_encoder(address).spec == encoder.spec
