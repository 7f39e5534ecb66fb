"""Is the synthetic collection like a real one? ``python benchmarks/synthetic/run.py [--quick]``."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.results import Table, write_results
from benchmarks.synthetic.generator import PARAMETERS_FILE, Synthetic
from benchmarks.synthetic.measures import measure

HERE = Path(__file__).parent
SEED = 0
QUERIES = 500


def main() -> None:
    """Measure collections of several sizes beside the real figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    fitted = json.loads(PARAMETERS_FILE.read_text(encoding="utf-8"))
    columns = ["collection", "segments", "intrinsic dimension", "10-occurrence skew", "contrast"]
    table = Table("Real and synthetic", columns)
    name = f"{fitted['encoder']} on {' + '.join(fitted['collections'])}"
    table.rows.append([name, fitted["segments"], *fitted["real"].values()])
    figures: dict[str, object] = {f"real_{key}": value for key, value in fitted["real"].items()}
    sizes = [fitted["segments"], 100_000] if quick else [fitted["segments"], 10_000, 100_000, 1_000_000]
    for size in sizes:
        collection = Synthetic(size, seed=SEED)
        queries = fitted["queries"] if size == fitted["segments"] else QUERIES
        found = dataclasses.asdict(measure(collection.all()[0], collection.queries(queries)))
        table.rows.append(["synthetic", size, *found.values()])
        figures |= {f"synthetic_{size}_{key}": value for key, value in found.items()}
    notes = [
        "Queries are segments of files that are not in the collection.",
        f"Seed {SEED}; {fitted['queries']} queries beside the real collection, {QUERIES} elsewhere.",
        "The figures were fitted at the real collection's size; skew and contrast depend on size.",
    ]
    command = "python benchmarks/synthetic/run.py"
    question = "Is the synthetic collection like a real one?"
    write_results(HERE, question, command, [table], figures, notes, quick=quick)


if __name__ == "__main__":
    main()
