"""What a training on one's own sounds starts from, and the recipe that goes with it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

from soundalike.core.errors import EncoderError, TrainingError
from soundalike.encoders import ENCODERS, Encoder, load_encoder
from soundalike.encoders.onnx import OnnxEncoder
from soundalike.training import Recipe, load_recipe

NOTHING = "nothing"
SHIPPED = "ear"
FROM_NOTHING, FROM_ENCODER = "ntxent", "finetune"
"""The recipes that are used where none is named."""
_MADE_WITH = frozenset({"reverberation", "mp3"})
"""What an encoder that is started from may have been made with, though its last recipe does not tell: clips
that a teacher labels are put into rooms, and lose treble as lossy codes take it."""
_PAIRS = frozenset({"inputs", "positives", "groups"})


@dataclass(frozen=True, slots=True)
class StartingPoint:
    """Where a training begins.

    Attributes:
        name: The encoder's name; ``"nothing"`` for weights that are drawn.
        fingerprint: The encoder's fingerprint; None for nothing.
        model: The encoder's ONNX file; None for nothing.
        recipe: How to train.
        notes: What the user should know of the choice, as sentences.
    """

    name: str
    fingerprint: str | None
    model: Path | None
    recipe: Recipe
    notes: tuple[str, ...] = ()

    @property
    def trained_on(self) -> frozenset[str]:
        """The changes of sounds, by name, that training makes or that the encoder may have been made with."""
        return _deformations(self.recipe) | (_MADE_WITH if self.model is not None else frozenset())


def choose_start(
    start: str | None, recipe: str | Path | Recipe | None, in_use: Encoder, seed: int
) -> StartingPoint:
    """Choose what to start from.

    Starting from an encoder, the front end and the network are the encoder's; the recipe says how these are
    trained further. Starting from nothing, the recipe says all.

    Args:
        start: Name or path of an encoder that soundalike has trained; ``"nothing"``; None takes the encoder
            in use where it is such a one, else the shipped one, else nothing.
        recipe: Its name, file, or itself; None takes ``"finetune"`` from an encoder, ``"ntxent"`` from
            nothing.
        in_use: The library's encoder.
        seed: Replaces the recipe's.

    Returns:
        The starting point.

    Raises:
        NotFoundError: There is no such encoder or recipe.
        TrainingError: The encoder that is named cannot be trained further, or the recipe needs more than
            sounds, such as a teacher.
        MissingExtraError: Torch is not installed.
    """
    encoder = _encoder_to_start_from(start, in_use)
    if encoder is None:
        return StartingPoint(NOTHING, None, None, _seeded(_given(recipe, FROM_NOTHING), seed))
    from soundalike.training import load_exported  # noqa: PLC0415 (needs torch)

    model = encoder.folder / encoder.manifest.file
    _, trained = load_exported(model)
    chosen = _given(recipe, FROM_ENCODER)
    notes = []
    if recipe is not None and (chosen.input, chosen.network) != (trained.input, trained.network):
        notes.append(
            f"The front end and the network are those of {encoder.spec.name}, not of the recipe "
            f"{chosen.name}; --from nothing takes the recipe's."
        )
    chosen = dataclasses.replace(chosen, input=trained.input, network=trained.network)
    return StartingPoint(
        encoder.spec.name, encoder.spec.fingerprint, model, _seeded(chosen, seed), tuple(notes)
    )


def _encoder_to_start_from(start: str | None, in_use: Encoder) -> OnnxEncoder | None:
    if start == NOTHING:
        return None
    if start is not None:
        named = load_encoder(start)
        if not isinstance(named, OnnxEncoder):
            raise TrainingError(
                f"The encoder {named.spec.name} is no network, so it cannot be trained further; name one "
                f"that soundalike has trained, or {NOTHING!r}."
            )
        return named
    if _can_go_on(in_use):
        return in_use
    if SHIPPED in ENCODERS:
        try:
            shipped = load_encoder(SHIPPED)
        except EncoderError:
            return None
        return shipped if _can_go_on(shipped) else None
    return None


def _can_go_on(encoder: Encoder) -> TypeGuard[OnnxEncoder]:
    """Tell whether an encoder is a network that carries its recipe."""
    if not isinstance(encoder, OnnxEncoder):
        return False
    from soundalike.training import load_exported  # noqa: PLC0415 (needs torch)

    try:
        load_exported(encoder.folder / encoder.manifest.file)
    except TrainingError:
        return False
    return True


def _given(recipe: str | Path | Recipe | None, otherwise: str) -> Recipe:
    """The recipe, if a library's sounds are all that it needs."""
    from soundalike.training import OBJECTIVES  # noqa: PLC0415 (needs torch)

    given = recipe if isinstance(recipe, Recipe) else load_recipe(otherwise if recipe is None else recipe)
    more = sorted(set(OBJECTIVES.load(given.objective.kind).needs) - _PAIRS)
    if more:
        raise TrainingError(
            f"The recipe {given.name} needs more than a library's sounds ({', '.join(more)}): it is for "
            "scripts. Take finetune, ntxent, triplet, triplet-euclidean, morlet-triplet, or one of your own "
            "that learns from pairs."
        )
    return given


def _deformations(recipe: Recipe) -> frozenset[str]:
    return frozenset(one.kind for one in recipe.positives.deformations)


def _seeded(recipe: Recipe, seed: int) -> Recipe:
    return dataclasses.replace(recipe, seed=seed)
