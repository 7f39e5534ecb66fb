"""Learning an embedding: sampling, mining, losses, recipes; the only room that imports torch.

What needs torch is imported when it is first asked for; without the extra ``train``,
:class:`soundalike.core.errors.MissingExtraError` says what to install.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from soundalike.core.errors import MissingExtraError
from soundalike.training.inputs import InputConfig, MorletFrontEnd, network_inputs
from soundalike.training.network_config import NetworkConfig, StageConfig, count_macs
from soundalike.training.positives_config import DeformationChoice, PositivesConfig
from soundalike.training.recipe import ObjectiveChoice, OptimiserConfig, Recipe, load_recipe, recipe_names
from soundalike.training.sampling import TrainingPairs
from soundalike.training.sounds import TrainingSound, TrainingSounds, TrainingSoundsWriter

if TYPE_CHECKING:
    from soundalike.training.embed import embedder
    from soundalike.training.export import ExportConfig, TagLayer, export_encoder, load_exported
    from soundalike.training.front_end import FrontEnd
    from soundalike.training.loop import Progress, RunConfig, TrainingResult, train
    from soundalike.training.losses import distance_matrix, nt_xent, similarity_matrix_loss, triplet_losses
    from soundalike.training.mining import mine_semi_hard, original_negatives
    from soundalike.training.objective import OBJECTIVES, Objective
    from soundalike.training.probe import RetrievalProbe, hold_out
    from soundalike.training.state import make_network

_NEED_TORCH = {
    "ExportConfig": "export",
    "FrontEnd": "front_end",
    "OBJECTIVES": "objective",
    "Objective": "objective",
    "Progress": "loop",
    "RetrievalProbe": "probe",
    "RunConfig": "loop",
    "TagLayer": "export",
    "TrainingResult": "loop",
    "distance_matrix": "losses",
    "embedder": "embed",
    "export_encoder": "export",
    "hold_out": "probe",
    "load_exported": "export",
    "make_network": "state",
    "mine_semi_hard": "mining",
    "nt_xent": "losses",
    "original_negatives": "mining",
    "similarity_matrix_loss": "losses",
    "train": "loop",
    "triplet_losses": "losses",
}

__all__ = [
    "OBJECTIVES",
    "DeformationChoice",
    "ExportConfig",
    "FrontEnd",
    "InputConfig",
    "MorletFrontEnd",
    "NetworkConfig",
    "Objective",
    "ObjectiveChoice",
    "OptimiserConfig",
    "PositivesConfig",
    "Progress",
    "Recipe",
    "RetrievalProbe",
    "RunConfig",
    "StageConfig",
    "TagLayer",
    "TrainingPairs",
    "TrainingResult",
    "TrainingSound",
    "TrainingSounds",
    "TrainingSoundsWriter",
    "count_macs",
    "distance_matrix",
    "embedder",
    "export_encoder",
    "hold_out",
    "load_exported",
    "load_recipe",
    "make_network",
    "mine_semi_hard",
    "network_inputs",
    "nt_xent",
    "original_negatives",
    "recipe_names",
    "similarity_matrix_loss",
    "train",
    "triplet_losses",
]


def __getattr__(name: str) -> Any:
    """Import what needs torch when it is asked for."""
    if name not in _NEED_TORCH:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = importlib.import_module(f"{__name__}.{_NEED_TORCH[name]}")
    except ModuleNotFoundError as error:
        if error.name and error.name.partition(".")[0] == "torch":
            raise MissingExtraError("train", "Training") from error
        raise
    return getattr(module, name)
