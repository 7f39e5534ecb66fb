"""Inverted lists of 8-bit codes, kept by faiss: made, extended, written, opened and looked into."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import faiss as typed_faiss
import numpy as np
from numpy.typing import NDArray

from soundalike.core.arrays import BoolArray, FloatArray, IntArray
from soundalike.core.errors import IndexFormatError
from soundalike.index.base import Metric
from soundalike.index.folder import OpenFolder, SavingFolder
from soundalike.index.ivf_config import IvfConfig
from soundalike.index.rows import ROWS_AT_ONCE, Block

faiss: Any = typed_faiss  # its type hints do not know what its Python layer adds

_FILE = "lists"
_OWNERS = "list_of_row"


@dataclass(slots=True)
class Lists:
    """The lists of one block of vectors; rows are positions in the block.

    Attributes:
        faiss_index: An ``IndexIVFScalarQuantizer`` under squared euclidean distance, over unit vectors where
            the metric is cosine: the order is the same.
        list_of_row: Which list holds each row, shape ``(N,)``, int32.
        metric: What queries are measured with.
        trained_rows: How many vectors there were when the centres were learnt.
        probes: How many lists an unfiltered query looks into; 0 before that was measured.
    """

    faiss_index: Any
    list_of_row: NDArray[np.int32]
    metric: Metric
    trained_rows: int
    probes: int = 0

    @property
    def count(self) -> int:
        """How many lists there are."""
        return int(self.faiss_index.nlist)

    def candidates(
        self, query: FloatArray, wanted: int, mask: BoolArray | None, *, least_seen: int
    ) -> IntArray:
        """Find rows that are near by their codes.

        Args:
            query: Shape ``(D,)``.
            wanted: How many rows to give back.
            mask: Which rows may be found, shape ``(N,)``; None for all.
            least_seen: Look into lists until they hold this many rows that may be found.

        Returns:
            At most ``wanted`` rows, unordered.
        """
        point = _unit(query[None], self.metric)
        options: dict[str, Any] = {}
        if mask is None:
            allowed = self.list_of_row
            sufficient = self.probes * len(self.list_of_row) // self.count >= 4 * least_seen
            probes = self.probes if sufficient else 0
        else:
            allowed, probes = self.list_of_row[mask], 0
            bits = np.packbits(mask, bitorder="little")
            options["sel"] = faiss.IDSelectorBitmap(bits)
        with one_thread():
            if not probes:
                # Lists until they hold as many rows that may be found as an unfiltered query sees: a filter
                # that leaves nothing near the query is followed outwards, where neighbours lie in more lists.
                held = np.bincount(allowed, minlength=self.count)
                _, order = self.faiss_index.quantizer.search(point, self.count)
                seen = np.cumsum(held[order[0]])
                usual = self.probes * len(self.list_of_row) / self.count
                probes = int(np.searchsorted(seen, min(max(usual, least_seen), seen[-1]))) + 1
                probes = min(max(probes, self.probes), self.count)
            parameters = faiss.SearchParametersIVF(nprobe=probes, **options)
            _, rows = self.faiss_index.search(point, wanted, params=parameters)
        found: IntArray = rows[0][rows[0] >= 0]
        return found


@contextlib.contextmanager
def one_thread(threads: int = 1) -> Iterator[None]:
    """Keep faiss to a number of threads within the block; the setting is the calling thread's own."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(threads)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def build_lists(block: Block, metric: Metric, config: IvfConfig, threads: int) -> Lists:
    """Learn the lists' centres from a sample of a block's vectors and fill the lists."""
    total, dims = block.vectors.shape
    count = max(1, min(round(config.lists_per_root * math.sqrt(total)), total))
    rng = np.random.default_rng([config.seed, 0])
    sample_rows = min(total, max(config.training_rows_per_list * count, 1000))
    chosen = np.sort(rng.choice(total, sample_rows, replace=False))
    sample = _unit(block.vectors[chosen], metric)
    quantizer = faiss.IndexFlatL2(dims)
    index = faiss.IndexIVFScalarQuantizer(
        quantizer, dims, count, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_L2
    )
    index.cp.seed = config.seed
    index.cp.niter = config.training_rounds
    index.cp.min_points_per_centroid = 1  # small indexes are made too; no warning is wanted
    index.cp.max_points_per_centroid = max(sample_rows // count + 1, 1)
    lists = Lists(index, np.empty(0, np.int32), metric, trained_rows=total)
    with one_thread(threads):
        index.train(sample)
        del sample
        _fill(lists, block)
    return lists


def extend_lists(old: Lists, before: Block, block: Block, threads: int) -> Lists:
    """Bring lists up to date without learning the centres again.

    Args:
        old: The lists of ``before``.
        before: What they were made for, with removed rows marked.
        block: What they shall hold: the living rows of ``before``, and others.
        threads: How many threads to use.
    """
    index = _empty_like(old.faiss_index)
    position, living = block.find(before.ids)
    living &= before.alive
    held = old.faiss_index.invlists
    for number in range(index.nlist):
        size = held.list_size(number)
        if size:
            rows = faiss.rev_swig_ptr(held.get_ids(number), size)
            codes = faiss.rev_swig_ptr(held.get_codes(number), size * index.code_size)
            stay = living[rows]
            new_rows = np.ascontiguousarray(position[rows[stay]])
            new_codes = np.ascontiguousarray(codes.reshape(size, -1)[stay])
            index.invlists.add_entries(
                number, len(new_rows), faiss.swig_ptr(new_rows), faiss.swig_ptr(new_codes)
            )
    index.ntotal = int(np.count_nonzero(living))
    known = np.zeros(len(block.ids), np.bool_)
    known[position[living]] = True
    lists = Lists(index, np.empty(0, np.int32), old.metric, old.trained_rows, old.probes)
    with one_thread(threads):
        _fill(lists, block, known)
    return lists


def _empty_like(old: Any) -> Any:
    """An index with the same centres and code ranges that holds nothing."""
    quantizer = faiss.IndexFlatL2(old.d)
    quantizer.add(old.quantizer.reconstruct_n(0, old.nlist))
    index = faiss.IndexIVFScalarQuantizer(
        quantizer, old.d, old.nlist, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_L2
    )
    index.sq.trained = old.sq.trained
    index.is_trained = True
    quantizer.this.disown()
    index.own_fields = True
    return index


def write_lists(folder: SavingFolder, lists: Lists) -> None:
    """Write the lists to an index folder."""
    try:
        faiss.write_index(lists.faiss_index, str(folder.place(_FILE)))
    except RuntimeError as error:  # faiss knows no other: the disk is full, the folder went away
        raise OSError(f"The index could not be written to {folder.path}: {error}") from error
    folder.adopt(_FILE)
    with folder.create(_OWNERS) as file:
        file.write(np.ascontiguousarray(lists.list_of_row, "<i4").data)


def open_lists(folder: OpenFolder, metric: Metric, dims: int, total: int) -> Lists:
    """Memory-map the lists of an index folder.

    Raises:
        IndexFormatError: They are not what was written, or not for these vectors.
    """
    path = folder.file(_FILE)
    try:
        index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY)
    except RuntimeError as error:
        raise IndexFormatError(f"The index in {folder.path} cannot be read by faiss.") from error
    list_of_row = folder.array(_OWNERS, np.dtype("<i4"))
    if index.d != dims or index.ntotal != total or len(list_of_row) != total:
        raise IndexFormatError(
            f"The index in {folder.path} is damaged: its lists hold {index.ntotal} vectors of {index.d} "
            f"dimensions; expected {total} of {dims}."
        )
    probes = folder.whole_number("probes")
    return Lists(index, list_of_row, metric, folder.whole_number("trained_rows"), probes)


def _fill(lists: Lists, block: Block, known: BoolArray | None = None) -> None:
    """Add the rows of a block that are not known yet, and note which list each row is in."""
    index = lists.faiss_index
    for start in range(0, len(block.ids), ROWS_AT_ONCE):
        rows = np.arange(start, min(start + ROWS_AT_ONCE, len(block.ids)))
        if known is not None:
            rows = rows[~known[rows]]
        if len(rows):
            index.add_with_ids(_unit(block.vectors[rows], lists.metric), rows)
    lists.list_of_row = np.zeros(len(block.ids), np.int32)
    for number in range(index.nlist):
        size = index.invlists.list_size(number)
        if size:
            lists.list_of_row[faiss.rev_swig_ptr(index.invlists.get_ids(number), size)] = number


def _unit(vectors: FloatArray, metric: Metric) -> FloatArray:
    """Vectors ``(N, D)`` as faiss shall see them: of unit length where the metric is cosine."""
    if metric == "euclidean":
        return np.ascontiguousarray(vectors, np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.ascontiguousarray(vectors / np.where(lengths > 0, lengths, 1), np.float32)
