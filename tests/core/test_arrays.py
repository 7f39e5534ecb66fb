"""Arrays are checked at the border."""

import numpy as np
import pytest

from soundalike.core.arrays import check_audio, check_vectors
from soundalike.core.errors import InvalidInputError


@pytest.mark.parametrize("shape", [(5,), (2, 5), (2, 3, 5), (0,)])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_audio_keeps_its_shape_and_becomes_float32(shape: tuple[int, ...], dtype: type) -> None:
    checked = check_audio(np.full(shape, 0.5, dtype))
    assert checked.shape == shape
    assert checked.dtype == np.float32
    assert (checked == 0.5).all()


def test_float32_audio_is_not_copied() -> None:
    samples = np.zeros(4, np.float32)
    assert check_audio(samples) is samples


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        (np.zeros(3, np.int16), "floating point; got dtype int16"),
        (np.float32(1.0), "single number"),
        (np.array([0.0, np.nan, np.inf]), "2 of 3 values"),
    ],
)
def test_what_is_not_audio_is_refused(samples: np.ndarray, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        check_audio(samples)


def test_vectors_become_contiguous_float32() -> None:
    checked = check_vectors(np.arange(12, dtype=np.float64).reshape(4, 3).T, 4)
    assert checked.shape == (3, 4)
    assert checked.flags.c_contiguous
    assert checked.dtype == np.float32


@pytest.mark.parametrize(
    ("vectors", "words"),
    [
        (np.zeros(3), r"shape \(N, D\)"),
        (np.zeros((2, 3), int), "int64"),
        (np.zeros((2, 3)), "4 dimensions; got 3"),
        (np.full((1, 4), np.nan), "finite"),
        (np.full((1, 4), 1e39), "finite"),
    ],
)
def test_what_is_not_a_stack_of_vectors_is_refused(vectors: np.ndarray, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        check_vectors(vectors, 4)
