"""Checkpoints: a training as it stands, written whole or not at all, and read back with care."""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch

from soundalike.core.errors import TrainingError

FORMAT = 1
KEPT = 2  # the last and the one before, should the last be damaged
_NAME = re.compile(r"step-(\d{9})-([0-9a-f]{16})\.pt")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A training between two steps.

    Attributes:
        recipe: The recipe, as JSON.
        data: Fingerprint of what it is trained on.
        step: Steps done.
        elapsed_s: Seconds spent, before it was resumed too.
        network: State of the network.
        average: State of the averaged network.
        objective: State of the objective's own modules.
        optimiser: State of the optimiser.
        generator: State of torch's random numbers.
        window: Sums of what will be logged next.
    """

    recipe: str
    data: str
    step: int
    elapsed_s: float
    network: Mapping[str, Any]
    average: Mapping[str, Any]
    objective: Mapping[str, Any]
    optimiser: Mapping[str, Any]
    generator: torch.Tensor
    window: Mapping[str, float]


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> Path:
    """Write a checkpoint, and remove all but the last two.

    Killed at any moment, the folder holds whole checkpoints only. A file's name holds the beginning of its
    SHA-256, so that damage is found.

    Args:
        folder: Where; made when it is absent.
        checkpoint: What to write.

    Returns:
        The file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    values = {field.name: getattr(checkpoint, field.name) for field in fields(checkpoint)}
    buffer = io.BytesIO()
    torch.save({"format": FORMAT, **values}, buffer)
    content = buffer.getbuffer()
    path = folder / f"step-{checkpoint.step:09d}-{hashlib.sha256(content).hexdigest()[:16]}.pt"
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    _sync_folder(folder)
    for old in [*checkpoint_files(folder)[KEPT:], *folder.glob("step-*.part")]:
        old.unlink(missing_ok=True)
    return path


def checkpoint_files(folder: Path) -> list[Path]:
    """The checkpoints in a folder, the newest first."""
    if not folder.is_dir():
        return []
    found = [path for path in folder.iterdir() if _NAME.fullmatch(path.name)]
    return sorted(found, key=lambda path: (path.name[:14], path.stat().st_mtime_ns), reverse=True)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint; nothing in it is executed.

    Args:
        path: The file.

    Raises:
        TrainingError: It is damaged, or no checkpoint.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise TrainingError(f"The checkpoint {path} cannot be read: {error}.") from error
    named = _NAME.fullmatch(path.name)
    if named and not hashlib.sha256(content).hexdigest().startswith(named.group(2)):
        raise TrainingError(f"The checkpoint {path} is damaged: its content is not what was written.")
    try:
        values = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        written = values.pop("format")
        checkpoint = Checkpoint(**values)
    except Exception as error:  # torch raises errors of many kinds for files of many kinds
        raise TrainingError(f"{path} is no checkpoint of a training: {error}") from error
    if written != FORMAT:
        raise TrainingError(f"The checkpoint {path} is of format {written}; this version reads {FORMAT}.")
    return checkpoint


def load_newest(folder: Path) -> Checkpoint | None:
    """Read the newest checkpoint that is whole.

    Args:
        folder: Where :func:`save_checkpoint` wrote.

    Returns:
        The newest; the one before where that is damaged; None where there is none at all.

    Raises:
        TrainingError: There are checkpoints, and all are damaged.
    """
    files = checkpoint_files(folder)
    damaged: list[str] = []
    for path in files:
        try:
            return load_checkpoint(path)
        except TrainingError as error:
            damaged.append(str(error))
    if damaged:
        raise TrainingError(
            f"No checkpoint in {folder} can be used; remove them to start anew. {' '.join(damaged)}"
        )
    return None


def _sync_folder(folder: Path) -> None:
    """Make a rename last through a power failure, where the system can."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
