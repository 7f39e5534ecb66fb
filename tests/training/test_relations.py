"""Relations: the loss against a loop, and draws that hold what the facts of the sounds say."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest
import torch

from soundalike.core.errors import InvalidInputError, TrainingError
from soundalike.training import TrainingSound
from soundalike.training.relations import Relation, RelationConfig, relation_loss


def unit(count: int, dims: int = 6, seed: int = 0) -> torch.Tensor:
    rows = np.random.default_rng(seed).standard_normal((count, dims)).astype(np.float32)
    return torch.nn.functional.normalize(torch.from_numpy(rows), dim=1)


def naive_loss(vectors: np.ndarray, labels: list[int], excludes: list[int], temperature: float) -> float:
    anchors = []
    for i in range(len(labels)):
        below, right = 0.0, []
        for j in range(len(labels)):
            if excludes[j] == excludes[i]:
                continue
            likeness = math.exp(float(vectors[i] @ vectors[j]) / temperature)
            below += likeness
            if labels[j] == labels[i]:
                right.append(likeness)
        if right:
            anchors.append(sum(-math.log(likeness / below) for likeness in right) / len(right))
    return sum(anchors) / len(anchors) if anchors else 0.0


@pytest.mark.parametrize("temperature", [0.07, 0.5])
@pytest.mark.parametrize("seed", range(4))
def test_the_loss_is_that_of_a_loop(seed: int, temperature: float) -> None:
    rng = np.random.default_rng(seed)
    labels, excludes = rng.integers(0, 4, 17).tolist(), rng.integers(0, 5, 17).tolist()
    vectors = unit(17, seed=seed)
    expected = naive_loss(vectors.numpy().astype(np.float64), labels, excludes, temperature)
    found = relation_loss(vectors, torch.tensor(labels), torch.tensor(excludes), temperature)
    assert expected > 0.5
    assert found.item() == pytest.approx(expected, rel=1e-5)
    shuffled = torch.from_numpy(rng.permutation(17))
    again = relation_loss(
        vectors[shuffled], torch.tensor(labels)[shuffled], torch.tensor(excludes)[shuffled], temperature
    )
    assert again.item() == pytest.approx(expected, rel=1e-5)


def test_what_is_excluded_is_neither_right_nor_wrong() -> None:
    """The second row is excluded for the first and stands square to the others: it turns, none may care."""
    labels, excludes = torch.tensor([0, 1, 0, 2]), torch.tensor([0, 0, 1, 1])
    first, third, fourth = torch.tensor([[1.0, 0.0, 0.0], [0.6, 0.8, 0.0], [-0.6, -0.8, 0.0]])
    losses, near = [], []
    for turned in ([0.8, -0.6, 0.0], [-0.8, 0.6, 0.0], [0.0, 0.0, 1.0]):
        second = torch.tensor(turned)
        vectors = torch.stack([first, second, third, fourth])
        losses.append(relation_loss(vectors, labels, excludes, 0.1).item())
        near.append(float(first @ second))
        assert [float(second @ third), float(second @ fourth)] == pytest.approx([0.0, 0.0], abs=1e-6)
    assert near == pytest.approx([0.8, -0.8, 0.0])
    assert losses == pytest.approx([losses[0]] * 3, rel=1e-5)
    assert losses[0] > 1e-4


def test_a_label_that_is_shared_does_not_make_an_excluded_row_right() -> None:
    """Both views of a sound share everything: alone they say nothing, and together no more than one."""
    vectors = unit(6)
    labels, excludes = torch.tensor([0, 0, 1, 1, 2, 2]), torch.tensor([0, 0, 1, 1, 2, 2])
    assert relation_loss(vectors, labels, excludes, 0.1).item() == 0.0
    assert relation_loss(vectors, labels, torch.arange(6), 0.1).item() > 0.1


def test_a_batch_without_a_right_answer_costs_nothing_and_pulls_at_nothing() -> None:
    for labels, excludes in (([0, 1, 2, 3], [0, 1, 2, 3]), ([0, 0, 0, 0], [5, 5, 5, 5])):
        vectors = unit(4).requires_grad_()
        loss = relation_loss(vectors, torch.tensor(labels), torch.tensor(excludes), 0.1)
        (gradient,) = torch.autograd.grad(loss, vectors)
        assert loss.item() == 0.0
        assert torch.equal(gradient, torch.zeros_like(vectors))


def test_equal_vectors_are_at_chance_and_apart_labels_at_their_least() -> None:
    labels, excludes = torch.tensor([0, 0, 0, 1, 1, 1]), torch.arange(6)
    assert relation_loss(torch.ones(6, 1), labels, excludes, 0.1).item() == pytest.approx(math.log(5))
    corners = torch.eye(2).repeat_interleave(3, dim=0)
    assert relation_loss(corners, labels, excludes, 0.05).item() == pytest.approx(math.log(2), abs=1e-6)


def test_a_step_along_the_gradient_makes_the_loss_smaller() -> None:
    labels, excludes = torch.tensor([0, 1, 0, 1, 2, 2]), torch.tensor([0, 0, 1, 1, 2, 2])
    vectors = unit(6).requires_grad_()
    loss = relation_loss(vectors, labels, excludes, 0.2)
    (gradient,) = torch.autograd.grad(loss, vectors)
    assert bool((gradient.abs().sum(dim=1) > 1e-3).all())  # the last two are wrong answers
    after = relation_loss(vectors.detach() - 0.05 * gradient, labels, excludes, 0.2)
    assert after.item() < loss.item() - 1e-3


def test_vectors_of_a_network_in_bfloat16_are_judged_with_all_digits() -> None:
    vectors = unit(32)
    labels, excludes = torch.arange(32) % 5, torch.arange(32) % 7
    with torch.autocast("cpu", torch.bfloat16):
        found = relation_loss(vectors, labels, excludes, 0.1)
    assert torch.equal(found, relation_loss(vectors, labels, excludes, 0.1))


def sound(number: int, facts: Mapping[str, str]) -> TrainingSound:
    return TrainingSound(f"{number}.wav", "all", number, 1, facts)


def said(texts: str, voices: str, package: str = "words") -> list[dict[str, str]]:
    return [
        {"package": package, "text": text, "voice": voice, "language": "en"}
        for text in texts
        for voice in voices
    ]


WORDS = RelationConfig(
    "words", ("language", "text"), "voice", where={"package": "words"}, labels=3, each=2
)  # fmt: skip


@pytest.fixture
def sounds() -> list[TrainingSound]:
    """Five words by four voices; one that a single voice says; sounds of other packages or without facts."""
    facts = [{"kind": "effect"}, *said("abcde", "wxyz"), *said("fff", "w"), *said("abc", "wx", "other")]
    facts += [{"package": "words", "text": "a", "language": "en"}, {"package": "words", "voice": "w"}]
    return [sound(number, some) for number, some in enumerate(facts)]


def test_sounds_take_part_whose_facts_say_so(sounds: list[TrainingSound]) -> None:
    relation = Relation(WORDS, sounds)
    assert relation.rows.tolist() == list(range(1, 24))
    facts = [sounds[row].facts for row in relation.rows.tolist()]
    assert_same_partition(relation.labels, [one["text"] for one in facts])
    assert_same_partition(relation.excludes, [one["voice"] for one in facts])


def assert_same_partition(codes: np.ndarray, names: list[str]) -> None:
    assert len(set(zip(codes.tolist(), names, strict=True))) == len(set(codes.tolist())) == len(set(names))


def test_a_label_is_all_of_its_facts() -> None:
    facts = [{"a": a, "b": b, "voice": str(n)} for n in range(2) for a in "xy" for b in ("", "x", "y")]
    relation = Relation(
        RelationConfig("pair", ("a", "b"), "voice"), [sound(n, f) for n, f in enumerate(facts)]
    )
    assert len(relation.rows) == 8  # without b there is no label
    taken = [facts[row] for row in relation.rows.tolist()]
    assert_same_partition(relation.labels, [one["a"] + one["b"] for one in taken])


def test_without_an_exclusion_every_sound_differs_from_every_other(sounds: list[TrainingSound]) -> None:
    relation = Relation(RelationConfig("all", ("text",)), sounds)
    assert len(set(relation.excludes.tolist())) == len(relation.rows) == 30
    (single,) = {sounds[row].facts["text"] for row in relation.rows.tolist()} - set("abcde")
    drawn = {
        sounds[row].facts["text"]
        for seed in range(20)
        for row in relation.rows[relation.draw(np.random.default_rng(seed))].tolist()
    }
    assert single in drawn  # three sounds of one voice are a label here, and are none among WORDS


def test_draws_hold_what_was_asked_for(sounds: list[TrainingSound]) -> None:
    relation = Relation(WORDS, sounds)
    drawn: set[str] = set()
    for seed in range(60):
        at = relation.draw(np.random.default_rng(seed))
        assert len(set(at.tolist())) == len(at) == 6
        facts = [sounds[row].facts for row in relation.rows[at].tolist()]
        assert all(one["package"] == "words" for one in facts)
        texts = [one["text"] for one in facts]
        assert sorted(texts.count(text) for text in set(texts)) == [2, 2, 2]
        for text in set(texts):  # any answer is right for someone: these labels have several voices
            voices = {one.facts.get("voice") for one in sounds if one.facts.get("text") == text}
            assert len(voices - {None}) >= 2
        drawn |= set(texts)
    assert drawn == set("abcde")


def test_fewer_labels_or_sounds_than_asked_for_are_all_drawn() -> None:
    facts = [*said("a", "wx"), *said("b", "wxyz")]
    config = RelationConfig("words", ("text",), "voice", labels=9, each=3)
    at = Relation(config, [sound(n, f) for n, f in enumerate(facts)]).draw(np.random.default_rng(0))
    assert sorted(facts[row]["text"] for row in at.tolist()) == ["a", "a", "b", "b", "b"]


def test_a_draw_depends_on_its_seed_alone(sounds: list[TrainingSound]) -> None:
    draws = [Relation(WORDS, sounds).draw(np.random.default_rng(seed)).tolist() for seed in range(8)]
    relation = Relation(WORDS, sounds)
    for seed in reversed(range(8)):
        assert relation.draw(np.random.default_rng(seed)).tolist() == draws[seed]
    assert len({tuple(draw) for draw in draws}) == 8


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ([], "of 0 sounds that take part, 0 labels"),
        ([{"text": "a"}, {"voice": "w"}], "of 0 sounds"),
        (said("a", "wx"), "differ in voice; of 2 sounds that take part, 1 labels"),
        (said("ab", "ww"), "of 4 sounds that take part, 0 labels"),
        ([*said("a", "wx"), *said("b", "w")], "of 3 sounds that take part, 1 labels"),
        (said("ab", "wx", package="other"), "of 0 sounds"),
    ],
)
def test_a_relation_that_nothing_tells_is_an_error(facts: list[dict[str, str]], message: str) -> None:
    with pytest.raises(TrainingError, match=f"relation words needs two labels .*{message}"):
        Relation(WORDS, [sound(number, some) for number, some in enumerate(facts)])


def test_one_sound_of_each_label_is_an_error_without_an_exclusion() -> None:
    with pytest.raises(TrainingError, match="differ in themselves; of 2 sounds"):
        Relation(RelationConfig("all", ("text",)), [sound(0, {"text": "a"}), sound(1, {"text": "b"})])


@pytest.mark.parametrize("wrong", [{"label": ()}, {"labels": 1}, {"each": 1}, {"weight": -0.1}])
def test_settings_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    settings: dict[str, object] = {"name": "words", "label": ("text",)}
    with pytest.raises(InvalidInputError, match="at least 2 labels of 2 sounds"):
        RelationConfig(**{**settings, **wrong})  # type: ignore[arg-type]
