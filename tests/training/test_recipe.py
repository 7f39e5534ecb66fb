"""Recipes: read strictly, written back, named by all that they hold."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from soundalike.core.errors import InvalidInputError, NotFoundError
from soundalike.features.front_end import LogMelFrontEnd
from soundalike.training.inputs import InputConfig, MorletFrontEnd
from soundalike.training.network_config import NetworkConfig, StageConfig
from soundalike.training.objective import make_objective
from soundalike.training.positives_config import DeformationChoice, PositivesConfig
from soundalike.training.recipe import (
    ObjectiveChoice,
    OptimiserConfig,
    Recipe,
    load_recipe,
    recipe_from_json,
    recipe_names,
)
from soundalike.training.state import make_network

BUILT_IN = recipe_names()
TRIPLET = "name = 'a'\n[objective]\nkind = 'triplet'\n"


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_built_in_recipe_can_be_trained(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    assert recipe_from_json(recipe.to_json()) == recipe
    assert recipe_from_json(recipe.to_json()).fingerprint == recipe.fingerprint
    make_objective(recipe.objective, make_network(recipe))


def test_the_methods_of_the_literature_are_there() -> None:
    assert {"triplet", "triplet-euclidean", "morlet-triplet", "ntxent"} <= set(BUILT_IN)
    assert isinstance(load_recipe("morlet-triplet").input.front_end, MorletFrontEnd)


def test_a_recipe_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'name = "mine"\nbatch_size = 8\n[objective]\nkind = "ntxent"\ntemperature = 0.2\n'
        "[[network.stages]]\nchannels = 8\nkernel = [3, 5]\nstride = [2, 1]\n"
        '[[positives.deformations]]\nkind = "gain"\nweight = 2\nhighest_db = 6.0\n'
        '[input]\nrate_hz = 16000\n[input.front_end]\nkind = "log_mel"\nframe_samples = 400\n'
        "hop_samples = 160\nbands = 32\nlow_hz = 50\nhigh_hz = 7000\n"
    )
    recipe = load_recipe(path)
    assert recipe.network.stages == (StageConfig(8, (3, 5), (2, 1)),)
    assert recipe.objective == ObjectiveChoice("ntxent", {"temperature": 0.2})
    assert recipe.positives.deformations == (DeformationChoice("gain", 2.0, {"highest_db": 6.0}),)
    assert isinstance(recipe.input.front_end, LogMelFrontEnd)
    assert recipe.input.front_end.low_hz == 50.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = ", "is not TOML"),
        ('name = "a"', "lacks \\['objective'\\]"),
        ('name = "a"\nspeed = 3\n[objective]\nkind = "triplet"', "unknown fields \\['speed'\\]"),
        ('name = "A b"\n[objective]\nkind = "triplet"', "lower-case letters"),
        ('name = "a"\nbatch_size = 1\n[objective]\nkind = "triplet"', "batch_size at least 2"),
        ('name = "a"\nbatch_size = "x"\n[objective]\nkind = "triplet"', "batch_size should be of type int"),
        ('name = "a"\nobjective = 3', "objective should be a table"),
        (f"{TRIPLET}[network]\npooling = ['median']", "pooling\\[0\\] is one of"),
        ('name = "a"\n[objective]\nkind = "triplet"\n[network]\nstages = 3', "stages should be a list"),
        (
            'name = "a"\n[objective]\nkind = "triplet"\n[[network.stages]]\nchannels = 8\nkernel = [3]',
            "kernel should have 2 values",
        ),
        (f"{TRIPLET}[input.front_end]\nkind = 'cqt'", "one of log_mel, morlet"),
        (
            'name = "a"\n[objective]\nkind = "triplet"\n[[positives.deformations]]\nkind = "gain"\nloud = 1',
            "has no setting 'loud'",
        ),
        (f"{TRIPLET}[optimiser]\nlearning_rate = -1", "learning_rate lies above 0"),
    ],
)  # fmt: skip
def test_a_wrong_recipe_is_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    with pytest.raises((InvalidInputError, NotFoundError), match=message):
        load_recipe(path)


def test_an_absent_recipe_is_named() -> None:
    with pytest.raises(NotFoundError, match=r"no recipe 'nothing'.*triplet"):
        load_recipe("nothing")


def test_objectives_check_their_settings() -> None:
    network = make_network(Recipe("a", ObjectiveChoice("triplet")))
    with pytest.raises(NotFoundError, match="no objective called 'guess'"):
        make_objective(ObjectiveChoice("guess"), network)
    with pytest.raises(InvalidInputError, match="unknown fields \\['slack'\\]"):
        make_objective(ObjectiveChoice("triplet", {"slack": 1}), network)
    with pytest.raises(InvalidInputError, match="margin lies above 0"):
        make_objective(ObjectiveChoice("triplet", {"margin": 0.0}), network)
    with pytest.raises(InvalidInputError, match="temperature lies between"):
        make_objective(ObjectiveChoice("ntxent", {"temperature": 0.0}), network)


def test_every_parameter_changes_the_fingerprint() -> None:
    base = Recipe("a", ObjectiveChoice("triplet"))
    other: dict[str, Any] = {
        "name": "b",
        "objective": ObjectiveChoice("triplet", {"margin": 0.3}),
        "seed": 2,
        "batch_size": 64,
        "minutes": 1.0,
        "input": InputConfig(range_db=60.0),
        "network": NetworkConfig(dims=64),
        "positives": PositivesConfig(near_rate=0.1),
        "optimiser": OptimiserConfig(weight_decay=0.0),
    }
    assert set(other) == {field.name for field in dataclasses.fields(Recipe)}
    names = {base.fingerprint, *(dataclasses.replace(base, **{k: v}).fingerprint for k, v in other.items())}
    assert len(names) == len(other) + 1


def test_the_learning_rate_rises_then_falls() -> None:
    config = OptimiserConfig(learning_rate=1.0, warm_up=0.1, final_share=0.1)
    rates = [config.rate_at(share) for share in (0.0, 0.05, 0.1, 0.55, 1.0, 2.0)]
    assert rates == pytest.approx([0.0, 0.5, 1.0, 0.55, 0.1, 0.1])
    assert OptimiserConfig(schedule="constant").rate_at(0.9) == 1e-3
