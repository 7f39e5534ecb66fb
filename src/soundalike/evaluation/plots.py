"""Pictures of results, drawn without a screen and without state: each function makes a figure of its own."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from soundalike.core.errors import InvalidInputError, MissingExtraError
from soundalike.evaluation.distances import Metric
from soundalike.evaluation.examples import Example, ShownSound
from soundalike.evaluation.report import TaskResult
from soundalike.evaluation.table import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKERS = "osD^vPX*<>"
_LABELS_SHOWN = 20
_TSNE_PERPLEXITY = 30.0
_DPI = 144


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours of a picture.

    Attributes:
        name: ``light`` or ``dark``.
        paper: Behind everything.
        ink: Text and the like.
        faint: Grids and what matters less.
        right: Marks a right answer.
        wrong: Marks a wrong answer.
        series: One colour after another.
    """

    name: str
    paper: str
    ink: str
    faint: str
    right: str
    wrong: str
    series: tuple[str, ...]


# Hues in an order that stays apart for the colour-blind (after Okabe and Ito), fit for each paper.
LIGHT = Theme(
    "light", "#ffffff", "#1c2128", "#8a929c", "#1a7f4b", "#c2371f",
    (
        "#0072b2", "#e08a00", "#00916e", "#c44e94", "#3aa0d8",
        "#c8500a", "#7a5ccf", "#6b7280", "#a08a00", "#7c4a2d",
    ),
)  # fmt: skip
DARK = Theme(
    "dark", "#16191e", "#e6e9ee", "#8a929c", "#4cc38a", "#ff7a5c",
    (
        "#4aa8e8", "#f0a63a", "#3cc8a0", "#e884bd", "#9ad4f5",
        "#f2854a", "#ad97f5", "#a3abb5", "#d8c64a", "#c4916f",
    ),
)  # fmt: skip
THEMES = (LIGHT, DARK)


