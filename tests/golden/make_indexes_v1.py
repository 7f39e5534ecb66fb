"""Writes ``index_v1``: a saved index of every kind, in the first format. Kept so that it opens for ever.

Run once, with the version that wrote the format: ``python tests/golden/make_indexes_v1.py``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from soundalike.index import INDEXES, Metric

HERE = Path(__file__).parent
METRICS: tuple[Metric, ...] = ("cosine", "euclidean")


def main() -> None:
    """Write 60 vectors of 4 dimensions in every kind and metric, two of them removed."""
    vectors = np.random.default_rng(1).standard_normal((60, 4)).astype(np.float32)
    for kind in ("exact", "ivf"):
        for metric in METRICS:
            index = INDEXES.load(kind)(4, metric)
            index.add(np.arange(60) * 2, vectors)
            index.remove(np.array([10, 20]))
            index.save(HERE / "index_v1" / f"{kind}-{metric}")


if __name__ == "__main__":
    main()
