"""Trains on a library and kills itself: ``python killed_on_library.py LIBRARY RECIPE STEP``."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from soundalike.library import Library
from soundalike.studies import EmbeddingConfig, EmbeddingProgress, train_on_library
from soundalike.training import RunConfig

if __name__ == "__main__":
    library, recipe, killed_at = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])

    def kill(progress: EmbeddingProgress) -> None:
        """Leave as a power failure would."""
        if progress.text.startswith(f"step {killed_at},"):
            os.kill(os.getpid(), signal.SIGKILL)

    train_on_library(
        Library.open(library, create=False),
        EmbeddingConfig(recipe=recipe, start="nothing", steps=12, device="cpu"),
        run=RunConfig(checkpoint_steps=3, log_steps=1, threads=1, draw=False),
        on_progress=kill,
    )
