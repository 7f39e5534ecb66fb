"""Training on a library from end to end: killed and resumed, compared, switched or not; bad input."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soundalike.audio import encode_wav
from soundalike.core.errors import TrainingError
from soundalike.evaluation import Report, Score, TaskResult
from soundalike.library import Library, demo_sounds
from soundalike.studies import (
    Comparison,
    Difference,
    EmbeddingConfig,
    EmbeddingProgress,
    TrainingReport,
    train_embedding,
    train_on_library,
)
from soundalike.training import RunConfig, TrainingPairs

RUN = RunConfig(checkpoint_steps=3, log_steps=1, threads=1, draw=False)


@pytest.fixture
def library(trainable_template: Path, tmp_path: Path) -> Library:
    """A copy of the library."""
    shutil.copytree(trainable_template, tmp_path / "library")
    return Library.open(tmp_path / "library")


def better_by(change: float) -> Any:
    """A comparison that always finds the same."""

    def compare(sounds: Any, old: Any, new: Any, **_more: Any) -> Comparison:
        results = tuple(
            TaskResult("held-out sounds", encoder.spec.name, (Score("folder mAP", 0.5),))
            for encoder in (old, new)
        )
        one = Difference("folder mAP", 0.5, 0.5 + change, change, change - 0.05, change + 0.05)
        return Comparison(Report(results), (one,), len(sounds))

    return compare


def config(recipe: Path | None, **more: Any) -> EmbeddingConfig:
    values: dict[str, Any] = {"recipe": recipe, "start": "nothing", "steps": 4, "device": "cpu"} | more
    return EmbeddingConfig(**values)


def test_killed_it_goes_on_then_is_compared_and_taken(library: Library, tiny_recipe: Path) -> None:
    script = Path(__file__).with_name("killed_on_library.py")
    killed = subprocess.run(
        [sys.executable, script, library.path, tiny_recipe, "8"], capture_output=True, text=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    run = library.path / "training" / "own"
    assert sorted(path.name[:14] for path in (run / "checkpoints").iterdir()) == [
        "step-000000003", "step-000000006",
    ]  # fmt: skip
    old, before = library.encoder.spec, library.vectors()[1]
    told: list[EmbeddingProgress] = []
    report = train_on_library(
        library, config(tiny_recipe, steps=12, switch="always", jobs=1), run=RUN, on_progress=told.append
    )
    assert (report.steps, report.finished, report.name, report.started_from) == (12, True, "own", "nothing")
    steps = [json.loads(line)["step"] for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert sorted(set(steps)) == list(range(1, 13))
    first = next(one.text for one in told if one.stage == "training")
    assert first.startswith("step 7, loss "), "it went on from the checkpoint"
    assert list(dict.fromkeys(one.stage for one in told)) == ["training", "comparing", "embedding"]
    check_held_out(report)
    check_comparison(report)
    assert report.switched is not None
    assert (report.switched.before, report.switched.without) == (old.fingerprint, 0)
    for opened in (library, Library.open(library.path)):
        assert opened.encoder.spec.name == "own"
        path = demo_sounds() / "kicks" / "bd_808.flac"
        assert opened.search(path)[0].same_file
        assert opened.vectors()[1].shape == (14, 8)
    again = Library.open(library.path, encoder=old.fingerprint)
    np.testing.assert_array_equal(again.vectors()[1], before)
    assert again.search(path)[0].same_file


def check_held_out(report: TrainingReport) -> None:
    """Whole folders are held out, and are not among what is trained on."""
    assert (report.trained_on + report.held_out, report.held_out_by) == (14, "folder")
    plan = json.loads((report.folder / "plan.json").read_text())
    held = {row["sound"]["uri"] for row in plan["sounds"] if row["held_out"]}
    folders = {Path(uri).parent for uri in held}
    assert len(held) == report.held_out
    assert not folders & {Path(row["sound"]["uri"]).parent for row in plan["sounds"] if not row["held_out"]}


def check_comparison(report: TrainingReport) -> None:
    """Old, new and an untrained copy stand beside each other, with all measures, on files too."""
    assert report.comparison is not None
    assert report.comparison.report.encoders == ("spectral (old)", "own (new)", "untrained copy")
    assert {one.measure for one in report.comparison.differences} >= {"near-duplicates", "same file"}
    assert report.decision is not None
    written = json.loads((report.folder / "comparison" / "comparison.json").read_text())
    assert written["decision"]["switch"] is report.decision.switch
    assert len(written["differences"]) == len(report.comparison.differences)
    assert report.page is not None
    assert report.decision.why.split(" (")[0] in report.page.read_text()
    assert json.loads((report.folder / "report.json").read_text())["switched"] is True


@pytest.mark.parametrize(
    ("change", "switch", "switched"),
    [(0.1, "if better", True), (0.0, "if better", False), (0.1, "never", False)],
)
def test_it_switches_only_when_it_is_better(
    library: Library,
    tiny_recipe: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: float,
    switch: str,
    switched: bool,
) -> None:
    monkeypatch.setattr(train_embedding, "compare_encoders", better_by(change))
    used: list[str] = []
    monkeypatch.setattr(Library, "use_encoder", lambda _self, address, **_more: used.append(address))
    report = train_on_library(library, config(tiny_recipe, switch=switch), run=RUN)
    assert report.decision is not None
    assert report.decision.switch is (change > 0)
    assert used == ([str(report.manifest)] if switched else [])
    assert library.encoder.spec.name == "spectral"


def test_files_that_are_away_are_told_after_the_comparison(
    library: Library, tiny_recipe: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stray = tmp_path / "stray" / "tone.wav"
    stray.parent.mkdir()
    stray.write_bytes(encode_wav(np.sin(np.arange(9000, dtype=np.float32)), 16000))
    library.add(stray.parent)
    stray.unlink()
    monkeypatch.setattr(train_embedding, "compare_encoders", better_by(0.1))
    report = train_on_library(library, config(tiny_recipe, jobs=1), run=RUN)
    assert report.problem is not None
    assert "1 sound of" in report.problem
    assert "would have no vectors of own" in report.problem
    assert [Path(one.uri).name for one in report.left_out] == ["tone.wav"]
    assert Library.open(library.path).encoder.spec.name == "spectral"
    assert not (report.folder / "report.json").exists(), "the same call tries again"


def test_a_loss_that_is_no_number_changes_nothing(
    library: Library, tiny_recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = TrainingPairs.batch

    def batch(self: TrainingPairs, step: int) -> Any:
        arrays = dict(whole(self, step))
        return arrays | {"inputs": arrays["inputs"] * np.float32(np.nan)} if step == 2 else arrays

    monkeypatch.setattr(TrainingPairs, "batch", batch)
    with pytest.raises(TrainingError, match=r"The loss is nan at step 2, so training stopped"):
        train_on_library(library, config(tiny_recipe), run=RUN)
    opened = Library.open(library.path)
    assert opened.encoder.spec.name == "spectral"
    assert len(opened.info().encoders) == 1
    assert not (library.path / "training" / "own" / "encoder").exists()


def test_damaged_checkpoints_are_told_and_anew_helps(
    library: Library, tiny_recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_embedding, "compare_encoders", better_by(0.0))
    name = {"name": "mine"}
    first = train_on_library(library, config(tiny_recipe, **name), run=RUN)
    with pytest.raises(TrainingError, match=r"holds a training with .*seed 1, .*; asked for now is .*seed 2"):
        train_on_library(library, config(tiny_recipe, seed=2, **name), run=RUN)
    for path in (first.folder / "checkpoints").iterdir():
        path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(TrainingError, match=r"No checkpoint in .* can be used"):
        train_on_library(library, config(tiny_recipe, **name), run=RUN)
    again = train_on_library(library, config(tiny_recipe, anew=True, **name), run=RUN)
    assert again.steps == first.steps == 4
    assert again.comparison is not None
    assert first.comparison is not None
    assert again.manifest == first.manifest


def test_anew_does_not_forget_what_it_is_to_start_from(
    library: Library, tiny_recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_embedding, "compare_encoders", better_by(0.0))
    first = train_on_library(library, config(tiny_recipe, name="mine"), run=RUN)
    assert first.manifest is not None
    before = {path: path.read_bytes() for path in first.folder.rglob("*") if path.is_file()}
    with pytest.raises(TrainingError, match=r"mine lies in .* which --anew would empty"):
        train_on_library(library, config(None, start=str(first.manifest), name="mine", anew=True), run=RUN)
    assert {path: path.read_bytes() for path in first.folder.rglob("*") if path.is_file()} == before
    other = config(None, start=str(first.manifest), name="other", anew=True)
    assert train_on_library(library, other, run=RUN).started_from == "mine"


@pytest.mark.parametrize("changed", [{"longest_s": 0.6}, {"hours": 1.0}])
def test_another_length_of_sounds_does_not_go_on(
    library: Library, tiny_recipe: Path, monkeypatch: pytest.MonkeyPatch, changed: dict[str, float]
) -> None:
    """Parts that were read would be of other sounds."""
    monkeypatch.setattr(train_embedding, "compare_encoders", better_by(0.0))
    train_on_library(library, config(tiny_recipe, name="mine"), run=RUN)
    with pytest.raises(TrainingError, match=rf"asked for now is .*{next(iter(changed))}"):
        train_on_library(library, config(tiny_recipe, name="mine", **changed), run=RUN)


def test_a_library_whose_files_are_gone(trainable_template: Path, tmp_path: Path, tiny_recipe: Path) -> None:
    samples = tmp_path / "samples"
    shutil.copytree(trainable_template.parent / "samples" / "kicks", samples / "kicks")
    shutil.copytree(trainable_template.parent / "samples" / "snares", samples / "snares")
    library = Library.open(tmp_path / "library")
    library.add(samples)
    shutil.rmtree(samples)
    with pytest.raises(TrainingError, match=r"Not one of 11 sounds of the library can be read"):
        train_on_library(library, config(tiny_recipe), run=RUN)


def test_the_same_audio_in_different_files(tmp_path: Path, tiny_recipe: Path) -> None:
    tone = encode_wav(np.sin(np.arange(8000, dtype=np.float32)), 16000)
    folder = tmp_path / "samples"
    folder.mkdir()
    for n in range(12):  # a chunk behind the samples makes the bytes differ
        chunk = b"note" + (4).to_bytes(4, "little") + f"{n:04d}".encode()
        content = bytearray(tone + chunk)
        content[4:8] = (len(content) - 8).to_bytes(4, "little")
        (folder / f"{n}.wav").write_bytes(bytes(content))
    library = Library.open(tmp_path / "library")
    library.add(folder)
    assert library.info().sounds == 12
    with pytest.raises(TrainingError, match=r"differ in their audio; of 12, 0 cannot be read and 11 repeat"):
        train_on_library(library, config(tiny_recipe), run=RUN)
