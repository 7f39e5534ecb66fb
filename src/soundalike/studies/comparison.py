"""An old and a new encoder on the same held-out sounds: what each finds, and how sure the difference is."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from soundalike.audio import decode_region, open_audio
from soundalike.core.arrays import BoolArray, FloatArray, IntArray
from soundalike.core.errors import InvalidInputError, SoundalikeError
from soundalike.encoders import Encoder, load_encoder
from soundalike.encoders.onnx import OnnxEncoder
from soundalike.evaluation import (
    Report,
    Score,
    TaskResult,
    bootstrap_interval,
    found_first,
    paired_bootstrap,
    retrieval_scores,
)
from soundalike.sources import Item, open_item
from soundalike.studies.library_split import count_labels
from soundalike.studies.listening import Heard, listen
from soundalike.studies.switch_rule import FOLDER_MAP, NEAR_DUPLICATES, SAME_FILE, Difference
from soundalike.studies.tasks import LeftOut
from soundalike.studies.tasks.copies import MP3_HZ, Copy, CopyKind, encode_file
from soundalike.studies.unseen_copies import UNSEEN_KINDS
from soundalike.studies.untrained import untrained_copy

TASK = "held-out sounds"
_AT_ONCE = 16  # sounds whose excerpts and copies lie in memory together: some tens of megabytes
_STRETCH_S = 1.0
_SHORTEST_STRETCH_S = 0.1
_SILENT = 1e-4  # below a peak of -80 dB of full scale, nothing is asked for


@dataclass(frozen=True, slots=True)
class HeldOutSound:
    """A sound that encoders are compared on.

    Attributes:
        item: Its file.
        label: The folder that it lies in.
        duration_s: How long it is.
    """

    item: Item
    label: str
    duration_s: float


@dataclass(frozen=True, slots=True)
class ComparisonConfig:
    """How encoders are compared.

    Attributes:
        most: How many sounds take part at most; drawn where there are more.
        excerpt_s: How much of each is listened to, from a place that is drawn where it is longer.
        seed: Of everything that is drawn.
        resamples: Draws of the bootstrap.
    """

    most: int = 400
    excerpt_s: float = 5.0
    seed: int = 0
    resamples: int = 1000

    def __post_init__(self) -> None:
        if self.most < 2 or not 0.1 <= self.excerpt_s <= 600.0 or self.seed < 0 or self.resamples < 1:
            raise InvalidInputError(
                "most is at least 2, excerpt_s from 0.1 to 600, seed not negative and resamples at least 1; "
                f"got {self.most}, {self.excerpt_s:g}, {self.seed} and {self.resamples}."
            )


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of a comparison.

    Attributes:
        report: Every encoder's figures with their intervals: the old one, the new one, an untrained copy of
            the new one, ``spectral``.
        differences: How each measure changed from old to new.
        sounds: How many sounds took part.
        left_out: Those that could not, each with the reason.
    """

    report: Report
    differences: tuple[Difference, ...]
    sounds: int
    left_out: tuple[LeftOut, ...] = ()


OnCompared: TypeAlias = Callable[[int, int], None]
"""Called with the number of sounds that were listened to, and with that of all."""


def compare_encoders(
    sounds: Sequence[HeldOutSound],
    old: Encoder,
    new: Encoder,
    *,
    kinds: Sequence[CopyKind] = UNSEEN_KINDS,
    config: ComparisonConfig = ComparisonConfig(),
    on_compared: OnCompared = lambda _done, _all: None,
) -> Comparison:
    """Compare two encoders on sounds that neither was trained on.

    - **folder mAP**: every sound in turn asks for the others of its folder; where two folders have two.
    - **near-duplicates**: changed copies of every sound ask for their original among all sounds; the figure
      is the share that is found first, over all kinds of change.
    - **same file**: two stretches of every sound ask for each other among the stretches of all sounds.

    All encoders hear the same excerpts. A sound that one of them takes for silent takes part for none.

    Args:
        sounds: The sounds.
        old: What is compared with.
        new: What is judged.
        kinds: How copies are changed: not by what the new encoder was trained on.
        config: How much is listened to, and how it is drawn.
        on_compared: Told how far it is.

    Returns:
        Figures with intervals of 95 %, and the differences with those of the paired bootstrap.

    Raises:
        InvalidInputError: Fewer than two sounds could be used.
        EncoderError: An encoder fails.
    """
    rng = np.random.default_rng(config.seed)
    chosen = list(sounds)
    if len(chosen) > config.most:
        chosen = [chosen[row] for row in np.sort(rng.choice(len(chosen), config.most, replace=False))]
    field = _field(old, new, config.seed)
    heard = _listen(chosen, kinds, list(field.values()), config, rng, on_compared)
    if len(heard.labels) < 2:
        first = f" {heard.left_out[0].uri}: {heard.left_out[0].reason}" if heard.left_out else ""
        raise InvalidInputError(
            f"Two sounds are needed to compare encoders; of {len(sounds)}, {len(heard.labels)} could be used."
            + first
        )
    return _compared(heard, field, kinds, config)


