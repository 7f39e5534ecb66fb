"""The curves of a training: a line of JSON for every measurement, and a picture of them."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

METRICS_FILE = "metrics.jsonl"
PICTURE_FILE = "curves.png"
_NOT_DRAWN = ("step", "elapsed_s", "progress")


class Curves:
    """Writes the curves of a run as it goes.

    Args:
        folder: The run's folder.
        keep_to_step: Lines of later steps are dropped: a resumed run writes them anew.
    """

    def __init__(self, folder: Path, keep_to_step: int) -> None:
        self._path = folder / METRICS_FILE
        self._picture = folder / PICTURE_FILE
        kept = [line for line in read_curves(folder) if line["step"] <= keep_to_step]
        part = self._path.with_suffix(".part")
        part.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")
        part.replace(self._path)

    def add(self, figures: Mapping[str, float]) -> None:
        """Append one line; what is not a number becomes null."""
        values = {name: value if math.isfinite(value) else None for name, value in figures.items()}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(values) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def draw(self) -> bool:
        """Write the picture, where matplotlib is installed; tell whether it was."""
        try:
            from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 (an extra)
            from matplotlib.figure import Figure  # noqa: PLC0415
        except ImportError:
            return False
        lines = read_curves(self._path.parent)
        names = list(dict.fromkeys(name for line in lines for name in line if name not in _NOT_DRAWN))
        if not names:
            return False
        columns = min(3, len(names))
        rows = -(-len(names) // columns)
        figure = Figure(figsize=(4.0 * columns, 2.6 * rows), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(rows, columns, squeeze=False)
        for axis, name in zip(axes.flat, names, strict=False):
            points = [(line["step"], line[name]) for line in lines if line.get(name) is not None]
            axis.plot(
                *zip(*points, strict=True) if points else ([], []),
                linewidth=1.2,
                marker="." if len(points) < 30 else None,
            )
            axis.set_xlabel("step", fontsize=7)
            axis.set_title(name.replace("_", " "), fontsize=9)
            axis.tick_params(labelsize=7)
        for axis in list(axes.flat)[len(names) :]:
            axis.set_visible(False)
        part = self._picture.with_suffix(".part")
        figure.savefig(part, format="png", dpi=110)
        part.replace(self._picture)
        return True


def read_curves(folder: Path) -> list[dict[str, Any]]:
    """Read the curves of a run.

    Args:
        folder: The run's folder.

    Returns:
        A mapping of names to numbers (None for what was not a number) for every whole line.
    """
    path = folder / METRICS_FILE
    if not path.is_file():
        return []
    lines: list[dict[str, Any]] = []
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            line = json.loads(text)
        except ValueError:  # a line that a kill cut short
            continue
        if isinstance(line, dict) and isinstance(line.get("step"), int):
            lines.append(line)
    return lines
