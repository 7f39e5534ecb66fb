"""The development set as questions: which sounds should find each other, and copies to be found again."""

from __future__ import annotations

import hashlib
import io
import math
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from soundalike.audio import encode_wav
from soundalike.core.arrays import BoolArray, FloatArray, IntArray
from soundalike.encoders import Encoder
from soundalike.evaluation import Metric, found_first, retrieval_scores
from soundalike.studies.listening import Audible, listen
from soundalike.studies.scoring import Standardiser
from soundalike.studies.tasks.copies import KINDS, Copy, make_copies
from soundalike.training import TrainingSound, TrainingSounds

VERSION = 1
"""Raised when the same sounds and seed would give other copies."""

TASKS = ("variants", "stamps", "drums", "programmes", "words", "voices")
"""What is asked of the development set, where it holds sounds for it."""

_SOUNDS_AT_ONCE = 40  # that one process listens to before it tells how far it is
_TELL_S = 5.0
_PACKAGES = {
    "megaglest-data": "variants",
    "tuxpaint-stamps-default": "stamps",
    "hydrogen-drumkits": "drums",
}

Made = TypeVar("Made")
Vectors: TypeAlias = tuple[FloatArray, BoolArray]
"""Vectors ``(N, D)`` of whole sounds, and which of them were silent ``(N,)``."""


@dataclass(frozen=True, slots=True)
class Question:
    """Every sound in turn asks for those of its label.

    Attributes:
        name: One of ``TASKS``.
        rows: Which sounds of the development set, N of them.
        labels: The label of each.
        exclude: Sounds of the query's own key are neither hits nor misses; None for the query alone.
        parts: What queries are also told apart by, such as what of them is not trained on; empty for nothing.
    """

    name: str
    rows: IntArray
    labels: NDArray[np.str_]
    exclude: NDArray[np.str_] | None
    parts: NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class Stored:
    """A sound of a training's folder as something to listen to: a WAV file in memory."""

    sounds: TrainingSounds
    index: int

    @property
    def uri(self) -> str:
        """Its name."""
        return self.sounds.sounds[self.index].name

    @property
    def name(self) -> str:
        """A file name with the format's extension."""
        return "sound.wav"

    def open(self) -> BinaryIO:
        """Give its bytes."""
        return io.BytesIO(encode_wav(self.sounds.read(self.index), self.sounds.rate_hz))


@dataclass(frozen=True, slots=True)
class DevelopmentSet:
    """What is listened to: all sounds of the development set, others to search among, and copies.

    Attributes:
        questions: What is asked by labels; rows count from 0.
        gallery: All sounds of the development set, then those of the corpus that are searched too.
        originals: Rows of the gallery that were copied, Q of them.
        copies: For each of ``KINDS`` in turn, the copies of all originals.
        digest: Changes with anything of this.
    """

    questions: tuple[Question, ...]
    gallery: tuple[Audible, ...]
    originals: IntArray
    copies: tuple[Copy, ...]
    digest: str

    @property
    def audible(self) -> tuple[Audible, ...]:
        """The gallery and the copies."""
        return (*self.gallery, *self.copies)


@dataclass(frozen=True, slots=True)
class TaskScore:
    """Mean average precision in one task, its interval of 95 %, what chance has, and that of some queries."""

    map: float
    low: float
    high: float
    chance: float
    queries: int
    parts: dict[str, float]


@dataclass(frozen=True, slots=True)
class Scores:
    """What one encoder, or one setting, has in all tasks.

    Attributes:
        label: What it is called.
        dims: Size of a vector.
        tasks: By the names of tasks.
        copies: The share of copies whose original came first, by the names of kinds.
        gallery: Among how many sounds copies were looked for.
    """

    label: str
    dims: int
    tasks: dict[str, TaskScore]
    copies: dict[str, float]
    gallery: int

    @property
    def mean(self) -> float:
        """Mean of all tasks by labels."""
        return float(np.mean([task.map for task in self.tasks.values()]))

    @property
    def copies_mean(self) -> float:
        """Mean of all kinds of copies."""
        return float(np.mean(list(self.copies.values())))


