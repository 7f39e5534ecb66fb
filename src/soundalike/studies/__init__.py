"""The Python API of learning: fit encoders to one's own sounds, and see how good encoders are."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from soundalike.evaluation import Report, score_table
    from soundalike.studies.evaluation import Evaluation, EvaluationProgress, evaluate, find_tasks
    from soundalike.studies.field import Contender, contenders
    from soundalike.studies.own_folders import library_task
    from soundalike.studies.pictures import write_evaluation
    from soundalike.studies.standardise import fit_spectral_to
    from soundalike.studies.tasks import TASKS, LabelTask, LeftOut, NearDuplicateTask

__all__ = [
    "TASKS",
    "Contender",
    "Evaluation",
    "EvaluationProgress",
    "LabelTask",
    "LeftOut",
    "NearDuplicateTask",
    "Report",
    "contenders",
    "evaluate",
    "find_tasks",
    "fit_spectral_to",
    "library_task",
    "score_table",
    "write_evaluation",
]

# Imported when first asked for: what one verb of the command line needs must not slow down the others.
_HOMES = {
    "soundalike.evaluation": ("Report", "score_table"),
    "soundalike.studies.field": ("Contender", "contenders"),
    "soundalike.studies.evaluation": ("Evaluation", "EvaluationProgress", "evaluate", "find_tasks"),
    "soundalike.studies.own_folders": ("library_task",),
    "soundalike.studies.pictures": ("write_evaluation",),
    "soundalike.studies.standardise": ("fit_spectral_to",),
    "soundalike.studies.tasks": ("TASKS", "LabelTask", "LeftOut", "NearDuplicateTask"),
}


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
