"""Scoring on the development set: which sounds belong to which task, copies that are found, targets."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from soundalike.core.arrays import FloatArray
from soundalike.encoders import load_encoder
from soundalike.features.front_end import LogMelFrontEnd
from soundalike.studies.tasks.copies import KINDS
from soundalike.training import TrainingSound, TrainingSoundsWriter
from soundalike.training.own_statistics import STATISTICS
from soundalike.training.targets import TargetConfig
from soundalike.training.teacher import TeacherSpec

sys.path.insert(0, str(Path(__file__).parents[2]))

from scripts.development_set import Question, development_set, hear, questions_of, score
from scripts.score_development import SaidByTeacher, as_targets, main

from scripts import score_development

RATE_HZ = 32000
FRONT_END = LogMelFrontEnd(frame_samples=1024, hop_samples=500, bands=64, low_hz=30.0, high_hz=15000.0)


def tone(hz: float, seconds: float = 0.4) -> FloatArray:
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return (0.3 * np.sin(2 * np.pi * hz * time_s) * np.exp(-4 * time_s)).astype(np.float32)


def noise(seed: int, seconds: float = 0.4) -> FloatArray:
    return (0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE_HZ))).astype(np.float32)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tones and noises as two instruments of three notes; as many words in two voices; others beside."""
    folder = tmp_path_factory.mktemp("corpus")
    with TrainingSoundsWriter(folder / "dev", RATE_HZ) as dev:
        for note, hz in enumerate((300.0, 400.0, 500.0)):
            for label, samples in (("flute", tone(hz)), ("wind", noise(note))):
                facts = {"kind": "instrument", "package": "font", "label": label, "note": str(note)}
                dev.add(samples, name=f"{label} {note}", group="font", facts=facts)
        for text, hz in (("yes", 900.0), ("no", 2500.0)):
            for voice, up in (("low", 1.0), ("high", 1.3)):
                facts = {"kind": "speech", "package": "spoken", "text": text, "voice": voice}
                dev.add(tone(hz * up), name=f"{text} {voice}", group="spoken", facts=facts)
    with TrainingSoundsWriter(folder / "train", RATE_HZ) as train:
        for number in range(5):
            train.add(noise(50 + number, 1.0) * tone(150.0 * number, 1.0), name=f"{number}", group="a")
    return folder


def sound(**facts: str) -> TrainingSound:
    return TrainingSound("name", "group", 0, 1, facts)


def test_facts_say_which_task_a_sound_is_for() -> None:
    sounds = [
        *(sound(package="megaglest-data", kind="effect", label=label) for label in "aabb"),
        *(
            sound(package="hydrogen-drumkits", kind="drum", label=label, kit=kit)
            for label in "ab"
            for kit in "xy"
        ),
        *(sound(package="other", kind="drum", task="stamps", label=label) for label in "aabb"),
        *(sound(package="font", kind="instrument", label="organ", note="60") for _ in range(3)),
    ]
    found = {question.name: question for question in questions_of(sounds)}
    assert {name: question.rows.tolist() for name, question in found.items()} == {
        "variants": [0, 1, 2, 3],
        "drums": [4, 5, 6, 7],
        "stamps": [8, 9, 10, 11],
    }  # a single instrument has no other to be told apart from
    assert found["variants"].exclude is None
    assert exclusions(found["drums"]) == ["x", "y", "x", "y"]


def test_words_leave_out_the_voice_and_voices_the_word(corpus: Path) -> None:
    words, voices = development_set(corpus, originals=1, searched=1).questions[1:]
    assert (words.name, voices.name) == ("words", "voices")
    assert words.labels.tolist() == exclusions(voices) == ["yes", "yes", "no", "no"]
    assert voices.labels.tolist() == exclusions(words) == ["low", "high", "low", "high"]


def test_a_speaker_may_have_several_voices_and_parts_are_told_apart() -> None:
    spoken = [("yes", "a1", "a"), ("yes", "a2", "a"), ("no", "a1", "a"), ("yes", "b", "b"), ("no", "b", "b")]
    words, voices = questions_of(
        [sound(text=text, voice=voice, speaker=who, unheard="word") for text, voice, who in spoken]
    )
    assert exclusions(words) == voices.labels.tolist() == ["a", "a", "a", "b", "b"]
    assert set(words.parts) == {"word"}


def exclusions(question: Question) -> list[str]:
    assert question.exclude is not None
    return [str(key) for key in question.exclude]


def test_an_encoder_is_scored_by_labels_and_by_copies(corpus: Path) -> None:
    sounds = development_set(corpus, originals=6, searched=4)
    assert len(sounds.gallery) == 14
    assert len(sounds.copies) == 6 * len(KINDS)
    heard = hear(load_encoder("spectral"), sounds)
    scores = score("spectral", sounds, heard)
    assert scores.tasks["programmes"].map > 0.9
    assert scores.tasks["programmes"].queries == 6
    assert 0.0 < scores.tasks["programmes"].chance < 0.8
    assert scores.copies["+12 dB"] == scores.copies["MP3 64 kbit/s"] == 1.0
    turned = heard[0].copy()
    turned[14:] = turned[14:][::-1]  # copies of other sounds, and of other kinds
    assert score("turned", sounds, (turned, heard[1])).copies_mean < 0.5