def _field(old: Encoder, new: Encoder, seed: int) -> dict[str, Encoder]:
    """Who takes part, under the name in the report; the old one first, then the new one."""
    field = {f"{old.spec.name} (old)": old, f"{new.spec.name} (new)": new}
    if isinstance(new, OnnxEncoder):
        field["untrained copy"] = untrained_copy(new, seed)
    spectral = load_encoder("spectral")
    if spectral.spec.fingerprint not in (old.spec.fingerprint, new.spec.fingerprint):
        field["spectral"] = spectral
    return field


@dataclass(slots=True)
class _Held:
    """What all encoders made of the sounds that could be used, N of them.

    Attributes:
        labels: Their folders.
        whole: For each encoder the vectors of excerpts, ``(N, D)``.
        copies: For each encoder the vectors of copies, ``(kinds, N, D)``.
        stretches: For each encoder the vectors of two stretches, ``(2, N, D)``.
        two: Which have two stretches that all encoders hear something in, ``(N,)``.
        kinds: Names of the kinds of copies.
        left_out: Sounds that could not be used.
    """

    labels: NDArray[np.str_]
    whole: list[FloatArray]
    copies: list[FloatArray]
    stretches: list[FloatArray]
    two: BoolArray
    kinds: tuple[str, ...]
    left_out: list[LeftOut]


def _listen(
    sounds: Sequence[HeldOutSound],
    kinds: Sequence[CopyKind],
    encoders: Sequence[Encoder],
    config: ComparisonConfig,
    rng: np.random.Generator,
    on_compared: OnCompared,
) -> _Held:
    """Listen to excerpts, copies and stretches, some sounds at a time."""
    names = ("whole", *(kind.name for kind in kinds), "first", "second")
    parts: dict[str, list[Heard]] = {name: [] for name in names}
    labels: list[str] = []
    left_out: list[LeftOut] = []
    for first in range(0, len(sounds), _AT_ONCE):
        made: list[dict[str, Copy]] = []
        for sound in sounds[first : first + _AT_ONCE]:
            try:
                made.append(_versions(sound, kinds, config, rng))
            except (SoundalikeError, OSError) as error:
                left_out.append(LeftOut(sound.item.uri, str(error)))
            else:
                labels.append(sound.label)
        for name in names:
            parts[name].append(listen([versions[name] for versions in made], encoders))
        on_compared(min(first + _AT_ONCE, len(sounds)), len(sounds))
    vectors = {name: _joined([one.vectors for one in parts[name]]) for name in names}
    silent = {name: np.any(_joined([one.silent for one in parts[name]]), axis=0) for name in names}
    kept = ~silent["whole"]
    everyone = range(len(encoders))
    return _Held(
        np.array(labels)[kept],
        [vectors["whole"][at][kept] for at in everyone],
        [np.stack([vectors[kind.name][at][kept] for kind in kinds]) for at in everyone],
        [np.stack([vectors[name][at][kept] for name in ("first", "second")]) for at in everyone],
        ~(silent["first"] | silent["second"])[kept],
        tuple(kind.name for kind in kinds),
        left_out,
    )


def _joined(parts: Sequence[Sequence[NDArray[np.generic]]]) -> list[NDArray[np.generic]]:
    return [np.concatenate(of_one) for of_one in zip(*parts, strict=True)]


def _versions(
    sound: HeldOutSound, kinds: Sequence[CopyKind], config: ComparisonConfig, rng: np.random.Generator
) -> dict[str, Copy]:
    """An excerpt of a sound, its copies, and two stretches of it, as files in memory."""
    item = sound.item
    start_s = rng.random() * max(0.0, sound.duration_s - config.excerpt_s)
    with open_item(item) as file:
        with open_audio(file, rate_hz=44100, name=item.name) as reader:
            rate_hz = reader.info.rate_hz if reader.info.rate_hz in MP3_HZ else 44100
        file.seek(0)
        samples = decode_region(file, start_s, config.excerpt_s, rate_hz, name=item.name)
    if float(np.abs(samples).max()) < _SILENT:
        samples = np.zeros_like(samples)
    versions = {"whole": (samples, "wav")}
    for kind in kinds:
        versions[kind.name] = (kind.change(samples, rate_hz, rng), kind.file_format)
    for name, stretch in zip(("first", "second"), _two_stretches(samples, rate_hz), strict=True):
        versions[name] = (stretch, "wav")
    return {
        name: Copy(f"{item.uri} ({name})", f"copy.{form}", encode_file(values, rate_hz, form))
        for name, (values, form) in versions.items()
    }


