"""Clips that a teacher has labelled: kept as levels and targets, so that a training decodes nothing again."""

from __future__ import annotations

import json
import multiprocessing
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from soundalike.core.arrays import FloatArray
from soundalike.core.errors import InvalidInputError, TrainingError
from soundalike.core.fingerprint import fingerprint
from soundalike.features.front_end import LogMelFrontEnd, front_end_spectra
from soundalike.training.inputs import InputConfig
from soundalike.training.parsing import config_from_mapping, mapping_from_config
from soundalike.training.teacher import Teacher, TeacherSpec

FORMAT_VERSION = 2
_DESCRIPTION = "clips.json"
_PART_CLIPS = 1000
_DB_PER_STEP = 0.375  # 255 steps of it: 95 dB below the loudest of a clip, beyond any range that is used
_TOP = 255
_COLUMNS = ("levels", "lengths", "files", "features", "logits")


class Clips(Protocol):
    """Clips by number, such as :class:`soundalike.training.clips.ClipSource`."""

    rate_hz: int
    clip_samples: int

    @property
    def fingerprint(self) -> str:
        """Name and digest of what clips are made of."""

    def clip_and_file(self, number: int) -> tuple[FloatArray, int]:
        """Clip number i, always the same, and the code of its file.

        The clip has shape ``(T,)``, float32, T up to ``clip_samples``.
        """


@dataclass(frozen=True, slots=True)
class LabelledClips:
    """Clips in memory.

    Attributes:
        fingerprint: Name and digest of the sounds, how clips were drawn, the front end and the teacher.
        front_end: What made the levels.
        rate_hz: Sample rate.
        teacher: What labelled them.
        levels: Shape ``(N, bands, frames)``, uint8: steps of 0.375 dB, 255 the loudest of its clip.
        lengths: Frames of each clip, shape ``(N,)``; beyond them levels are 0.
        files: Codes of the files that clips are of, shape ``(N,)``.
        features: What the teacher's layers said, shape ``(N, F)``, float16.
        logits: What its classes said, shape ``(N, C)``, float16.
    """

    fingerprint: str
    front_end: LogMelFrontEnd
    rate_hz: int
    teacher: TeacherSpec
    levels: NDArray[np.uint8]
    lengths: NDArray[np.int64]
    files: NDArray[np.int64]
    features: NDArray[np.float16]
    logits: NDArray[np.float16]

    def __len__(self) -> int:
        return len(self.lengths)


