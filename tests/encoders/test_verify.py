"""Trying encoders on noise: what is let through, and what is found."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from soundalike.core.errors import EncoderError
from soundalike.encoders import Encoder, EncoderSpec, load_encoder, verify_encoder

SPEC = EncoderSpec("made", "made-1", "made-1", 3, "cosine", False, 8000, 100, 50)


class Made(Encoder):
    """Level, peak and length, but for what is wrong with it."""

    def __init__(self, wrong: str = "") -> None:
        self.spec = SPEC
        self.wrong = wrong

    def encode(self, segments: Any, lengths: Any) -> Any:
        vectors = np.stack([segments.std(axis=1), segments.max(axis=1), lengths / 100], axis=1)
        if self.wrong == "batch":
            vectors -= vectors.mean(axis=0)
        elif self.wrong == "constant":
            vectors[:] = 1.0
        elif self.wrong == "size":
            vectors = vectors[:, :2]
        elif self.wrong == "nan":
            vectors[-1] = np.nan
        return vectors.astype(np.float32)


def test_good_encoders_pass() -> None:
    verify_encoder(Made())
    verify_encoder(load_encoder("spectral"))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("batch", "another vector alone than in a batch: they differ by"),
        ("constant", "the same vector for every sound"),
        ("size", r"finite vectors of shape \(6, 3\); it gave \(6, 2\)"),
        ("nan", "finite vectors of shape"),
    ],
)
def test_what_is_wrong_is_found(wrong: str, message: str) -> None:
    with pytest.raises(EncoderError, match=message):
        verify_encoder(Made(wrong))
