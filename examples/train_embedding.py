"""Train an encoder on one's own sounds: ``python examples/train_embedding.py [STEPS]``.

A library of bundled sounds is trained on, by a small recipe that starts from nothing. A fifth of the sounds,
whole folders, is held out; on these the new encoder is compared with the one in use, and the library is
switched only if it is better. Needs the extra ``train``.
"""

import sys
import tempfile
from pathlib import Path

from soundalike.features import LogMelFrontEnd
from soundalike.library import Library, demo_sounds
from soundalike.studies import EmbeddingConfig, train_on_library
from soundalike.training import (
    InputConfig,
    NetworkConfig,
    ObjectiveChoice,
    OptimiserConfig,
    Recipe,
    StageConfig,
)

FOLDERS = ("guitar", "miscellaneous", "percussion", "snares", "vinyl")

RECIPE = Recipe(
    name="small",
    objective=ObjectiveChoice("ntxent"),
    batch_size=32,
    input=InputConfig(
        rate_hz=16000,
        window_samples=16000,
        hop_samples=8000,
        front_end=LogMelFrontEnd(frame_samples=512, hop_samples=256, bands=32, low_hz=40.0, high_hz=8000.0),
    ),
    network=NetworkConfig((StageConfig(16), StageConfig(32), StageConfig(64)), dims=64),
    optimiser=OptimiserConfig(learning_rate=2e-3, ema_decay=0.95),
)


def main(steps: int, folder: Path) -> None:
    """Index, train, and tell what came of it."""
    library = Library.open(folder / "library", encoder="spectral")
    for name in FOLDERS:
        library.add(demo_sounds() / name)
    config = EmbeddingConfig(recipe=RECIPE, start="nothing", steps=steps, device="cpu")
    report = train_on_library(library, config)
    assert report.comparison is not None
    assert report.decision is not None
    print(f"{report.steps} steps on {report.trained_on} sounds; {report.held_out} were held out")
    for result in report.comparison.report.results:
        figures = ", ".join(
            f"{score.name} {score.value:.2f}" for score in result.scores if score.value is not None
        )
        print(f"{result.encoder}: {figures}")
    print(f"Better: {'yes' if report.decision.switch else 'no'}, as {report.decision.why}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 10, Path(scratch))
