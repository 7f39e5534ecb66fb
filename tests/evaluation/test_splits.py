"""Splits never leak: whatever the groups are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soundalike.core.errors import InvalidInputError
from soundalike.evaluation import fold_split, group_split, leave_one_group_out

GROUPS = st.lists(st.integers(0, 12), min_size=2, max_size=60).filter(lambda names: len(set(names)) > 1)


@settings(deadline=None)
@given(GROUPS, st.floats(0.01, 0.99), st.integers(0, 1000))
def test_a_held_out_group_is_nowhere_else(names: list[int], fraction: float, seed: int) -> None:
    groups = np.array(names)
    stay, held = group_split(groups, fraction, seed)
    assert len(stay) > 0
    assert len(held) > 0
    assert sorted([*stay.tolist(), *held.tolist()]) == list(range(len(names)))
    assert not set(groups[stay].tolist()) & set(groups[held].tolist())
    largest = int(np.bincount(groups).max())
    assert abs(len(held) - fraction * len(names)) <= largest


@settings(deadline=None)
@given(GROUPS, st.integers(0, 1000), st.data())
def test_folds_keep_groups_together_and_are_even(names: list[int], seed: int, data: st.DataObject) -> None:
    groups = np.array(names)
    count = len(set(names))
    folds = data.draw(st.integers(2, count))
    fold = fold_split(groups, folds, seed)
    assert set(fold.tolist()) == set(range(folds))
    for name in set(names):
        assert len(set(fold[groups == name].tolist())) == 1
    sizes = np.bincount(fold)
    assert sizes.max() - sizes.min() <= np.bincount(groups).max()


@settings(deadline=None)
@given(GROUPS)
def test_each_group_is_left_out_once(names: list[int]) -> None:
    groups = np.array(names)
    parts = list(leave_one_group_out(groups))
    assert [groups[held][0] for _, held in parts] == sorted(set(names))
    assert sorted(row for _, held in parts for row in held.tolist()) == list(range(len(names)))
    for stay, held in parts:
        assert len(stay) + len(held) == len(names)
        assert len(set(groups[held].tolist())) == 1
        assert groups[held][0] not in groups[stay]


def test_seeds_draw_other_groups_and_the_same_seed_the_same() -> None:
    groups = np.repeat([f"pack {n}" for n in range(20)], 5)
    held = [tuple(group_split(groups, 0.2, seed)[1].tolist()) for seed in range(10)]
    assert len(set(held)) > 5
    assert all(len(rows) == 20 for rows in held)
    assert held[3] == tuple(group_split(groups, 0.2, np.random.default_rng(3))[1].tolist())
    folds = [tuple(fold_split(groups, 4, seed).tolist()) for seed in (0, 0, 1)]
    assert folds[0] == folds[1] != folds[2]
    assert np.bincount(folds[0]).tolist() == [25] * 4


def test_what_cannot_be_divided_says_why() -> None:
    one = np.zeros(5)
    with pytest.raises(InvalidInputError, match="at least 2 groups to divide; got 1"):
        group_split(one, 0.5, 0)
    with pytest.raises(InvalidInputError, match="at least 2 groups to divide; got 1"):
        list(leave_one_group_out(one))
    with pytest.raises(InvalidInputError, match="at least 4 groups to divide; got 3"):
        fold_split(np.arange(3), 4, 0)
    with pytest.raises(InvalidInputError, match="at least two folds; got 1"):
        fold_split(np.arange(3), 1, 0)
    with pytest.raises(InvalidInputError, match=r"between 0 and 1; got 20"):
        group_split(np.arange(3), 20, 0)
    with pytest.raises(InvalidInputError, match=r"shape \(N,\), one per item; got \(3, 1\)"):
        group_split(np.zeros((3, 1)), 0.5, 0)
