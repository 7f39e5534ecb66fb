"""Intervals: they hold what they should as often as they say, and groups widen them."""

from __future__ import annotations

import numpy as np
import pytest

from soundalike.core.errors import InvalidInputError
from soundalike.evaluation import bootstrap_interval, paired_bootstrap


def test_an_interval_is_about_what_the_normal_distribution_says() -> None:
    values = np.random.default_rng(0).normal(size=400)
    found = bootstrap_interval(values, resamples=4000)
    half = 1.96 * values.std() / np.sqrt(400)
    assert found.value == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert found.high == pytest.approx(values.mean() + half, abs=0.1 * half)
    narrow = bootstrap_interval(values, level=0.5, resamples=4000)
    assert (narrow.high - narrow.low) == pytest.approx(2 * 0.674 * half / 1.96, rel=0.15)


def test_the_truth_lies_inside_as_often_as_it_should() -> None:
    rng = np.random.default_rng(1)
    inside = 0
    for trial in range(300):
        groups = np.repeat(np.arange(30), 5)
        values = 0.5 + rng.normal(size=30)[groups] + 0.2 * rng.normal(size=150)
        found = bootstrap_interval(values, groups, resamples=300, rng=trial)
        inside += found.low <= 0.5 <= found.high
    assert 0.89 <= inside / 300 <= 0.98


def test_copies_of_a_query_do_not_make_it_surer_when_grouped() -> None:
    values = np.random.default_rng(2).random(50)
    once = bootstrap_interval(values)
    copied, groups = np.repeat(values, 8), np.repeat(np.arange(50), 8)
    grouped = bootstrap_interval(copied, groups)
    assert grouped.low == pytest.approx(once.low)
    assert grouped.high == pytest.approx(once.high)
    apart = bootstrap_interval(copied)
    assert apart.high - apart.low < 0.5 * (grouped.high - grouped.low)


def test_groups_of_unlike_size_weigh_by_their_queries() -> None:
    """Against a loop that draws in the same order."""
    values, groups = np.array([0.0, 1.0, 1.0, 1.0, 0.5]), np.array(["a", "b", "b", "b", "c"])
    found = bootstrap_interval(values, groups, resamples=200, rng=3)
    rng = np.random.default_rng(3)
    drawn = []
    for row in rng.integers(3, size=(200, 3)).tolist():
        some = np.concatenate([values[groups == "abc"[group]] for group in row])
        drawn.append(some.mean())
    assert found.value == pytest.approx(0.7)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])))


def test_a_seed_gives_the_same_interval_and_missing_figures_none() -> None:
    values = np.random.default_rng(4).random(80)
    holes = np.concatenate([values, [np.nan] * 20])
    assert bootstrap_interval(values, rng=5) == bootstrap_interval(values, rng=5)
    assert bootstrap_interval(holes, rng=5) == bootstrap_interval(values, rng=5)
    assert bootstrap_interval(values, rng=5) != bootstrap_interval(values, rng=6)
    assert np.isnan(bootstrap_interval(np.full(3, np.nan)).value)
    assert np.isnan(bootstrap_interval(np.zeros(0)).value)


def test_one_group_is_never_sure() -> None:
    found = bootstrap_interval(np.array([0.4, 0.6]), np.zeros(2))
    assert found.value == pytest.approx(0.5)
    assert np.isnan([found.low, found.high]).all()
    assert not paired_bootstrap(np.ones(5), np.zeros(5), np.zeros(5)).low > 0


def test_a_paired_difference_is_seen_where_separate_intervals_overlap() -> None:
    rng = np.random.default_rng(5)
    hard = rng.random(200)
    old, new = hard, np.clip(hard + 0.03 + 0.02 * rng.normal(size=200), 0, 2)
    found = paired_bootstrap(new, old)
    assert 0.02 < found.low < found.value < found.high < 0.04
    assert bootstrap_interval(new).low < bootstrap_interval(old).high
    back = paired_bootstrap(old, new)
    assert back.high < 0
    assert back.value == pytest.approx(-found.value)


def test_no_difference_is_not_called_one() -> None:
    rng = np.random.default_rng(6)
    wrong = 0
    for trial in range(200):
        a, b = rng.random(60), rng.random(60)
        wrong += paired_bootstrap(a, b, resamples=300, rng=trial).low > 0
    assert wrong / 200 < 0.07


def test_what_cannot_be_drawn_says_why() -> None:
    with pytest.raises(InvalidInputError, match=r"shape \(Q,\); got \(2, 2\)"):
        bootstrap_interval(np.zeros((2, 2)))
    with pytest.raises(InvalidInputError, match=r"groups must have shape \(3,\)"):
        bootstrap_interval(np.zeros(3), np.zeros(2))
    with pytest.raises(InvalidInputError, match="between 0 and 1"):
        bootstrap_interval(np.zeros(3), level=95)
    with pytest.raises(InvalidInputError, match="at least one resample"):
        bootstrap_interval(np.zeros(3), resamples=0)
    with pytest.raises(InvalidInputError, match=r"figures of the same queries.* 1 and 0 left out"):
        paired_bootstrap(np.array([np.nan, 1.0]), np.array([0.0, 1.0]))
