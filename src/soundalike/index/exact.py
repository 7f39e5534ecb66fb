"""The exact index: one matrix product, always right, fast enough up to some ten thousand vectors."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Self

from soundalike.core.arrays import BoolArray, FloatArray, IntArray
from soundalike.index.base import Index, Metric
from soundalike.index.distances import check_metric
from soundalike.index.folder import open_folder, save_folder
from soundalike.index.rows import Rows
from soundalike.index.saved_rows import load_rows, write_rows
from soundalike.index.scan import Nearest, check_query, kept_rows, scan


class ExactIndex(Index):
    """Compares a query with every vector.

    Args:
        dims: Size D of every vector.
        metric: ``"cosine"`` or ``"euclidean"``.

    Example:
        >>> import numpy as np
        >>> index = ExactIndex(2, "euclidean")
        >>> index.add(np.array([7, 8]), np.array([[0.0, 3.0], [4.0, 0.0]], np.float32))
        >>> ids, distances = index.query(np.zeros((1, 2), np.float32), 2)
        >>> ids.tolist(), distances.tolist()
        ([[7, 8]], [[3.0, 4.0]])
    """

    kind: ClassVar[str] = "exact"
    exact: ClassVar[bool] = True

    def __init__(self, dims: int, metric: Metric) -> None:
        self.metric = check_metric(metric)
        self.rows = Rows(dims)
        self.dims = dims

    def add(self, ids: IntArray, vectors: FloatArray) -> None:  # noqa: D102
        self.rows.add(ids, vectors)

    def remove(self, ids: IntArray) -> int:  # noqa: D102
        return self.rows.remove(ids)

    def query(  # noqa: D102
        self, queries: FloatArray, k: int, *, allowed: BoolArray | None = None
    ) -> tuple[IntArray, FloatArray]:
        queries = check_query(queries, k, self.dims, allowed)
        nearest = Nearest(len(queries), k)
        blocks = self.rows.blocks
        scan(blocks, queries, self.metric, nearest, [kept_rows(block, allowed) for block in blocks])
        return nearest.ids, nearest.distances

    def vectors_of(self, ids: IntArray) -> FloatArray:  # noqa: D102
        return self.rows.take(ids)

    def save(self, path: Path) -> None:  # noqa: D102
        with save_folder(path, self.kind) as folder:
            write_rows(folder, self.rows)
            folder.settings = {"metric": self.metric, "dims": self.dims}

    @classmethod
    def load(cls, path: Path) -> Self:  # noqa: D102
        folder = open_folder(path, cls.kind)
        index = cls(folder.whole_number("dims"), check_metric(folder.text("metric")))
        index.rows = load_rows(folder, index.dims)
        return index

    def __len__(self) -> int:
        return len(self.rows)
