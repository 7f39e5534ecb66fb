"""What retrieval figures are, in loops that are too simple to be wrong."""

from __future__ import annotations

import math
from itertools import pairwise, permutations
from typing import Any

from numpy.typing import NDArray


def distance(a: NDArray[Any], b: NDArray[Any], metric: str) -> float:
    if metric == "hamming":
        return float(sum((int(x) ^ int(y)).bit_count() for x, y in zip(a, b, strict=True)))
    if metric == "euclidean":
        return math.dist(a.tolist(), b.tolist())
    lengths = math.hypot(*a.tolist()) * math.hypot(*b.tolist())
    return 1.0 - sum(x * y for x, y in zip(a.tolist(), b.tolist(), strict=True)) / lengths if lengths else 1.0


def ranked(distances: list[float], relevance: list[bool]) -> list[bool]:
    return [relevance[n] for n in sorted(range(len(distances)), key=lambda n: distances[n])]


def figures(relevance: list[bool], ks: tuple[int, ...]) -> dict[str, float]:
    """The figures of one ranking."""
    hits, precisions = 0, []
    for rank, hit in enumerate(relevance, start=1):
        if hit:
            hits += 1
            precisions.append(hits / rank)
    first = relevance.index(True) + 1
    found = {"map": sum(precisions) / hits, "mrr": 1 / first, "first_rank": float(first)}
    misses = len(relevance) - hits
    found["first_rank_normalised"] = (first - 1) / misses if misses else 0.0
    for k in ks:
        found[f"p@{k}"] = sum(relevance[:k]) / k
        gain = sum(1 / math.log2(rank + 1) for rank, hit in enumerate(relevance[:k], start=1) if hit)
        best = sum(1 / math.log2(rank + 1) for rank in range(1, min(k, hits) + 1))
        found[f"ndcg@{k}"] = gain / best
    return found


def expected_figures(distances: list[float], relevance: list[bool], ks: tuple[int, ...]) -> dict[str, float]:
    """The mean of the figures over every order of what is equally far: for some seven candidates."""
    orders = [
        figures([relevance[n] for n in order], ks)
        for order in permutations(range(len(distances)))
        if all(distances[a] <= distances[b] for a, b in pairwise(order))
    ]
    return {name: sum(order[name] for order in orders) / len(orders) for name in orders[0]}


def candidates_of(
    query: int, size: int, exclude: NDArray[Any] | None, within: NDArray[Any] | None
) -> list[int]:
    return [
        n
        for n in range(size)
        if n != query
        and (exclude is None or exclude[n] != exclude[query])
        and (within is None or within[n] == within[query])
    ]
