"""What of the corpus is also in an evaluation set: by its bytes, its samples, or its spectral peaks."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

from scripts.corpus.evaluation import EvaluationClips
from scripts.corpus.fingerprints import agreement
from scripts.corpus.shards import Summary

from soundalike.core.arrays import FloatArray
from soundalike.training import TrainingSounds

VERSION = 2
# Measured, see docs/corpus.md: what copies made for the purpose reach at least, and chance at most.
MIN_VOTES = 3
MANY_VOTES = 8
MIN_AGREEMENT = {False: 0.85, True: 0.7}  # with few landmarks, and with at least MANY_VOTES
NEAR_AGREEMENT = 0.6


@dataclass(frozen=True)
class Match:
    """A sound of the corpus that is also in an evaluation set.

    Attributes:
        sound: Name of the sound.
        clip: Name of the clip.
        by: ``bytes``, ``samples``, ``fingerprint``, or ``near``: a near miss, which is kept.
        votes: Landmarks that agree.
        agreement: Correlation of the detail of their spectra.
        overlap_s: Over how much of them that was taken.
    """

    sound: str
    clip: str
    by: str
    votes: int = 0
    agreement: float = 1.0
    overlap_s: float = 0.0


def matches_of(
    shard: TrainingSounds, summary: Summary, clips: EvaluationClips, processes: int
) -> list[Match]:
    """Compare a shard with the evaluation sets.

    Args:
        shard: The shard's sounds.
        summary: What became of its files.
        clips: The evaluation sets.
        processes: How many sounds are compared at a time.

    Returns:
        Matches and near misses, in the order of the sounds.
    """
    work = (shard, summary, clips)
    with get_context("fork").Pool(processes, initializer=_begin, initargs=work) as pool:
        found = pool.map(_match, range(len(shard)), chunksize=16)
    return [match for match in found if match is not None]


def cached_matches(
    shard: Path, summary: Summary, clips: EvaluationClips, work: Path, processes: int
) -> list[Match]:
    """The same, kept between runs for as long as neither the shard nor the evaluation sets change."""
    key = hashlib.sha256(f"{VERSION} {summary.settings} {clips.sounds.folder.name}".encode()).hexdigest()
    kept = work / "matches" / f"{shard.name}.json"
    if kept.exists():
        document = json.loads(kept.read_text(encoding="utf-8"))
        if document["key"] == key:
            return [Match(**row) for row in document["matches"]]
    found = matches_of(TrainingSounds(shard), summary, clips, processes)
    kept.parent.mkdir(parents=True, exist_ok=True)
    document = {"key": key, "matches": [asdict(match) for match in found]}
    kept.write_text(json.dumps(document, indent=1), encoding="utf-8")
    return found


def match_samples(name: str, samples: FloatArray, clips: EvaluationClips) -> Match | None:
    """Compare one sound with the evaluation sets by its spectral peaks.

    Args:
        name: Name of the sound.
        samples: Mono at 32 kHz, shape ``(T,)``.
        clips: The evaluation sets.

    Returns:
        The match, a near miss, or None.
    """
    best: Match | None = None
    for clip, offset, votes in clips.aligned(samples):
        if votes < MIN_VOTES:
            break
        correlation, overlap_s = agreement(samples, clips.sounds.read(clip), offset)
        if correlation < NEAR_AGREEMENT:
            continue
        by = "fingerprint" if correlation >= MIN_AGREEMENT[votes >= MANY_VOTES] else "near"
        found = Match(
            name, clips.sounds.sounds[clip].name, by, votes, round(correlation, 3), round(overlap_s, 2)
        )
        if best is None or _rank(found) > _rank(best):
            best = found
    return best


def left_out(shard: TrainingSounds, matches: Sequence[Match]) -> dict[str, str]:
    """Sounds that are left out, and by what they were found: every stretch of a file of which one matched."""
    by_name = {match.sound: match.by for match in matches if match.by != "near"}
    files = {
        sound.facts["file"]: by_name[sound.name]
        for sound in shard.sounds
        if sound.name in by_name and "file" in sound.facts
    }
    found = {
        sound.name: by_name.get(sound.name) or files.get(sound.facts.get("file", ""), "")
        for sound in shard.sounds
    }
    return {name: f"evaluation: {by}" for name, by in found.items() if by}


def counts(matches: Sequence[Match]) -> dict[str, int]:
    """Number of matches by how they were found."""
    return dict(Counter(match.by for match in matches))


def _rank(match: Match) -> tuple[bool, float]:
    return match.by != "near", match.agreement


_work: list[
    tuple[TrainingSounds, Summary, EvaluationClips]
] = []  # of a process: too large to send with a task


def _begin(shard: TrainingSounds, summary: Summary, clips: EvaluationClips) -> None:
    _work[:] = [(shard, summary, clips)]


def _match(index: int) -> Match | None:
    shard, summary, clips = _work[0]
    sound = shard.sounds[index]
    hashes = summary.hashes.get(sound.facts.get("file", ""), ("", ""))
    for by, one in zip(("bytes", "samples"), hashes, strict=True):
        clip = clips.hashed(one) if one else None
        if clip is not None:
            return Match(sound.name, clips.sounds.sounds[clip].name, by)
    return match_samples(sound.name, shard.read(index), clips)
