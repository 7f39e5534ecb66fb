"""Words and sentences written for the corpus, spoken by espeak-ng in many languages, voices and speeds."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from scripts.corpus.cutting import RATE_HZ
from scripts.corpus.instruments import without_tail
from scripts.corpus.shards import ShardWriter, read_summary

from soundalike.audio import decode
from soundalike.core.arrays import FloatArray

VERSION = 1
UTTERANCES = Path(__file__).with_name("utterances.toml")
VARIANTS = ("", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "f1", "f2", "f3", "f4", "f5", "croak", "whisper")
_PACKAGE = "espeak-ng"
_LICENCE = "CC0-1.0"  # the words are this project's own; a program's licence does not reach its output
_SENTENCE_SHARE = 0.45


@dataclass(frozen=True)
class Utterance:
    """One thing said.

    Attributes:
        text: What.
        language: Of the text, and of the voice.
        variant: Voice variant of espeak-ng, empty for the plain voice.
        pitch: 0 to 99.
        words_per_minute: Speed.
    """

    text: str
    language: str
    variant: str
    pitch: int
    words_per_minute: int


def make_speech_shard(work: Path, hours: float, seed: int, processes: int) -> Path:
    """Have utterances spoken into a shard, unless there is one of the same settings.

    Args:
        work: The folder for working files.
        hours: How much.
        seed: Decides texts, voices, pitches and speeds.
        processes: How many are spoken at a time.

    Returns:
        The shard's folder.

    Raises:
        FileNotFoundError: ``espeak-ng`` is not installed.
    """
    shard = work / "shards" / _PACKAGE
    texts = UTTERANCES.read_text(encoding="utf-8")
    settings = sha256(json.dumps([VERSION, seed, hours, texts]).encode()).hexdigest()
    if read_summary(shard, settings) is not None:
        return shard
    if shutil.which("espeak-ng") is None:
        raise FileNotFoundError("espeak-ng speaks the utterances: apt-get install espeak-ng.")
    shutil.rmtree(shard, ignore_errors=True)
    with ShardWriter(shard, settings) as writer, get_context("fork").Pool(processes) as pool:
        for number, (utterance, samples) in enumerate(pool.imap(_spoken, utterances(texts, seed), 8)):
            voice = f"{utterance.language}+{utterance.variant or 'plain'}"
            facts = {key: str(value) for key, value in asdict(utterance).items()}
            facts |= {"licence": _LICENCE, "package": _PACKAGE, "kind": "speech"}
            name = f"{_PACKAGE}/{voice}/{number:05d}"
            writer.add_made(samples, name=name, group=f"{_PACKAGE}/{utterance.language}", facts=facts)
            if writer.summary.hours >= hours:
                break
        pool.terminate()
    print(f"{_PACKAGE}: {writer.summary.files} utterances, {writer.summary.hours:.2f} h", flush=True)
    return shard


def utterances(texts: str, seed: int, count: int = 20_000) -> Iterator[Utterance]:
    """Choose what is said by whom.

    Args:
        texts: A TOML document: words and sentences by language.
        seed: Decides the choice.
        count: How many to choose.

    Yields:
        Utterances; languages are equally likely.
    """
    by_language = tomllib.loads(texts)
    languages = sorted(by_language)
    rng = np.random.default_rng(seed)
    for _ in range(count):
        language = languages[rng.integers(len(languages))]
        kind = "sentences" if rng.random() < _SENTENCE_SHARE else "words"
        choice = by_language[language][kind]
        yield Utterance(
            text=choice[rng.integers(len(choice))],
            language=language,
            variant=VARIANTS[rng.integers(len(VARIANTS))],
            pitch=int(rng.integers(5, 95)),
            words_per_minute=int(rng.integers(110, 260)),
        )


def _spoken(utterance: Utterance) -> tuple[Utterance, FloatArray]:
    voice = utterance.language + (f"+{utterance.variant}" if utterance.variant else "")
    command = ["espeak-ng", "--stdout", "-v", voice, "-p", str(utterance.pitch)]
    command += ["-s", str(utterance.words_per_minute), utterance.text]
    wav = subprocess.run(command, check=True, capture_output=True).stdout
    return utterance, without_tail(decode(io.BytesIO(wav), rate_hz=RATE_HZ, name="speech.wav").samples)
