"""A library's sounds as a training reads them: each file decoded once, in parts that outlast a kill."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeAlias

from soundalike.audio import decode_region
from soundalike.core.arrays import FloatArray
from soundalike.core.errors import SoundalikeError, TrainingError
from soundalike.sources import item_of_uri, open_item
from soundalike.studies.library_split import LibrarySound
from soundalike.studies.tasks import LeftOut
from soundalike.training import TrainingSounds, TrainingSoundsWriter

_PARTS, _LEFT_OUT = "parts", "left-out.json"
_PART_S = 300.0  # audio that a kill costs at most, to be decoded again
_PART_SOUNDS = 200
_WORKERS = 2  # decoders let go of the interpreter: the one decodes while the other writes
_DIGEST = "sha256"


@dataclass(frozen=True, slots=True)
class Planned:
    """A sound that is to be read.

    Attributes:
        sound: Which.
        held_out: Whether it is held out: it is measured on, and never trained on.
    """

    sound: LibrarySound
    held_out: bool


@dataclass(frozen=True, slots=True)
class Recording:
    """What was read.

    Attributes:
        sounds: All sounds; each one's name is its uri, its group the folder that it lies in.
        left_out: Files that could not be read, each with the reason.
        repeated: How many sounds were passed over, as their audio equals that of another.
    """

    sounds: TrainingSounds
    left_out: tuple[LeftOut, ...]
    repeated: int


OnRead: TypeAlias = Callable[[float, float], None]
"""Called with the seconds of audio that are read, and with those of all."""


def read_sounds(
    planned: Sequence[Planned],
    folder: Path,
    rate_hz: int,
    *,
    longest_s: float,
    on_read: OnRead = lambda _done, _all: None,
) -> Recording:
    """Decode sounds into one recording, or go on where that was stopped.

    Killed at any moment, the parts that were whole are not decoded again. A sound whose audio equals that of
    another is passed over: it would be learnt to lie apart from itself. Of such a pair, one that is held
    out stays.

    Args:
        planned: What to read, the same for every call with this folder.
        folder: Where to write; made when it is absent.
        rate_hz: Rate of the recording.
        longest_s: How much of a file's beginning is read at most.
        on_read: Told how far it is.

    Returns:
        The recording.

    Raises:
        TrainingError: Not one sound could be read.
    """
    try:
        return _whole(folder, len(planned))
    except TrainingError:
        pass
    everything_s = sum(min(one.sound.duration_s, longest_s) for one in planned)
    done_s = 0.0
    parts = []
    for number, some in enumerate(_parts(planned, longest_s)):
        part = folder / _PARTS / f"{number:06d}"
        if not _is_whole(part):
            _read_part(some, part, rate_hz, longest_s)
        parts.append(part)
        done_s += sum(min(one.sound.duration_s, longest_s) for one in some)
        on_read(done_s, everything_s)
    held = {one.sound.uri for one in planned if one.held_out}
    _join(parts, folder, rate_hz, held)
    shutil.rmtree(folder / _PARTS)
    return _whole(folder, len(planned))


def _whole(folder: Path, planned: int) -> Recording:
    sounds = TrainingSounds(folder)
    left_out = json.loads((folder / _LEFT_OUT).read_text(encoding="utf-8"))
    repeated = planned - len(sounds) - len(left_out)
    recording = Recording(sounds, tuple(LeftOut(**row) for row in left_out), repeated)
    if not len(sounds):
        first = recording.left_out[0]
        raise TrainingError(
            f"Not one of {len(left_out)} sounds of the library can be read. {first.uri}: {first.reason}"
        )
    return recording


def _is_whole(part: Path) -> bool:
    try:
        TrainingSounds(part)
    except TrainingError:
        return False
    return True


def _parts(planned: Sequence[Planned], longest_s: float) -> Iterator[list[Planned]]:
    """Cut the list into stretches of some minutes."""
    some: list[Planned] = []
    seconds = 0.0
    for one in planned:
        some.append(one)
        seconds += min(one.sound.duration_s, longest_s)
        if seconds >= _PART_S or len(some) >= _PART_SOUNDS:
            yield some
            some, seconds = [], 0.0
    if some:
        yield some


def _read_part(some: Sequence[Planned], part: Path, rate_hz: int, longest_s: float) -> None:
    def read(one: Planned) -> FloatArray | str:
        return _decode(one.sound, rate_hz, longest_s)

    left_out: list[LeftOut] = []
    pool = ThreadPoolExecutor(_WORKERS, "decoding")
    try:
        with TrainingSoundsWriter(part, rate_hz) as writer:
            for one, samples in zip(some, pool.map(read, some), strict=True):
                if isinstance(samples, str):
                    left_out.append(LeftOut(one.sound.uri, samples))
                    continue
                digest = hashlib.sha256(samples.tobytes()).hexdigest()
                writer.add(samples, name=one.sound.uri, group=one.sound.label, facts={_DIGEST: digest})
            _write_left_out(part, left_out)
    finally:
        pool.shutdown(cancel_futures=True)


def _decode(sound: LibrarySound, rate_hz: int, longest_s: float) -> FloatArray | str:
    """The samples of a sound, or why there are none."""
    try:
        item = item_of_uri(sound.uri)
        with open_item(item) as file:
            return decode_region(file, 0.0, longest_s, rate_hz, name=item.name)
    except (SoundalikeError, OSError) as error:
        return str(error)


def _join(parts: Sequence[Path], folder: Path, rate_hz: int, held: set[str]) -> None:
    """Copy all parts into one recording, each audio once."""
    opened = [TrainingSounds(part) for part in parts]
    listed = [sound for part in opened for sound in part.sounds]
    keeper: dict[str, str] = {}
    for sound in sorted(listed, key=lambda one: one.name not in held):  # those held out first
        keeper.setdefault(sound.facts[_DIGEST], sound.name)
    left_out = [LeftOut(**row) for part in parts for row in _read_left_out(part)]
    with TrainingSoundsWriter(folder, rate_hz) as writer:
        for part in opened:
            for row, sound in enumerate(part.sounds):
                if keeper[sound.facts[_DIGEST]] == sound.name:
                    writer.add(part.read(row), name=sound.name, group=sound.group, facts=sound.facts)
        _write_left_out(folder, left_out)


def _write_left_out(folder: Path, left_out: Sequence[LeftOut]) -> None:
    """Written before a recording is closed: what is whole has its list."""
    text = json.dumps([asdict(one) for one in left_out], indent=1)
    (folder / _LEFT_OUT).write_text(text + "\n", encoding="utf-8")


def _read_left_out(folder: Path) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = json.loads((folder / _LEFT_OUT).read_text(encoding="utf-8"))
    return rows
