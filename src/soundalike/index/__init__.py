"""Vectors to neighbours, on plain arrays; knows nothing of audio."""

from soundalike.index.base import Index, Metric
from soundalike.index.distances import distances_between, distances_to
from soundalike.index.exact import ExactIndex
from soundalike.index.folder import OpenFolder, SavingFolder, open_folder, save_folder
from soundalike.index.ivf import IvfIndex
from soundalike.index.ivf_config import IvfConfig
from soundalike.index.kinds import EXACT_UP_TO, INDEXES, choose_index

__all__ = [
    "EXACT_UP_TO",
    "INDEXES",
    "ExactIndex",
    "Index",
    "IvfConfig",
    "IvfIndex",
    "Metric",
    "OpenFolder",
    "SavingFolder",
    "choose_index",
    "distances_between",
    "distances_to",
    "open_folder",
    "save_folder",
]