def label_clips(
    source: Clips,
    teacher: Teacher,
    listening: InputConfig,
    folder: Path,
    count: int,
    *,
    processes: int = 1,
    on_progress: Callable[[int], None] = lambda _done: None,
) -> None:
    """Draw clips and let a teacher label them; parts that are there already are not made again.

    Args:
        source: Where clips come from.
        teacher: Who labels them.
        listening: How the student listens; its front end must be log-mel.
        folder: Where the parts go.
        count: How many clips; rounded up to whole thousands.
        processes: How many work at once.
        on_progress: Called with the number of clips that are done.

    Raises:
        TrainingError: The folder holds clips of other sounds or settings, or the rates differ.
    """
    front_end = listening.front_end
    if not isinstance(front_end, LogMelFrontEnd):
        raise TrainingError("Clips are kept as log-mel levels: expected a log_mel front end.")
    if not source.rate_hz == listening.rate_hz == teacher.spec.rate_hz:
        raise TrainingError(
            f"Sounds, student and teacher listen at one rate; got {source.rate_hz}, {listening.rate_hz} and "
            f"{teacher.spec.rate_hz} Hz."
        )
    folder.mkdir(parents=True, exist_ok=True)
    _describe(folder, source, teacher.spec, front_end, listening.rate_hz)
    parts = -(-count // _PART_CLIPS)
    absent = [part for part in range(parts) if not _path(folder, part).exists()]
    job = _Job(source, teacher, front_end, folder)
    done = (parts - len(absent)) * _PART_CLIPS
    on_progress(done)
    if processes == 1:
        for part in absent:
            job.make(part)
            done += _PART_CLIPS
            on_progress(done)
        return
    global _job  # noqa: PLW0603 (workers are forked: they inherit it, sounds and all, without a copy)
    _job = job
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        for _ in pool.imap_unordered(_make, absent):
            done += _PART_CLIPS
            on_progress(done)


def open_clips(folder: Path, count: int | None = None) -> LabelledClips:
    """Read what :func:`label_clips` wrote.

    Args:
        folder: Where.
        count: How many clips at most; all by default.

    Raises:
        TrainingError: There are none, or they are damaged.
    """
    document = _read_description(folder)
    if document is None:
        raise TrainingError(f"{folder} holds no labelled clips: expected {_DESCRIPTION} and parts.")
    paths = sorted(folder.glob("part-*.npz"))
    if paths != [_path(folder, part) for part in range(len(paths))]:
        raise TrainingError(f"Of the labelled clips in {folder} parts are missing: label them again.")
    if count is not None:
        paths = paths[: -(-count // _PART_CLIPS)]
    columns: dict[str, list[NDArray[Any]]] = {name: [] for name in _COLUMNS}
    for path in paths:
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as part:
                for name, arrays in columns.items():
                    arrays.append(part[name])
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise TrainingError(f"{path} is no part of labelled clips: {error}.") from error
    if not paths:
        raise TrainingError(f"{folder} holds no labelled clips yet.")
    stacked = {name: np.concatenate(arrays)[:count] for name, arrays in columns.items()}
    widths = tuple(int(width) for width in document["teacher"].pop("widths"))
    try:
        front_end = config_from_mapping(LogMelFrontEnd, document["front_end"], "front_end")
        teacher = TeacherSpec(widths=widths, **document["teacher"])
    except (InvalidInputError, TypeError) as error:
        raise TrainingError(f"{folder / _DESCRIPTION} is damaged: {error}.") from error
    name = fingerprint("labelled-clips", FORMAT_VERSION, [document["made_of"], len(stacked["lengths"])])
    return LabelledClips(
        fingerprint=name, front_end=front_end, rate_hz=int(document["rate_hz"]), teacher=teacher,
        levels=stacked["levels"], lengths=stacked["lengths"].astype(np.int64), files=stacked["files"],
        features=stacked["features"], logits=stacked["logits"],
    )  # fmt: skip


def joined_clips(clips: LabelledClips, others: LabelledClips) -> LabelledClips:
    """Put clips of the same front end and teacher behind each other.

    Clips of different lengths are filled up as shorter clips are.

    Raises:
        TrainingError: They were made for different front ends, or labelled by different teachers.
    """
    if (clips.front_end, clips.rate_hz, clips.teacher) != (others.front_end, others.rate_hz, others.teacher):
        raise TrainingError("Clips of different front ends, rates or teachers are not learnt from together.")
    frames = max(clips.levels.shape[2], others.levels.shape[2])
    levels = [
        np.pad(some.levels, ((0, 0), (0, 0), (0, frames - some.levels.shape[2]))) for some in (clips, others)
    ]
    return LabelledClips(
        fingerprint=fingerprint("joined-clips", FORMAT_VERSION, [clips.fingerprint, others.fingerprint]),
        front_end=clips.front_end, rate_hz=clips.rate_hz, teacher=clips.teacher,
        levels=np.concatenate(levels),
        lengths=np.concatenate([clips.lengths, others.lengths]),
        files=np.concatenate([clips.files, others.files]),
        features=np.concatenate([clips.features, others.features]),
        logits=np.concatenate([clips.logits, others.logits]),
    )  # fmt: skip


def quantise(levels: FloatArray) -> NDArray[np.uint8]:
    """Levels in dB to steps below the loudest.

    Example:
        >>> quantise(np.array([[0.0, -0.75, -200.0]], np.float32)).tolist()
        [[255, 253, 0]]
    """
    steps = np.rint((levels - levels.max()) / np.float32(_DB_PER_STEP)) + _TOP
    return np.asarray(np.clip(steps, 0, _TOP), np.uint8)


def levels_db(steps: NDArray[np.uint8]) -> FloatArray:
    """Steps back to dB below the loudest of the clip, float32."""
    return (steps.astype(np.float32) - np.float32(_TOP)) * np.float32(_DB_PER_STEP)


class _Job:
    """Makes parts; what a worker needs."""

    def __init__(self, source: Clips, teacher: Teacher, front_end: LogMelFrontEnd, folder: Path) -> None:
        self.source, self.teacher, self.front_end, self.folder = source, teacher, front_end, folder
        self.frames = front_end.count_frames(source.clip_samples)

    def make(self, part: int) -> None:
        """Draw and label the clips of one part, and write them."""
        spec = self.teacher.spec
        levels = np.zeros((_PART_CLIPS, self.front_end.bands, self.frames), np.uint8)
        lengths, files = np.zeros(_PART_CLIPS, np.int16), np.zeros(_PART_CLIPS, np.int64)
        features = np.zeros((_PART_CLIPS, sum(spec.widths)), np.float16)
        logits = np.zeros((_PART_CLIPS, spec.classes), np.float16)
        least = self.front_end.frame_samples
        for row in range(_PART_CLIPS):
            clip, files[row] = self.source.clip_and_file(part * _PART_CLIPS + row)
            padded = np.pad(clip, (0, max(0, least - len(clip))))
            steps = quantise(front_end_spectra(padded[None], self.front_end, self.source.rate_hz)[0])
            levels[row, :, : steps.shape[1]] = steps
            lengths[row] = steps.shape[1]
            features[row], logits[row] = self.teacher.describe(clip)
        path = _path(self.folder, part)
        unfinished = path.with_suffix(".unfinished")
        with unfinished.open("wb") as file:
            np.savez(file, levels=levels, lengths=lengths, files=files, features=features, logits=logits)
        unfinished.replace(path)


_job: _Job | None = None


def _make(part: int) -> None:
    if _job is None:
        raise TrainingError("A worker that labels clips was started without its job.")
    _job.make(part)


def _path(folder: Path, part: int) -> Path:
    return folder / f"part-{part:05d}.npz"


def _describe(
    folder: Path, source: Clips, teacher: TeacherSpec, front_end: LogMelFrontEnd, rate_hz: int
) -> None:
    """Say what the folder's clips are made of, or check that it is the same."""
    made_of = fingerprint("labels", FORMAT_VERSION, [front_end], [source.fingerprint, teacher.fingerprint])
    there = _read_description(folder)
    if there is not None:
        if there["made_of"] != made_of:
            raise TrainingError(
                f"{folder} holds clips of {there['made_of']}; these would be of {made_of}: use another."
            )
        return
    document = {
        "version": FORMAT_VERSION,
        "made_of": made_of,
        "rate_hz": rate_hz,
        "front_end": mapping_from_config(front_end),
        "teacher": asdict(teacher),
    }
    part = folder / (_DESCRIPTION + ".part")
    part.write_text(json.dumps(document, indent=1), encoding="utf-8")
    part.replace(folder / _DESCRIPTION)


def _read_description(folder: Path) -> dict[str, Any] | None:
    path = folder / _DESCRIPTION
    if not path.exists():
        return None
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        complete = isinstance(document, Mapping) and {"made_of", "teacher", "front_end", "rate_hz"} <= set(
            document
        )
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path} is damaged: {error}.") from error
    if not complete or document.get("version") != FORMAT_VERSION:
        raise TrainingError(f"{path} is not of format {FORMAT_VERSION}.")
    return dict(document)
