"""What does scoring cost beside a plain sort? ``python benchmarks/evaluation/run.py [--quick]``."""

from __future__ import annotations

import argparse
import sys
import time
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score
from threadpoolctl import threadpool_limits

from benchmarks.results import Table, write_results
from soundalike.evaluation import retrieval_scores

HERE = Path(__file__).parent
SEED = 0
DIMS = 128
LABELS = 50
SIZES = (5_000, 20_000)
QUICK_SIZES = (2_000, 5_000)
PEER_QUERIES = 200
ROWS = 400  # of the plain sort; a block of as many distances as retrieval_scores takes at 10,000


def collection(size: int) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
    """Vectors around 50 centres, their labels, and recordings of about four items each."""
    rng = np.random.default_rng(SEED)
    labels = rng.integers(0, LABELS, size)
    centres = 0.5 * rng.normal(size=(LABELS, DIMS))
    vectors = (centres[labels] + rng.normal(size=(size, DIMS))).astype(np.float32)
    return vectors, labels, rng.integers(0, size // 4, size)


def plain_sort(vectors: NDArray[np.float32]) -> int:
    """The least that a ranking takes: the matrix product and one argsort, nothing made of it."""
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    ranked = 0
    for start in range(0, len(units), ROWS):
        ranked += len(np.argsort(-(units[start : start + ROWS] @ units.T), axis=1))
    return ranked


def peer(
    vectors: NDArray[np.float32], labels: NDArray[np.int64], recordings: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Average precision of some queries by scikit-learn, the others found by a matrix product."""
    units = vectors / np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    found = []
    for query in range(PEER_QUERIES):
        others = recordings != recordings[query]
        truth = labels[others] == labels[query]
        found.append(average_precision_score(truth, units[others] @ units[query]))
    return np.array(found)


def measure(size: int) -> dict[str, float]:
    """Time all three on one collection, and hold the figures against the peer's.

    Processor time, which other work on the machine changes less than it does the clock's.
    """
    vectors, labels, recordings = collection(size)
    tracemalloc.start()
    start = time.process_time()
    scores = retrieval_scores(vectors, labels, exclude=recordings)
    scored = time.process_time()
    peak_mb = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    plain_start = time.process_time()
    plain_sort(vectors)
    plain = time.process_time()
    theirs = peer(vectors, labels, recordings)
    peer_s = (time.process_time() - plain) * size / PEER_QUERIES
    return {
        "retrieval_scores_s": scored - start,
        "product_and_argsort_s": plain - plain_start,
        "ratio": (scored - start) / (plain - plain_start),
        "scikit_learn_ap_s": peer_s,
        "peak_mb": peak_mb,
        "map": scores.mean("map"),
        "largest_difference_of_ap": float(np.abs(scores.per_query("map")[:PEER_QUERIES] - theirs).max()),
    }


def main() -> None:
    """Measure all sizes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="2,000 and 5,000 vectors")
    quick: bool = parser.parse_args().quick
    figures: dict[str, object] = {}
    rows: list[Sequence[object]] = []
    with threadpool_limits(1):
        for size in QUICK_SIZES if quick else SIZES:
            found = measure(size)
            figures[str(size)] = found
            rows.append([size, *found.values()])
    table = Table("Processor time of one thread", ["vectors", *found], rows)
    notes = [
        f"{DIMS} dimensions, {LABELS} labels, recordings of about four items left out; seed {SEED}.",
        "retrieval_scores: every measure for every query, chance levels and hubness, float64 distances.",
        "product_and_argsort: float32, with nothing made of the ranking; ratio: the first over the second.",
        f"scikit_learn_ap: its average precision alone, {PEER_QUERIES} queries, extrapolated to all.",
        "peak_mb: memory that was asked for beyond the vectors; an N × N matrix of float32 would take "
        + ", ".join(f"{4e-6 * size * size:,.0f} MB at {size:,}" for size in SIZES)
        + ".",
    ]
    notes.append(
        "largest_difference_of_ap: against scikit-learn; distances equal as float32 count as tied here."
    )
    command = "python benchmarks/evaluation/run.py"
    write_results(
        HERE, "What does scoring cost beside a plain sort?", command, [table], figures, notes, quick=quick
    )


if __name__ == "__main__":
    main()
