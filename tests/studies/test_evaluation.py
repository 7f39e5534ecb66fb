"""Evaluations: rules against a plain loop, chance for an encoder that knows nothing, files that fail."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soundalike.audio import encode_wav
from soundalike.core.arrays import FloatArray, IntArray
from soundalike.core.errors import InvalidInputError, MissingExtraError
from soundalike.encoders import Encoder, EncoderSpec
from soundalike.encoders.onnx import OnnxEncoder
from soundalike.evaluation import Report
from soundalike.library import demo_sounds
from soundalike.studies import (
    TASKS,
    Contender,
    Evaluation,
    EvaluationProgress,
    LabelTask,
    NearDuplicateTask,
    contenders,
    evaluate,
    find_tasks,
    write_evaluation,
)
from soundalike.studies.pictures import pictures_of
from soundalike.studies.scoring import score_labels

GOLDEN = Path(__file__).parents[1] / "golden" / "encoders_v1"


class Toy(Encoder):
    """An encoder of one window whose vectors a function of the samples decides."""

    def __init__(self, name: str, dims: int = 3) -> None:
        self.spec = EncoderSpec(
            name=name, fingerprint=name, space=name, dims=dims, metric="euclidean", unit_length=False,
            rate_hz=16000, window_samples=16000, hop_samples=16000,
        )  # fmt: skip

    def encode(self, segments: FloatArray, lengths: IntArray) -> FloatArray:
        return np.ones((len(segments), self.spec.dims), np.float32)


class Random(Toy):
    """Vectors that have nothing to do with the sound."""

    def encode(self, segments: FloatArray, lengths: IntArray) -> FloatArray:
        seed = int(np.abs(segments[0]).sum() * 1e6) % 2**32
        shape = (len(segments), self.spec.dims)
        return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def constant() -> Contender:
    return Contender("constant", Toy("constant"))


def demo(*folders: str) -> LabelTask:
    """A task of some folders of bundled sounds."""
    (task,) = find_tasks([str(demo_sounds())], None)
    assert isinstance(task, LabelTask)
    return task.part([n for n, label in enumerate(task.labels) if label in folders])


def copied_few(folder: str, originals: int) -> NearDuplicateTask:
    """Copies of a few sounds of one folder of bundled sounds."""
    task = TASKS.load("near-duplicates")(demo_sounds() / folder)
    assert isinstance(task, NearDuplicateTask)
    return dataclasses.replace(task, originals=originals)


def average_precision(
    vectors: np.ndarray, labels: Any, query: int, exclude: Any = None, within: Any = None
) -> float | None:
    """By a plain loop; None where there is nothing to find."""
    order = sorted(range(len(vectors)), key=lambda n: float(np.linalg.norm(vectors[n] - vectors[query])))
    hits, precisions, rank = 0, [], 0
    for n in order:
        if n == query or (exclude is not None and exclude[n] == exclude[query]):
            continue
        if within is not None and within[n] != within[query]:
            continue
        rank += 1
        if labels[n] == labels[query]:
            hits += 1
            precisions.append(hits / rank)
    return sum(precisions) / hits if hits else None


@pytest.mark.parametrize(
    "name", ["esc10", "fsdd-digit", "fsdd-speaker", "philharmonia-instrument", "philharmonia-pitch"]
)
def test_rules_of_exclusion_against_a_loop(name: str, shared_data: Path) -> None:
    task = TASKS.load(name)(shared_data)
    assert isinstance(task, LabelTask)
    rng = np.random.default_rng(0)
    kept = np.sort(rng.choice(len(task.items), 150, replace=False))
    part = task.part(kept.tolist())
    assert part.notes[-1].startswith("A part: 150 of ")
    vectors = rng.standard_normal((150, 3)).astype(np.float32)
    nothing = np.zeros(150, np.bool_)
    usable = np.array([n for n in range(150) if n not in (5, 77)], np.int64)
    result, ranked = score_labels(part, constant(), vectors, nothing, usable, resamples=10)

    def at(key: str) -> list[Any] | None:
        values = getattr(part, key)
        return None if values is None else [values[n] for n in usable]

    expected = [
        average_precision(vectors[usable], at("labels"), q, at("exclude"), at("within")) for q in range(148)
    ]
    known = [value for value in expected if value is not None]
    found = ranked.scores.per_query("map")
    assert np.isnan(found).tolist() == [value is None for value in expected]
    np.testing.assert_allclose(found[~np.isnan(found)], known, atol=1e-6)
    score = result.score("map")
    assert score is not None
    assert score.value == pytest.approx(np.mean(known), abs=1e-6)
    assert result.queries == len(known) < 150


def test_folds_guess_from_other_folds_only(shared_data: Path) -> None:
    task = TASKS.load("esc10")(shared_data)
    assert isinstance(task, LabelTask)
    assert task.folds is not None
    vectors = np.random.default_rng(0).standard_normal((400, 2)).astype(np.float32)
    vectors[:, 0] += 100 * np.array(task.folds)  # nearest are always of the same fold, but may not be asked
    result, _ = score_labels(task, constant(), vectors, np.zeros(400, np.bool_), np.arange(400), resamples=10)
    right = []
    for query in range(400):
        others = [n for n in range(400) if task.folds[n] != task.folds[query]]
        others.sort(key=lambda n: float(np.linalg.norm(vectors[n] - vectors[query])))
        votes = [task.labels[n] for n in others[:5]]
        winner = max(votes, key=lambda label: (votes.count(label), -votes.index(label)))
        right.append(winner == task.labels[query])
    score = result.score("fold_knn@5")
    assert score is not None
    assert score.value == pytest.approx(np.mean(right), abs=1e-9)


def test_an_encoder_that_knows_nothing_scores_chance() -> None:
    near = copied_few("tabla", 6)
    field = [constant(), Contender("random", Random("random", 8)), *contenders(["spectral"])[:1]]
    found = evaluate([demo("kicks", "tabla", "drums"), near], field, resamples=20)
    labelled, copied = found.report.tasks
    scores = {
        (r.task, r.encoder, s.name): s for r in found.report.results for s in r.scores if s.value is not None
    }
    for measure in ("map", "p@1", "p@5", "mrr", "ndcg@10", "first_rank"):
        score = scores[labelled, "constant", measure]
        assert score.value == pytest.approx(score.chance, rel=1e-6), measure
    by_map = {name: scores[labelled, name, "map"] for name in ("random", "spectral")}
    assert by_map["random"].value == pytest.approx(by_map["random"].chance, abs=0.08)
    assert (by_map["spectral"].low or 0) > (by_map["spectral"].chance or 1)
    for kind in ("+12 dB", "MP3 64 kbit/s", "trimmed"):
        assert scores[copied, "constant", kind].value == pytest.approx(1 / len(near.items), rel=1e-6)
        assert (scores[copied, "spectral", kind].value or 0.0) > 0.9


def test_a_file_that_fails_takes_part_for_nobody(tmp_path: Path) -> None:
    for name in ("kicks", "snares"):
        shutil.copytree(demo_sounds() / name, tmp_path / name)
    (tmp_path / "kicks" / "broken.wav").write_bytes(b"nothing")
    tasks = find_tasks([str(tmp_path)], None)
    found = evaluate(tasks, contenders(["spectral"]), resamples=10)
    assert [Path(out.uri).name for out in found.left_out] == ["broken.wav"]
    count = len(tasks[0].items)
    for result in found.report.results:
        assert result.queries + result.left_out == count - 1


def test_folders_without_one_usable_sound(tmp_path: Path) -> None:
    for name in ("a/1.wav", "a/2.wav", "b/1.wav", "b/2.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"nothing")
    with pytest.raises(InvalidInputError, match=r"Not one sound of folders: .* could be used"):
        evaluate(find_tasks([str(tmp_path)], None), contenders(["spectral"]))
    with pytest.raises(InvalidInputError, match="got 0 and 3"):
        evaluate([], contenders(["spectral"]))


def test_the_same_seed_gives_the_same_report() -> None:
    task = copied_few("vinyl", 3)
    field = contenders(["spectral"])
    one, same, other = (
        evaluate([demo("kicks", "vinyl"), task], field, seed=s, resamples=50).report for s in (0, 0, 1)
    )
    assert one.results == same.results
    assert one.results != other.results


def test_progress_runs_through_all_stages() -> None:
    told: list[EvaluationProgress] = []
    near = copied_few("vinyl", 2)
    evaluate(
        [demo("kicks", "vinyl"), near], contenders(["spectral"])[:1], resamples=10, on_progress=told.append
    )
    assert list(dict.fromkeys(p.stage for p in told)) == ["listening", "scoring", "copying"]
    for stage in ("listening", "copying"):
        last = [p for p in told if p.stage == stage][-1]
        assert last.done == last.total > 1
    assert told[-1].done == told[-1].total == 2


def test_standardising_is_undone_by_no_unit() -> None:
    task = demo("kicks", "snares", "vinyl")
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((len(task.items), 4)).astype(np.float32)
    nothing, rows = np.zeros(len(vectors), np.bool_), np.arange(len(vectors))
    standard = Contender("standard", Toy("standard", 4), standardise=True)
    units = np.array([1.0, 1000.0, 0.01, 7.0], np.float32)
    one, _ = score_labels(task, standard, vectors, nothing, rows, resamples=10)
    other, _ = score_labels(task, standard, vectors * units + 5, nothing, rows, resamples=10)
    plain, _ = score_labels(task, constant(), vectors * units + 5, nothing, rows, resamples=10)
    assert [s.value for s in one.scores] == pytest.approx([s.value for s in other.scores], rel=1e-3)
    assert one.scores[0].value != pytest.approx(plain.scores[0].value, rel=1e-3)


def test_the_field() -> None:
    field = contenders(
        [GOLDEN / "onnx", "spectral", GOLDEN / "onnx"], beside=[GOLDEN / "spectral.json"], seed=3
    )
    assert [(c.label, c.role) for c in field] == [
        ("tiny", "asked for"),
        ("spectral", "asked for"),
        ("tiny-untrained", "untrained copy"),
        ("spectral (spectral)", "beside"),
        ("mfcc-statistics", "baseline"),
        ("log-mel-mean", "baseline"),
    ]
    assert [c.standardise for c in field] == [False] * 4 + [True] * 2
    assert isinstance(field[2].encoder, OnnxEncoder)


@pytest.fixture(scope="module")
def small() -> Evaluation:
    near = copied_few("vinyl", 2)
    return evaluate([demo("snares", "vinyl"), near], contenders(["spectral"]), resamples=50)


def test_a_page_with_pictures_and_figures(small: Evaluation, tmp_path: Path) -> None:
    written = write_evaluation(tmp_path / "out", small, ["spectral"])
    assert written.missing is None
    page = written.page.read_text(encoding="utf-8")
    assert "mfcc-statistics" in page
    pictures = sorted(path.name for path in (tmp_path / "out" / "pictures").iterdir())
    for part in ("scores", "labels", "map-0", "well-0", "badly-0"):
        assert any(part in name for name in pictures), part
    for name in pictures:
        assert (tmp_path / "out" / "pictures" / name).read_bytes()[:4] == b"\x89PNG"
        assert name in page
    figures = (tmp_path / "out" / "report.json").read_text(encoding="utf-8")
    assert Report.from_json(figures) == small.report
    assert json.loads((tmp_path / "out" / "left-out.json").read_text()) == []


def test_tasks_whose_names_are_spelt_alike_have_pictures_of_their_own(small: Evaluation) -> None:
    task = small.report.tasks[0]
    results, ranked = small.report.of_task(task), [one for one in small.ranked if one.task == task]
    names = ("folders: звуки", "folders: 声音", "folders: Drums", "folders: drums")
    both = Evaluation(
        Report(tuple(dataclasses.replace(result, task=name) for name in names for result in results)),
        tuple(dataclasses.replace(one, task=name) for name in names for one in ranked),
        (),
    )
    pictures = [picture.name for picture in pictures_of(both, [])]
    assert len(set(pictures)) == len(pictures) == 2 * len(names)


def test_without_pictures(small: Evaluation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = write_evaluation(tmp_path / "plain", small, ["spectral"], plots=False)
    assert plain.missing is None
    assert "<img" not in plain.page.read_text(encoding="utf-8")

    def absent(*_args: Any, **_more: Any) -> None:
        raise MissingExtraError("evaluate", "A map of vectors")

    monkeypatch.setattr("soundalike.studies.pictures.tsne", absent)
    bare = write_evaluation(tmp_path / "bare", small, ["spectral"])
    assert bare.missing is not None
    assert "soundalike[evaluate]" in str(bare.missing)
    assert "spectral" in bare.page.read_text(encoding="utf-8")
    assert not (tmp_path / "bare" / "pictures").exists()


def test_nothing_to_find_is_shown_as_nothing(tmp_path: Path) -> None:
    tone = np.sin(np.arange(8000, dtype=np.float32))
    for name in ("a/1.wav", "a/2.wav", "b/1.wav", "b/2.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(encode_wav(tone, 8000))
    found = evaluate(find_tasks([str(tmp_path)], None), contenders(["spectral"]), resamples=10)
    assert {(r.queries, r.left_out) for r in found.report.results} == {(0, 4)}
    assert {s.value for r in found.report.results for s in r.scores if s.name == "map"} == {None}
    written = write_evaluation(tmp_path / "out", found, ["spectral"])
    assert "4 had nothing to find" in written.page.read_text(encoding="utf-8")


def test_silence_is_equally_far_from_everything(tmp_path: Path) -> None:
    for number, name in enumerate(("a/1.wav", "a/2.wav", "b/1.wav", "b/2.wav")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(encode_wav(np.zeros(8000 + number, np.float32), 8000))
    found = evaluate(find_tasks([str(tmp_path)], None), contenders(["spectral"]), resamples=10)
    for result in found.report.results:
        score = result.score("map")
        assert score is not None
        assert score.value == score.chance
        assert result.facts["silent sounds"] == "4"
    with pytest.raises(InvalidInputError, match="All sounds of near-duplicates are silent"):
        evaluate(find_tasks(["near-duplicates"], tmp_path), contenders(["spectral"]))
