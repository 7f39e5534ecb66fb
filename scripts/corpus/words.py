"""The same words said by many voices: what is the same word, and what the same voice, is known exactly."""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from scripts.corpus.cutting import RATE_HZ, SILENT_PEAK
from scripts.corpus.shards import ShardWriter, read_summary
from scripts.corpus.speech import UTTERANCES
from scripts.corpus.voices import Voice, english_voices, require_engines, say, voices_of

from soundalike.core.arrays import FloatArray

VERSION = 1
PACKAGE = "spoken-words"
WORDS = Path(__file__).with_name("words.toml")
RECORDED_VOICES = 5  # of a word's voices, so that every word is said by people, by machines, and by both
COMPUTED_VOICES = 10
_SPEED_RANGE = 0.12
_FLOOR = (
    5e-3  # of an utterance's peak: what is quieter before the first and behind the last louder sample goes
)
_MARGIN_S = 0.04
_WORDS_AT_A_TIME = 50


@dataclass(frozen=True)
class Spoken:
    """What a voice says.

    Attributes:
        voice: Who.
        said: Words, each with its speed beside the voice's own.
    """

    voice: Voice
    said: tuple[tuple[str, float], ...]


def english_words() -> list[str]:
    """The English words, in the order of their file."""
    return [word for words in tomllib.loads(WORDS.read_text(encoding="utf-8")).values() for word in words]


def english_utterances() -> set[str]:
    """The English words that the part ``espeak-ng`` says."""
    return set(tomllib.loads(UTTERANCES.read_text(encoding="utf-8"))["en"]["words"])


def words_abroad() -> dict[str, list[str]]:
    """The words of other languages, by language: those of the utterances."""
    languages = tomllib.loads(UTTERANCES.read_text(encoding="utf-8"))
    return {name: list(row["words"]) for name, row in languages.items() if name != "en"}


def make_words_shard(work: Path, seed: int, processes: int) -> Path:
    """Have words spoken into a shard, unless there is one of the same settings.

    Args:
        work: The folder for working files.
        seed: Decides who says what, at which pitch and speed.
        processes: How many voices speak at a time.

    Returns:
        The shard's folder; its sounds have the facts ``text``, ``language``, ``voice`` and ``speaker``, and
        their group is the voice.

    Raises:
        FileNotFoundError: An engine or a voice is not installed.
    """
    shard = work / "shards" / PACKAGE
    spoken = spoken_words(english_words(), words_abroad(), seed)
    listing = json.dumps([VERSION, [asdict(one) for one in spoken]])
    settings = sha256(listing.encode()).hexdigest()
    if read_summary(shard, settings) is not None:
        return shard
    require_engines([one.voice for one in spoken])
    shutil.rmtree(shard, ignore_errors=True)
    with ShardWriter(shard, settings) as writer, get_context("fork").Pool(processes) as pool:
        for one, sounds in zip(spoken, pool.imap(_heard, spoken), strict=True):
            group = f"{PACKAGE}/{one.voice.title}"
            for (text, _), samples in zip(one.said, sounds, strict=True):
                facts = _facts(one.voice, text)
                writer.add_made(samples, name=f"{group}/{text}", group=group, facts=facts)
    print(f"{PACKAGE}: {writer.summary.files} utterances, {writer.summary.hours:.2f} h", flush=True)
    return shard


def spoken_words(english: Sequence[str], abroad: dict[str, list[str]], seed: int) -> list[Spoken]:
    """Choose who says what.

    Args:
        english: English words.
        abroad: Words of other languages, by language; all voices of a language say all of them.
        seed: Decides the choice.

    Returns:
        Up to 50 words at a time, by voice.
    """
    rng = np.random.default_rng(seed)
    voices = english_voices(seed)
    words: dict[Voice, list[str]] = {voice: [] for voice in voices}
    recorded = [voice for voice in voices if voice.recorded]
    computed = [voice for voice in voices if not voice.recorded]
    for word in english:
        for some, count in ((recorded, RECORDED_VOICES), (computed, COMPUTED_VOICES)):
            for index in sorted(rng.permutation(len(some))[:count].tolist()):
                words[some[index]].append(word)
    for language in sorted(abroad):
        words |= dict.fromkeys(voices_of(language, seed), abroad[language])
    return [
        Spoken(voice, tuple((word, round(1 + float(rng.uniform(-1, 1)) * _SPEED_RANGE, 3)) for word in some))
        for voice, own in words.items()
        for some in (own[at : at + _WORDS_AT_A_TIME] for at in range(0, len(own), _WORDS_AT_A_TIME))
    ]


def trimmed(samples: FloatArray) -> FloatArray:
    """Cut off the silence around a word, down to 40 ms: engines differ in it, and it tells them apart.

    Args:
        samples: Shape ``(T,)``.

    Returns:
        What is left; empty where nothing is heard.
    """
    level = np.abs(samples)
    peak = float(level.max(initial=0.0))
    if peak < SILENT_PEAK:
        return samples[:0]
    loud = np.flatnonzero(level > _FLOOR * peak)
    margin = round(_MARGIN_S * RATE_HZ)
    return samples[max(0, int(loud[0]) - margin) : int(loud[-1]) + 1 + margin]


def _heard(one: Spoken) -> list[FloatArray]:
    return [trimmed(samples) for samples in say(one.voice, one.said)]


def _facts(voice: Voice, text: str) -> dict[str, str]:
    return {
        "licence": voice.licence,
        "package": PACKAGE,
        "kind": "speech",
        "text": text,
        "language": voice.language,
        "voice": voice.title,
        "speaker": voice.speaker,
        "engine": voice.engine,
    }
