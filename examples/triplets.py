"""Triplets while a network learns: ``python examples/triplets.py [PICTURE.png]``.

For one batch before, on the way and after a short training, the picture shows how far every anchor is from
its positive, from the negative that the batch was drawn with, and from the negative that was mined for it:
farther than the positive, but as near as can be. Needs the extra ``train``.
"""

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure

from soundalike.audio import decode
from soundalike.features import LogMelFrontEnd
from soundalike.library import demo_sounds
from soundalike.training import (
    InputConfig,
    NetworkConfig,
    ObjectiveChoice,
    OptimiserConfig,
    Recipe,
    RunConfig,
    StageConfig,
    TrainingPairs,
    TrainingSounds,
    TrainingSoundsWriter,
    distance_matrix,
    embedder,
    mine_semi_hard,
    original_negatives,
    train,
)

RATE_HZ = 16000
MARGIN = 0.25
STEPS = (1, 20, 60, 120)
SHOWN_BATCH = 1_000_000  # one that is never trained on

RECIPE = Recipe(
    name="triplets-example",
    objective=ObjectiveChoice("triplet", {"margin": MARGIN}),
    batch_size=48,
    input=InputConfig(
        rate_hz=RATE_HZ,
        window_samples=8000,
        hop_samples=4000,
        front_end=LogMelFrontEnd(frame_samples=512, hop_samples=256, bands=32, low_hz=40.0, high_hz=8000.0),
    ),
    network=NetworkConfig((StageConfig(16), StageConfig(32), StageConfig(64)), dims=64),
    optimiser=OptimiserConfig(learning_rate=2e-3, warm_up=0.0, schedule="constant", ema_decay=0.0),
)


@dataclass(frozen=True)
class Distances:
    """Distances of a batch's anchors, sorted by those to their positives."""

    step: int
    positive: np.ndarray
    original: np.ndarray
    mined: np.ndarray
    semi_hard: float


def write_demo_sounds(folder: Path) -> TrainingSounds:
    """Decode the bundled sounds once, as training reads them."""
    with TrainingSoundsWriter(folder, RATE_HZ) as writer:
        for path in sorted(demo_sounds().rglob("*.flac")):
            writer.add(decode(path, rate_hz=RATE_HZ).samples, name=path.stem, group=path.parent.name)
    return TrainingSounds(folder)


def measure(network: torch.nn.Module, pairs: TrainingPairs, step: int) -> Distances:
    """Embed the shown batch, and mine its negatives as training does."""
    batch = pairs.batch(SHOWN_BATCH)
    embed = embedder(network)  # type: ignore[arg-type]
    anchors, positives = (torch.from_numpy(embed(batch[name])) for name in ("inputs", "positives"))
    groups = torch.from_numpy(batch["groups"])
    to_candidates = distance_matrix(anchors, positives, "cosine")
    positive = to_candidates.diagonal()
    original = to_candidates.gather(1, original_negatives(groups, groups)[:, None])[:, 0]
    found = mine_semi_hard(to_candidates, positive, groups, groups, MARGIN)
    mined = to_candidates.gather(1, found.rows[:, None])[:, 0]
    order = positive.argsort().numpy()
    near, first, chosen = (values.numpy()[order] for values in (positive, original, mined))
    return Distances(step, near, first, chosen, float(found.semi_hard.float().mean()))


def draw(batches: list[Distances], path: Path) -> None:
    """Write the picture: a panel for every batch."""
    figure = Figure(figsize=(3.1 * len(batches), 3.4), layout="constrained")
    panels = figure.subplots(1, len(batches), sharey=True)
    for axis, batch in zip(panels, batches, strict=True):
        triplets = np.arange(len(batch.positive))
        axis.vlines(triplets, batch.mined, batch.original, color="0.85", linewidth=1.0, zorder=0)
        axis.scatter(triplets, batch.original, s=14, color="tab:orange", label="original negative")
        axis.scatter(triplets, batch.mined, s=14, color="tab:red", label="mined negative")
        axis.scatter(triplets, batch.positive, s=14, color="tab:blue", label="positive")
        axis.fill_between(
            triplets, batch.positive, batch.positive + MARGIN, color="tab:blue", alpha=0.12, label="margin"
        )
        axis.set_title(f"after {batch.step} step{'s' if batch.step > 1 else ''}", fontsize=10)
        axis.set_xlabel("triplet, by distance of the positive", fontsize=8)
    panels[0].set_ylabel("cosine distance from the anchor")
    panels[-1].legend(fontsize=7, loc="upper left")
    figure.savefig(path, dpi=110)


def main(path: Path) -> None:
    """Train in four goes, each resuming where the last one stopped, and draw a batch after each."""
    with tempfile.TemporaryDirectory() as scratch:
        pairs = TrainingPairs(write_demo_sounds(Path(scratch) / "sounds"), RECIPE)
        batches = []
        for steps in STEPS:
            run = RunConfig(draw=False)
            result = train(RECIPE, pairs, Path(scratch) / "run", steps=steps, device="cpu", run=run)
            batches.append(measure(result.network, pairs, steps))
    draw(batches, path)
    for batch in batches:
        print(
            f"After {batch.step:3} steps: positives {batch.positive.mean():.2f}, original negatives "
            f"{batch.original.mean():.2f}, mined {batch.mined.mean():.2f}; "
            f"{100 * batch.semi_hard:.0f} % of the mined are semi-hard"
        )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            main(Path(folder) / "triplets.png")
