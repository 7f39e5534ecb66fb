"""A fingerprint changes with everything that could change a result, and with nothing else."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soundalike.core.errors import InvalidInputError
from soundalike.core.fingerprint import fingerprint


@dataclass(frozen=True)
class Config:
    bands: int = 40
    low_hz: float = 20.0
    weights: tuple[float, ...] = (1.0, 2.0)


@pytest.mark.parametrize(
    "other",
    [
        fingerprint("mel", 1, Config(bands=41)),
        fingerprint("mel", 1, Config(low_hz=np.nextafter(20.0, 21.0))),
        fingerprint("mel", 1, Config(weights=(2.0, 1.0))),
        fingerprint("mel", 2, Config()),
        fingerprint("mels", 1, Config()),
        fingerprint("mel", 1, Config(), ["audio-1"]),
    ],
)
def test_every_part_counts(other: str) -> None:
    assert other != fingerprint("mel", 1, Config())


def test_order_of_inputs_counts_and_order_of_keys_does_not() -> None:
    assert fingerprint("a", 1, {}, ["x", "y"]) != fingerprint("a", 1, {}, ["y", "x"])
    assert fingerprint("a", 1, {"x": 1, "y": 2}) == fingerprint("a", 1, {"y": 2, "x": 1})


def test_it_is_the_same_for_ever() -> None:
    assert fingerprint("mel", 1, {"bands": 40}) == "mel-19908b8adc13faf2"


@given(st.floats(allow_nan=True, allow_infinity=True), st.floats(allow_nan=True, allow_infinity=True))
def test_floats_are_told_apart_exactly(a: float, b: float) -> None:
    same = a.hex() == b.hex()
    assert (fingerprint("f", 1, {"x": a}) == fingerprint("f", 1, {"x": b})) == same


def test_arrays_count_by_dtype_shape_and_values_but_not_by_byte_order() -> None:
    array = np.arange(6, dtype="<i4").reshape(2, 3)
    base = fingerprint("a", 1, {"x": array})
    assert fingerprint("a", 1, {"x": array.astype(">i4")}) == base
    assert fingerprint("a", 1, {"x": array.reshape(3, 2)}) != base
    assert fingerprint("a", 1, {"x": array.astype("<i8")}) != base
    assert fingerprint("a", 1, {"x": array + 1}) != base


@pytest.mark.parametrize(
    ("params", "words"),
    [({"x": object()}, "no stable form"), ({1: 2}, "only strings"), ({"x": np.array(["a"])}, "numeric")],
)
def test_what_has_no_stable_form_is_refused(params: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        fingerprint("a", 1, params)


@pytest.mark.parametrize("name", ["", "Mel", "a b", "é", "a/b"])
def test_names_fit_file_names(name: str) -> None:
    with pytest.raises(InvalidInputError, match="lower-case letters"):
        fingerprint(name, 1, {})
