"""A comparison of two encoders as files: figures for scripts, a page for the browser."""

from __future__ import annotations

import dataclasses
import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from soundalike.core.errors import MissingExtraError
from soundalike.evaluation import Picture, Report, Theme, score_bars, write_report
from soundalike.studies.comparison import TASK, Comparison
from soundalike.studies.switch_rule import Decision
from soundalike.studies.training_run import write_json

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIGURES = "comparison.json"


def write_comparison(folder: Path, comparison: Comparison, decision: Decision) -> Path:
    """Write a comparison, what was decided, and a page with both; with bars where matplotlib is installed.

    Args:
        folder: Where; made when it is absent. Files of an earlier comparison are replaced.
        comparison: What was found.
        decision: What follows from it.

    Returns:
        The page's path.
    """
    folder.mkdir(parents=True, exist_ok=True)
    document = {
        "sounds": comparison.sounds,
        "decision": dataclasses.asdict(decision),
        "differences": [dataclasses.asdict(one) for one in comparison.differences],
        "left_out": [dataclasses.asdict(one) for one in comparison.left_out],
        "report": json.loads(comparison.report.to_json()),
    }
    write_json(folder / FIGURES, document)
    verdict = {"decision": ("Better: " if decision.switch else "Not better: ") + decision.why}
    changes = {
        f"change of {one.measure}": f"{one.change:+.3f}"
        + ("" if one.low is None else f" ({one.low:+.3f} to {one.high:+.3f})")
        for one in comparison.differences
    }
    report = Report(comparison.report.results, verdict | changes | dict(comparison.report.facts))
    pictures = [
        Picture(
            f"bars-{number}",
            f"{one.measure}, with intervals of 95 %",
            partial(_bars, report, one.measure),
            TASK,
        )
        for number, one in enumerate(comparison.differences)
    ]
    try:
        return write_report(folder, report, pictures)
    except MissingExtraError:
        return write_report(folder, report)


def _bars(report: Report, measure: str, theme: Theme) -> Figure:
    return score_bars(report.of_task(TASK), measure, theme=theme)
