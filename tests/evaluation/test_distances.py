"""Distances: exact, blind to where a row stands, and defined for what is silent or huge."""

from __future__ import annotations

import numpy as np
import pytest

from soundalike.core.errors import InvalidInputError
from soundalike.evaluation import Gallery, Metric, distance_blocks


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("dims", [33, 64, 128])
def test_equal_rows_are_equally_far_wherever_they_stand(metric: Metric, dims: int) -> None:
    """Two far clusters of near vectors: here a matrix product rounds equal rows differently."""
    rng = np.random.default_rng(dims)
    places = 1e3 * rng.normal(size=(2, dims))
    few = (places[np.arange(8) % 2] + 0.1 * rng.normal(size=(8, dims))).astype(np.float32)
    which = rng.integers(0, 8, 300)
    far = Gallery(few[which], metric).distances(few[which][:50])
    for row in range(8):
        same = far[:, which == row]
        np.testing.assert_array_equal(same, np.broadcast_to(same[:, :1], same.shape))


@pytest.mark.parametrize(("metric", "offset"), [("cosine", 10.0), ("euclidean", 10.0), ("euclidean", 1e6)])
def test_distances_are_those_of_differences(metric: Metric, offset: float) -> None:
    """Far from the origin too, where squares that are subtracted lose what is left."""
    rng = np.random.default_rng(1)
    vectors = (offset + rng.normal(size=(40, 9))).astype(np.float32)
    a, b = vectors[:10, None].astype(np.float64), vectors[None].astype(np.float64)
    if metric == "cosine":
        a, b = (side / np.linalg.norm(side, axis=2, keepdims=True) for side in (a, b))
    expected = np.linalg.norm(a - b, axis=2)
    expected = expected**2 / 2 if metric == "cosine" else expected
    found = Gallery(vectors, metric).distances(vectors[:10])
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-12)
    assert found.dtype == np.float32


@pytest.mark.parametrize("width", [1, 3, 8, 13])
def test_hamming_counts_bits(width: int) -> None:
    codes = np.random.default_rng(2).integers(0, 256, (30, width), dtype=np.uint8)
    bits = np.unpackbits(codes, axis=1)
    expected = np.count_nonzero(bits[:7, None] != bits[None], axis=2)
    np.testing.assert_array_equal(Gallery(codes, "hamming").distances(codes[:7]), expected)


def test_silence_is_at_one_from_everything_in_cosine() -> None:
    vectors = np.array([[0, 0], [1, 0], [-0.0, 0.0]], np.float32)
    assert Gallery(vectors, "cosine").distances(vectors).tolist() == [[1, 1, 1], [1, 0, 1], [1, 1, 1]]


@pytest.mark.parametrize("scale", [1e-30, 1e30, 3e38])
def test_huge_and_tiny_vectors_keep_their_order(scale: float) -> None:
    places = np.array([[0.0], [0.25], [1.0]], np.float32) * np.float32(scale)
    far = Gallery(places, "euclidean").distances(places[:1])[0]
    assert far[0] == 0.0
    np.testing.assert_allclose(far[1:] / np.float32(scale), [0.25, 1.0], rtol=1e-5)
    np.testing.assert_allclose(Gallery(places, "cosine").distances(places[1:2])[0], [1, 0, 0], atol=1e-12)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_nothing_is_below_zero_nor_minus_zero(metric: Metric) -> None:
    vectors = np.random.default_rng(3).normal(size=(200, 50)).astype(np.float32)
    far = Gallery(vectors, metric).distances(vectors)
    assert not np.signbit(far).any()
    assert (np.diagonal(far) == 0.0).all()


def test_blocks_are_as_large_as_asked_for_and_hold_everything() -> None:
    vectors = np.random.default_rng(4).normal(size=(11, 3)).astype(np.float32)
    gallery = Gallery(vectors, "cosine")
    blocks = list(distance_blocks(vectors, gallery, 4))
    assert [part for part, _ in blocks] == [slice(0, 4), slice(4, 8), slice(8, 11)]
    np.testing.assert_allclose(
        np.concatenate([far for _, far in blocks]), gallery.distances(vectors), atol=1e-7
    )
    largest = max(len(far) for _, far in distance_blocks(np.zeros((9000, 1), np.float32), _wide(1000)))
    assert largest == 4000, "four million distances at a time"


def _wide(size: int) -> Gallery:
    return Gallery(np.arange(size, dtype=np.float32)[:, None], "euclidean")


def test_queries_of_another_space_say_why() -> None:
    with pytest.raises(InvalidInputError, match="3 dimensions; got 2"):
        Gallery(np.eye(3, dtype=np.float32), "cosine").distances(np.zeros((1, 2), np.float32))
    with pytest.raises(InvalidInputError, match="3 bytes; got 2"):
        Gallery(np.zeros((2, 3), np.uint8), "hamming").distances(np.zeros((1, 2), np.uint8))
    with pytest.raises(InvalidInputError, match="floating-point"):
        Gallery(np.zeros((2, 3), np.uint8), "cosine")
