"""Vectors to neighbours, on plain arrays; knows nothing of audio."""

from soundalike.index.base import Index, Metric
from soundalike.index.distances import distances_to
from soundalike.index.kinds import EXACT_UP_TO, INDEXES, choose_index

__all__ = ["EXACT_UP_TO", "INDEXES", "Index", "Metric", "choose_index", "distances_to"]