def questions_of(sounds: Sequence[TrainingSound]) -> tuple[Question, ...]:
    """Sort sounds into tasks by their facts.

    Args:
        sounds: With the fact ``label``, or with ``text`` and ``voice`` (a ``speaker`` goes before that, who
            may have several voices); the fact ``task`` goes before what the package tells.

    Returns:
        A question for each task that has at least two labels of two sounds.
    """
    members: dict[str, list[int]] = {}
    for row, sound in enumerate(sounds):
        members.setdefault(_task_of(sound), []).append(row)

    def column(rows: Sequence[int], *facts: str) -> NDArray[np.str_]:
        every = [sounds[row].facts for row in rows]
        return np.array([next((one[fact] for fact in facts if fact in one), "") for one in every])

    found = []
    for name, of, label, exclude in (
        ("variants", "variants", ("label",), ()),
        ("stamps", "stamps", ("label",), ()),
        ("drums", "drums", ("label",), ("kit",)),
        ("programmes", "programmes", ("label",), ("note",)),
        ("words", "words", ("text",), ("speaker", "voice")),
        ("voices", "words", ("speaker", "voice"), ("text",)),
    ):
        rows = members.get(of, [])
        labels = column(rows, *label)
        if sum(count > 1 for count in Counter(labels.tolist()).values()) < 2:
            continue
        key = column(rows, *exclude) if exclude else None
        found.append(Question(name, np.array(rows, np.int64), labels, key, column(rows, "unheard")))
    return tuple(found)


def _task_of(sound: TrainingSound) -> str:
    facts = sound.facts
    if "text" in facts and "voice" in facts:
        return "words"
    if facts.get("task"):
        return facts["task"]
    return "programmes" if facts.get("kind") == "instrument" else _PACKAGES.get(facts.get("package", ""), "")


def development_set(
    corpus: Path,
    *,
    originals: int = 150,
    searched: int = 1500,
    seed: int = 0,
    work: Path | None = None,
    processes: int = 1,
) -> DevelopmentSet:
    """Read the development set, and copy some of its sounds.

    What is drawn is drawn by the sounds' names, so that a corpus with more sounds keeps most of it.

    Args:
        corpus: What ``scripts/corpus/build.py`` wrote.
        originals: How many sounds of the development set are copied.
        searched: How many sounds to train on are searched beside the whole development set.
        seed: Decides which, and what is drawn for each copy.
        work: Where copies are kept from one run to the next; nowhere by default.
        processes: How many copies are made at once.
    """
    dev, train = TrainingSounds(corpus / "dev"), TrainingSounds(corpus / "train")
    copied = np.sort(_drawn(dev.sounds, originals, seed))
    beside = _drawn(train.sounds, searched, seed)
    gallery = (*(Stored(dev, row) for row in range(len(dev))), *(Stored(train, int(row)) for row in beside))
    make = partial(_copies_of, seed=seed, work=work)
    made = list(in_processes(make, [Stored(dev, int(row)) for row in copied], "copied", processes))
    copies = tuple(copies[kind.name] for kind in KINDS for copies in made)
    names = [train.sounds[row].name for row in beside]
    digest = _digest(VERSION, dev.digest, train.digest, names, [dev.sounds[row].name for row in copied], seed)
    return DevelopmentSet(questions_of(dev.sounds), gallery, copied, copies, digest)


