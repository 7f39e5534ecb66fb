"""Indexes that the first format's version wrote open, and answer as they did."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from soundalike.index import INDEXES, distances_to

GOLDEN = Path(__file__).parent / "index_v1"


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("kind", ["exact", "ivf"])
def test_it_opens_and_answers(kind: str, metric: str, tmp_path: Path) -> None:
    shutil.copytree(GOLDEN / f"{kind}-{metric}", tmp_path / "index")
    index = INDEXES.load(kind).load(tmp_path / "index")
    assert (len(index), index.dims, index.metric) == (58, 4, metric)
    vectors = np.random.default_rng(1).standard_normal((60, 4)).astype(np.float32)
    kept = np.delete(np.arange(60), [5, 10])
    np.testing.assert_array_equal(index.vectors_of(kept * 2), vectors[kept])
    query = np.array([0.5, -1.0, 0.25, 2.0], np.float32)
    distances = distances_to(query, vectors[kept], index.metric)
    nearest = np.argsort(distances, kind="stable")[:5]
    found, near = index.query(query[None], 5)
    assert found[0].tolist() == (kept[nearest] * 2).tolist()
    np.testing.assert_array_equal(near[0], distances[nearest])
    index.add(np.array([1000]), query[None])
    index.save(tmp_path / "index")
    assert INDEXES.load(kind).load(tmp_path / "index").query(query[None], 1)[0].tolist() == [[1000]]
