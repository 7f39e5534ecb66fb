"""Units as people write them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soundalike.core.units import db_to_gain, gain_to_db, human_count, human_duration, human_size


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.00 s"),
        (0.354, "0.35 s"),
        (9.994, "9.99 s"),
        (9.996, "10.0 s"),
        (59.94, "59.9 s"),
        (59.96, "1:00"),
        (187.2, "3:07"),
        (3599.7, "1:00:00"),
        (7387, "2:03:07"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert human_duration(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (999_600, "1.0 MB"),
        (12_300_000, "12.3 MB"),
        (5e12, "5.0 TB"),
    ],
)
def test_sizes(size: float, text: str) -> None:
    assert human_size(size) == text


def test_counts() -> None:
    assert human_count(1, "sound") == "1 sound"
    assert human_count(0, "sound") == "0 sounds"
    assert human_count(12345, "entry", "entries") == "12,345 entries"


@given(st.floats(-100, 100))
def test_decibels_there_and_back(level_db: float) -> None:
    assert math.isclose(gain_to_db(db_to_gain(level_db)), level_db, abs_tol=1e-9)


def test_silence_has_a_floor() -> None:
    assert gain_to_db(0.0) == -120.0
    assert gain_to_db(1e-9, floor_db=-90.0) == -90.0
    assert db_to_gain(20.0) == pytest.approx(10.0)