def hear(
    encoder: Encoder, sounds: DevelopmentSet, *, work: Path | None = None, processes: int = 1
) -> Vectors:
    """Let an encoder listen to everything, as a library would.

    Args:
        encoder: Who listens.
        sounds: To what: the gallery, then the copies.
        work: Where vectors are kept from one run to the next; nowhere by default.
        processes: How many listen at once.

    Returns:
        Vectors, zero for what was silent, and what was silent.
    """
    kept = work / "vectors" / f"{_digest(encoder.spec.fingerprint, sounds.digest)}.npz" if work else None
    if kept is not None and kept.exists():
        with np.load(kept) as arrays:
            return arrays["vectors"], arrays["silent"]
    audible = sounds.audible
    strides = -(-len(audible) // _SOUNDS_AT_ONCE)
    parts = [audible[first::strides] for first in range(strides)]  # long and short ones in every part
    vectors = np.zeros((len(audible), encoder.spec.dims), np.float32)
    silent = np.zeros(len(audible), np.bool_)
    heard = in_processes(partial(_heard, encoder=encoder), parts, f"{encoder.spec.name}, parts", processes)
    for first, (some, quiet) in enumerate(heard):
        vectors[first::strides], silent[first::strides] = some, quiet
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.savez(kept, vectors=vectors, silent=silent)
    return vectors, silent


def score(
    label: str,
    sounds: DevelopmentSet,
    heard: Vectors,
    *,
    metric: Metric = "cosine",
    standardise: bool = False,
) -> Scores:
    """Score vectors in all tasks.

    Args:
        label: What they are called.
        sounds: What was listened to.
        heard: What came of it.
        metric: How vectors are compared.
        standardise: Whether each dimension is brought to mean 0 and deviation 1 over the sounds of a task.
    """
    vectors, silent = heard
    tasks = {}
    for question in sounds.questions:
        some, quiet = vectors[question.rows], silent[question.rows]
        compared = Standardiser(some, quiet, active=standardise)(some, quiet)
        scores = retrieval_scores(compared, question.labels, metric=metric, exclude=question.exclude)
        found = scores.score("map")
        value, low, high = (math.nan if one is None else one for one in (found.value, found.low, found.high))
        each = scores.per_query("map")
        parts = {
            part: float(np.nanmean(each[question.parts == part]))
            for part in set(question.parts.tolist()) - {""}
        }
        tasks[question.name] = TaskScore(value, low, high, scores.chance("map"), scores.queries, parts)
    count = len(sounds.gallery)
    move = Standardiser(vectors[:count], silent[:count], active=standardise)
    gallery, copies = move(vectors[:count], silent[:count]), move(vectors[count:], silent[count:])
    firsts = {
        kind.name: found_first(part, gallery, sounds.originals, metric=metric).mean("recall@1")
        for kind, part in zip(KINDS, np.split(copies, len(KINDS)), strict=True)
    }
    return Scores(label, vectors.shape[1], tasks, firsts, count)


def in_processes(
    function: Callable[[Any], Made], arguments: Sequence[Any], what: str, processes: int
) -> Iterator[Made]:
    """Call a function for each argument, several at once, and tell how far it is.

    Args:
        function: What is called; workers inherit it, whatever it holds.
        arguments: For what; likewise.
        what: What is made, for the line that tells.
        processes: How many work at once; 1 starts none.

    Yields:
        What came, in order.
    """
    global _job  # noqa: PLW0603 (workers are forked: what they inherit is not copied)
    began = last = time.monotonic()
    _job = _Job(function, arguments)
    with get_context("fork").Pool(processes) if processes > 1 else nullcontext() as pool:
        made = map(_work, range(len(arguments))) if pool is None else pool.imap(_work, range(len(arguments)))
        for done, one in enumerate(made, start=1):
            yield one
            now = time.monotonic()
            if now - last > _TELL_S:
                last, left_s = now, (now - began) / done * (len(arguments) - done)
                print(f"{what}: {done} of {len(arguments)}, {left_s:.0f} s left", file=sys.stderr, flush=True)


@dataclass(frozen=True, slots=True)
class _Job:
    function: Callable[[Any], Any]
    arguments: Sequence[Any]


_job: _Job | None = None


def _work(number: int) -> Any:
    assert _job is not None, "A worker was started without its job."
    return _job.function(_job.arguments[number])


def _heard(sounds: Sequence[Audible], encoder: Encoder) -> Vectors:
    heard = listen(sounds, [encoder])
    for row, reason in heard.failed.items():
        print(f"{sounds[row].uri} could not be used: {reason}", file=sys.stderr)
    return heard.vectors[0], heard.silent[0]


def _copies_of(original: Stored, seed: int, work: Path | None) -> dict[str, Copy]:
    """Make the copies of one sound, or read those of an earlier run."""
    samples = original.sounds.read(original.index)
    digest = hashlib.sha256(samples.tobytes()).digest()
    kinds = [kind.name for kind in KINDS]
    folder = work / "copies" / _digest(VERSION, seed, original.uri, digest, kinds) if work else None
    if folder is not None and folder.exists():
        files = [(folder / f"{number}").read_bytes() for number in range(len(KINDS))]
        return {
            kind.name: Copy(f"{original.uri} ({kind.name})", f"copy.{kind.file_format}", content)
            for kind, content in zip(KINDS, files, strict=True)
        }
    draw = int.from_bytes(hashlib.sha256(original.uri.encode()).digest()[:8], "little")
    copies = make_copies(original, KINDS, np.random.default_rng([seed, draw]))
    if folder is not None:
        part = folder.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        for number, kind in enumerate(KINDS):
            (part / f"{number}").write_bytes(copies[kind.name].content)
        part.rename(folder)
    return copies


def _drawn(sounds: Sequence[TrainingSound], count: int, seed: int) -> IntArray:
    """Rows of some sounds, drawn by their names."""
    keys = [hashlib.sha256(f"{seed} {sound.name}".encode()).digest() for sound in sounds]
    return np.array(sorted(range(len(keys)), key=keys.__getitem__)[:count], np.int64)


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:24]
