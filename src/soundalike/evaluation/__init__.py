"""Metrics on plain arrays, splits, reports: how good is a space of vectors, and how sure is that?"""

from soundalike.evaluation.bootstrap import Interval, bootstrap_interval, paired_bootstrap
from soundalike.evaluation.distances import METRICS, Gallery, Metric, distance_blocks
from soundalike.evaluation.examples import Example, ShownSound, good_and_bad
from soundalike.evaluation.found import Found, found_first
from soundalike.evaluation.neighbours import (
    hubness,
    hubness_by_chance,
    k_occurrence,
    knn_accuracy,
    knn_votes,
    nearest_in_gallery,
)
from soundalike.evaluation.page import Picture, write_report
from soundalike.evaluation.plots import (
    DARK,
    LIGHT,
    Theme,
    class_bars,
    example_figure,
    map_figure,
    png,
    score_bars,
    tsne,
)
from soundalike.evaluation.ranking import RankedBlock, rank_relevance
from soundalike.evaluation.report import Report, Score, TaskResult
from soundalike.evaluation.retrieval import RetrievalScores, retrieval_scores
from soundalike.evaluation.splits import fold_split, group_split, leave_one_group_out
from soundalike.evaluation.table import (
    Cell,
    ScoreTable,
    clear_best,
    markdown_report,
    markdown_table,
    score_table,
)
from soundalike.evaluation.ties import TieGroups

__all__ = [
    "DARK",
    "LIGHT",
    "METRICS",
    "Cell",
    "Example",
    "Found",
    "Gallery",
    "Interval",
    "Metric",
    "Picture",
    "RankedBlock",
    "Report",
    "RetrievalScores",
    "Score",
    "ScoreTable",
    "ShownSound",
    "TaskResult",
    "Theme",
    "TieGroups",
    "bootstrap_interval",
    "class_bars",
    "clear_best",
    "distance_blocks",
    "example_figure",
    "fold_split",
    "found_first",
    "good_and_bad",
    "group_split",
    "hubness",
    "hubness_by_chance",
    "k_occurrence",
    "knn_accuracy",
    "knn_votes",
    "leave_one_group_out",
    "map_figure",
    "markdown_report",
    "markdown_table",
    "nearest_in_gallery",
    "paired_bootstrap",
    "png",
    "rank_relevance",
    "retrieval_scores",
    "score_bars",
    "score_table",
    "tsne",
    "write_report",
]
