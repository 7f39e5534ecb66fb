"""The Python API of learning: fit encoders to one's own sounds, and see how good encoders are."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from soundalike.evaluation import Report, score_table
    from soundalike.studies.comparison import (
        Comparison,
        ComparisonConfig,
        HeldOutSound,
        compare_encoders,
    )
    from soundalike.studies.deform_file import DeformedFile, write_deformed
    from soundalike.studies.embedding_report import (
        EmbeddingConfig,
        EmbeddingProgress,
        TrainingReport,
        report_as_json,
    )
    from soundalike.studies.evaluation import Evaluation, EvaluationProgress, evaluate, find_tasks
    from soundalike.studies.field import Contender, contenders
    from soundalike.studies.installing import (
        Installed,
        InstallProgress,
        install_encoder,
        installable_encoders,
    )
    from soundalike.studies.own_folders import library_task
    from soundalike.studies.pictures import write_evaluation
    from soundalike.studies.standardise import fit_spectral_to
    from soundalike.studies.switch_rule import Decision, Difference, decide
    from soundalike.studies.tasks import TASKS, LabelTask, LeftOut, NearDuplicateTask
    from soundalike.studies.train_embedding import train_on_library
    from soundalike.studies.unseen_copies import UNSEEN_KINDS

__all__ = [
    "TASKS",
    "UNSEEN_KINDS",
    "Comparison",
    "ComparisonConfig",
    "Contender",
    "Decision",
    "DeformedFile",
    "Difference",
    "EmbeddingConfig",
    "EmbeddingProgress",
    "Evaluation",
    "EvaluationProgress",
    "HeldOutSound",
    "InstallProgress",
    "Installed",
    "LabelTask",
    "LeftOut",
    "NearDuplicateTask",
    "Report",
    "TrainingReport",
    "compare_encoders",
    "contenders",
    "decide",
    "evaluate",
    "find_tasks",
    "fit_spectral_to",
    "install_encoder",
    "installable_encoders",
    "library_task",
    "report_as_json",
    "score_table",
    "train_on_library",
    "write_deformed",
    "write_evaluation",
]

# Imported when first asked for: what one verb of the command line needs must not slow down the others.
_HOMES = {
    "soundalike.evaluation": ("Report", "score_table"),
    "soundalike.studies.comparison": (
        "Comparison",
        "ComparisonConfig",
        "HeldOutSound",
        "compare_encoders",
    ),
    "soundalike.studies.deform_file": ("DeformedFile", "write_deformed"),
    "soundalike.studies.embedding_report": (
        "EmbeddingConfig",
        "EmbeddingProgress",
        "TrainingReport",
        "report_as_json",
    ),
    "soundalike.studies.field": ("Contender", "contenders"),
    "soundalike.studies.evaluation": ("Evaluation", "EvaluationProgress", "evaluate", "find_tasks"),
    "soundalike.studies.installing": (
        "InstallProgress",
        "Installed",
        "install_encoder",
        "installable_encoders",
    ),
    "soundalike.studies.own_folders": ("library_task",),
    "soundalike.studies.pictures": ("write_evaluation",),
    "soundalike.studies.standardise": ("fit_spectral_to",),
    "soundalike.studies.switch_rule": ("Decision", "Difference", "decide"),
    "soundalike.studies.tasks": ("TASKS", "LabelTask", "LeftOut", "NearDuplicateTask"),
    "soundalike.studies.train_embedding": ("train_on_library",),
    "soundalike.studies.unseen_copies": ("UNSEEN_KINDS",),
}


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
