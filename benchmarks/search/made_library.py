"""A library of synthetic vectors, written straight to storage: no audio is needed to time a search."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.synthetic import Synthetic
from soundalike.core.arrays import FloatArray, IntArray
from soundalike.core.errors import EncoderError
from soundalike.encoders import Encoder, EncoderSpec
from soundalike.storage import EncoderRecord, Store
from soundalike.storage.schema import FILES, SOUNDS, vectors_schema

TAGS = 10
_SPEC = EncoderSpec(
    name="synthetic",
    fingerprint="synthetic-0000000000000000",
    space="synthetic-0000000000000000",
    dims=Synthetic.dims,
    metric="cosine",
    unit_length=True,
    rate_hz=16_000,
    window_samples=15_360,
    hop_samples=7_680,
)


class SyntheticEncoder(Encoder):
    """Names the space of synthetic vectors; cannot listen."""

    spec = _SPEC

    def encode(self, segments: FloatArray, lengths: IntArray) -> FloatArray:
        """Refuse: there is no audio behind these vectors."""
        raise EncoderError(f"Synthetic vectors have no audio; got {segments.shape} and {lengths.shape}.")


def make_library(path: Path, segments: int, seed: int = 0) -> Store:
    """Write a library with about so many segments; sounds carry one of ten tags in turn."""
    store = Store.open(path)
    s = _SPEC
    record = EncoderRecord(
        s.fingerprint, s.name, s.space, s.dims, s.metric, s.unit_length, s.rate_hz, s.window_s, s.hop_s
    )
    with store.write() as writer:
        writer.ensure_encoder(record, default=True)
        for vectors, owner in _batches(Synthetic(segments, seed=seed), rows=100_000):
            files, sounds, rows = _tables(vectors, owner)
            writer.commit(files, sounds, {s.fingerprint: rows}, new_uris=True)
    return store


def _batches(collection: Synthetic, rows: int) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64]]]:
    """The collection in larger blocks; a sound is never split."""
    vectors: list[NDArray[np.float32]] = []
    owners: list[NDArray[np.int64]] = []
    for block, owner in collection.blocks():
        vectors.append(block)
        owners.append(owner)
        if sum(map(len, owners)) >= rows:
            yield np.concatenate(vectors), np.concatenate(owners)
            vectors, owners = [], []
    if owners:
        yield np.concatenate(vectors), np.concatenate(owners)


def _tables(vectors: NDArray[np.float32], owner: NDArray[np.int64]) -> tuple[pa.Table, pa.Table, pa.Table]:
    numbers, first, counts = np.unique(owner, return_index=True, return_counts=True)
    ids = [hashlib.sha256(str(number).encode()).hexdigest()[:32] for number in numbers.tolist()]
    whole = np.add.reduceat(vectors, first, axis=0)
    whole /= np.linalg.norm(whole, axis=1, keepdims=True)
    duration_s = 0.48 * (counts + 1)
    start_s = 0.48 * (np.arange(len(owner)) - np.repeat(first, counts))
    sounds, now = len(ids), datetime.now(UTC)
    places = [f"/synthetic/{number % 100:02d}/{number:07d}.wav" for number in numbers.tolist()]
    tags = [[f"tag{number % TAGS}"] for number in numbers.tolist()]
    file_columns = {
        "uri": places, "root": ["/synthetic"] * sounds, "name": [p[-11:] for p in places], "sound_id": ids,
        "size_bytes": [32_000] * sounds, "modified_ns": [0] * sounds, "tags": tags, "fields": ["{}"] * sounds,
        "error": [None] * sounds, "warnings": [[]] * sounds, "missing": [False] * sounds,
        "added_us": [now] * sounds,
    }  # fmt: skip
    sound_columns = {
        "sound_id": ids, "duration_s": duration_s, "declared_duration_s": duration_s,
        "rate_hz": [16_000] * sounds, "channels": [1] * sounds, "codec": ["pcm_s16le"] * sounds,
        "size_bytes": [32_000] * sounds, "loudness_dbfs": [-20.0] * sounds, "peak_dbfs": [-3.0] * sounds,
        "silent": [False] * sounds, "tags": [[]] * sounds, "fields": ["{}"] * sounds,
        "peaks": [bytes(1000)] * sounds, "added_us": [now] * sounds,
    }  # fmt: skip
    rows = _vector_rows(np.array(ids), whole, duration_s, vectors, start_s, counts)
    return pa.table(file_columns, schema=FILES), pa.table(sound_columns, schema=SOUNDS), rows


def _vector_rows(
    ids: NDArray[np.str_],
    whole: NDArray[np.float32],
    duration_s: NDArray[np.floating[Any]],
    vectors: NDArray[np.float32],
    start_s: NDArray[np.floating[Any]],
    counts: NDArray[np.int64],
) -> pa.Table:
    stacked = np.concatenate([whole, vectors])
    columns = {
        "sound_id": pa.array(np.concatenate([ids, np.repeat(ids, counts)]), pa.string()),
        "start_s": pa.concat_arrays([pa.nulls(len(ids), pa.float64()), pa.array(start_s)]),
        "duration_s": np.concatenate([duration_s, np.full(len(vectors), 0.96)]),
        "silent": np.zeros(len(stacked), np.bool_),
        "vector": pa.FixedSizeListArray.from_arrays(pa.array(stacked.ravel()), stacked.shape[1]),
    }
    return pa.table(columns, schema=vectors_schema(stacked.shape[1]).remove(0))
