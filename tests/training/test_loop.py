"""The loop: it learns, resumes after SIGKILL, stops at what is not a number, and says what is wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from soundalike.core.errors import InvalidInputError, TrainingError
from soundalike.training.checkpoint import checkpoint_files, load_newest
from soundalike.training.curves import read_curves
from soundalike.training.embed import Embed
from soundalike.training.loop import Progress, RunConfig, TrainingResult, choose_device, train
from soundalike.training.network import EmbeddingNetwork
from soundalike.training.objective import OBJECTIVES, Batch, Objective, Outcome
from soundalike.training.prefetch import Prefetcher
from soundalike.training.probe import RetrievalProbe, hold_out
from soundalike.training.recipe import ObjectiveChoice, OptimiserConfig, Recipe
from soundalike.training.sampling import TrainingPairs
from soundalike.training.sounds import TrainingSounds

MakeRecipe = Callable[..., Recipe]
MakeSounds = Callable[..., TrainingSounds]
QUIET = RunConfig(log_steps=1, threads=1, draw=False)


def run(recipe: Recipe, sounds: TrainingSounds, folder: Path, steps: int, **changes: Any) -> TrainingResult:
    settings: dict[str, Any] = {"run": QUIET, "device": "cpu", **changes}
    return train(recipe, TrainingPairs(sounds, recipe), folder, steps=steps, **settings)


def losses(folder: Path) -> list[float]:
    return [line["loss"] for line in read_curves(folder) if "loss" in line]


@pytest.mark.parametrize("kind", ["triplet", "ntxent"])
def test_the_loss_falls_and_held_out_sounds_are_found_better(
    kind: str, demo_training: TrainingSounds, small_recipe: MakeRecipe, tmp_path: Path
) -> None:
    recipe = small_recipe(kind)
    _, held = hold_out(demo_training, 0.3, seed=0)
    probe = RetrievalProbe(demo_training, held, recipe)
    untrained = run(recipe, demo_training, tmp_path / "untrained", 1, probe=probe)
    trained = run(recipe, demo_training, tmp_path / "trained", 50, probe=probe)
    curve = losses(tmp_path / "trained")
    assert np.mean(curve[-10:]) < 0.8 * np.mean(curve[:10])
    assert trained.figures["near_duplicate_first"] > untrained.figures["near_duplicate_first"]
    assert trained.finished
    assert trained.steps == 50
    assert not trained.network.training


def test_a_killed_training_goes_on_as_if_it_had_not_been(
    demo_training: TrainingSounds, small_recipe: MakeRecipe, tmp_path: Path
) -> None:
    recipe = small_recipe("triplet")
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    killed.mkdir()
    (killed / "recipe.json").write_text(recipe.to_json())
    script = Path(__file__).with_name("trained_and_killed.py")
    arguments = [sys.executable, str(script), str(demo_training.folder), str(killed), "16", "12"]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert [line["step"] for line in read_curves(killed)] == list(range(1, 13))
    newest = load_newest(killed / "checkpoints")
    assert newest is not None
    assert newest.step == 10
    resumed = run(recipe, demo_training, killed, 16)
    uninterrupted = run(recipe, demo_training, whole, 16)
    assert losses(killed) == losses(whole)
    assert len(losses(killed)) == 16
    for name, value in uninterrupted.network.state_dict().items():
        assert torch.equal(resumed.network.state_dict()[name], value), name


def test_the_same_seed_gives_the_same_network_and_another_another(
    demo_training: TrainingSounds, small_recipe: MakeRecipe, tmp_path: Path
) -> None:
    recipe = small_recipe()
    first = run(recipe, demo_training, tmp_path / "1", 3)
    with_threads = replace(QUIET, workers=0)
    again = run(recipe, demo_training, tmp_path / "2", 3, run=with_threads)
    other = run(replace(recipe, seed=2), demo_training, tmp_path / "3", 3)
    assert losses(tmp_path / "1") == losses(tmp_path / "2")
    assert torch.equal(first.network.last.weight, again.network.last.weight)
    assert not torch.equal(first.network.last.weight, other.network.last.weight)


def test_training_leaves_torchs_random_numbers_and_threads_alone(
    demo_training: TrainingSounds, small_recipe: MakeRecipe, tmp_path: Path
) -> None:
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    run(small_recipe(), demo_training, tmp_path, 1)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads


@dataclass(frozen=True)
class BrokenConfig:
    """At which batch the loss breaks, and how."""

    at: int = 3
    value: float = float("nan")


class BrokenObjective(Objective):
    """A loss that is no number from some batch on."""

    config_type: ClassVar[type] = BrokenConfig

    def __init__(self, config: BrokenConfig, network: EmbeddingNetwork) -> None:
        super().__init__()
        self.config, self.seen = config, 0
        self.head = torch.nn.Linear(network.pooled_dims, 1)

    def forward(self, network: EmbeddingNetwork, batch: Batch) -> Outcome:
        self.seen += 1
        loss = self.head(network.pooled(batch["inputs"])).square().mean()
        return (loss * self.config.value if self.seen > self.config.at else loss), {}


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    load = OBJECTIVES.load
    monkeypatch.setattr(OBJECTIVES, "load", lambda name: BrokenObjective if name == "broken" else load(name))


@pytest.mark.usefixtures("broken")
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_stops_and_the_last_checkpoint_stays(
    value: float, demo_training: TrainingSounds, small_recipe: MakeRecipe, tmp_path: Path
) -> None:
    recipe = small_recipe(objective=ObjectiveChoice("broken", {"at": 5, "value": value}))
    with pytest.raises(TrainingError, match=r"The loss is \w+ at step 5.*the checkpoint of step 4 stays"):
        run(recipe, demo_training, tmp_path, 10, run=replace(QUIET, checkpoint_steps=2))
    newest = load_newest(tmp_path / "checkpoints")
    assert newest is not None
    assert newest.step == 4
    assert all(torch.isfinite(value).all() for value in newest.network.values())
    assert "head.weight" in newest.objective


@pytest.mark.usefixtures("broken")
def test_without_a_checkpoint_it_says_that_there_is_none(
    demo_training: TrainingSounds, small_recipe: MakeRecipe, tmp_path: Path
) -> None:
    recipe = small_recipe(objective=ObjectiveChoice("broken", {"at": 0}))
    with pytest.raises(TrainingError, match=r"none was saved.*lower learning rate"):
        run(recipe, demo_training, tmp_path, 3)


@pytest.mark.usefixtures("broken")
def test_modules_of_an_objective_are_trained_and_resumed(
    demo_training: TrainingSounds, small_recipe: MakeRecipe, tmp_path: Path
) -> None:
    recipe = small_recipe(objective=ObjectiveChoice("broken", {"at": 99}))
    once = run(recipe, demo_training, tmp_path, 1).objective.state_dict()["head.weight"].clone()
    further = run(recipe, demo_training, tmp_path, 4).objective.state_dict()["head.weight"].clone()
    whole = run(recipe, demo_training, tmp_path / "whole", 4).objective.state_dict()["head.weight"]
    assert not torch.equal(once, further)
    assert not torch.equal(whole, once)


def test_ctrl_c_leaves_a_checkpoint_and_training_goes_on_later(
    demo_training: TrainingSounds, small_recipe: MakeRecipe, tmp_path: Path
) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.step == 4:
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    stopped = run(small_recipe(), demo_training, tmp_path, 8, on_progress=interrupt)
    assert not stopped.finished
    assert 4 <= stopped.steps < 8
    assert signal.getsignal(signal.SIGINT) == before
    done = run(small_recipe(), demo_training, tmp_path, 8)
    assert done.finished
    run(small_recipe(), demo_training, tmp_path / "whole", 8)
    assert losses(tmp_path) == losses(tmp_path / "whole")


def test_ctrl_c_at_the_last_step_stops_what_would_follow(
    demo_training: TrainingSounds, small_recipe: MakeRecipe, tmp_path: Path
) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.step == 3:
            os.kill(os.getpid(), signal.SIGINT)

    stopped = run(small_recipe(), demo_training, tmp_path, 3, on_progress=interrupt)
    assert (stopped.steps, stopped.finished) == (3, False)
    done = run(small_recipe(), demo_training, tmp_path, 3)
    assert (done.steps, done.finished) == (3, True)


def test_a_training_by_time_ends_and_counts_time_over_interruptions(
    demo_training: TrainingSounds, small_recipe: MakeRecipe, tmp_path: Path
) -> None:
    recipe = small_recipe()
    pairs = TrainingPairs(demo_training, recipe)
    first = train(recipe, pairs, tmp_path, minutes=0.01, device="cpu", run=QUIET)
    assert first.finished
    assert first.elapsed_s >= 0.6
    again = train(recipe, pairs, tmp_path, minutes=0.01, device="cpu", run=QUIET)
    assert again.steps == first.steps
    assert losses(tmp_path)


def test_another_recipe_or_other_sounds_do_not_go_on(
    demo_training: TrainingSounds, small_recipe: MakeRecipe, tmp_path: Path
) -> None:
    recipe = small_recipe()
    run(recipe, demo_training, tmp_path, 1)
    with pytest.raises(TrainingError, match=r"cannot go on by small-.*Choose another folder"):
        run(replace(recipe, batch_size=8), demo_training, tmp_path, 2)
    some = TrainingPairs(demo_training, recipe, indices=[1, 2, 3])
    with pytest.raises(TrainingError, match=r"on pairs-.* it cannot"):
        train(recipe, some, tmp_path, steps=2, device="cpu", run=QUIET)
    anew = run(replace(recipe, batch_size=8), demo_training, tmp_path, 2, resume=False)
    assert anew.steps == 2
    assert len(losses(tmp_path)) == 2
    assert json.loads((tmp_path / "recipe.json").read_text())["batch_size"] == 8


def test_a_damaged_checkpoint_gives_way_to_the_one_before(
    demo_training: TrainingSounds, small_recipe: MakeRecipe, tmp_path: Path
) -> None:
    recipe = small_recipe()
    run(recipe, demo_training, tmp_path, 5, run=replace(QUIET, checkpoint_steps=3))
    expected = losses(tmp_path)
    newest = checkpoint_files(tmp_path / "checkpoints")[0]
    newest.write_bytes(newest.read_bytes()[:1000])
    again: list[int] = []
    run(recipe, demo_training, tmp_path, 5, on_progress=lambda progress: again.append(progress.step))
    assert again == [4, 5]
    assert losses(tmp_path) == expected
    assert len(losses(tmp_path)) == 5


class Recorder:
    """Measures nothing, and remembers how often."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def measure(self, embed: Embed) -> Mapping[str, float]:
        self.shapes.append(embed(np.zeros((3, 24, 30), np.float32)).shape)
        return {"measured": float(len(self.shapes))}


