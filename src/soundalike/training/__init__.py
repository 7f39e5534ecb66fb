"""Learning an embedding: sampling, mining, losses, recipes; the only room that imports torch."""

from soundalike.training.sounds import TrainingSound, TrainingSounds, TrainingSoundsWriter

__all__ = ["TrainingSound", "TrainingSounds", "TrainingSoundsWriter"]
