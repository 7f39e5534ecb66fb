"""``soundalike train embedding`` on the command line."""

from __future__ import annotations

import io
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from soundalike.cli import train_embedding
from soundalike.cli.train_embedding import EmbeddingBar, describe
from soundalike.evaluation import Report, Score, TaskResult
from soundalike.library import Library, SwitchReport, demo_sounds
from soundalike.studies import Comparison, Decision, EmbeddingProgress, TrainingReport

Run = Callable[..., Any]


@pytest.fixture
def own(trainable_template: Path, tmp_path: Path) -> Path:
    """The folder of a library over fourteen real sounds of three folders."""
    shutil.copytree(trainable_template, tmp_path / "own")
    return tmp_path / "own"


def test_stopped_by_ctrl_c_it_goes_on(
    run: Run, start: Callable[..., subprocess.Popen[str]], own: Path, tiny_recipe: Path, tmp_path: Path
) -> None:
    words = [
        "train", "embedding", "--library", own, "--recipe", tiny_recipe, "--from", "nothing",
        "--out", tmp_path / "run", "--no-switch", "--device", "cpu",
    ]  # fmt: skip
    process = start(*words, "--steps", 1000000)
    assert process.stderr is not None
    metrics = tmp_path / "run" / "metrics.jsonl"
    ends = time.monotonic() + 300.0
    while not (metrics.exists() and metrics.stat().st_size) and time.monotonic() < ends:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    said = process.communicate()[1]
    assert process.returncode == 130, said
    assert "training: step 20, loss " in said
    assert said.endswith("Stopped. What was done is kept; run the same command again to go on.\n")
    ended = run(*words, "--steps", 20)  # which it has done already
    assert ended.status == 0, ended
    assert "Trained own for " in ended.err
    assert "were held out by folder." in ended.err
    for cell in ("held-out sounds", "spectral (old)", "own (new)", "untrained copy", "change", "tremolo"):
        assert cell in ended.out, cell
    assert "etter: near-duplicates" in ended.err or "etter: folder mAP" in ended.err
    assert f"soundalike encoders use {tmp_path / 'run' / 'encoder' / 'own.json'}" in ended.err
    assert Library.open(own).encoder.spec.name == "spectral"
    listed = run(*words, "--steps", 20, "--json")
    assert listed.status == 0, listed
    assert listed.json["switched"] is False
    assert listed.json["steps"] >= 20
    assert {one["measure"] for one in listed.json["differences"]} >= {"near-duplicates", "same file"}
    assert listed.json["comparison"]["sounds"] == listed.json["held_out"]


def test_wrong_words(run: Run, own: Path, tmp_path: Path) -> None:
    train = ("train", "embedding", "--library", own)
    assert run(*train, "--force", "--no-switch").status == 2
    assert run(*train, "--minutes", 0).status == 2
    run("train", "embedding", "--library", tmp_path / "none").fails("There is no library at")
    run(*train, "--recipe", "none").fails("There is no recipe 'none'")
    run(*train, "--from", "nobody").fails("There is no encoder called 'nobody'")
    run(*train, "--from", "spectral").fails("spectral is no network")
    run(*train, "--name", "spectral").fails("comes with soundalike")
    run(*train, "--from", "nothing", "--out", demo_sounds()).fails("and no training: choose another folder")
    assert not (own / "training").exists(), "nothing was begun"


@pytest.mark.parametrize(
    ("switched", "problem", "said"),
    [
        (SwitchReport("a", "b", True, None, 0), None, True),
        (SwitchReport("a", "b", False, None, 0), None, False),
        (None, "Another process is writing.", False),
    ],
)
def test_force_is_named_only_where_it_switched(
    own: Path,
    capsys: pytest.CaptureFixture[str],
    switched: SwitchReport | None,
    problem: str | None,
    said: bool,
) -> None:
    results = tuple(TaskResult("held-out sounds", name, (Score("folder mAP", 0.5),)) for name in "ab")
    report = TrainingReport(
        "mine", own, "nothing", "r", 10, 4, "folder", 3, 1.0, True,
        comparison=Comparison(Report(results), (), 4), decision=Decision(False, "no."), page=own,
        switched=switched, problem=problem,
    )  # fmt: skip
    train_embedding._tell(report, Library.open(own), forced=True)
    assert ("because of --force" in capsys.readouterr().err) is said


def test_too_few_sounds(run: Run, tmp_path: Path) -> None:
    Library.open(tmp_path / "library").add(demo_sounds() / "kicks" / "bd_808.flac")
    run("train", "embedding", "--library", tmp_path / "library", "--from", "nothing").fails(
        "Training needs at least 10 different sounds that are there and not silent"
    )


def test_without_torch_the_extra_is_named(own: Path) -> None:
    # Not sys.modules["torch"] = None: scipy looks there for arrays of torch.
    code = (
        "import sys\n"
        "class NoTorch:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name.partition('.')[0] == 'torch':\n"
        "            raise ModuleNotFoundError('No module named torch', name='torch')\n"
        "sys.meta_path.insert(0, NoTorch())\n"
        f"sys.argv = ['soundalike', 'train', 'embedding', '--library', {str(own)!r}]\n"
        "from soundalike.cli import main; main()"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 1, ended.stderr
    assert ended.stderr == "error: Training needs the extra 'train': pip install 'soundalike[train]'\n"
    assert not (own / "training").exists()


@pytest.mark.parametrize(
    ("share", "elapsed_s", "said"),
    [
        (0.25, 30.0, "step 5, 1:30 left"),
        (1.0, 30.0, "step 5"),
        (None, 30.0, "step 5"),
        (0.0, 30.0, "step 5"),
        (0.5, 0.5, "step 5"),
    ],
)
def test_how_long_it_will_take(share: float | None, elapsed_s: float, said: str) -> None:
    assert describe(EmbeddingProgress("training", share, elapsed_s, "step 5")) == said


def test_a_log_has_a_line_for_each_stage_and_now_and_then_one_more() -> None:
    written = io.StringIO()
    with EmbeddingBar(Console(file=written, width=100)) as bar:
        for elapsed_s in (0.0, 5.0, 20.0):
            bar(EmbeddingProgress("training", 0.5, elapsed_s, "step 5"))
        bar(EmbeddingProgress("comparing", None, 0.0, "1 of 2 sounds"))
    assert written.getvalue().splitlines() == [
        "training: step 5", "training: step 5, 20.0 s left", "comparing: 1 of 2 sounds",
    ]  # fmt: skip


def test_a_terminal_has_one_live_line() -> None:
    written = io.StringIO()
    with EmbeddingBar(Console(file=written, width=100, force_terminal=True)) as bar:
        bar(EmbeddingProgress("training", 0.5, 20.0, "step 5"))
    assert "step 5, 20.0 s left" in written.getvalue()
