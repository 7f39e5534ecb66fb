"""Metrics on plain arrays, splits, reports: how good is a space of vectors, and how sure is that?"""

from soundalike.evaluation.bootstrap import Interval, bootstrap_interval, paired_bootstrap
from soundalike.evaluation.distances import METRICS, Gallery, Metric, distance_blocks
from soundalike.evaluation.found import Found, found_first
from soundalike.evaluation.neighbours import (
    hubness,
    hubness_by_chance,
    k_occurrence,
    knn_accuracy,
    knn_votes,
    nearest_in_gallery,
)
from soundalike.evaluation.ranking import RankedBlock, rank_relevance
from soundalike.evaluation.report import Report, Score, TaskResult
from soundalike.evaluation.retrieval import RetrievalScores, retrieval_scores
from soundalike.evaluation.splits import fold_split, group_split, leave_one_group_out
from soundalike.evaluation.ties import TieGroups

__all__ = [
    "METRICS",
    "Found",
    "Gallery",
    "Interval",
    "Metric",
    "RankedBlock",
    "Report",
    "RetrievalScores",
    "Score",
    "TaskResult",
    "TieGroups",
    "bootstrap_interval",
    "distance_blocks",
    "fold_split",
    "found_first",
    "group_split",
    "hubness",
    "hubness_by_chance",
    "k_occurrence",
    "knn_accuracy",
    "knn_votes",
    "leave_one_group_out",
    "nearest_in_gallery",
    "paired_bootstrap",
    "rank_relevance",
    "retrieval_scores",
]
