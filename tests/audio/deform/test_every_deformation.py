"""What every deformation keeps to; registering one enrols it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.random import Generator

from soundalike.audio import DEFORMATIONS, Deformation, default_deformations, deformation_from
from soundalike.core.arrays import FloatArray
from soundalike.core.errors import InvalidInputError

RATE_HZ = 16000
FILLS_PADDING = {"mix"}  # another sound is heard behind a short one too
MOVES_THE_END = {"stretch"}
SMEARS_AN_ATTACK = {"pitch_up", "pitch_down", "compress"}  # by 10 ms at most


@pytest.fixture(params=[*DEFORMATIONS, "all together"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def deformation(name: str) -> Deformation:
    return default_deformations() if name == "all together" else deformation_from(name)


def apply(deformation: Deformation, samples: FloatArray, seed: int = 3) -> FloatArray:
    return deformation.apply(samples, rate_hz=RATE_HZ, rng=np.random.default_rng(seed))


def test_shape_type_and_finite_and_the_input_stays(deformation: Deformation, batch: FloatArray) -> None:
    before = batch.copy()
    batch.setflags(write=False)
    deformed = apply(deformation, batch)
    assert deformed.shape == batch.shape
    assert deformed.dtype == np.float32
    assert np.isfinite(deformed).all()
    assert not np.shares_memory(deformed, batch)
    np.testing.assert_array_equal(batch, before)


def test_sounding_rows_still_sound_and_silent_ones_stay_silent(
    deformation: Deformation, batch: FloatArray
) -> None:
    deformed = apply(deformation, batch)
    np.testing.assert_array_equal(deformed.any(axis=1), [True] * 5 + [False])


def test_the_seed_alone_decides(name: str, deformation: Deformation, batch: FloatArray) -> None:
    first = apply(deformation, batch, seed=3)
    np.testing.assert_array_equal(apply(deformation, batch, seed=3), first)
    changed = (apply(deformation, batch, seed=4) != first).any(axis=1)
    assert changed[:5].all() == (name != "unchanged") or name == "all together"


def test_rows_are_deformed_each_in_its_own_way(
    name: str, deformation: Deformation, batch: FloatArray
) -> None:
    if name == "unchanged":
        pytest.skip("leaves all rows as they are")
    same = np.repeat(batch[2:3], 8, axis=0)
    same[4:] = batch[0]  # two sounds, so that there is something to mix in
    deformed = apply(deformation, same)
    assert len(np.unique(deformed[:4], axis=0)) >= 3


def test_twice_as_loud_comes_out_twice_as_loud(deformation: Deformation, batch: FloatArray) -> None:
    soft, loud = apply(deformation, batch), apply(deformation, batch * np.float32(1024.0))
    np.testing.assert_allclose(loud, soft * np.float32(1024.0), atol=1e-2)


def test_zeros_behind_a_sound_stay_zeros(name: str, deformation: Deformation, batch: FloatArray) -> None:
    if name in FILLS_PADDING | MOVES_THE_END | {"all together"}:
        pytest.skip("fills or moves the end by its nature")
    soon = RATE_HZ // 100 if name in SMEARS_AN_ATTACK else 0
    assert not apply(deformation, batch)[3, 3000 + soon :].any()
    assert not apply(deformation, batch)[4, 7000 + soon :].any()


def test_one_sample_and_no_rows(deformation: Deformation) -> None:
    one = np.full((3, 1), 0.5, np.float32)
    assert apply(deformation, one).shape == (3, 1)
    assert apply(deformation, np.zeros((0, 800), np.float32)).shape == (0, 800)


@pytest.mark.parametrize("rate_hz", [8000, 22050, 48000])
def test_any_rate(deformation: Deformation, batch: FloatArray, rate_hz: int, rng: Generator) -> None:
    deformed = deformation.apply(batch, rate_hz=rate_hz, rng=rng)
    assert np.isfinite(deformed).all()
    assert deformed[:5].any(axis=1).all()


def test_what_is_no_batch_of_sounds_is_refused(deformation: Deformation, rng: Generator) -> None:
    def refuse(samples: Any, words: str) -> None:
        with pytest.raises(InvalidInputError, match=words):
            deformation.apply(samples, rate_hz=RATE_HZ, rng=rng)

    refuse(np.zeros(100, np.float32), r"shape \(B, T\)")
    refuse(np.zeros((2, 0), np.float32), "T at least 1")
    refuse(np.zeros((2, 100), np.int16), "floating point")
    refuse(np.full((2, 100), np.nan, np.float32), "finite")
