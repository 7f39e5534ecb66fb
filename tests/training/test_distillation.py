"""Distillation: the teacher in two programs, kept labels, batches that are pure, a student that learns."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.fft
import torch

from soundalike.audio import decode
from soundalike.core.arrays import FloatArray
from soundalike.core.errors import EncoderError, TrainingError
from soundalike.encoders.published import EFFICIENTAT_FRONT_END
from soundalike.features.front_end import LogMelFrontEnd, front_end_spectra
from soundalike.training import (
    InputConfig,
    NetworkConfig,
    ObjectiveChoice,
    OptimiserConfig,
    Recipe,
    StageConfig,
    TrainingSounds,
    TrainingSoundsWriter,
    train,
)
from soundalike.training.clips import ClipConfig, ClipSource
from soundalike.training.distillation import (
    BlurConfig,
    DistillationBatches,
    DistillationConfig,
    DistillationObjective,
    blur,
)
from soundalike.training.labelled import LabelledClips, label_clips, levels_db, open_clips, quantise
from soundalike.training.mobilenet import load_teacher
from soundalike.training.own_statistics import CEPSTRA, level_statistics
from soundalike.training.parsing import mapping_from_config
from soundalike.training.state import make_network
from soundalike.training.targets import TargetConfig, Targets
from soundalike.training.teacher import MobileNetTeacher, TeacherSpec

RATE_HZ = 16000
LISTENING = InputConfig(
    rate_hz=RATE_HZ,
    window_samples=8192,
    hop_samples=4096,
    front_end=LogMelFrontEnd(
        frame_samples=512, hop_samples=256, bands=32, low_hz=60.0, high_hz=8000.0
    ),
)  # fmt: skip
NETWORK = NetworkConfig(stages=(StageConfig(8, (5, 5), (4, 4)), StageConfig(16)), dims=16)
CONFIG = DistillationConfig(targets=TargetConfig(dims=4))


class CountingTeacher:
    """Says how loud the quarters of the spectrum are: something that a student can learn in seconds."""

    spec = TeacherSpec(fingerprint="counting-1", rate_hz=RATE_HZ, widths=(4, 4), classes=527)

    def __init__(self) -> None:
        self.heard = 0

    def describe(self, clip: FloatArray) -> tuple[FloatArray, FloatArray]:
        self.heard += 1
        power = np.square(np.abs(np.fft.rfft(clip)))
        quarters = np.log([part.mean() + 1e-9 for part in np.array_split(power, 4)])
        logits = np.full(527, -6.0)
        logits[:4] = quarters - quarters.mean()
        return np.concatenate([quarters, -quarters]).astype(np.float32), logits.astype(np.float32)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> ClipSource:
    folder = tmp_path_factory.mktemp("sounds")
    rng = np.random.default_rng(0)
    with TrainingSoundsWriter(folder, RATE_HZ) as writer:
        for number in range(40):
            spectrum = np.fft.rfft(rng.standard_normal(RATE_HZ))
            spectrum *= np.exp(-np.square((np.arange(len(spectrum)) - 200 * number) / 900.0))
            writer.add(np.fft.irfft(spectrum) * 4.0, name=str(number), group=str(number))
    return ClipSource([TrainingSounds(folder)], ClipConfig(clip_s=1.0, noisy=0.0))


@pytest.fixture(scope="module")
def clips(source: ClipSource, tmp_path_factory: pytest.TempPathFactory) -> LabelledClips:
    folder = tmp_path_factory.mktemp("clips")
    label_clips(source, CountingTeacher(), LISTENING, folder, 1000)
    return open_clips(folder)


def test_the_teacher_says_the_same_as_in_torch(shared_data: Path) -> None:
    archive = shared_data / "teacher" / "mn04_as_mAP_432.pt"
    network = load_teacher(torch.load(archive, weights_only=True))
    teacher = MobileNetTeacher(archive)
    dog = min((shared_data / "esc10" / "dog_bark").glob("*.ogg"))
    clip = decode(dog, rate_hz=32000).samples.reshape(-1).astype(np.float32)[: 5 * 32000]
    features, logits = teacher.describe(clip)
    spectra = torch.from_numpy(front_end_spectra(clip[None], EFFICIENTAT_FRONT_END, 32000))[:, None]
    with torch.no_grad():
        pooled, expected = network.pooled_blocks(spectra)
    assert teacher.spec.widths == tuple(part.shape[1] for part in pooled[1:])
    np.testing.assert_allclose(features, torch.cat(pooled[1:], dim=1)[0], atol=1e-3, rtol=1e-3)
    np.testing.assert_allclose(logits, expected[0], atol=1e-3, rtol=1e-3)
    assert int(logits.argmax()) in {72, 74, 75}  # Animal, Dog, Bark among AudioSet's classes
    short, _ = teacher.describe(clip[:8000])
    assert np.isfinite(short).all()


def test_a_teacher_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.pt").write_bytes(b"not a zip")
    with pytest.raises(EncoderError, match=r"x\.pt|archive|zip"):
        MobileNetTeacher(tmp_path / "x.pt")


def test_levels_survive_being_kept(clips: LabelledClips, source: ClipSource) -> None:
    clip = source.clip(7)
    exact = front_end_spectra(clip[None], LISTENING.front_end, RATE_HZ)[0]  # type: ignore[arg-type]
    kept = levels_db(clips.levels[7])[:, : clips.lengths[7]]
    inside = exact > exact.max() - 95.0
    assert inside.mean() > 0.9
    np.testing.assert_allclose(kept[inside], (exact - exact.max())[inside], atol=0.19)
    assert quantise(np.array([[3.0, -200.0]], np.float32)).tolist() == [[255, 0]]


def test_labelling_goes_on_where_it_stopped(source: ClipSource, tmp_path: Path) -> None:
    teacher = CountingTeacher()
    label_clips(source, teacher, LISTENING, tmp_path, 1000)
    assert teacher.heard == 1000
    label_clips(source, teacher, LISTENING, tmp_path, 1000)
    assert teacher.heard == 1000  # nothing was made again
    (tmp_path / "part-00001.unfinished").write_bytes(b"cut short")
    assert len(open_clips(tmp_path)) == 1000


def test_two_processes_make_the_same_clips(source: ClipSource, clips: LabelledClips, tmp_path: Path) -> None:
    done: list[int] = []
    label_clips(source, CountingTeacher(), LISTENING, tmp_path, 2000, processes=2, on_progress=done.append)
    both = open_clips(tmp_path)
    assert done[-1] == 2000
    np.testing.assert_array_equal(both.levels[:1000], clips.levels)
    np.testing.assert_array_equal(both.features[:1000], clips.features)
    assert len(open_clips(tmp_path, 300)) == 300


def test_clips_of_something_else_are_not_mixed_in(source: ClipSource, tmp_path: Path) -> None:
    label_clips(source, CountingTeacher(), LISTENING, tmp_path, 1)
    other = ClipSource(source._sounds, ClipConfig(clip_s=1.0, seed=9))
    with pytest.raises(TrainingError, match="use another"):
        label_clips(other, CountingTeacher(), LISTENING, tmp_path, 1)


@pytest.mark.parametrize("damage", ["description", "part", "absent"])
def test_damaged_clips_are_an_error(source: ClipSource, tmp_path: Path, damage: str) -> None:
    label_clips(source, CountingTeacher(), LISTENING, tmp_path, 1)
    if damage == "description":
        (tmp_path / "clips.json").write_text('{"version": 1', encoding="utf-8")
    elif damage == "part":
        part = tmp_path / "part-00000.npz"
        part.write_bytes(part.read_bytes()[:2000])
    else:
        (tmp_path / "clips.json").unlink()
    with pytest.raises(TrainingError, match=r"damaged|no part|holds no"):
        open_clips(tmp_path)


def test_batches_are_pure_and_every_clip_comes_once_a_round(clips: LabelledClips) -> None:
    batches = DistillationBatches(clips, LISTENING, CONFIG, batch_size=100, seed=3, held_out=100)
    seventh = batches.batch(7)
    again = DistillationBatches(clips, LISTENING, CONFIG, batch_size=100, seed=3, held_out=100).batch(7)
    for name, array in seventh.items():
        np.testing.assert_array_equal(array, again[name])
    rows = np.concatenate([batches._rows(step) for step in range(9)])
    assert sorted(rows.tolist()) == list(range(900))
    assert set(rows.tolist()).isdisjoint(batches.held_out.tolist())
    assert seventh["inputs"].shape == (100, *LISTENING.input_shape)
    np.testing.assert_allclose(np.linalg.norm(seventh["teacher_features"], axis=1), 1.0, atol=1e-5)
    assert 0.0 < seventh["teacher_scores"].min() < seventh["teacher_scores"].max() < 1.0


def test_another_front_end_or_too_few_clips_are_refused(clips: LabelledClips) -> None:
    with pytest.raises(TrainingError, match="listens by"):
        DistillationBatches(clips, InputConfig(), CONFIG, batch_size=8, seed=0)
    with pytest.raises(TrainingError, match="there are 10 clips"):
        DistillationBatches(clips, LISTENING, CONFIG, batch_size=64, seed=0, held_out=990)


def test_segments_are_stretches_of_their_clip(clips: LabelledClips) -> None:
    batches = DistillationBatches(clips, LISTENING, CONFIG, batch_size=8, seed=0)
    rows = np.arange(50)
    segments = batches.segments(rows, np.random.default_rng(0))
    frames = LISTENING.frames
    for row, segment in zip(rows, segments, strict=True):
        whole = levels_db(clips.levels[row])
        starts = range(max(1, int(clips.lengths[row]) - frames + 1))
        assert any(
            np.array_equal(segment[:, : min(frames, whole.shape[1] - s)], whole[:, s : s + frames])
            for s in starts
        )


def test_blur_changes_what_it_says_and_nothing_else() -> None:
    rng = np.random.default_rng(0)
    levels = rng.uniform(-60.0, 0.0, (200, 32, 31)).astype(np.float32)
    none = BlurConfig(noisy=0.0, coloured=0.0, cut=0.0, masked=0.0)
    np.testing.assert_array_equal(blur(levels, none, np.random.default_rng(1)), levels)
    noisy = blur(levels, BlurConfig(noisy=1.0, coloured=0.0, cut=0.0), np.random.default_rng(1))
    assert (noisy >= levels - 1e-3).all()
    assert (noisy > levels + 1.0).mean() > 0.05
    coloured = blur(levels, BlurConfig(noisy=0.0, coloured=1.0, cut=0.0), np.random.default_rng(1)) - levels
    np.testing.assert_allclose(coloured.std(axis=2), 0.0, atol=1e-4)  # the same in all frames
    assert coloured[:, :, 0].std() == pytest.approx(4.2, abs=0.8)
    cut = blur(levels, BlurConfig(noisy=0.0, coloured=0.0, cut=1.0), np.random.default_rng(1)) - levels
    np.testing.assert_array_equal(cut[:, :16], 0.0)
    np.testing.assert_allclose(cut[:, -1], -80.0, atol=1e-4)
    masked = blur(levels, BlurConfig(0.0, coloured=0.0, cut=0.0, masked=1.0), np.random.default_rng(1))
    changed = (masked != levels).mean(axis=(1, 2))
    assert (changed > 0.0).all()
    assert changed.max() <= 1.0 / 7.0


def test_targets_are_whitened_components() -> None:
    rng = np.random.default_rng(0)
    features = rng.standard_normal((4000, 6)) * np.array([9.0, 3.0, 1.0, 1.0, 0.3, 0.1])
    none = np.zeros((4000, 1), np.float32)
    white = Targets(features, (6,), none, TargetConfig(dims=6, whitening=1.0)).of(features, none)
    np.testing.assert_allclose(np.linalg.norm(white, axis=1), 1.0, atol=1e-5)
    np.testing.assert_allclose(np.cov(white.T), np.eye(6) / 6, atol=0.02)
    # standardised features have no direction that varies more: a copy of one makes one
    doubled = np.concatenate([features, features[:, :1]], axis=1)
    config = TargetConfig(dims=7, whitening=0.0, last_weight=1.0)
    plain = Targets(doubled, (6, 1), none, config).of(doubled, none)
    assert plain[:, 0].std() > 1.5 * plain[:, 3].std()


def test_own_statistics_stand_beside_the_teacher_at_their_weight() -> None:
    rng = np.random.default_rng(0)
    features = rng.standard_normal((500, 5))
    statistics = (3.0 + 7.0 * rng.standard_normal((500, 4))).astype(np.float32)
    targets = Targets(features, (5,), statistics, TargetConfig(dims=5, own_weight=0.5))
    rows = targets.of(features, statistics)
    assert targets.dims == rows.shape[1] == 9
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-5)
    ratio = np.linalg.norm(rows[:, 5:], axis=1) / np.linalg.norm(rows[:, :5], axis=1)
    np.testing.assert_allclose(ratio, 0.5, atol=1e-4)


def test_statistics_of_levels_agree_with_a_loop(clips: LabelledClips) -> None:
    found = level_statistics(clips.levels[:5], clips.lengths[:5])
    for row in range(5):
        db = np.maximum(levels_db(clips.levels[row])[:, : clips.lengths[row]], -80.0)
        frames = [t for t in range(db.shape[1]) if db[:, t].max() > -50.0]
        cepstra = scipy.fft.dct(db.astype(np.float64), axis=0, norm="ortho")[1 : CEPSTRA + 1]
        pairs = [t for t in frames if t + 1 in frames]
        change = np.mean([np.abs(cepstra[:, t + 1] - cepstra[:, t]) for t in pairs], axis=0)
        expected = [cepstra[:, frames].mean(axis=1), cepstra[:, frames].std(axis=1), change]
        np.testing.assert_allclose(found[row], np.concatenate(expected), rtol=1e-3, atol=1e-2)
    assert np.isfinite(level_statistics(np.zeros((2, 32, 10), np.uint8), np.array([10, 0]))).all()


def test_two_views_are_of_the_same_clips_and_pull_together(clips: LabelledClips) -> None:
    config = replace(CONFIG, consistency=1.0, cosine=0.0, similarity=0.0, scores=0.0)
    batches = DistillationBatches(clips, LISTENING, config, batch_size=64, seed=1)
    batch = batches.batch(3)
    np.testing.assert_array_equal(batch["teacher_features"][:32], batch["teacher_features"][32:])
    assert not np.array_equal(batch["inputs"][:32], batch["inputs"][32:])
    recipe = Recipe(name="x", objective=ObjectiveChoice("distillation"), input=LISTENING, network=NETWORK)
    network = make_network(recipe).eval()
    objective = DistillationObjective(config, network)
    tensors = {name: torch.from_numpy(np.asarray(array)) for name, array in batch.items()}
    same = {**tensors, "inputs": tensors["inputs"][:32].repeat(2, 1, 1)}
    with torch.no_grad():
        assert float(objective(network, same)[0]) < float(objective(network, tensors)[0])
        of_one_file = {**tensors, "groups": torch.zeros(32, dtype=torch.int64)}
        assert float(objective(network, of_one_file)[0]) == pytest.approx(0.0, abs=1e-6), "no negatives"
    with pytest.raises(TrainingError, match="2 of each clip"):
        DistillationBatches(clips, LISTENING, config, batch_size=63, seed=1)


def test_the_objective_is_least_where_student_and_teacher_agree() -> None:
    config = DistillationConfig(scores=0.0, targets=TargetConfig(dims=16))
    recipe = Recipe(name="x", objective=ObjectiveChoice("distillation"), input=LISTENING, network=NETWORK)
    network = make_network(recipe).eval()
    objective = DistillationObjective(config, network)
    inputs = torch.randn(12, *LISTENING.input_shape) * 10
    with torch.no_grad():
        objective.projection.weight.copy_(torch.eye(16))
        objective.projection.bias.zero_()
        vectors = network(inputs)
        agreed, figures = objective(network, {"inputs": inputs, "teacher_features": vectors})
        turned = torch.nn.functional.normalize(torch.randn(12, 16), dim=1)
        other, _ = objective(network, {"inputs": inputs, "teacher_features": turned})
    assert float(agreed) == pytest.approx(0.0, abs=1e-5)
    assert figures.keys() == {"cosine", "similarity"}
    assert float(other) > 0.3


@pytest.mark.parametrize("shape", [False, True])
def test_class_scores_shape_the_vectors_only_where_asked_to(shape: bool) -> None:
    config = DistillationConfig(cosine=0.0, similarity=0.0, scores_shape=shape, targets=TargetConfig(dims=16))
    recipe = Recipe(name="x", objective=ObjectiveChoice("distillation"), input=LISTENING, network=NETWORK)
    network = make_network(recipe)
    objective = DistillationObjective(config, network)
    batch = {
        "inputs": torch.randn(6, *LISTENING.input_shape) * 10,
        "teacher_features": torch.randn(6, 16),
        "teacher_scores": torch.rand(6, 527),
    }
    loss, _ = objective(network, batch)
    loss.backward()
    assert objective.tags is not None
    of_tags, of_network = objective.tags.weight.grad, network.last.weight.grad
    assert of_tags is not None
    assert of_network is not None
    assert float(of_tags.abs().sum()) > 0.0
    assert (float(of_network.abs().sum()) > 0.0) is shape


def test_a_student_learns_what_the_teacher_says(clips: LabelledClips, tmp_path: Path) -> None:
    choice = ObjectiveChoice("distillation", mapping_from_config(CONFIG))
    optimiser = OptimiserConfig(learning_rate=5e-3, ema_decay=0.9)
    recipe = Recipe("learn", choice, batch_size=64, input=LISTENING, network=NETWORK, optimiser=optimiser)
    batches = DistillationBatches(clips, LISTENING, CONFIG, batch_size=64, seed=1, held_out=200)
    agreement = []
    for steps in (1, 80):
        result = train(recipe, batches, tmp_path / str(steps), steps=steps)
        inputs = batches.segments(batches.held_out, np.random.default_rng(0))
        with torch.no_grad():
            vectors = result.network.eval()(torch.from_numpy(inputs)).numpy()
        targets = batches.said(batches.held_out)["teacher_features"]
        upper = np.triu_indices(len(targets), 1)
        agreement.append(np.corrcoef((vectors @ vectors.T)[upper], (targets @ targets.T)[upper])[0, 1])
    assert agreement[1] > 0.8
    assert agreement[1] > agreement[0] + 0.1
