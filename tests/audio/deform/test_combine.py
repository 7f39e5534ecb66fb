"""Deformations by name, one after another, and mixed by weight."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from soundalike.audio import (
    Chain,
    DeformationMix,
    Gain,
    Mix,
    Noise,
    PitchUp,
    Unchanged,
    default_deformations,
    deformation_from,
    deformation_mix_from,
)
from soundalike.core.arrays import FloatArray
from soundalike.core.errors import InvalidInputError, NotFoundError

RATE_HZ = 8000


def gain_of(gain_db: float) -> Gain:
    return Gain(gain_db, gain_db)


def test_each_kind_gets_its_weight_of_the_rows() -> None:
    rows = np.ones((4000, 1), np.float32)
    both = DeformationMix(((gain_of(-20.0), 1.0), (gain_of(20.0), 3.0), (Unchanged(), 4.0), (Mix(), 0.0)))
    deformed = both.apply(rows, rate_hz=RATE_HZ, rng=np.random.default_rng(1))[:, 0]
    for value, share in ((0.1, 0.125), (10.0, 0.375), (1.0, 0.5)):
        assert np.isclose(deformed, value).mean() == pytest.approx(share, abs=0.03)


def test_rows_come_out_in_their_own_places() -> None:
    rows = np.arange(1, 101, dtype=np.float32)[:, None]
    mixed = DeformationMix(((gain_of(-20.0), 1.0), (gain_of(20.0), 1.0)))
    deformed = mixed.apply(rows, rate_hz=RATE_HZ, rng=np.random.default_rng(1))
    ratio = deformed / rows
    assert (np.isclose(ratio, 0.1) | np.isclose(ratio, 10.0)).all()


def test_a_single_row_that_is_drawn_for_mixing_finds_the_others() -> None:
    rows = np.eye(8, 20, dtype=np.float32)
    mostly = DeformationMix(((Unchanged(), 20.0), (Mix(), 1.0)))
    for seed in range(20):  # in many of these draws just one row is to be mixed
        added = mostly.apply(rows, rate_hz=RATE_HZ, rng=np.random.default_rng(seed)) - rows
        assert not (added * rows).any()


def test_a_chain_is_its_steps_in_order() -> None:
    rows = np.zeros((2, 4000), np.float32)
    rows[:, :2000] = np.random.default_rng(1).normal(0.0, 0.1, (2, 2000))
    chain = Chain((gain_of(20.0), Noise(10.0, 10.0)))
    rng = np.random.default_rng(3)
    expected = Noise(10.0, 10.0).apply(
        gain_of(20.0).apply(rows, rate_hz=RATE_HZ, rng=rng), rate_hz=RATE_HZ, rng=rng
    )
    deformed = chain.apply(rows, rate_hz=RATE_HZ, rng=np.random.default_rng(3))
    np.testing.assert_array_equal(deformed, expected)


def test_chains_stand_in_mixes(batch: FloatArray) -> None:
    nested = DeformationMix(((Chain((PitchUp(), Mix(), Gain())), 1.0), (default_deformations(), 1.0)))
    deformed = nested.apply(batch, rate_hz=RATE_HZ, rng=np.random.default_rng(1))
    assert deformed.shape == batch.shape
    assert deformed[:5].any(axis=1).all()


@pytest.mark.parametrize(
    "choices", [(), ((Gain(), 0.0),), ((Gain(), -1.0), (Mix(), 2.0)), ((Gain(), np.nan),)]
)
def test_weights_that_cannot_be_drawn_by_are_refused(choices: tuple[tuple[Gain, float], ...]) -> None:
    with pytest.raises(InvalidInputError, match="Weights must be finite"):
        DeformationMix(choices)


def test_an_empty_chain_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="at least one step"):
        Chain(())


def test_a_deformation_from_a_recipe() -> None:
    assert deformation_from("pitch_up", {"highest_semitones": 2.0}) == PitchUp(0.5, 2.0)
    assert deformation_from("noise", {"colours": ["pink"]}) == Noise(colours=("pink",))
    assert deformation_from("unchanged") == Unchanged()


def test_a_mix_from_a_recipe() -> None:
    entries: list[dict[str, Any]] = [{"kind": "gain", "weight": 2, "lowest_db": -3.0}, {"kind": "mix"}]
    assert deformation_mix_from(entries) == DeformationMix(((Gain(-3.0), 2.0), (Mix(), 1.0)))


def test_every_kind_takes_part_by_default() -> None:
    weights = [weight for _, weight in default_deformations().choices]
    assert weights == [1.0] * 9


def test_what_a_recipe_gets_wrong_is_told() -> None:
    with pytest.raises(NotFoundError, match="no deformation called 'pitch'; there are: compress, crop"):
        deformation_from("pitch")
    with pytest.raises(InvalidInputError, match="'gain' has no setting 'db'; it has: lowest_db, highest_db"):
        deformation_from("gain", {"db": 3.0})
    with pytest.raises(InvalidInputError, match="'gain' is of the wrong type"):
        deformation_from("gain", {"lowest_db": "quiet"})
    with pytest.raises(InvalidInputError, match="snr_db must run from low to high"):
        deformation_from("mix", {"lowest_snr_db": 20.0})
    with pytest.raises(InvalidInputError, match=r"has a kind, one of .*; got \{'weight': 1\}"):
        deformation_mix_from([{"weight": 1}])
    with pytest.raises(InvalidInputError, match="perhaps a weight"):
        deformation_mix_from([{"kind": "gain", "weight": "much"}])
    with pytest.raises(InvalidInputError, match="Weights must be finite"):
        deformation_mix_from([])
