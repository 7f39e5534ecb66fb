"""The page on metrics: it names everything, and its code runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

import soundalike.evaluation
from soundalike.evaluation import METRICS, retrieval_scores

PAGE = (Path(__file__).parents[2] / "docs" / "evaluation-metrics.md").read_text(encoding="utf-8")


def test_every_name_is_on_the_page() -> None:
    words = set(re.findall(r"\w+", PAGE))
    assert set(soundalike.evaluation.__all__) - words == set()
    assert set(METRICS) <= words


def test_every_measure_is_on_the_page() -> None:
    names = retrieval_scores(np.eye(4, dtype=np.float32), np.zeros(4), ks=(7,)).names
    assert len(names) == 8
    for name in names:
        assert f"`{name.replace('@7', '@k')}`" in PAGE


def test_the_code_on_the_page_runs(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    originals = rng.normal(size=(40, 6)).astype(np.float32)
    labels = np.arange(40) % 4
    names: dict[str, Any] = {
        "vectors": originals,
        "labels": labels,
        "recordings": np.arange(40) // 3,
        "speakers": np.arange(40) % 5,
        "originals": originals,
        "copies": 2.0 * originals,
        "target_index": np.arange(40),
        "train_vectors": originals[:30],
        "train_labels": labels[:30],
        "test_vectors": originals[30:],
        "test_labels": labels[30:],
        "test_recordings": np.arange(10) // 2,
        "new": np.linspace(0.5, 0.9, 10),
        "old": np.linspace(0.4, 0.7, 10),
        "folder": tmp_path,
    }
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(block, names)
    assert names["found"].mean("recall@1") == 1.0
    assert names["better"]
    assert (tmp_path / "index.html").exists()
