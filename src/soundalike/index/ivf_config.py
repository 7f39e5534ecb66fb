"""How an inverted-file index is made; kept with it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IvfConfig:
    """How lists are made and how many are looked into.

    Attributes:
        lists_per_root: Lists per square root of the number of vectors.
        training_rows_per_list: Vectors that the lists' centres are learnt from, for each list.
        training_rounds: Rounds of k-means.
        recall_aim: Share of the true ten nearest that must be found; the number of lists that a query looks
            into is the least that reached it on queries beside the index's own vectors.
        tuning_queries: How many such queries.
        retrain_growth: The lists are learnt anew where there are this many times more vectors than then.
        exact_below: A filter that leaves at most this many vectors is answered by comparing with all of them;
            of a larger rest, at least half as many are looked at.
        seed: For the choice of training vectors and queries, and for k-means.
    """

    lists_per_root: float = 2.0
    training_rows_per_list: int = 50
    training_rounds: int = 10
    recall_aim: float = 0.98
    tuning_queries: int = 100
    retrain_growth: float = 4.0
    exact_below: int = 40_000
    seed: int = 0