def _two_stretches(samples: FloatArray, rate_hz: int) -> tuple[FloatArray, FloatArray]:
    """Cut two stretches that share nothing out of what sounds; silence where it is too short for that.

    They lie where each half is loudest, as a sound that dies away leaves nothing to find at its end.
    """
    sounding = np.flatnonzero(np.abs(samples) >= _SILENT)
    part = samples[sounding[0] : sounding[-1] + 1] if len(sounding) else samples[:0]
    length = min(round(_STRETCH_S * rate_hz), len(part) // 2)
    if length < round(_SHORTEST_STRETCH_S * rate_hz):
        nothing = np.zeros(round(_SHORTEST_STRETCH_S * rate_hz), np.float32)
        return nothing, nothing
    middle = len(part) // 2
    halves = (part[:middle], part[middle:])
    first, second = (half[(at := _loudest(half, length)) : at + length] for half in halves)
    return first, second


def _loudest(samples: FloatArray, length: int) -> int:
    """Where the stretch of that length with the most energy starts."""
    sums = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    return int(np.argmax(sums[length:] - sums[: len(sums) - length]))


def _compared(
    heard: _Held, field: Mapping[str, Encoder], kinds: Sequence[CopyKind], config: ComparisonConfig
) -> Comparison:
    """Score everyone, and hold the first two against each other."""
    figures = [_figures(heard, at, encoder) for at, encoder in enumerate(field.values())]
    results = [
        TaskResult(
            TASK,
            label,
            tuple(_score(name, one, config) for name, one in own.items()),
            queries=len(heard.labels),
            facts={"fingerprint": encoder.spec.fingerprint},
        )
        for (label, encoder), own in zip(field.items(), figures, strict=True)
    ]
    differences = [
        _difference(name, figures[0][name], figures[1][name], config)
        for name in (FOLDER_MAP, NEAR_DUPLICATES, SAME_FILE)
        if name in figures[0]
    ]
    report = Report(tuple(results), _facts(heard, kinds, config))
    return Comparison(report, tuple(differences), len(heard.labels), tuple(heard.left_out))


@dataclass(frozen=True, slots=True, eq=False)
class _Figures:
    """One measure of one encoder: a figure per query, what belongs together, and chance level."""

    per_query: NDArray[np.float64]
    groups: IntArray | None
    chance: float


def _figures(heard: _Held, at: int, encoder: Encoder) -> dict[str, _Figures]:
    """Everything that is measured of one encoder."""
    metric = encoder.spec.metric
    found: dict[str, _Figures] = {}
    if count_labels(heard.labels.tolist()) >= 2:
        ranked = retrieval_scores(heard.whole[at], heard.labels, metric=metric)
        found[FOLDER_MAP] = _Figures(ranked.per_query("map"), None, ranked.chance("map"))
    places = np.arange(len(heard.labels))
    by_kind = [found_first(copies, heard.whole[at], places, metric=metric) for copies in heard.copies[at]]
    every = np.stack([kind.per_query("recall@1") for kind in by_kind])
    chance = by_kind[0].chance("recall@1")
    found[NEAR_DUPLICATES] = _Figures(every.mean(axis=0), None, chance)
    for name, values in zip(heard.kinds, every, strict=True):
        found[name] = _Figures(values, None, chance)
    if np.count_nonzero(heard.two) >= 2:
        files = np.tile(np.flatnonzero(heard.two), 2)
        stretches = heard.stretches[at][:, heard.two].reshape(len(files), -1)
        ranked = retrieval_scores(stretches, files, metric=metric)
        found[SAME_FILE] = _Figures(ranked.per_query("p@1"), files, ranked.chance("p@1"))
    return found


def _score(name: str, figures: _Figures, config: ComparisonConfig) -> Score:
    interval = bootstrap_interval(
        figures.per_query, figures.groups, resamples=config.resamples, rng=config.seed
    )
    return Score.of(name, interval, figures.chance)


def _difference(name: str, old: _Figures, new: _Figures, config: ComparisonConfig) -> Difference:
    found = paired_bootstrap(
        new.per_query, old.per_query, new.groups, resamples=config.resamples, rng=config.seed
    )
    low, high = (None if np.isnan(bound) else bound for bound in (found.low, found.high))
    means = [float(np.nanmean(figures.per_query)) for figures in (old, new)]
    return Difference(name, means[0], means[1], found.value, low, high)


def _facts(heard: _Held, kinds: Sequence[CopyKind], config: ComparisonConfig) -> dict[str, str]:
    names = ", ".join(kind.name for kind in kinds)
    return {
        TASK: f"{len(heard.labels):,} sounds of {len(set(heard.labels.tolist())):,} folders that were never "
        f"trained on; {config.excerpt_s:g} s of each at most",
        NEAR_DUPLICATES: f"share of copies whose original comes first, over {names}: nothing of that kind "
        "was trained on",
        SAME_FILE: f"share of stretches whose nearest is the other one of the same file ({heard.two.sum():,} "
        "files): what training aims at, so it decides nothing",
        FOLDER_MAP: "mean average precision of the sounds of the same folder",
        "intervals": f"95 %, percentile bootstrap of {config.resamples:,} draws",
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "seed": str(config.seed),
    }
