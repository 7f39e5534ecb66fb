"""Checkpoints: what is read is what was written; damage is found; the one before is used."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from soundalike.core.errors import TrainingError
from soundalike.training.checkpoint import (
    Checkpoint,
    checkpoint_files,
    load_checkpoint,
    load_newest,
    save_checkpoint,
)


def at_step(step: int) -> Checkpoint:
    weights = {"weight": torch.full((3, 2), float(step))}
    return Checkpoint(
        recipe="{}", data="data-1", step=step, elapsed_s=2.5, network=weights, average=weights, objective={},
        optimiser={"state": {0: {"step": torch.tensor(1.0)}}, "param_groups": [{"lr": 0.1}]},
        generator=torch.get_rng_state(), window={"loss": 0.5},
    )  # fmt: skip


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    found = load_checkpoint(save_checkpoint(tmp_path, at_step(7)))
    assert (found.step, found.elapsed_s, found.data, dict(found.window)) == (7, 2.5, "data-1", {"loss": 0.5})
    torch.testing.assert_close(found.network["weight"], torch.full((3, 2), 7.0))
    assert found.optimiser["param_groups"] == [{"lr": 0.1}]


def test_the_last_two_are_kept(tmp_path: Path) -> None:
    (tmp_path / "step-000000002-0000000000000000.part").write_bytes(b"cut short")
    for step in (1, 2, 3, 11):
        save_checkpoint(tmp_path, at_step(step))
    assert [int(path.name[5:14]) for path in checkpoint_files(tmp_path)] == [11, 3]
    assert len(list(tmp_path.iterdir())) == 2
    newest = load_newest(tmp_path)
    assert newest is not None
    assert newest.step == 11


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty"])
def test_a_damaged_one_gives_way_to_the_one_before(tmp_path: Path, damage: str) -> None:
    save_checkpoint(tmp_path, at_step(1))
    path = save_checkpoint(tmp_path, at_step(2))
    content = bytearray(path.read_bytes())
    if damage == "flipped":
        content[len(content) // 2] ^= 1
    kept = {"cut": len(content) // 2, "flipped": len(content), "empty": 0}[damage]
    path.write_bytes(bytes(content[:kept]))
    with pytest.raises(TrainingError, match="is damaged"):
        load_checkpoint(path)
    found = load_newest(tmp_path)
    assert found is not None
    assert found.step == 1


def test_when_all_are_damaged_it_says_so(tmp_path: Path) -> None:
    for step in (1, 2):
        save_checkpoint(tmp_path, at_step(step)).write_bytes(b"PK")
    with pytest.raises(TrainingError, match=r"No checkpoint in .* can be used; remove them to start anew"):
        load_newest(tmp_path)


def test_none_at_all_is_no_error(tmp_path: Path) -> None:
    assert load_newest(tmp_path / "absent") is None


class Harmful:
    """Leaves a file behind where it is unpickled by a reader that executes what it reads."""

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (Path("harmed"),)


@pytest.mark.parametrize("content", ["harmful", "no torch", "other fields"])
def test_a_foreign_file_is_refused_and_not_executed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "foreign.pt"
    if content == "harmful":
        torch.save({"format": 1, "network": Harmful()}, path)
    elif content == "no torch":
        path.write_bytes(pickle.dumps([1, 2]))
    else:
        torch.save({"format": 1, "weights": {}}, path)
    with pytest.raises(TrainingError, match="no checkpoint of a training"):
        load_checkpoint(path)
    assert not (tmp_path / "harmed").exists()


def test_another_format_is_refused(tmp_path: Path) -> None:
    path = save_checkpoint(tmp_path, at_step(1))
    values = torch.load(path, weights_only=True)
    torch.save({**values, "format": 99}, tmp_path / "later.pt")
    with pytest.raises(TrainingError, match="of format 99"):
        load_checkpoint(tmp_path / "later.pt")


def test_the_same_step_again_is_the_newest(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, at_step(4))
    save_checkpoint(tmp_path, replace(at_step(4), elapsed_s=9.0))
    found = load_newest(tmp_path)
    assert found is not None
    assert found.elapsed_s == 9.0
