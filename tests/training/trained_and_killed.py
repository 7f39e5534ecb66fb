"""Trains, and kills itself in the middle: ``python trained_and_killed.py SOUNDS RUN STEPS KILLED_AT``."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from soundalike.training import RunConfig, TrainingPairs, TrainingSounds, train
from soundalike.training.loop import Progress
from soundalike.training.recipe import recipe_from_json

if __name__ == "__main__":
    sounds, run, steps, killed_at = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    recipe = recipe_from_json((run / "recipe.json").read_text())

    def kill(progress: Progress) -> None:
        """Leave as a power failure would."""
        if progress.step == killed_at:
            os.kill(os.getpid(), signal.SIGKILL)

    data = TrainingPairs(TrainingSounds(sounds), recipe)
    settings = RunConfig(checkpoint_steps=5, log_steps=1, threads=1, draw=False)
    train(recipe, data, run, steps=steps, device="cpu", on_progress=kill, run=settings)
