"""The folder of a training on a library: what was asked for, which sounds, and how far it is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from soundalike.core.errors import InvalidInputError, TrainingError
from soundalike.encoders import ENCODERS
from soundalike.encoders.file_names import check_name
from soundalike.studies.library_recording import Planned
from soundalike.studies.library_split import LibrarySound

FORMAT_VERSION = 1
PLAN, REPORT, SOUNDS, ENCODER, COMPARISON = "plan.json", "report.json", "sounds", "encoder", "comparison"
TRAINING_FOLDER = "training"
DEFAULT_NAME = "own"
# Besides these, a run holds what training itself writes.
_WRITTEN_BY_TRAINING = ("recipe.json", "metrics.jsonl", "curves.png", "checkpoints")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a training was begun with; it stays the same for every call that goes on.

    Attributes:
        asked: What was asked for, by names: the encoder that it starts from, the recipe, the seed.
        in_use: Fingerprint of the encoder that the library listened with.
        sounds: Every sound that is read, and which of them are held out.
        held_out_by: See :class:`soundalike.studies.library_split.HeldOut`.
        notes: What the user should know, as sentences.
    """

    asked: Mapping[str, Any]
    in_use: str
    sounds: tuple[Planned, ...]
    held_out_by: str
    notes: tuple[str, ...] = ()

    def save(self, folder: Path) -> None:
        """Write it into a run's folder, whole or not at all."""
        document = {"version": FORMAT_VERSION, **asdict(self)}
        write_json(folder / PLAN, document)


def load_plan(folder: Path) -> Plan | None:
    """Read a run's plan; None where there is none.

    Raises:
        TrainingError: It is damaged, or of another version.
    """
    path = folder / PLAN
    if not path.is_file():
        return None
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        version = document["version"]
        sounds = tuple(_planned(row) for row in document["sounds"])
        plan = Plan(
            document["asked"],
            str(document["in_use"]),
            sounds,
            str(document["held_out_by"]),
            tuple(document["notes"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(
            f"The training in {folder} cannot go on: its {PLAN} is damaged ({error}). Start anew with --anew."
        ) from error
    if version != FORMAT_VERSION:
        raise TrainingError(f"{path} is of format {version}; this version reads {FORMAT_VERSION}.")
    return plan


def _planned(row: Mapping[str, Any]) -> Planned:
    sound = row["sound"]
    return Planned(
        LibrarySound(sound["uri"], tuple(sound["folders"]), float(sound["duration_s"])), bool(row["held_out"])
    )


def check_same(plan: Plan, asked: Mapping[str, Any], folder: Path) -> None:
    """Raise TrainingError where a run was begun with something else than is asked for now."""
    if dict(plan.asked) != dict(asked):
        was, now = (
            ", ".join(f"{name} {value}" for name, value in one.items()) for one in (plan.asked, asked)
        )
        raise TrainingError(
            f"{folder} holds a training with {was}; asked for now is {now}. Start anew with --anew, or "
            "choose another --name."
        )


def choose_folder(library: Path, name: str | None, folder: Path | None) -> tuple[str, Path]:
    """Choose a run's name and folder.

    Args:
        library: The library's folder.
        name: What the encoder is to be called; None takes ``own``, or ``own-2`` and so on where a training of
            that name has come to its end.
        folder: Where the run is to lie; None takes ``training/NAME`` in the library.

    Returns:
        Name and folder.

    Raises:
        InvalidInputError: The name is not fit, or is taken by an encoder that comes with soundalike.
    """
    if name is not None:
        check_name(name)
        if name in ENCODERS:
            raise InvalidInputError(
                f"{name!r} is the name of an encoder that comes with soundalike or a plug-in; choose another."
            )
    if folder is not None:
        return name or DEFAULT_NAME, folder
    runs = library / TRAINING_FOLDER
    number = 1
    chosen = name or DEFAULT_NAME
    while name is None and (runs / chosen / REPORT).exists():
        number += 1
        chosen = f"{DEFAULT_NAME}-{number}"
    return chosen, runs / chosen


def prepare_folder(folder: Path, *, anew: bool) -> None:
    """Make a run's folder, emptied of an earlier run where that is wished for.

    Raises:
        InvalidInputError: It holds other things than a run, or cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / PLAN).is_file() and _foreign(folder):
            raise InvalidInputError(
                f"{folder} holds {_foreign(folder)[0]}, and no training: choose another folder with --out."
            )
        if anew:
            for name in (REPORT, *_WRITTEN_BY_TRAINING, SOUNDS, ENCODER, COMPARISON, PLAN):  # the plan last
                _remove(folder / name)
    except OSError as error:
        raise InvalidInputError(f"{folder} cannot be written to: {error.strerror or error}.") from error


def _foreign(folder: Path) -> Sequence[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".part")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_json(path: Path, document: Any) -> None:
    """Write a value as JSON, whole or not at all."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    part.replace(path)
