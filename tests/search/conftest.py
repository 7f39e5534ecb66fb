"""Libraries with chosen vectors, written straight to storage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import ArrayLike, NDArray

from soundalike.core.arrays import FloatArray, IntArray
from soundalike.encoders import Encoder, EncoderSpec
from soundalike.storage import EncoderRecord, Store
from soundalike.storage.schema import FILES, SOUNDS, vectors_schema

DIMS = 6


class ToyEncoder(Encoder):
    """Its vector is the segment's first six samples; enough where no test listens to audio."""

    def __init__(self, fingerprint: str = "toy-0000000000000001", space: str | None = None) -> None:
        self.spec = EncoderSpec(
            name="toy",
            fingerprint=fingerprint,
            space=space or fingerprint,
            dims=DIMS,
            metric="euclidean",
            unit_length=False,
            rate_hz=100,
            window_samples=100,
            hop_samples=50,
        )

    def encode(self, segments: FloatArray, lengths: IntArray) -> FloatArray:
        return segments[:, :DIMS]


@dataclass
class Entry:
    """One sound to write: a whole-sound vector and those of segments that start every half second."""

    sound_id: str
    vector: NDArray[np.float32]
    segments: Sequence[NDArray[np.float32]] = ()
    uris: Sequence[str] = ()
    tags: Sequence[str] = ()
    fields: str = "{}"
    sound_fields: str = "{}"
    missing: bool = False
    silent: bool = False
    silent_segments: Sequence[int] = ()
    modified: datetime | None = field(default_factory=lambda: datetime(2024, 1, 1, tzinfo=UTC))

    @property
    def duration_s(self) -> float:
        return 0.5 * len(self.segments) + 0.5


def entry(number: int, vector: ArrayLike, **more: object) -> Entry:
    sound_id = f"{number:032x}"
    more.setdefault("uris", [f"/sounds/{number:05d}.wav"])
    return Entry(sound_id, np.asarray(vector, np.float32), **more)  # type: ignore[arg-type]


def write_entries(store: Store, entries: Sequence[Entry], encoder: Encoder | None = None) -> None:
    spec = (encoder or ToyEncoder()).spec
    now = datetime.now(UTC)
    record = EncoderRecord(
        spec.fingerprint,
        spec.name,
        spec.space,
        spec.dims,
        spec.metric,
        spec.unit_length,
        spec.rate_hz,
        1.0,
        0.5,
    )
    files, sounds, vectors = [], [], []
    for e in entries:
        for uri in e.uris:
            nanoseconds = None if e.modified is None else int(e.modified.timestamp() * 1e9)
            files.append(
                {
                    "uri": uri, "root": "/sounds", "name": uri.rsplit("/", 1)[-1], "sound_id": e.sound_id,
                    "size_bytes": 1, "modified_ns": nanoseconds, "tags": list(e.tags), "fields": e.fields,
                    "error": None, "warnings": [], "missing": e.missing, "added_us": now,
                }
            )  # fmt: skip
        sounds.append(
            {
                "sound_id": e.sound_id, "duration_s": e.duration_s, "declared_duration_s": None,
                "rate_hz": 100, "channels": 1, "codec": "toy", "size_bytes": 1, "loudness_dbfs": -20.0,
                "peak_dbfs": -3.0, "silent": e.silent, "tags": [], "fields": e.sound_fields,
                "peaks": b"", "added_us": now,
            }
        )  # fmt: skip
        rows: list[tuple[float | None, float, bool, NDArray[np.float32]]]
        rows = [(None, e.duration_s, e.silent, e.vector)]
        rows += [(0.5 * n, 1.0, n in e.silent_segments, v) for n, v in enumerate(e.segments)]
        for start_s, duration_s, silent, vector in rows:
            zero = np.zeros(spec.dims, np.float32)
            vectors.append(
                {
                    "sound_id": e.sound_id, "start_s": start_s, "duration_s": duration_s, "silent": silent,
                    "vector": (zero if silent else np.asarray(vector, np.float32)).tolist(),
                }
            )  # fmt: skip
    with store.write() as writer:
        writer.ensure_encoder(record)
        writer.commit(
            pa.Table.from_pylist(files, schema=FILES),
            pa.Table.from_pylist(sounds, schema=SOUNDS),
            {spec.fingerprint: pa.Table.from_pylist(vectors, schema=vectors_schema(spec.dims).remove(0))},
        )


MakeStore = Callable[[Sequence[Entry]], Store]


@pytest.fixture
def make_store(tmp_path: Path) -> MakeStore:
    def make(entries: Sequence[Entry]) -> Store:
        store = Store.open(tmp_path / "library")
        write_entries(store, entries)
        return store

    return make


def cloud(count: int, seed: int = 0, first: int = 0, segments: int = 3) -> list[Entry]:
    """Sounds around ten places, each with segments near it."""
    rng = np.random.default_rng(seed)
    places = 4 * np.random.default_rng(77).standard_normal((10, DIMS))
    made = []
    for number in range(first, first + count):
        vector = places[number % 10] + rng.standard_normal(DIMS)
        parts = [vector + 0.3 * rng.standard_normal(DIMS) for _ in range(segments)]
        made.append(entry(number, vector, segments=parts, tags=[f"place{number % 10}"]))
    return made
