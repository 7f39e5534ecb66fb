"""Words said by many voices: who says what, what the engines give, what is held out."""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from soundalike.training import TrainingSounds

sys.path.insert(0, str(Path(__file__).parents[2]))

from scripts.corpus import words
from scripts.corpus.assemble import open_shard, write_corpus
from scripts.corpus.cutting import RATE_HZ
from scripts.corpus.shards import ShardWriter, read_summary
from scripts.corpus.voices import Voice, english_voices, require_engines, say, voices_of
from scripts.corpus.words import (
    COMPUTED_VOICES,
    RECORDED_VOICES,
    english_utterances,
    english_words,
    make_words_shard,
    spoken_words,
    trimmed,
    words_abroad,
)

ENGINES = ("espeak-ng", "flite", "festival")


def installed(engine: str) -> Voice:
    """The first voice of an engine that is here."""
    for voice in english_voices(0):
        if voice.engine == engine:
            try:
                require_engines([voice])
            except FileNotFoundError as error:
                pytest.skip(str(error))
            return voice
    raise AssertionError(engine)


def test_words_are_written_once() -> None:
    counts = Counter(word.lower() for word in english_words())
    assert len(counts) >= 380
    assert [word for word, count in counts.items() if count > 1] == []
    assert "en" not in words_abroad()
    assert len(words_abroad()) >= 12


def test_a_voice_is_one_speaker_with_a_pitch_and_a_speed_of_its_own() -> None:
    everyone = english_voices(0) + [voice for language in words_abroad() for voice in voices_of(language, 0)]
    assert len({voice.title for voice in everyone}) == len(everyone)
    assert len(english_voices(0)) >= 24
    assert english_voices(0) == english_voices(0)
    assert english_voices(0) != english_voices(1)
    assert {voice.licence for voice in everyone if voice.recorded} == {"MIT-Festival"}
    for language in ("de", "fr"):
        assert len({voice.speaker for voice in voices_of(language, 0)}) == 12
    abroad = {voice.speaker for voice in voices_of("de", 0)}
    assert not abroad & {voice.speaker for voice in english_voices(0)}


def test_every_word_is_said_by_people_and_machines() -> None:
    spoken = spoken_words(["garden", "river", "seven"], {"de": ["Wasser"]}, 3)
    by_word: dict[str, list[Voice]] = {}
    for one in spoken:
        for text, factor in one.said:
            by_word.setdefault(text, []).append(one.voice)
            assert 0.88 <= factor <= 1.12
    for word in ("garden", "river", "seven"):
        assert len(set(by_word[word])) == len(by_word[word]) == RECORDED_VOICES + COMPUTED_VOICES
        assert sum(voice.recorded for voice in by_word[word]) == RECORDED_VOICES
    assert len(by_word["Wasser"]) == 12
    assert spoken != spoken_words(["garden", "river", "seven"], {"de": ["Wasser"]}, 4)


def test_packages_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None if name != "espeak-ng" else "/bin/true")
    message = "apt-get install festival festvox-kallpc16k festvox-kdlpc16k festvox-us-slt-hts flite"
    with pytest.raises(FileNotFoundError, match=message):
        require_engines(english_voices(0))


def test_a_voice_of_festival_that_is_missing_is_named() -> None:
    voice = replace(installed("festival"), name="nobody_diphone", package="festvox-nobody")
    with pytest.raises(FileNotFoundError, match=r"not installed: festvox-nobody \("):
        require_engines([voice])


@pytest.mark.parametrize("engine", ENGINES)
def test_engines_say_words_slower_and_faster(engine: str) -> None:
    slow, fast, other = say(installed(engine), [("garden", 0.8), ("garden", 1.2), ("river", 1.0)])
    for samples in (slow, fast, other):
        assert 0.2 * RATE_HZ < len(trimmed(samples)) < 2.0 * RATE_HZ
        assert 0.01 < float(np.abs(samples).max()) <= 1.0
    assert len(trimmed(slow)) > 1.1 * len(trimmed(fast))