def png(figure: Figure) -> bytes:
    """Draw a figure as a PNG of 144 pixels per inch."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 (an extra)

    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # a box stands for it
        FigureCanvasAgg(figure).print_figure(out, format="png", dpi=_DPI, facecolor=figure.get_facecolor())
    return out.getvalue()


def tsne(vectors: NDArray[Any], metric: Metric = "cosine", *, seed: int = 0) -> NDArray[np.float64]:
    """Lay vectors out in the plane such that near ones stay near; distances between clusters mean nothing.

    Args:
        vectors: Shape ``(N, D)``; packed bits for ``hamming``. Above some thousands it takes minutes.
        metric: How to measure nearness.
        seed: Of the layout's random start where all vectors are alike.

    Returns:
        Places ``(N, 2)``.

    Raises:
        MissingExtraError: scikit-learn is not installed.

    Source:
        van der Maaten and Hinton 2008, Visualizing data using t-SNE; perplexity 30, less for few vectors.
    """
    try:
        from sklearn.manifold import TSNE  # noqa: PLC0415 (an extra)
    except ImportError as error:
        raise MissingExtraError("evaluate", "A map of vectors") from error
    points = np.unpackbits(vectors, axis=1) if metric == "hamming" else np.asarray(vectors)
    points = points.astype(np.float32)
    if len(points) < 3:
        return np.stack([np.arange(float(len(points))), np.zeros(len(points))], axis=1)
    if metric == "cosine":
        points = points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-30)
    perplexity = min(_TSNE_PERPLEXITY, (len(points) - 1) / 3.0)
    # Of unit vectors the Euclidean distance has the cosine's order; of bits its square is the count.
    alike = bool((points == points[0]).all())
    layout = TSNE(
        perplexity=perplexity, init="random" if alike or points.shape[1] < 2 else "pca",
        learning_rate="auto", random_state=seed,
    )  # fmt: skip
    return np.asarray(layout.fit_transform(points), np.float64)


def map_figure(places: NDArray[Any], labels: Sequence[str], title: str = "", theme: Theme = LIGHT) -> Figure:
    """Draw places in the plane, coloured by label.

    Args:
        places: Shape ``(N, 2)``, of :func:`tsne`.
        labels: One per place; the twenty most frequent have colours and marks, all others are grey.
        title: Above the picture.
        theme: Colours.
    """
    places = np.asarray(places)
    if places.shape != (len(labels), 2):
        raise InvalidInputError(f"Expected places of shape ({len(labels)}, 2); got {places.shape}.")
    figure, axes = _figure(8.0, 6.0, theme)
    names, codes = np.unique(np.asarray(labels, dtype=np.str_), return_inverse=True)
    shown = np.sort(np.argsort(-np.bincount(codes), kind="stable")[:_LABELS_SHOWN])
    rest = ~np.isin(codes, shown)
    if rest.any():
        others = f"{len(names) - len(shown)} other labels"
        axes.scatter(
            places[rest, 0], places[rest, 1], s=10, c=theme.faint, alpha=0.4, linewidths=0, label=others
        )
    for n, code in enumerate(shown.tolist()):
        colour = theme.series[n % len(theme.series)]
        marker = _MARKERS[(n + n // len(theme.series)) % len(_MARKERS)]
        own = places[codes == code]
        label = _plain(_short(str(names[code]), 28))
        axes.scatter(
            own[:, 0], own[:, 1], s=26, c=colour, marker=marker, alpha=0.85, linewidths=0, label=label
        )
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_aspect("equal", adjustable="datalim")
    if len(names):
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, labelcolor=theme.ink)
    _title(axes, title, theme)
    return figure


def class_bars(
    per_class: Mapping[str, Mapping[str, float | None]], title: str = "", theme: Theme = LIGHT
) -> Figure:
    """Draw the mean average precision of each label, a bar per encoder.

    Args:
        per_class: Encoder to label to figure; labels stand in the order of the first encoder's figures.
        title: Above the picture.
        theme: Colours; the first ten encoders can be told apart.
    """
    if not per_class or not any(per_class.values()):
        raise InvalidInputError("Expected at least one encoder with at least one label; got none.")
    first = next(iter(per_class.values()))
    labels = sorted({label for figures in per_class.values() for label in figures})
    labels.sort(key=lambda label: _or_zero(first.get(label)))
    thickness = 0.8 / len(per_class)
    figure, axes = _figure(8.0, 1.2 + len(labels) * max(0.35, 0.16 * len(per_class)), theme)
    for n, (encoder, figures) in enumerate(per_class.items()):
        values = [_or_zero(figures.get(label)) for label in labels]
        places = np.arange(len(labels)) + 0.4 - (n + 0.5) * thickness
        colour = theme.series[n % len(theme.series)]
        axes.barh(places, values, 0.92 * thickness, color=colour, label=_plain(_short(encoder, 28)))
    axes.set_yticks(np.arange(len(labels)), [_short(label, 28) for label in labels], parse_math=False)
    axes.set_ylim(-0.6, len(labels) - 0.4)
    _shares_below(axes, "mean average precision", theme)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, labelcolor=theme.ink)
    _title(axes, title, theme)
    return figure


def score_bars(
    results: Sequence[TaskResult], measure: str = "map", title: str = "", theme: Theme = LIGHT
) -> Figure:
    """Draw one measure of several encoders with its intervals, and where chance lies.

    Args:
        results: One task's, one per encoder; those without the measure are left out.
        measure: The measure's name.
        title: Above the picture.
        theme: Colours.
    """
    found = [(result.encoder, score) for result in results if (score := result.score(measure)) is not None]
    bars = [(encoder, score, score.value) for encoder, score in found if score.value is not None][::-1]
    if not bars:
        raise InvalidInputError(f"Expected results with a score named {measure!r}; got none.")
    figure, axes = _figure(8.0, 1.2 + 0.42 * len(bars), theme)
    chances = [score.chance for _, score, _ in bars if score.chance is not None]
    for row, (_, score, value) in enumerate(bars):
        axes.barh(row, value, 0.62, color=theme.series[0])
        end = value
        if score.low is not None and score.high is not None:
            axes.plot([score.low, score.high], [row, row], color=theme.ink, linewidth=1.6)
            axes.plot([score.low, score.high], [row, row], "|", color=theme.ink, markersize=7)
            end = max(end, score.high)
        axes.annotate(
            number(value), (end, row), xytext=(6, 0), textcoords="offset points",
            va="center", color=theme.ink, fontsize=9,
        )  # fmt: skip
    axes.set_yticks(range(len(bars)), [_short(name, 28) for name, *_ in bars], parse_math=False)
    if all(0.0 <= value <= 1.0 for *_, value in bars):
        _shares_below(axes, measure, theme)
    else:
        axes.set_xlabel(_plain(measure), color=theme.ink)
        axes.margins(x=0.12)
    if chances:
        level = float(np.mean(chances))
        axes.axvline(level, color=theme.wrong, linestyle="--", linewidth=1.2)
        axes.annotate(
            "chance", (level, 1.0), xycoords=("data", "axes fraction"), xytext=(0, 3),
            textcoords="offset points", ha="center", color=theme.wrong, fontsize=9,
        )  # fmt: skip
    _title(axes, title, theme, pad=18.0 if chances else 8.0)
    return figure


def example_figure(examples: Sequence[Example], title: str = "", theme: Theme = LIGHT) -> Figure:
    """Draw queries, one a row, and what they find, as spectrograms; each hit is marked right or wrong.

    Args:
        examples: What to show; see :func:`soundalike.evaluation.good_and_bad`.
        title: Above the picture.
        theme: Colours.
    """
    if not examples:
        raise InvalidInputError("Expected at least one example to draw; got none.")
    columns = 1 + max(len(example.hits) for example in examples)
    figure = _bare_figure(0.5 + 1.35 * columns, 0.3 + 1.7 * len(examples), theme)
    grid = figure.subplots(len(examples), columns, squeeze=False)
    for row, example in zip(grid, examples, strict=True):
        for axes in row:
            axes.set_axis_off()
        for axes, sound in zip(row, (example.query, *example.hits), strict=False):
            _spectrogram(axes, sound, theme)
        if example.note:
            row[0].text(
                -0.06, 0.5, _short(example.note, 30), transform=row[0].transAxes, rotation=90,
                ha="right", va="center", color=theme.ink, fontsize=8, parse_math=False,
            )  # fmt: skip
    if title:
        figure.suptitle(_plain(title), color=theme.ink, fontsize=11, ha="left", x=0.01)
    return figure


def _spectrogram(axes: Axes, sound: ShownSound, theme: Theme) -> None:
    picture = np.asarray(sound.spectrogram, np.float64)
    if picture.ndim != 2:
        raise InvalidInputError(f"A spectrogram must have shape (F, N); got {picture.shape}.")
    mark, colour = {None: ("", theme.ink), True: ("✓ ", theme.right), False: ("✗ ", theme.wrong)}[sound.right]
    axes.set_axis_on()
    axes.set_xticks([])
    axes.set_yticks([])
    if picture.size:
        axes.imshow(picture, origin="lower", aspect="auto", cmap="magma", interpolation="nearest")
    for edge in axes.spines.values():
        edge.set_color(colour)
        edge.set_linewidth(1.0 if sound.right is None else 2.0)
    heading = f"{mark}{_short(sound.label or '-', 18)}"
    axes.set_title(heading, color=colour, fontsize=8, pad=3, parse_math=False)
    axes.set_xlabel(_short(sound.name, 22), color=theme.faint, fontsize=6.5, labelpad=2, parse_math=False)


def _bare_figure(width_inches: float, height_inches: float, theme: Theme) -> Figure:
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 (an extra)
    except ImportError as error:
        raise MissingExtraError("evaluate", "Drawing a figure") from error
    return Figure(figsize=(width_inches, height_inches), facecolor=theme.paper, layout="constrained")


def _figure(width_inches: float, height_inches: float, theme: Theme) -> tuple[Figure, Axes]:
    figure = _bare_figure(width_inches, height_inches, theme)
    axes = figure.subplots()
    axes.set_facecolor(theme.paper)
    axes.tick_params(colors=theme.ink, length=0)
    for edge in axes.spines.values():
        edge.set_color(theme.faint)
        edge.set_linewidth(0.6)
    return figure, axes


def _shares_below(axes: Axes, label: str, theme: Theme) -> None:
    axes.set_xlim(0.0, 1.0)
    axes.set_xlabel(_plain(label), color=theme.ink)
    axes.grid(axis="x", color=theme.faint, alpha=0.35, linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)


def _title(axes: Axes, title: str, theme: Theme, pad: float = 8.0) -> None:
    if title:
        axes.set_title(title, color=theme.ink, fontsize=11, loc="left", pad=pad, parse_math=False)


def _short(text: str, length: int) -> str:
    """Cut what is too long to be drawn, in its middle, where names differ least."""
    text = " ".join(text.split())
    return text if len(text) <= length else f"{text[: length // 2 - 1]}…{text[-(length - length // 2) :]}"


def _plain(text: str) -> str:
    """Keep a dollar sign from being read as the beginning of a formula, a leading underscore from hiding."""
    return ("\u200b" if text.startswith("_") else "") + text.replace("$", r"\$")


def _or_zero(value: float | None) -> float:
    return 0.0 if value is None or not np.isfinite(value) else float(value)
