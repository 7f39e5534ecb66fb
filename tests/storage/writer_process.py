"""Rows for tests, and a process that writes them without end, for tests that kill it.

Step k of a run is one commit, the same in every process, so that the library after k steps is known.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from soundalike.storage import EncoderRecord, Store, Writer
from soundalike.storage.schema import FILES, SOUNDS

DIMS = 8
RECORD = EncoderRecord(
    fingerprint="spectral-0123456789abcdef",
    name="spectral",
    space="spectral-0123456789abcdef",
    dims=DIMS,
    metric="cosine",
    unit_length=False,
    rate_hz=22050,
    window_s=0.96,
    hop_s=0.48,
    config={"bands": 40},
)
NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def sound_id(number: int) -> str:
    return f"{number:032x}"


def file_rows(uris: list[str], ids: list[str | None], **values: Any) -> pa.Table:
    row = {
        "root": "/s", "name": "n.wav", "size_bytes": 3, "modified_ns": 4, "tags": ["drum", "kick"],
        "fields": '{"a": "b"}', "error": None, "warnings": [], "missing": False, "added_us": NOW,
    } | values  # fmt: skip
    rows = [row | {"uri": uri, "sound_id": i} for uri, i in zip(uris, ids, strict=True)]
    return pa.Table.from_pylist(rows, schema=FILES)


def sound_rows(ids: list[str], **values: Any) -> pa.Table:
    row = {
        "duration_s": 1.44, "declared_duration_s": None, "rate_hz": 44100, "channels": 2,
        "codec": "pcm_s16le", "size_bytes": 3, "loudness_dbfs": -20.5, "peak_dbfs": -1.25,
        "silent": False, "tags": ["rock"], "fields": "{}", "peaks": bytes(range(16)), "added_us": NOW,
    } | values  # fmt: skip
    return pa.Table.from_pylist([row | {"sound_id": i} for i in ids], schema=SOUNDS)


def vector_rows(ids: list[str], segments: int = 2, dims: int = DIMS, seed: int = 0) -> pa.Table:
    """A whole sound's vector and those of its segments, for each sound."""
    rows = len(ids) * (segments + 1)
    starts = [None if k == 0 else 0.48 * (k - 1) for _ in ids for k in range(segments + 1)]
    values = np.random.default_rng(seed).standard_normal(rows * dims).astype(np.float32)
    return pa.table(
        {
            "sound_id": [i for i in ids for _ in range(segments + 1)],
            "start_s": pa.array(starts, pa.float64()),
            "duration_s": np.full(rows, 0.96),
            "silent": np.zeros(rows, bool),
            "vector": pa.FixedSizeListArray.from_arrays(pa.array(values), dims),
        }
    )


def batch(first: int, count: int, dims: int = DIMS) -> tuple[pa.Table, pa.Table, dict[str, pa.Table]]:
    """One file per sound, for sounds ``first .. first + count``."""
    ids = [sound_id(number) for number in range(first, first + count)]
    files = file_rows([f"/s/{number}.wav" for number in range(first, first + count)], list(ids))
    return files, sound_rows(ids), {RECORD.fingerprint: vector_rows(ids, dims=dims, seed=first)}


def take_step(writer: Writer, step: int) -> None:
    """Step k: mostly a batch of 1 to 20 sounds; sometimes a removal, a mark, or housekeeping."""
    if step % 10 == 5:
        writer.delete_files([f"/s/{100 * (step - 2)}.wav"])
    elif step % 10 == 6:
        writer.purge([sound_id(100 * (step - 3))])
    elif step % 10 == 7:
        writer.set_missing([f"/s/{100 * (step - 3)}.wav"], missing=True)
    elif step % 10 == 8:
        writer.optimize()
    elif step % 10 == 9:  # a file that was there has other content
        _, sounds, vectors = batch(100 * step, 1)
        writer.commit(file_rows([f"/s/{100 * (step - 5)}.wav"], [sound_id(100 * step)]), sounds, vectors)
    else:
        writer.commit(*batch(100 * step, 1 + step * 7 % 20))


State = tuple[dict[str, tuple[str, bool]], set[str], set[str]]


def expected(steps: int) -> State:
    """Files (sound and whether missing, by uri), sounds, and sounds with vectors, after so many steps."""
    files: dict[str, tuple[str, bool]] = {}
    sounds: set[str] = set()
    for step in range(steps):
        kind = step % 10
        if kind == 5:
            files.pop(f"/s/{100 * (step - 2)}.wav", None)
        elif kind == 6:
            sounds.discard(sound_id(100 * (step - 3)))
        elif kind == 7:
            uri = f"/s/{100 * (step - 3)}.wav"
            files[uri] = (files[uri][0], True)
        elif kind == 9:
            files[f"/s/{100 * (step - 5)}.wav"] = (sound_id(100 * step), False)
            sounds.add(sound_id(100 * step))
        elif kind != 8:
            for number in range(100 * step, 100 * step + 1 + step * 7 % 20):
                files[f"/s/{number}.wav"] = (sound_id(number), False)
                sounds.add(sound_id(number))
    return files, sounds, set(sounds)


def found(store: Store) -> State:
    """What a library holds, in the form of ``expected``; every sound's vectors must be complete."""
    snapshot = store.snapshot()
    rows = snapshot.read_files(["uri", "sound_id", "missing"]).to_pylist()
    files = {row["uri"]: (row["sound_id"], row["missing"]) for row in rows}
    assert len(files) == len(rows), "a uri stands twice"
    sounds = snapshot.read_sounds(["sound_id"]).column(0).to_pylist()
    assert len(set(sounds)) == len(sounds), "a sound stands twice"
    if RECORD.fingerprint not in snapshot.encoders():
        return files, set(sounds), set()
    vectors = snapshot.read_vectors(RECORD.fingerprint, ["vector_id", "sound_id"])
    ids = vectors.column("vector_id").to_numpy()
    assert (np.diff(ids) > 0).all(), "vector ids do not grow"
    with_vectors, counts = np.unique(vectors.column("sound_id").to_pylist(), return_counts=True)
    assert set(counts.tolist()) <= {3}, "a sound's vectors are incomplete or doubled"
    return files, set(sounds), {str(i) for i in with_vectors}


def main() -> None:
    """Take steps from a given one on, for ever; print the number of each when it is acknowledged."""
    store = Store.open(sys.argv[1])
    with store.write() as writer:
        writer.ensure_encoder(RECORD)
        step = int(sys.argv[2])
        while True:
            take_step(writer, step)
            print(step, flush=True)
            step += 1


if __name__ == "__main__":
    main()