def test_every_voice_of_festival_obeys_speed() -> None:
    installed("festival")
    for voice in english_voices(0):
        if voice.engine == "festival":
            try:
                require_engines([voice])
            except FileNotFoundError as error:
                pytest.skip(str(error))
            slow, fast = say(voice, [("garden", 0.8), ("garden", 1.2)])
            assert len(trimmed(slow)) > 1.1 * len(trimmed(fast)), voice


def test_silence_around_a_word_is_cut_off() -> None:
    word = np.zeros(2 * RATE_HZ, np.float32)
    word[RATE_HZ // 2 : RATE_HZ] = 0.5
    assert len(trimmed(word)) == RATE_HZ // 2 + 2 * round(0.04 * RATE_HZ)
    assert len(trimmed(np.zeros(RATE_HZ, np.float32))) == 0


def test_a_shard_of_words_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed: apt-get install espeak-ng")
    computed = [voice for voice in english_voices(0) if not voice.recorded]
    monkeypatch.setattr(words, "english_voices", lambda _seed: computed)
    monkeypatch.setattr(words, "english_words", lambda: ["garden", "river"])
    monkeypatch.setattr(words, "words_abroad", dict)
    shard = make_words_shard(tmp_path, 0, 1)
    sounds = TrainingSounds(shard).sounds
    assert len(sounds) == 2 * COMPUTED_VOICES
    assert all(sound.group == f"spoken-words/{sound.facts['voice']}" for sound in sounds)
    assert all(sound.facts["kind"] == "speech" and sound.facts["language"] == "en" for sound in sounds)
    first = read_summary(shard)
    assert first is not None
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    assert make_words_shard(tmp_path, 0, 1) == shard
    with pytest.raises(FileNotFoundError, match="espeak-ng"):
        make_words_shard(tmp_path, 1, 1)


def make_shard_of_tones(shard: Path, texts: list[str], everyone: list[Voice]) -> None:
    with ShardWriter(shard, "key") as writer:
        for voice in everyone:
            for text in texts:
                group = f"spoken-words/{voice.title}"
                facts = words._facts(voice, text)
                writer.add_made(
                    np.full(100, 0.1, np.float32), name=f"{group}/{text}", group=group, facts=facts
                )


def test_words_and_voices_that_are_held_out_are_not_trained_on(tmp_path: Path) -> None:
    texts = [*[f"word{n}" for n in range(20)], *sorted(english_utterances())[:5]]
    make_shard_of_tones(tmp_path / "spoken-words", texts, english_voices(0) + voices_of("de", 0))
    rows = write_corpus(
        [open_shard(tmp_path / "spoken-words", None, 5)], tmp_path / "train", tmp_path / "dev"
    )
    train = [one.facts for one in TrainingSounds(tmp_path / "train").sounds]
    dev = [one.facts for one in TrainingSounds(tmp_path / "dev").sounds]
    assert {facts["language"] for facts in dev} == {"en"}
    assert all(facts["task"] == "words" and facts["label"] == facts["text"] for facts in dev)
    new_words = {facts["text"] for facts in dev if "word" in facts["unheard"]}
    new_speakers = {facts["speaker"] for facts in dev if "voice" in facts["unheard"]}
    assert len(new_words) == 5
    assert not new_words & english_utterances()
    trained = [facts for facts in train if facts["language"] == "en"]
    assert not new_words & {facts["text"] for facts in trained}
    assert not new_speakers & {facts["speaker"] for facts in trained}
    by_engine = {facts["engine"] == "espeak-ng" for facts in dev if facts["speaker"] in new_speakers}
    assert by_engine == {True, False}
    assert len(new_speakers) == 6
    both = {facts["unheard"] for facts in dev}
    assert both == {"word", "voice", "word and voice"}
    assert rows[0]["sounds"] == {"train": len(train), "dev": len(dev)}
    assert len(train) + len(dev) == len(texts) * (len(english_voices(0)) + 12)
