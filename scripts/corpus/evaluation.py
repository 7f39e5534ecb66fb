"""The evaluation sets' own sounds, as what the corpus is compared with."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scripts.corpus.cutting import RATE_HZ, hash_of_samples
from scripts.corpus.fingerprints import HOP, landmarks
from scripts.corpus.table import AUDIO_EXTENSIONS

from soundalike.audio import decode
from soundalike.core.arrays import FloatArray
from soundalike.core.errors import SoundalikeError, TrainingError
from soundalike.training import TrainingSounds, TrainingSoundsWriter

VERSION = 1
PHASES = 2  # a clip is fingerprinted from this many starts within a hop: a cut may begin anywhere
_Integers = NDArray[np.int64]
_MAX_POSTINGS = 400  # a pair that more often occurs says nothing


class EvaluationClips:
    """Clips of evaluation sets, their hashes, and an index of their landmarks.

    Args:
        sounds: The clips, each with the facts ``bytes_hash`` and ``samples_hash``.
        processes: How many clips are fingerprinted at a time.

    Attributes:
        sounds: The clips.
        pairs: Number of landmarks of each clip, shape ``(N,)``, int64.
    """

    def __init__(self, sounds: TrainingSounds, processes: int = 1) -> None:
        self.sounds = sounds
        self._by_hash: dict[str, int] = {}
        for index, sound in enumerate(sounds.sounds):
            self._by_hash[sound.facts["bytes_hash"]] = index
            self._by_hash[sound.facts["samples_hash"]] = index
        keys, clips, frames = _landmarks_of_all(sounds, processes)
        self.pairs = np.bincount(clips, minlength=len(sounds)) // PHASES
        often = np.flatnonzero(np.bincount(keys, minlength=1) > _MAX_POSTINGS)
        order = np.argsort(keys, kind="stable")
        order = order[~np.isin(keys[order], often)]
        self._keys, self._clips, self._frames = keys[order], clips[order], frames[order]

    def hashed(self, *hashes: str) -> int | None:
        """Index of the clip that has one of these hashes, of bytes or of samples; None where none has."""
        return next((self._by_hash[one] for one in hashes if one in self._by_hash), None)

    def aligned(self, samples: FloatArray, count: int = 3) -> list[tuple[int, int, int]]:
        """Clips that share landmarks with a sound at one alignment.

        Args:
            samples: Mono at 32 kHz, shape ``(T,)``.
            count: How many clips to give.

        Returns:
            Clip, frame of the sound at which the clip would begin, and number of landmarks that agree; most
            first.
        """
        own = landmarks(samples)
        left = np.searchsorted(self._keys, own.keys, "left")
        lengths = np.searchsorted(self._keys, own.keys, "right") - left
        total = int(lengths.sum())
        if total == 0:
            return []
        rows = np.repeat(left - np.cumsum(lengths) + lengths, lengths) + np.arange(total)
        offsets = np.repeat(own.frames, lengths) - self._frames[rows]
        low = int(offsets.min())
        width = int(offsets.max()) - low + 2
        codes, votes = np.unique(self._clips[rows] * width + (offsets - low), return_counts=True)
        beside = np.zeros_like(votes)  # one frame later counts too: peaks fall into either of two frames
        follows = np.flatnonzero(codes[1:] == codes[:-1] + 1)
        beside[follows] = votes[follows + 1]
        scores = votes + beside
        best: list[tuple[int, int, int]] = []
        taken: set[int] = set()
        for at in np.argsort(-scores, kind="stable")[: 20 * count].tolist():
            clip, offset = divmod(int(codes[at]), width)
            if clip not in taken:
                taken.add(clip)
                best.append((clip, offset + low, int(scores[at])))
            if len(best) == count:
                break
        return best


def read_evaluation_sets(folders: Sequence[Path], work: Path, processes: int) -> TrainingSounds:
    """Decode evaluation sets into a folder, unless they are there already.

    Args:
        folders: Folders of audio files, searched with their subfolders.
        work: The folder for working files.
        processes: How many files are decoded at a time.

    Returns:
        Their sounds; files that cannot be decoded are left out.

    Raises:
        TrainingError: A folder holds no file that can be decoded: nothing would be compared with it.
    """
    files = sorted(
        file for folder in folders for file in folder.rglob("*") if file.suffix.lower() in AUDIO_EXTENSIONS
    )
    listing = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    key = sha256(json.dumps([VERSION, listing]).encode()).hexdigest()[:16]
    target = work / "evaluation" / key
    if not (target / "sounds.json").exists():
        shutil.rmtree(target.parent, ignore_errors=True)
        with TrainingSoundsWriter(target, RATE_HZ) as writer, get_context("fork").Pool(processes) as pool:
            for file, decoded in zip(files, pool.imap(_decoded, files, chunksize=16), strict=True):
                if decoded is not None:
                    bytes_hash, samples = decoded
                    facts = {"bytes_hash": bytes_hash, "samples_hash": hash_of_samples(samples)}
                    writer.add(samples, name=str(file), group=file.parent.name, facts=facts)
    sounds = TrainingSounds(target)
    read = [Path(sound.name) for sound in sounds.sounds]
    for folder in folders:
        if not any(file.is_relative_to(folder) for file in read):
            raise TrainingError(f"{folder} holds no audio that can be decoded: nothing to compare with.")
    return sounds


def _decoded(file: Path) -> tuple[str, FloatArray] | None:
    try:
        samples = decode(file, rate_hz=RATE_HZ).samples
    except SoundalikeError:
        return None
    return (hashlib.sha256(file.read_bytes()).hexdigest(), samples) if len(samples) else None


def _landmarks_of_all(sounds: TrainingSounds, processes: int) -> tuple[_Integers, _Integers, _Integers]:
    """Keys, clips and frames of the landmarks of all clips; kept beside the clips."""
    kept = sounds.folder / f"landmarks-{VERSION}-{PHASES}.npz"
    if not kept.exists():
        with get_context("fork").Pool(processes, initializer=_begin, initargs=(sounds,)) as pool:
            found = pool.map(_clip_landmarks, range(len(sounds)), chunksize=64)
        nothing = np.empty(0, np.int64)
        part = kept.with_suffix(".part.npz")
        np.savez(
            part,
            keys=np.concatenate([nothing, *(keys for keys, _ in found)]),
            clips=np.repeat(np.arange(len(found)), [len(keys) for keys, _ in found]),
            frames=np.concatenate([nothing, *(frames for _, frames in found)]),
        )
        part.replace(kept)
    with np.load(kept, allow_pickle=False) as arrays:
        return arrays["keys"], arrays["clips"], arrays["frames"]


_sounds: list[TrainingSounds] = []  # of a process: too large to send with a task


def _begin(sounds: TrainingSounds) -> None:
    _sounds[:] = [sounds]


def _clip_landmarks(index: int) -> tuple[_Integers, _Integers]:
    samples = _sounds[0].read(index)
    found = [landmarks(samples[phase * HOP // PHASES :]) for phase in range(PHASES)]
    return np.concatenate([one.keys for one in found]), np.concatenate([one.frames for one in found])
