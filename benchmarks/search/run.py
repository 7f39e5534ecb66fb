"""How fast and how right is a search? ``python benchmarks/search/run.py [--quick] [--real FOLDER...]``."""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import httpx
import numpy as np
from numpy.typing import NDArray

from benchmarks.results import Table, write_results
from benchmarks.search.made_library import TAGS, SyntheticEncoder, make_library
from benchmarks.synthetic import Synthetic, measure
from soundalike.encoders import ENCODERS, Encoder, load_encoder
from soundalike.library import Library
from soundalike.search import Filters, Searcher
from soundalike.storage import Store

HERE = Path(__file__).parent
SEED = 0
QUERIES = 300
K = 10
QUICK_SIZES = (10_000, 100_000)
SIZES = (10_000, 100_000, 1_000_000)
AIMS = {"p95_ms": 20.0, "http_p95_ms": 50.0, "reopen_s": 2.0, "peak_mb": 2500.0}


def latencies_ms(ask: Callable[[NDArray[np.float32]], object], queries: NDArray[np.float32]) -> list[float]:
    """Time one question at a time, after ten that are not counted.

    Args:
        ask: Asks with one vector ``(D,)``: in process, or over HTTP.
        queries: Shape ``(Q, D)``.
    """
    for query in queries[:10]:
        ask(query)
    times = []
    for query in queries:
        before = time.perf_counter()
        ask(query)
        times.append(1000 * (time.perf_counter() - before))
    return times


