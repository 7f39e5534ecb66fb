"""Measure how well vectors find their kind, and how sure that is: ``python examples/metrics.py``."""

from pathlib import Path

import numpy as np

from soundalike.evaluation import (
    Report,
    TaskResult,
    markdown_table,
    paired_bootstrap,
    retrieval_scores,
)
from soundalike.library import DEFAULT_ENCODER, demo_sounds, embed

MEASURES = ("map", "p@1", "knn@5", "mrr", "hubness")


def main() -> None:
    """Let the bundled sounds find those of their own folder, with all dimensions and with four of them."""
    sounds = embed([demo_sounds()])
    folders = np.array([Path(name).parent.name for name in sounds.names])
    few = sounds.vectors[:, np.random.default_rng(0).choice(sounds.vectors.shape[1], 4, replace=False)]
    scores = {
        DEFAULT_ENCODER: retrieval_scores(sounds.vectors, folders),
        "four dimensions of it": retrieval_scores(few, folders),
    }
    results = [
        TaskResult("folders", name, found.scores(MEASURES), found.per_class(), found.queries, found.left_out)
        for name, found in scores.items()
    ]
    print(f"{len(folders)} sounds in {len(set(folders))} folders: does a sound find those of its folder?\n")
    print(markdown_table(Report(tuple(results)), "folders"))
    whole, part = (found.per_query("map") for found in scores.values())
    gain = paired_bootstrap(whole, part)
    print(f"\nAll dimensions find more by {gain.value:.3f} ({gain.low:.3f} to {gain.high:.3f}) in mAP.")


if __name__ == "__main__":
    main()
