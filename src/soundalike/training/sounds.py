"""The sounds that a training reads: one memory-mapped recording of them all, and where each lies in it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from soundalike.core.arrays import FloatArray, check_audio
from soundalike.core.errors import TrainingError

FORMAT_VERSION = 1
_SAMPLES = "samples.i16"
_LIST = "sounds.json"
_FULL_SCALE = 32767.0


@dataclass(frozen=True, slots=True)
class TrainingSound:
    """Where one sound lies in the recording of all.

    Attributes:
        name: What it is called: unique, such as a path or ``package/path``.
        group: What is kept together when sounds are held out: a folder, a package, a variant family.
        start: Index of its first sample.
        length: Number of samples.
        facts: Named texts about it, such as its licence.
    """

    name: str
    group: str
    start: int
    length: int
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def file_code(self) -> int:
        """Number of the file that it is of, from 0: stretches of one file share it, other sounds do not.

        A stretch tells its file by the facts ``package`` and ``file``; what has none is a file of its own.
        """
        file = self.facts.get("file")
        of = f"{self.facts.get('package', '')}\n{file}" if file else f"\n{self.name}"
        return int.from_bytes(hashlib.blake2b(of.encode(), digest_size=8).digest(), "big") >> 1


class TrainingSounds:
    """Mono sounds at one rate, read without decoding anything again.

    Args:
        folder: Where :class:`TrainingSoundsWriter` wrote them.

    Raises:
        TrainingError: The folder holds no such sounds, or they are damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            document = json.loads((folder / _LIST).read_text(encoding="utf-8"))
            version = document["version"]
            self.rate_hz = int(document["rate_hz"])
            self.sounds: tuple[TrainingSound, ...] = tuple(TrainingSound(**row) for row in document["sounds"])
            self._digest = str(document["samples_sha256"])
            size = (folder / _SAMPLES).stat().st_size
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise TrainingError(
                f"{folder} holds no sounds to train on: expected {_LIST} and {_SAMPLES}; {error}."
            ) from error
        if version != FORMAT_VERSION:
            raise TrainingError(f"{folder} is of format {version}; this version reads {FORMAT_VERSION}.")
        end = max((sound.start + sound.length for sound in self.sounds), default=0)
        if size < 2 * end or any(sound.start < 0 or sound.length < 1 for sound in self.sounds):
            raise TrainingError(f"{folder / _SAMPLES} should hold {end} samples; it holds {size // 2}.")
        self._samples: NDArray[np.int16] = (
            np.memmap(folder / _SAMPLES, np.int16, mode="r") if size else np.zeros(0, np.int16)
        )

    def __len__(self) -> int:
        return len(self.sounds)

    @property
    def digest(self) -> str:
        """SHA-256 of the samples, as written: what a fingerprint of a training takes in."""
        return self._digest

    @property
    def hours(self) -> float:
        """Length of all sounds together."""
        return sum(sound.length for sound in self.sounds) / self.rate_hz / 3600.0

    def hold_in_memory(self) -> None:
        """Read all samples once, for many reads at random places: 2 bytes a sample."""
        self._samples = np.array(self._samples)

    def samples(self) -> NDArray[np.int16]:
        """All samples, one sound after the other, as they are kept; not to be written to."""
        return self._samples

    def read(self, index: int, start: int = 0, length: int | None = None) -> FloatArray:
        """Read a stretch of one sound.

        Args:
            index: Which sound.
            start: First sample, counted from the sound's beginning.
            length: How many samples; to the sound's end by default. Beyond the end there is none.

        Returns:
            Shape ``(T,)``, float32, full scale at 1.0.
        """
        sound = self.sounds[index]
        stop = sound.length if length is None else min(sound.length, start + length)
        stretch = self._samples[sound.start + start : sound.start + max(start, stop)]
        return np.asarray(stretch, dtype=np.float32) / np.float32(_FULL_SCALE)

    def read_stretches(
        self, indices: NDArray[np.integer], starts: NDArray[np.integer], length: int
    ) -> FloatArray:
        """Read stretches of equal length, zeros behind the ends of sounds.

        Args:
            indices: Which sound each is of, shape ``(B,)``.
            starts: First sample of each, counted from its sound's beginning, shape ``(B,)``.
            length: Samples T of each.

        Returns:
            Shape ``(B, T)``, float32.
        """
        out = np.zeros((len(indices), length), np.float32)
        for row, (index, start) in enumerate(zip(indices.tolist(), starts.tolist(), strict=True)):
            stretch = self.read(index, start, length)
            out[row, : len(stretch)] = stretch
        return out


class TrainingSoundsWriter:
    """Writes the folder that :class:`TrainingSounds` reads; before :meth:`close` there is nothing to read.

    Args:
        folder: Where; made when it is absent.
        rate_hz: Rate of all sounds.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> with TrainingSoundsWriter(folder, 16000) as writer:
        ...     writer.add(np.zeros(8000, np.float32), name="a.wav", group="drums")
        >>> len(TrainingSounds(folder)), TrainingSounds(folder).read(0, 4000).shape
        (1, (4000,))
    """

    def __init__(self, folder: Path, rate_hz: int) -> None:
        self.folder = folder
        self.rate_hz = rate_hz
        self._sounds: list[TrainingSound] = []
        self._end = 0
        self._hash = hashlib.sha256()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _LIST).unlink(missing_ok=True)
        self._file = (folder / _SAMPLES).open("wb")

    def add(
        self,
        samples: NDArray[np.floating[Any]],
        *,
        name: str,
        group: str,
        facts: Mapping[str, str] | None = None,
    ) -> None:
        """Append one sound.

        Args:
            samples: Mono, shape ``(T,)``, floating point, finite; beyond full scale it is clipped.
            name: See :class:`TrainingSound`.
            group: See :class:`TrainingSound`.
            facts: See :class:`TrainingSound`.
        """
        audio = check_audio(samples, what="a sound to train on")
        if audio.ndim != 1 or len(audio) == 0:
            raise TrainingError(f"Expected mono samples (T,) of {name}; got shape {audio.shape}.")
        scaled = np.rint(np.clip(audio, -1.0, 1.0) * np.float32(_FULL_SCALE)).astype("<i2")
        content = scaled.tobytes()
        self._file.write(content)
        self._hash.update(content)
        self._sounds.append(TrainingSound(name, group, self._end, len(scaled), dict(facts or {})))
        self._end += len(scaled)

    def close(self) -> None:
        """Finish: write the list of sounds."""
        if self._file.closed:
            return
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        document = {
            "version": FORMAT_VERSION,
            "rate_hz": self.rate_hz,
            "samples_sha256": self._hash.hexdigest(),
            "sounds": [asdict(sound) for sound in self._sounds],
        }
        part = self.folder / (_LIST + ".part")
        part.write_text(json.dumps(document), encoding="utf-8")
        part.replace(self.folder / _LIST)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._file.close()
