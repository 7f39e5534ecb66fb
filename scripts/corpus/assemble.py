"""Shards to the corpus: a folder of sounds to train on, and one of labelled sounds held out of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from scripts.corpus import held_out
from scripts.corpus.cutting import RATE_HZ
from scripts.corpus.report import Row
from scripts.corpus.shards import Summary, read_summary
from scripts.corpus.table import Part
from scripts.corpus.words import PACKAGE as SPOKEN_WORDS
from scripts.corpus.words import english_utterances

from soundalike.training import TrainingSound, TrainingSounds, TrainingSoundsWriter

_TUXPAINT_ROOT = "usr/share/tuxpaint/stamps"
_Facts = dict[str, dict[str, str]]
"""Facts that sounds of the development set get beside their own, by sound name."""


@dataclass(frozen=True)
class Shard:
    """Sounds of one part, and what is to become of them.

    Attributes:
        name: The part's name.
        sounds: The decoded sounds.
        summary: What became of its files.
        held_out: For the sounds that go to the development set, by sound name, their facts ``label`` and
            ``task``, and more by task.
        left_out: Names of sounds that go nowhere, and why, as a word.
    """

    name: str
    sounds: TrainingSounds
    summary: Summary
    held_out: Mapping[str, Mapping[str, str]]
    left_out: dict[str, str] = field(default_factory=dict)


def open_shard(folder: Path, part: Part | None, seed: int) -> Shard:
    """Open a shard and choose what of it is held out.

    Args:
        folder: Where it lies.
        part: Its part; None for rendered or spoken sounds.
        seed: Decides which drum kits, words and voices are held out.

    Returns:
        The shard.
    """
    sounds = TrainingSounds(folder)
    summary = read_summary(folder)
    assert summary is not None, folder
    facts, left_out = _held_out(sounds.sounds, part, seed)
    return Shard(folder.name, sounds, summary, facts, left_out)


def _held_out(sounds: Sequence[TrainingSound], part: Part | None, seed: int) -> tuple[_Facts, dict[str, str]]:
    if part is None:
        if any(sound.facts["package"] == SPOKEN_WORDS for sound in sounds):
            return _held_out_words(sounds, seed), {}
        return _held_out_programmes(sounds), {}  # of rendered notes; spoken utterances have none
    if part.held_out == "variants":
        return _labelled("variants", held_out.labels_of_variants(sounds)), {}
    if part.held_out == "folders":
        labels = held_out.labels_of_folders(sounds, _TUXPAINT_ROOT)
        left_out = {sound.name: "held out" for sound in sounds if sound.name not in labels}
        return _labelled("stamps", labels), left_out
    if part.held_out == "drums":
        return _held_out_drums(sounds, seed)
    return {}, {}


def _labelled(task: str, labels: Mapping[str, str]) -> _Facts:
    return {name: {"label": label, "task": task} for name, label in labels.items()}


def _held_out_programmes(sounds: Sequence[TrainingSound]) -> _Facts:
    labels = {
        sound.name: held_out.label_of_programme(int(sound.group.rsplit(" ", 1)[1]))
        for sound in sounds
        if sound.facts["kind"] == "instrument"
    }
    return _labelled("programmes", {name: label for name, label in labels.items() if label})


def _held_out_drums(sounds: Sequence[TrainingSound], seed: int) -> tuple[_Facts, dict[str, str]]:
    kits: dict[str, list[str]] = defaultdict(list)
    for sound in sounds:
        kits[_kit(sound)].append(PurePosixPath(sound.facts["file"]).name)
    chosen = held_out.held_out_kits(kits, seed)
    drums = {sound.name: held_out.drum_of(sound.facts["file"]) for sound in sounds if _kit(sound) in chosen}
    sizes = Counter(drums.values())
    labels = {name: drum for name, drum in drums.items() if drum and sizes[drum] >= held_out.LEAST_OF_A_LABEL}
    facts = _labelled("drums", labels)
    for sound in sounds:
        if sound.name in facts:
            facts[sound.name]["kit"] = _kit(sound)
    return facts, {name: "held out" for name in drums if name not in labels}


def _held_out_words(sounds: Sequence[TrainingSound], seed: int) -> _Facts:
    words = held_out.held_out_words(sounds, english_utterances(), seed)
    speakers = held_out.held_out_speakers(sounds, seed)
    facts = {}
    for sound in sounds:
        text = sound.facts["text"]
        if sound.facts["language"] != "en":
            continue
        new = [
            kind
            for kind, of, some in (("word", text, words), ("voice", sound.facts["speaker"], speakers))
            if of in some
        ]
        if new:
            facts[sound.name] = {"label": text, "task": "words", "unheard": " and ".join(new)}
    return facts


def _kit(sound: TrainingSound) -> str:
    return PurePosixPath(sound.facts["file"]).parent.name


def write_corpus(shards: Sequence[Shard], train: Path, dev: Path) -> list[Row]:
    """Write both folders; a file that an earlier part held, bit for bit once decoded, is dropped.

    Args:
        shards: In the order that their sounds are written.
        train: The folder of sounds to train on.
        dev: The folder of held-out sounds, with the facts ``label`` and ``task``, ``kit`` for drums, and
            ``unheard`` for words: what of them is not trained on.

    Returns:
        What every shard gave.
    """
    seen: set[str] = set()
    rows = []
    with TrainingSoundsWriter(train, RATE_HZ) as to_train, TrainingSoundsWriter(dev, RATE_HZ) as to_dev:
        for shard in shards:
            rows.append(_write_shard(shard, to_train, to_dev, seen))
            seen |= {samples_hash for _, samples_hash in shard.summary.hashes.values()}
    return rows


def _write_shard(
    shard: Shard, train: TrainingSoundsWriter, dev: TrainingSoundsWriter, seen: AbstractSet[str]
) -> Row:
    summary = shard.summary
    row = Row(
        part=shard.name,
        files=summary.files,
        hours_read=round(summary.hours_read, 4),
        sounds={"train": 0, "dev": 0},
        hours={"train": {}, "dev": {}},
        licences=[],
        dropped=dict(summary.dropped),
    )
    licences: set[str] = set()
    for index, sound in enumerate(shard.sounds.sounds):
        twice = summary.hashes.get(sound.facts.get("file", ""), ("", ""))[1] in seen
        reason = shard.left_out.get(sound.name, "twice" if twice else "")
        if reason:
            row["dropped"][reason] = row["dropped"].get(reason, 0) + 1
            continue
        more = shard.held_out.get(sound.name, {})
        facts = {**sound.facts, **more}
        writer, side = (dev, "dev") if more else (train, "train")
        writer.add(shard.sounds.read(index), name=sound.name, group=sound.group, facts=facts)
        by_kind = row["hours"][side]
        kind = sound.facts["kind"]
        by_kind[kind] = by_kind.get(kind, 0.0) + sound.length / RATE_HZ / 3600
        row["sounds"][side] += 1
        licences.add(sound.facts["licence"])
    row["licences"] = sorted(licences)
    return row
