"""A part's decoded sounds, kept between runs: a build that was stopped goes on with the next part."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Self

from scripts.corpus.cutting import RATE_HZ, Cut, cut_file, to_float
from scripts.corpus.fetch import fetch, files_of
from scripts.corpus.table import Part

from soundalike.core.arrays import FloatArray
from soundalike.training import TrainingSoundsWriter

_SUMMARY = "summary.json"
VERSION = 1


@dataclass
class Summary:
    """What became of a part's files.

    Attributes:
        settings: Hash of the part's entry, the seed and the version of this script: a shard of others is
            made again.
        files: Files that gave sound.
        hours: Hours of sound kept.
        hours_read: Hours of the files that were decoded.
        dropped: Number of files by why they were dropped.
        hashes: Hashes of the bytes and of the samples of every kept file, by its path.
    """

    settings: str
    files: int = 0
    hours: float = 0.0
    hours_read: float = 0.0
    dropped: dict[str, int] = field(default_factory=dict)
    hashes: dict[str, tuple[str, str]] = field(default_factory=dict)


def make_shard(part: Part, work: Path, seed: int, processes: int) -> Path:
    """Decode a part into a folder of sounds, unless there is one of the same settings.

    Args:
        part: Which.
        work: The folder for working files.
        seed: Decides which files are taken where the part is capped.
        processes: How many files are decoded at a time.

    Returns:
        The shard's folder.
    """
    shard = work / "shards" / part.name
    settings = settings_of(part, seed)
    if read_summary(shard, settings) is not None:
        return shard
    shutil.rmtree(shard, ignore_errors=True)
    folder = fetch(part, work)
    paths = files_of(folder, part)
    if part.max_hours:
        random.Random(f"{seed} {part.name}").shuffle(paths)
    cut = partial(cut_file, folder, max_file_s=part.max_file_s)
    with ShardWriter(shard, settings) as writer, get_context("fork").Pool(processes) as pool:
        for one in _with_progress(pool.imap(cut, paths, chunksize=4), part.name, len(paths)):
            writer.add_cut(one, part)
            if part.max_hours and writer.summary.hours >= part.max_hours:
                break
    summary = writer.summary
    print(f"{part.name}: {summary.files} files, {summary.hours:.2f} h", flush=True)
    return shard


class ShardWriter:
    """Writes a shard; without its summary, which comes last, it is incomplete.

    Args:
        shard: Its folder; made when it is absent.
        settings: See :class:`Summary`.

    Attributes:
        summary: What became of the files so far.
    """

    def __init__(self, shard: Path, settings: str) -> None:
        self.summary = Summary(settings)
        self._shard = shard
        self._sounds = TrainingSoundsWriter(shard, RATE_HZ)
        self._seen: set[str] = set()

    def add_cut(self, cut: Cut, part: Part) -> None:
        """Append what a file gave; a file whose bytes or samples came before is dropped."""
        hashes = {cut.bytes_hash, cut.samples_hash}
        reason = cut.dropped or ("twice" if hashes & self._seen else "")
        if reason:
            self.drop(reason)
            return
        self._seen |= hashes
        self.summary.files += 1
        self.summary.hours_read += cut.duration_s / 3600
        self.summary.hashes[cut.path] = (cut.bytes_hash, cut.samples_hash)
        facts = {
            "licence": part.licence_of(cut.path),
            "package": part.package,
            "kind": part.kind_of(cut.path),
            "file": cut.path,
        }
        for start_s, samples in cut.stretches:
            name = _name(part, cut.path) + (f"@{start_s:.1f}s" if len(cut.stretches) > 1 else "")
            self._write(to_float(samples), name, _group(part, cut.path), facts)

    def add_made(self, samples: FloatArray, *, name: str, group: str, facts: Mapping[str, str]) -> None:
        """Append a rendered or spoken sound; one without a sample is dropped as silent."""
        if len(samples) == 0:
            self.drop("silent")
            return
        self.summary.files += 1
        self.summary.hours_read += len(samples) / RATE_HZ / 3600
        self._write(samples, name, group, facts)

    def drop(self, reason: str) -> None:
        """Count a file that gives nothing."""
        self.summary.dropped[reason] = self.summary.dropped.get(reason, 0) + 1

    def _write(self, samples: FloatArray, name: str, group: str, facts: Mapping[str, str]) -> None:
        self.summary.hours += len(samples) / RATE_HZ / 3600
        self._sounds.add(samples, name=name, group=group, facts=facts)

    def __enter__(self) -> Self:
        self._sounds.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sounds.__exit__(kind, error, trace)
        if kind is None:
            text = json.dumps(asdict(self.summary), indent=1)
            (self._shard / _SUMMARY).write_text(text, encoding="utf-8")


def read_summary(shard: Path, settings: str | None = None) -> Summary | None:
    """What :class:`ShardWriter` said, or None where the shard is absent or of other settings."""
    try:
        row = json.loads((shard / _SUMMARY).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    summary = Summary(**row)
    return summary if settings in {None, summary.settings} else None


def settings_of(part: Part, seed: int) -> str:
    """Hash of all that decides what is in a shard."""
    text = json.dumps([VERSION, seed, asdict(part)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _name(part: Part, path: str) -> str:
    return f"{part.package}/{path.removeprefix('usr/share/')}"


def _group(part: Part, path: str) -> str:
    return f"{part.package}/{PurePosixPath(path).parent}" if part.grouped else part.package


def _with_progress(cuts: Iterable[Cut], name: str, count: int) -> Iterator[Cut]:
    started = last = time.monotonic()
    for done, cut in enumerate(cuts, start=1):
        yield cut
        now = time.monotonic()
        if now - last >= 5.0:
            last = now
            left_s = (now - started) / done * (count - done)
            print(f"  {name}: {done} of {count} files, {left_s:.0f} s left", flush=True)
