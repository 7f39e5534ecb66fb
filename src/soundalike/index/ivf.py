"""The inverted-file index: looks into the lists near the query only, then ranks what it found exactly."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from soundalike.core.arrays import BoolArray, FloatArray, IntArray
from soundalike.core.errors import IndexFormatError, InvalidInputError
from soundalike.index.base import Index, Metric
from soundalike.index.distances import check_metric, distances_to
from soundalike.index.exact import ExactIndex
from soundalike.index.folder import OpenFolder, let_go, open_folder, save_folder
from soundalike.index.ivf_config import IvfConfig
from soundalike.index.lists import Lists, build_lists, extend_lists, open_lists, write_lists
from soundalike.index.rows import Block, Rows
from soundalike.index.saved_rows import load_block, load_rows, write_rows
from soundalike.index.scan import Nearest, check_query, kept_rows, scan

_SPARE = 4  # candidates per neighbour that are measured exactly: 8-bit codes misplace a few
_LEAST_CANDIDATES = 64
_TUNE_AGAIN = 1.5  # growth since the lists were saved last that makes it worth measuring again
_SEEN_PER_NEIGHBOUR = 20  # rows that are looked at for each neighbour asked for, however few lists that takes


class IvfIndex(Index):
    """Finds nearly always the nearest, of millions, in milliseconds.

    The lists are made when the index is saved. Until then, and for whatever was added since, it compares with
    every vector; so it is always right about what is new, and adding costs nothing.

    Args:
        dims: Size D of every vector.
        metric: ``"cosine"`` or ``"euclidean"``.
        config: How lists are made.

    Source: Jégou, Douze, Schmid 2011, "Product quantization for nearest neighbor search" (the inverted file);
    here with 8-bit scalar codes, and candidates ranked again by their own vectors.
    """

    kind: ClassVar[str] = "ivf"
    exact: ClassVar[bool] = False

    def __init__(self, dims: int, metric: Metric, config: IvfConfig | None = None) -> None:
        self.metric = check_metric(metric)
        self._rows = Rows(dims)
        self.dims = dims
        self.config = config or IvfConfig()
        check_config(self.config)
        self._lists: Lists | None = None  # of the first block, which lies in a file
        self.threads = 1
        """How many threads ``save`` may use; a query uses one."""

    @property
    def probes(self) -> int:
        """How many lists an unfiltered query looks into; 0 while there are none."""
        return 0 if self._lists is None else self._lists.probes

    def add(self, ids: IntArray, vectors: FloatArray) -> None:  # noqa: D102
        self._rows.add(ids, vectors)

    def remove(self, ids: IntArray) -> int:  # noqa: D102
        return self._rows.remove(ids)

    def vectors_of(self, ids: IntArray) -> FloatArray:  # noqa: D102
        return self._rows.take(ids)

    def __len__(self) -> int:
        return len(self._rows)

    @classmethod
    def of(cls, index: ExactIndex, config: IvfConfig | None = None) -> Self:
        """Take over the vectors of an exact index, without a copy."""
        taken = cls(index.dims, index.metric, config)
        taken._rows = index.rows
        return taken

    def query(  # noqa: D102
        self, queries: FloatArray, k: int, *, allowed: BoolArray | None = None
    ) -> tuple[IntArray, FloatArray]:
        queries = check_query(queries, k, self.dims, allowed)
        nearest = Nearest(len(queries), k)
        blocks = self._rows.blocks
        keep = [kept_rows(block, allowed) for block in blocks]
        if self._lists is not None and blocks:
            mask = keep[0]
            few = max(self.config.exact_below, _SEEN_PER_NEIGHBOUR * k)
            left = len(blocks[0].ids) if mask is None else np.count_nonzero(mask)
            # A cosine query of length zero is equally far from everything: no list is nearer.
            if left > few and (self.metric == "euclidean" or queries.any(axis=1).all()):
                for n, query in enumerate(queries):
                    self._look_into_lists(n, query, blocks[0], mask, nearest)
                blocks, keep = blocks[1:], keep[1:]
        scan(blocks, queries, self.metric, nearest, keep)
        return nearest.ids, nearest.distances

    def _look_into_lists(
        self, n: int, query: FloatArray, block: Block, mask: BoolArray | None, nearest: Nearest
    ) -> None:
        assert self._lists is not None
        wanted = max(_SPARE * nearest.k, _LEAST_CANDIDATES)
        least = max(_SEEN_PER_NEIGHBOUR * nearest.k, 0 if mask is None else self.config.exact_below // 2)
        rows = self._lists.candidates(query, wanted, mask, least_seen=least)
        nearest.offer(n, block.ids[rows], distances_to(query, block.vectors[rows], self.metric))

    def save(self, path: Path) -> None:
        """Write to a folder, all or nothing; makes the lists, or extends those that there are."""
        with save_folder(path, self.kind) as folder:
            write_rows(folder, self._rows)
            folder.settings = {"metric": self.metric, "dims": self.dims, "config": asdict(self.config)}
            block = load_block(folder, self.dims)
            if len(block.ids):
                lists = self._lists_for(block)
                write_lists(folder, lists)
                if not lists.probes or len(block.ids) > _TUNE_AGAIN * len(self._rows.blocks[0].ids):
                    lists.probes = tune_probes(lists, block, self.metric, self.config)
                folder.settings |= {"trained_rows": lists.trained_rows, "probes": lists.probes}
                let_go(block.vectors)

    def _lists_for(self, block: Block) -> Lists:
        """The lists for what is being saved: the old ones brought up to date, or new ones."""
        old = self._lists
        if old is None or len(block.ids) > self.config.retrain_growth * old.trained_rows:
            return build_lists(block, self.metric, self.config, self.threads)
        before = self._rows.blocks[0]
        return extend_lists(old, before, block, self.threads)

    @classmethod
    def load(cls, path: Path) -> Self:  # noqa: D102
        folder = open_folder(path, cls.kind)
        index = cls(folder.whole_number("dims"), check_metric(folder.text("metric")), _config(folder))
        index._rows = load_rows(folder, index.dims)
        if index._rows.blocks:
            lists = open_lists(folder, index.metric, index.dims, len(index._rows))
            index._lists = lists
        return index


def tune_probes(lists: Lists, block: Block, metric: Metric, config: IvfConfig) -> int:
    """Find the least number of lists to look into, in powers of two, that reaches ``config.recall_aim``.

    The queries are vectors of the index, each moved in a random direction by half of the distance to its
    tenth neighbour, so that none is in the index.

    Returns:
        A number from 1 to the number of lists.
    """
    rng = np.random.default_rng([config.seed, 1])
    count = min(config.tuning_queries, len(block.ids))
    chosen = np.sort(rng.choice(len(block.ids), count, replace=False))
    queries = np.array(block.vectors[chosen])
    k = min(10, len(block.ids))
    around = Nearest(count, k)
    scan([block], queries, metric, around, [None])
    towards = rng.standard_normal(queries.shape).astype(np.float32)
    towards /= np.maximum(np.linalg.norm(towards, axis=1, keepdims=True), 1e-9)
    reach = around.distances[:, -1]
    if metric == "cosine":
        reach = np.sqrt(2 * reach) * np.linalg.norm(queries, axis=1)
    queries += 0.5 * reach[:, None] * towards
    truth = Nearest(count, k)
    scan([block], queries, metric, truth, [None])
    wanted = max(_SPARE * k, _LEAST_CANDIDATES)
    lists.probes = 1
    while lists.probes < lists.count:
        found = 0
        for n, query in enumerate(queries):
            rows = lists.candidates(query, wanted, None, least_seen=_SEEN_PER_NEIGHBOUR * k)
            # Counted by distance, so that one of several equals is as good as another.
            distances = np.sort(distances_to(query, block.vectors[rows], metric))[:k]
            found += int(np.count_nonzero(distances <= truth.distances[n, len(distances) - 1]))
        if found >= config.recall_aim * count * k:
            break
        lists.probes = min(2 * lists.probes, lists.count)
    return lists.probes


def _config(folder: OpenFolder) -> IvfConfig:
    raw: Any = folder.settings.get("config")
    try:
        return IvfConfig(**raw)
    except TypeError as error:
        raise IndexFormatError(f"The index in {folder.path} has unknown settings: {raw}.") from error


def check_config(config: IvfConfig) -> None:
    """Raise InvalidInputError where a setting makes no sense."""
    if not 0 < config.recall_aim <= 1:
        raise InvalidInputError(f"recall_aim lies in (0, 1]; got {config.recall_aim}.")
    if config.lists_per_root <= 0 or config.training_rows_per_list < 1 or config.retrain_growth < 1:
        raise InvalidInputError(f"lists, training rows and growth are positive; got {config}.")
