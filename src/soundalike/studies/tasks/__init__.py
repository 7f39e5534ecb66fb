"""What can be asked of an encoder: sets of sounds with the rules by which answers count."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from soundalike.core.registry import Registry
from soundalike.studies.tasks.labels import LabelTask
from soundalike.studies.tasks.near_duplicates import NearDuplicateTask
from soundalike.studies.tasks.scan import LeftOut

__all__ = ["TASKS", "LabelTask", "LeftOut", "NearDuplicateTask", "Task", "task_names"]

Task: TypeAlias = LabelTask | NearDuplicateTask
"""Every task has a name, a question, items, files that are left out, and notes."""

TASKS: Registry[Callable[[Path], Task]] = Registry(
    "task",
    "soundalike.tasks",
    {
        "esc10": "soundalike.studies.tasks.esc10:create",
        "folders": "soundalike.studies.tasks.folders:create",
        "fsdd-digit": "soundalike.studies.tasks.fsdd:create_digit",
        "fsdd-speaker": "soundalike.studies.tasks.fsdd:create_speaker",
        "near-duplicates": "soundalike.studies.tasks.near_duplicates:create",
        "philharmonia-instrument": "soundalike.studies.tasks.philharmonia:create_instrument",
        "philharmonia-pitch": "soundalike.studies.tasks.philharmonia:create_pitch",
    },
)
"""Names of tasks; each stands for a function that takes the folder that the sounds lie in."""


def task_names(wanted: str) -> list[str]:
    """The tasks that a name stands for.

    Args:
        wanted: A task, or a set that has several: ``"fsdd"``.

    Returns:
        Names of tasks; none where nothing goes by that name.

    Example:
        >>> task_names("fsdd")
        ['fsdd-digit', 'fsdd-speaker']
    """
    if wanted in TASKS:
        return [wanted]
    return [name for name in TASKS.names() if name.startswith(f"{wanted}-")]