def test_the_same_in_processes_and_from_what_was_kept(corpus: Path, tmp_path: Path) -> None:
    encoder = load_encoder("spectral")
    at_once = hear(encoder, development_set(corpus, originals=4, searched=4))
    sounds = development_set(corpus, originals=4, searched=4, work=tmp_path, processes=2)
    in_processes = hear(encoder, sounds, work=tmp_path, processes=2)
    again = hear(encoder, development_set(corpus, originals=4, searched=4, work=tmp_path), work=tmp_path)
    for heard in (in_processes, again):
        np.testing.assert_array_equal(heard[0], at_once[0])
        np.testing.assert_array_equal(heard[1], at_once[1])
    assert development_set(corpus, originals=4, searched=4, seed=1).digest != sounds.digest


class LoudnessTeacher:
    """Says two things of a clip, which change with its loudness and its length."""

    def __init__(self) -> None:
        self.spec = TeacherSpec("loudness-1-abc", RATE_HZ, (1, 1), 1)

    def describe(self, clip: FloatArray) -> tuple[FloatArray, FloatArray]:
        said = np.array([np.abs(clip).max(), len(clip) / RATE_HZ], np.float32)
        return said, np.zeros(1, np.float32)


def test_targets_are_of_clips_made_equally_loud_as_long_as_they_are() -> None:
    listener = SaidByTeacher(LoudnessTeacher(), FRONT_END)
    samples = np.zeros((1, listener.spec.window_samples), np.float32)
    samples[0, : RATE_HZ // 2] = tone(440.0, 0.5)
    said = listener.encode(samples, np.array([RATE_HZ // 2]))
    assert said.shape == (1, 2 + STATISTICS)
    np.testing.assert_allclose(said[0, :2], [0.7, 0.5], rtol=1e-5)
    softer = listener.encode(samples * np.float32(0.25), np.array([RATE_HZ // 2]))
    np.testing.assert_allclose(softer, said, atol=1e-4)
    repeated = SaidByTeacher(LoudnessTeacher(), FRONT_END, repeat_to_s=2.0)
    assert repeated.spec.fingerprint != listener.spec.fingerprint
    long = repeated.encode(samples, np.array([RATE_HZ // 2]))
    np.testing.assert_allclose(long[0, :2], [0.7, 2.0], rtol=1e-5)
    np.testing.assert_array_equal(long[:, 2:], said[:, 2:])


def test_own_statistics_count_in_targets_by_their_weight() -> None:
    rng = np.random.default_rng(0)
    clips = rng.standard_normal((50, 4 + 3)).astype(np.float32)
    silent = np.arange(50) == 7
    plain, _ = as_targets(clips, (clips, silent), (2, 2), TargetConfig(dims=4))
    beside, _ = as_targets(clips, (clips, silent), (2, 2), TargetConfig(dims=4, own_weight=1.0))
    assert (plain.shape, beside.shape) == ((50, 4), (50, 7))
    assert not plain[7].any()
    shares = np.linalg.norm(beside[~silent][:, 4:], axis=1)
    np.testing.assert_allclose(shares, np.sqrt(0.5), rtol=1e-5)


def test_the_command_prints_a_table_and_writes_its_figures(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = tmp_path / "scores.json"
    arguments = ["spectral", "--baselines", "--corpus", str(corpus), "--json", str(figures)]
    assert main([*arguments, "--originals", "3", "--searched", "5", "--processes", "1"]) == 0
    rows = [line.split("|") for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert [row[1].strip() for row in rows] == [
        "", "log-mel-mean", "mfcc-statistics", "spectral", "spectral", "chance",
    ]  # fmt: skip
    assert [cell.strip() for cell in rows[0][2:8]] == [
        "variants", "stamps", "drums", "programmes", "words", "voices",
    ]  # fmt: skip
    assert rows[1][2].strip() == "-"
    written = json.loads(figures.read_text(encoding="utf-8"))
    assert [one["label"] for one in written] == ["log-mel-mean", "mfcc-statistics", "spectral", "spectral"]
    assert f"{written[2]['tasks']['programmes']['map']:.3f}" == rows[3][5].strip()


def test_targets_of_all_settings_are_scored(
    corpus: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(score_development, "MobileNetTeacher", lambda _archive: LoudnessTeacher())
    monkeypatch.setattr(score_development, "teacher_as_installed", lambda _archive: load_encoder("spectral"))
    arguments = ["--targets", "--teacher", "some.pt", "--corpus", str(corpus), "--clips", "20"]
    assert main([*arguments, "--originals", "2", "--searched", "2", "--dims", "2", "--repeat-to-s", "1"]) == 0
    rows = [line.split("|")[1].strip() for line in capsys.readouterr().out.splitlines() if "|" in line]
    assert rows[2:4] == ["targets, whitening 0, own 0", "targets, whitening 0, own 0.3"]
    assert len(rows) == 2 + 18 + 2


def test_targets_need_a_teacher(corpus: Path) -> None:
    with pytest.raises(SystemExit, match="--teacher"):
        main(["--targets", "--corpus", str(corpus)])