def test_the_probe_is_asked_on_the_way_and_at_the_end(
    demo_training: TrainingSounds, small_recipe: MakeRecipe, tmp_path: Path
) -> None:
    probe = Recorder()
    result = run(small_recipe(), demo_training, tmp_path, 3, probe=probe, run=replace(QUIET, probe_s=1e-9))
    assert probe.shapes == [(3, 16)] * 4
    assert result.figures["measured"] == 4.0
    assert [line["measured"] for line in read_curves(tmp_path) if "measured" in line] == [1.0, 2.0, 3.0, 4.0]


def test_curves_say_what_was_waited_for(
    demo_training: TrainingSounds, small_recipe: MakeRecipe, tmp_path: Path
) -> None:
    seen: list[Progress] = []
    run(small_recipe(), demo_training, tmp_path, 6, on_progress=seen.append, run=replace(QUIET, log_steps=3))
    assert [progress.step for progress in seen] == [3, 6]
    assert seen[-1].share == 1.0
    line = read_curves(tmp_path)[-1]
    assert {"loss", "learning_rate", "wait_share", "deform_share", "active_triplets"} <= set(line)
    assert 0.0 <= line["wait_share"] <= 1.0


def test_curves_are_drawn(demo_training: TrainingSounds, small_recipe: MakeRecipe, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    run(small_recipe(), demo_training, tmp_path, 2, run=replace(QUIET, draw=True))
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_weights_to_start_from_are_used(
    demo_training: TrainingSounds, small_recipe: MakeRecipe, tmp_path: Path
) -> None:
    recipe = small_recipe()
    slow = replace(recipe, optimiser=OptimiserConfig(learning_rate=1e-9, ema_decay=0.0))
    start = run(recipe, demo_training, tmp_path / "1", 5).network.state_dict()
    further = run(slow, demo_training, tmp_path / "2", 1, initial=start).network.state_dict()
    torch.testing.assert_close(further["last.weight"], start["last.weight"], atol=1e-6, rtol=0.0)
    with pytest.raises(TrainingError, match="of another network"):
        run(recipe, demo_training, tmp_path / "3", 1, initial={"last.weight": torch.zeros(2)})


def test_identical_sounds_can_be_trained_on(
    make_sounds: MakeSounds, small_recipe: MakeRecipe, tmp_path: Path
) -> None:
    sound = 0.1 * np.random.default_rng(0).standard_normal(20_000)
    result = run(small_recipe(), make_sounds(*[sound] * 4), tmp_path, 4)
    assert all(torch.isfinite(value).all() for value in result.network.state_dict().values())


def test_trouble_with_sounds_is_told_from_the_thread_that_reads_them(
    make_sounds: MakeSounds, small_recipe: MakeRecipe, tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match="at least two files that are not silent"):
        run(small_recipe(), make_sounds(np.zeros(20_000), np.zeros(20_000)), tmp_path, 2)
    assert not any(thread.name.startswith("batches") for thread in threading.enumerate())


class Bare:
    """Batches without pairs."""

    fingerprint = "bare-1"

    def batch(self, step: int) -> dict[str, np.ndarray]:
        return {"inputs": np.full((4, 24, 30), float(step), np.float32)}


def test_a_batch_that_lacks_something_is_refused(small_recipe: MakeRecipe, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="triplet needs positives, groups in a batch; it holds inputs"):
        train(small_recipe(), Bare(), tmp_path, steps=1, device="cpu", run=QUIET)


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_batches_come_in_order(workers: int) -> None:
    with Prefetcher(Bare(), 5, workers) as ahead:
        assert [ahead.take()["inputs"][0, 0, 0] for _ in range(6)] == [5, 6, 7, 8, 9, 10]


@pytest.mark.parametrize("changes", [{"minutes": 0.0}, {"steps": 0}, {"minutes": float("nan")}])
def test_no_time_is_refused(changes: dict[str, Any], small_recipe: MakeRecipe, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="minutes are above 0"):
        train(small_recipe(), Bare(), tmp_path, **changes)


def test_an_absent_device_is_refused() -> None:
    with pytest.raises(TrainingError, match="'auto', 'cpu' or 'cuda'; got 'tpu'"):
        choose_device("tpu")
    with pytest.raises(TrainingError, match="'cuda:99' is not one"):
        choose_device("cuda:99")
    assert choose_device("cpu").type == "cpu"
