"""How the vectors of an index lie in its folder: plain arrays, so that they can be memory-mapped."""

from __future__ import annotations

import numpy as np

from soundalike.core.errors import IndexFormatError
from soundalike.index.folder import OpenFolder, SavingFolder, let_go
from soundalike.index.rows import Block, Rows


def write_rows(folder: SavingFolder, rows: Rows) -> None:
    """Write the living rows in the order of their ids, a step at a time."""
    with (
        folder.create("vectors", hashed=False) as vectors_file,
        folder.create("ids") as ids_file,
        folder.create("lengths") as lengths_file,
    ):
        for ids, vectors, lengths in rows.in_order():
            vectors_file.write(np.ascontiguousarray(vectors, "<f4").data)
            ids_file.write(np.ascontiguousarray(ids, "<i8").data)
            lengths_file.write(np.ascontiguousarray(lengths, "<f4").data)
    for block in rows.blocks:
        let_go(block.vectors)


def load_rows(folder: OpenFolder, dims: int) -> Rows:
    """Memory-map the vectors and read the rest.

    Raises:
        IndexFormatError: The arrays do not fit together.
    """
    block = load_block(folder, dims)
    return Rows(dims, block if len(block.ids) else None)


def load_block(folder: OpenFolder | SavingFolder, dims: int) -> Block:
    """The rows of a folder as one block; see ``load_rows``."""
    ids = folder.array("ids", np.dtype("<i8"))
    lengths = folder.array("lengths", np.dtype("<f4"))
    vectors = folder.array("vectors", np.dtype("<f4"), mapped=True)
    if len(lengths) != len(ids) or len(vectors) != len(ids) * dims:
        raise IndexFormatError(
            f"The index in {folder.path} is damaged: {len(ids)} ids, {len(lengths)} lengths, "
            f"{len(vectors)} numbers of {dims} dimensions."
        )
    if len(ids) and (ids[0] < 0 or (ids[1:] <= ids[:-1]).any()):
        raise IndexFormatError(f"The index in {folder.path} is damaged: its ids are not in order.")
    alive = np.ones(len(ids), np.bool_)
    return Block(ids, vectors.reshape(-1, dims), lengths, alive, saved=True)
