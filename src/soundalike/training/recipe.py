"""Recipes: everything that a training's result depends on but the sounds, in a TOML file each."""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, TypeAlias

from soundalike.core.errors import InvalidInputError, NotFoundError
from soundalike.core.fingerprint import fingerprint
from soundalike.training.inputs import InputConfig
from soundalike.training.network_config import NetworkConfig
from soundalike.training.parsing import config_from_mapping, mapping_from_config
from soundalike.training.positives_config import PositivesConfig

CODE_VERSION = 1
"""Raised when the same recipe would train another network."""

Schedule: TypeAlias = Literal["cosine", "linear", "constant"]


@dataclass(frozen=True, slots=True)
class ObjectiveChoice:
    """What is learnt.

    Attributes:
        kind: A name in ``soundalike.training.objective.OBJECTIVES``.
        settings: The fields of that objective's config.
    """

    kind: str
    settings: Mapping[str, Any] = field(default_factory=dict, metadata={"rest": True})


@dataclass(frozen=True, slots=True)
class OptimiserConfig:
    """How the weights are changed: AdamW, with a learning rate that rises, then falls.

    Attributes:
        learning_rate: The highest.
        weight_decay: Share of every weight that is taken away per unit of learning rate.
        warm_up: Share of the training during which the rate rises from 0.
        schedule: How it falls after that: ``"cosine"``, ``"linear"`` or not at all (``"constant"``).
        final_share: Share of the highest rate that is left at the end.
        clip_norm: Gradients of a greater norm than this are scaled down to it.
        ema_decay: Weights are averaged over about the last 1 / (1 - this) steps, for evaluation and export; 0
            for none.
        autocast: ``"bfloat16"`` computes convolutions with fewer digits, about twice as fast on processors
            that can; ``"none"`` in float32.
        channels_last: Whether maps lie in memory with their channels together: faster on most processors.
    """

    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    warm_up: float = 0.05
    schedule: Schedule = "cosine"
    final_share: float = 0.01
    clip_norm: float = 5.0
    ema_decay: float = 0.999
    autocast: Literal["none", "bfloat16"] = "none"
    channels_last: bool = True

    def __post_init__(self) -> None:
        if not (0.0 < self.learning_rate < 10.0 and 0.0 <= self.weight_decay < math.inf):
            raise InvalidInputError(
                "learning_rate lies above 0 and below 10, and weight_decay is not negative; "
                f"got {self.learning_rate:g} and {self.weight_decay:g}."
            )
        shares = (self.warm_up, self.final_share, self.ema_decay)
        if not all(0.0 <= share < 1.0 for share in shares) or not 0.0 < self.clip_norm < math.inf:
            raise InvalidInputError(
                "warm_up, final_share and ema_decay lie between 0 and 1, and clip_norm above 0; "
                f"got {shares} and {self.clip_norm:g}."
            )

    def rate_at(self, progress: float) -> float:
        """The learning rate when a share of the training is done.

        Example:
            >>> config = OptimiserConfig(learning_rate=1.0, warm_up=0.5, schedule="linear", final_share=0.0)
            >>> config.rate_at(0.25), config.rate_at(0.5), config.rate_at(0.75)
            (0.5, 1.0, 0.5)
        """
        progress = min(1.0, max(0.0, progress))
        if progress < self.warm_up:
            return self.learning_rate * progress / self.warm_up
        if self.schedule == "constant":
            return self.learning_rate
        done = (progress - self.warm_up) / (1.0 - self.warm_up)
        left = 1.0 - done if self.schedule == "linear" else 0.5 * (1.0 + math.cos(math.pi * done))
        return self.learning_rate * (self.final_share + (1.0 - self.final_share) * left)


@dataclass(frozen=True, slots=True)
class Recipe:
    """A way to train an embedding.

    Attributes:
        name: Lower-case letters, digits and hyphens.
        objective: What is learnt.
        seed: Where all randomness starts: first weights, segments, deformations.
        batch_size: Segments of a batch that are anchors.
        minutes: How long a training lasts when nothing else is asked for.
        input: How the network listens.
        network: What it is made of.
        positives: What is made of a segment that should stay near it.
        optimiser: How the weights are changed.
    """

    name: str
    objective: ObjectiveChoice
    seed: int = 1
    batch_size: int = 128
    minutes: float = 30.0
    input: InputConfig = field(default_factory=InputConfig)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    positives: PositivesConfig = field(default_factory=PositivesConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9-]+", self.name):
            raise InvalidInputError(f"name takes lower-case letters, digits and hyphens; got {self.name!r}.")
        if self.seed < 0 or self.batch_size < 2 or not 0.0 < self.minutes < math.inf:
            raise InvalidInputError(
                "seed is not negative, batch_size at least 2 and minutes above 0; "
                f"got {self.seed}, {self.batch_size} and {self.minutes:g}."
            )

    @property
    def fingerprint(self) -> str:
        """Name and digest of everything in the recipe."""
        return fingerprint(self.name, CODE_VERSION, self)

    def to_json(self) -> str:
        """The recipe as JSON, which :func:`recipe_from_json` reads."""
        return json.dumps(mapping_from_config(self), indent=1, sort_keys=True)


def recipe_from_mapping(values: Mapping[str, Any], where: str = "recipe") -> Recipe:
    """Make a recipe from plain values.

    Args:
        values: As TOML or JSON give them.
        where: What they are, for messages.

    Raises:
        InvalidInputError: Unknown or missing fields, or values of another type or out of range.
    """
    return config_from_mapping(Recipe, values, where)


def recipe_from_json(text: str, where: str = "recipe") -> Recipe:
    """Read what :meth:`Recipe.to_json` wrote."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"{where} is no recipe: {error}.") from error
    return recipe_from_mapping(values, where)


def recipe_names() -> list[str]:
    """The recipes that come with soundalike."""
    folder = files("soundalike.training") / "recipes"
    return sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml"))


def load_recipe(name_or_path: str | Path) -> Recipe:
    """Read a recipe.

    Args:
        name_or_path: The name of one that comes with soundalike, or a TOML file.

    Raises:
        NotFoundError: There is neither.
        InvalidInputError: It is no recipe.

    Example:
        >>> load_recipe("triplet").objective.kind
        'triplet'
    """
    text = str(name_or_path)
    if isinstance(name_or_path, str) and text in recipe_names():
        content = (files("soundalike.training") / "recipes" / f"{text}.toml").read_text(encoding="utf-8")
    elif Path(name_or_path).is_file():
        content = _read(Path(name_or_path))
    else:
        raise NotFoundError(
            f"There is no recipe {text!r}: give a TOML file or one of {', '.join(recipe_names())}."
        )
    try:
        values = tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInputError(f"The recipe {text} is not TOML: {error}.") from error
    return recipe_from_mapping(values, f"recipe {text}")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"The recipe {path} cannot be read: {error}.") from error