def true_distances(
    blocks: Sequence[tuple[NDArray[np.float32], NDArray[np.bool_]]], queries: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cosine distances of the K nearest by comparing with all: unfiltered, and of those that pass."""
    best = [np.full((len(queries), K), np.inf) for _ in range(2)]
    for vectors, passes in blocks:
        distances = 1.0 - (queries @ vectors.T).astype(np.float64)
        for n, some in enumerate((distances, np.where(passes, distances, np.inf))):
            top = np.partition(some, min(K, some.shape[1] - 1), axis=1)[:, :K]
            best[n] = np.sort(np.concatenate([best[n], top], axis=1), axis=1)[:, :K]
    return best[0], best[1]


def build(folder: Path, segments: int) -> dict[str, float]:
    """In a process of its own: write the library, make its indexes."""
    before = time.perf_counter()
    store = make_library(folder / "library", segments, SEED)
    written = time.perf_counter()
    Searcher(store, SyntheticEncoder()).refresh()
    return {
        "write_s": written - before,
        "index_s": time.perf_counter() - written,
        "build_peak_mb": _peak_mb(),
    }


def query(folder: Path, encoder: Encoder, started: float) -> dict[str, float]:
    """In a fresh process: open, answer first, answer many; how many of the true nearest were found."""
    queries = np.load(folder / "queries.npy")
    before = time.perf_counter()
    searcher = Searcher(Store.open(folder / "library", create=False), encoder)
    first = searcher.search_vector(queries[0], limit=K, segments=True)
    opened = time.perf_counter()
    found: dict[str, float] = {
        "reopen_s": opened - before,
        "reopen_with_imports_s": time.time() - started,
        "first_hits": len(first),
    }
    for name, filters, segments in (
        ("", Filters(), True),
        ("filtered_", Filters(tags=("tag3",)), True),
        ("whole_", Filters(), False),
    ):
        truth_file = folder / f"{name}truth.npy"
        if name == "filtered_" and not truth_file.exists():
            continue  # real sounds have no such tag
        answers = []

        def ask(vector: NDArray[np.float32], f: Filters = filters, s: bool = segments) -> None:
            answers.append(searcher.search_vector(vector, limit=K, segments=s, filters=f))  # noqa: B023

        times = latencies_ms(ask, queries)
        found |= {f"{name}median_ms": float(np.median(times)), f"{name}p95_ms": _p95(times)}
        if truth_file.exists():
            truth = np.load(truth_file)
            got = [[hit.distance for hit in hits] for hits in answers[-len(queries) :]]
            right = sum(
                int(np.count_nonzero(np.array(some) <= true[-1] + 1e-6))
                for some, true in zip(got, truth, strict=True)
            )
            found[f"{name}recall_at_10"] = right / (K * len(queries))
    peak_mb = _peak_mb()  # before the server is begun: it is another process
    return found | {"peak_mb": peak_mb} | over_http(folder, encoder.spec.name, queries)


def over_http(folder: Path, encoder_name: str, queries: NDArray[np.float32]) -> dict[str, float]:
    """Ask the same of a server of its own, one request at a time on one connection."""
    command = [sys.executable, __file__, "--child", "serve", str(folder), encoder_name, "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        try:
            with httpx.Client(base_url=url, timeout=60.0) as client:

                def ask(vector: NDArray[np.float32]) -> None:
                    parameters = {"limit": str(K), "segments": "true"}
                    body = {"vector": vector.tolist()}
                    client.post("/api/search/vector", params=parameters, json=body).raise_for_status()

                times = latencies_ms(ask, queries)
            peak_mb = _peak_mb(server.pid)
        finally:
            server.terminate()
    return {"http_median_ms": float(np.median(times)), "http_p95_ms": _p95(times), "http_peak_mb": peak_mb}


def serve_library(folder: Path, encoder_name: str) -> None:
    """In a process of its own: the real server, on a free port, whose address it prints."""
    from soundalike.web import serve  # what the other processes need not import

    if encoder_name == SyntheticEncoder.spec.name:
        ENCODERS.register(encoder_name, "benchmarks.search.made_library:SyntheticEncoder")
    library = Library.open(folder / "library", encoder=encoder_name, create=False)
    serve(library, port=0, on_start=lambda url: print(url, flush=True))


def measure_synthetic(segments: int) -> tuple[dict[str, Any], list[object]]:
    """One size: everything that is measured, and the collection's own figures."""
    collection = Synthetic(segments, seed=SEED)
    queries = collection.queries(QUERIES)
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        np.save(folder / "queries.npy", queries)
        found = _child("build", folder, segments)
        blocks = [(vectors, owner % TAGS == 3) for vectors, owner in collection.blocks()]
        truth, filtered = true_distances(blocks, queries)
        np.save(folder / "truth.npy", truth)
        np.save(folder / "filtered_truth.npy", filtered)
        kind = measure(np.concatenate([vectors for vectors, _ in blocks]), queries)
        del blocks
        found |= _child("query", folder, segments)
    return found, [kind.intrinsic_dimension, kind.occurrence_skew, kind.contrast]


def measure_real(folders: Sequence[Path]) -> tuple[int, dict[str, Any]]:
    """Real sounds: every seventh is a query and not in the library."""
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        library = Library.open(folder / "library")
        library.add(*folders)
        names, vectors = library.vectors(segments=True)
        _, owner = np.unique(names, return_inverse=True)
        first = np.unique(owner, return_index=True)[1]
        asked = first[::7][:QUERIES]
        library.remove(*{names[row] for row in asked.tolist()})
        library.searcher.refresh()
        stays = ~np.isin(owner, owner[asked])
        np.save(folder / "queries.npy", vectors[asked])
        unfiltered, _ = true_distances(
            [(vectors[stays], np.ones(np.count_nonzero(stays), np.bool_))], vectors[asked]
        )
        np.save(folder / "truth.npy", unfiltered)
        return int(np.count_nonzero(stays)), _child("query-real", folder, 0)


def main() -> None:
    """Measure all sizes, or be one of the processes that are measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="up to 100,000 segments")
    parser.add_argument("--real", type=Path, nargs="+", default=[], help="folders of sounds to measure too")
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        part, folder, segments, started = options.child
        if part == "serve":
            serve_library(Path(folder), segments)
            return
        encoder = load_encoder() if part == "query-real" else SyntheticEncoder()
        built = part == "build"
        found = build(Path(folder), int(segments)) if built else query(Path(folder), encoder, float(started))
        print(json.dumps(found))
        return
    _report(options.real, quick=options.quick)


def _report(real: Sequence[Path], *, quick: bool) -> None:
    names = [
        "median_ms", "p95_ms", "recall_at_10", "filtered_median_ms", "filtered_p95_ms",
        "filtered_recall_at_10", "whole_median_ms", "whole_p95_ms", "http_median_ms", "http_p95_ms",
        "reopen_s", "reopen_with_imports_s", "peak_mb", "http_peak_mb", "write_s", "index_s", "build_peak_mb",
    ]  # fmt: skip
    speed = Table("One query at a time, in process", ["collection", "segments", *names])
    kinds = Table(
        "How hard the collections are",
        ["collection", "segments", "intrinsic dimension", "10-occurrence skew", "contrast"],
    )
    figures: dict[str, object] = {}
    if real:
        segments, found = measure_real(real)
        speed.rows.append(["real", segments, *(found.get(name, "-") for name in names)])
        figures["real"] = {"segments": segments} | found
    for size in QUICK_SIZES if quick else SIZES:
        found, kind = measure_synthetic(size)
        speed.rows.append(["synthetic", size, *(found[name] for name in names)])
        kinds.rows.append(["synthetic", size, *kind])
        figures[str(size)] = found
        if size == max(SIZES):
            figures |= {f"{name}_within_aim": found[name] <= aim for name, aim in AIMS.items()}
    notes = [
        f"{QUERIES} queries, none in the library (segments of other files); seed {SEED}; hits are complete.",
        "filtered: a tag that one sound of ten has. whole: whole sounds instead of segments.",
        "reopen: a fresh process, from opening the library to its first hits; with imports: from its start.",
        "Aims at 1,000,000: " + ", ".join(f"{name} at most {aim:g}" for name, aim in AIMS.items()) + ".",
        "Memory is the largest resident set, memory-mapped files included.",
    ]
    command = "python benchmarks/search/run.py" + (" --real ..." if real else "")
    question = "How fast and how right is a search?"
    write_results(HERE, question, command, [speed, kinds], figures, notes, quick=quick)


def _child(part: str, folder: Path, segments: int) -> dict[str, Any]:
    command = [sys.executable, __file__, "--child", part, str(folder), str(segments), str(time.time())]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _p95(times: list[float]) -> float:
    return float(np.percentile(times, 95))


def _peak_mb(process: int | None = None) -> float:
    """A process's largest resident set; rusage would count the parent's before it started this one."""
    status = Path(f"/proc/{process or 'self'}/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1000
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


if __name__ == "__main__":
    main()
