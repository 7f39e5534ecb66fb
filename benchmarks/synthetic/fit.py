"""Fit the generator to a real encoder: ``python benchmarks/synthetic/fit.py FOLDER...``."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.optimize import Bounds, differential_evolution

from benchmarks.synthetic.generator import PARAMETERS_FILE, Parameters, Synthetic
from benchmarks.synthetic.measures import Figures, measure
from soundalike.library import Library

SEED = 0
HELD_OUT = 0.15
QUERIES = 1000
BOUNDS = {
    "latent_dims": (6, 60),
    "decay": (0.0, 1.5),
    "files_per_cluster": (3, 80),
    "file_spread": (0.05, 1.5),
    "spread_variation": (0.0, 1.2),
    "drift": (0.02, 1.0),
    "noise": (0.01, 0.4),
    "offset": (0.0, 2.0),
}


def real_segments(folders: list[Path]) -> tuple[NDArray[np.float32], NDArray[np.int64], str]:
    """Index folders with the default encoder: vectors, the number of each one's sound, the fingerprint."""
    with tempfile.TemporaryDirectory() as directory:
        library = Library.open(Path(directory) / "library")
        library.add(*folders, jobs=1)
        fingerprint = library.encoder.spec.fingerprint
        table = library._store.read_vectors(fingerprint, ["sound_id", "silent", "vector"], kind="segments")  # noqa: SLF001
    table = table.filter(pa.compute.invert(table["silent"]))
    owner = table["sound_id"].combine_chunks().dictionary_encode().indices.to_numpy()
    flat = table["vector"].combine_chunks().flatten().to_numpy()
    return flat.reshape(table.num_rows, -1), owner.astype(np.int64), fingerprint


def held_out(
    vectors: NDArray[np.float32], owner: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Split by sound into a collection and queries, one segment of each held-out sound."""
    rng = np.random.default_rng(SEED)
    sounds = rng.permutation(int(owner.max()) + 1)
    mine = np.isin(owner, sounds[: round(HELD_OUT * len(sounds))])
    first = np.unique(owner[mine], return_index=True)[1]
    return vectors[~mine], vectors[mine][first][:QUERIES]


def fit(real: Figures, segments: int, queries: int, segments_per_file: float) -> tuple[Parameters, Figures]:
    """Search for parameters whose figures are nearest to the real ones, as logarithms."""

    def candidate(point: NDArray[np.float64]) -> Parameters:
        values = dict(zip(BOUNDS, point.tolist(), strict=True))
        values["latent_dims"] = round(values["latent_dims"])
        return Parameters(**values, segments_per_file=segments_per_file)

    def figures(parameters: Parameters) -> Figures:
        collection = Synthetic(segments, parameters, SEED)
        return measure(collection.all()[0], collection.queries(queries))

    def cost(point: NDArray[np.float64]) -> float:
        found = dataclasses.astuple(figures(candidate(point)))
        target = dataclasses.astuple(real)
        return float(sum(np.log(max(a, 1e-3) / b) ** 2 for a, b in zip(found, target, strict=True)))

    best = differential_evolution(
        cost,
        Bounds(*np.array(list(BOUNDS.values())).T),
        maxiter=12,
        popsize=5,
        seed=SEED,
        tol=1e-3,
        polish=False,
    )
    parameters = candidate(best.x)
    rounded = {key: round(value, 4) for key, value in dataclasses.asdict(parameters).items()}
    parameters = Parameters(**rounded)
    return parameters, figures(parameters)


def main() -> None:
    """Measure, fit, print both side by side, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    options = parser.parse_args()
    vectors, owner, fingerprint = real_segments(options.folders)
    collection, queries = held_out(vectors, owner)
    real = measure(collection, queries)
    per_file = len(owner) / (int(owner.max()) + 1)
    parameters, synthetic = fit(real, len(collection), len(queries), per_file)
    document = {
        "encoder": fingerprint,
        "collections": [folder.name for folder in options.folders],
        "segments": len(collection),
        "queries": len(queries),
        "seed": SEED,
        "real": dataclasses.asdict(real),
        "synthetic": dataclasses.asdict(synthetic),
        "parameters": dataclasses.asdict(parameters),
    }
    PARAMETERS_FILE.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(document))


if __name__ == "__main__":
    main()
