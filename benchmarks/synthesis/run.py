"""How many seconds of sound does one core make in a second? ``python benchmarks/synthesis/run.py [--quick]``.

Every texture is measured in turns with two limits on the same number of samples, in the same run: white noise
from the generator that all of them draw from, and one filter by FFT, there and back. No texture that is noise
throughout can be faster than the first.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
import scipy.fft

from benchmarks.results import Table, write_results
from soundalike.synthesis import granulate, surrogate, texture, texture_names, vary

HERE = Path(__file__).parent
RATE_HZ = 32000
DURATION_S = 2.0
COUNT = round(RATE_HZ * DURATION_S)
SEED = 5


def white(rng: np.random.Generator) -> None:
    """The first limit: white noise."""
    rng.standard_normal(COUNT, dtype=np.float32)


def filtered(samples: np.ndarray) -> None:
    """The second limit: one multiplication of the spectrum."""
    spectrum = scipy.fft.rfft(samples)
    scipy.fft.irfft(spectrum * np.float32(0.5), COUNT)


def cost_s(make: Callable[[int], object], seeds: int) -> float:
    """Mean process time of a call over seeds: each of the better of two calls."""
    total = 0.0
    for seed in range(seeds):
        best = float("inf")
        for _ in range(2):
            start = time.process_time()
            make(seed)
            best = min(best, time.process_time() - start)
        total += best
    return total / seeds


def main() -> None:
    """Measure every texture, the effects, the grains and the surrogates."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few draws of each texture")
    quick = parser.parse_args().quick
    seeds = 3 if quick else 20
    noise = np.random.default_rng(SEED).standard_normal(COUNT, dtype=np.float32)
    makers: dict[str, Callable[[int], object]] = {
        name: lambda seed, name=name: texture(  # type: ignore[misc]
            name, duration_s=DURATION_S, rate_hz=RATE_HZ, rng=np.random.default_rng([SEED, seed])
        )
        for name in texture_names()
    }
    others: dict[str, Callable[[int], object]] = {
        "(effects: vary)": lambda seed: vary(noise, rate_hz=RATE_HZ, rng=np.random.default_rng(seed)),
        "(grains: granulate)": lambda seed: granulate(
            noise, rate_hz=RATE_HZ, duration_s=DURATION_S, rng=np.random.default_rng(seed)
        ),
        "(surrogate)": lambda seed: surrogate(noise, rate_hz=RATE_HZ, rng=np.random.default_rng(seed)),
    }
    costs: dict[str, float] = {}
    limits: list[tuple[float, float]] = []
    for name, make in (makers | others).items():
        costs[name] = cost_s(make, seeds)
        limits.append(
            (cost_s(lambda seed: white(np.random.default_rng(seed)), 5), cost_s(lambda _: filtered(noise), 5))
        )
    white_s, filter_s = np.median(np.array(limits), axis=0).tolist()
    table = Table(
        "Seconds of sound per second of one core, 32 kHz",
        ["texture", "times real time", "white noises", "FFT filters"],
    )
    for name, cost in sorted(costs.items(), key=lambda item: -item[1]):
        table.rows.append(
            [name, round(DURATION_S / cost), round(cost / white_s, 1), round(cost / filter_s, 1)]
        )
    made = np.array([costs[name] for name in makers])
    table.rows.append(
        ["(limit: white noise)", round(DURATION_S / white_s), 1.0, round(white_s / filter_s, 2)]
    )
    table.rows.append(
        ["(limit: FFT filter)", round(DURATION_S / filter_s), round(filter_s / white_s, 1), 1.0]
    )
    figures = {
        "textures": len(makers),
        "times_real_time_mean": round(DURATION_S / float(made.mean()), 1),
        "times_real_time_slowest": round(DURATION_S / float(made.max()), 1),
        "white_noises_mean": round(float(made.mean()) / white_s, 2),
        "fft_filters_mean": round(float(made.mean()) / filter_s, 2),
    }
    notes = [
        f"{seeds} draws of {DURATION_S:g} s of each, seed {SEED}; process time of the better of two calls.",
        "The mean over textures is all sound made by all time spent; the right columns are costs.",
    ]
    question = "How many seconds of sound does one core make in a second?"
    write_results(HERE, question, "python benchmarks/synthesis/run.py", [table], figures, notes, quick=quick)


if __name__ == "__main__":
    main()
