"""Comparing encoders on held-out sounds, the copies they are asked for, and the rule of switching."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from soundalike.audio import encode_wav
from soundalike.core.arrays import FloatArray, IntArray
from soundalike.core.errors import InvalidInputError
from soundalike.encoders import Encoder, EncoderSpec, load_encoder
from soundalike.evaluation import Report
from soundalike.library import demo_sounds
from soundalike.sources import item_of_uri
from soundalike.studies import (
    UNSEEN_KINDS,
    Comparison,
    ComparisonConfig,
    Difference,
    HeldOutSound,
    compare_encoders,
    decide,
)
from soundalike.studies.comparison import _two_stretches
from soundalike.studies.unseen_copies import overdrive, tremolo, unseen_kinds

RATE_HZ = 16000
KINDS = tuple(kind for kind in UNSEEN_KINDS if kind.name in ("overdrive", "tremolo"))
QUICK = ComparisonConfig(excerpt_s=1.0, resamples=200)


class Toy(Encoder):
    """Vectors that have nothing to do with the sound, or are all the same."""

    def __init__(self, name: str, *, constant: bool = False) -> None:
        self.constant = constant
        self.spec = EncoderSpec(
            name=name, fingerprint=name, space=name, dims=4, metric="cosine", unit_length=False,
            rate_hz=RATE_HZ, window_samples=RATE_HZ, hop_samples=RATE_HZ,
        )  # fmt: skip

    def encode(self, segments: FloatArray, lengths: IntArray) -> FloatArray:
        if self.constant:
            return np.ones((len(segments), 4), np.float32)
        rows = [np.random.default_rng(int(1e6 * np.abs(row).sum())) for row in segments]
        return np.stack([rng.standard_normal(4).astype(np.float32) for rng in rows])


@pytest.fixture(scope="module")
def held_out() -> list[HeldOutSound]:
    """Some bundled sounds of three folders."""
    paths = [
        path
        for name in ("kicks", "snares", "guitar")
        for path in sorted((demo_sounds() / name).glob("*.flac"))[:4]
    ]
    return [HeldOutSound(item_of_uri(str(path)), path.parent.name, 1.0) for path in paths]


@pytest.fixture(scope="module")
def to_spectral(held_out: list[HeldOutSound]) -> Comparison:
    """From an encoder that knows nothing to one that hears something."""
    return compare_encoders(held_out, Toy("random"), load_encoder("spectral"), kinds=KINDS, config=QUICK)


def test_every_measure_has_figures_with_intervals(
    to_spectral: Comparison, held_out: list[HeldOutSound]
) -> None:
    assert to_spectral.sounds == len(held_out) == 11
    assert to_spectral.report.encoders == ("random (old)", "spectral (new)")
    assert [one.measure for one in to_spectral.differences] == ["folder mAP", "near-duplicates", "same file"]
    for result in to_spectral.report.results:
        names = [score.name for score in result.scores]
        assert names == ["folder mAP", "near-duplicates", "overdrive", "tremolo", "same file"]
        for score in result.scores:
            assert None not in (score.value, score.low, score.high, score.chance)
            assert score.low <= score.value <= score.high  # type: ignore[operator]
    chance = to_spectral.report.results[0].score("near-duplicates")
    assert chance is not None
    assert chance.chance == pytest.approx(1 / 11)


def test_one_that_hears_is_better_than_one_that_does_not(to_spectral: Comparison) -> None:
    for one in to_spectral.differences:
        assert one.change == pytest.approx(one.new - one.old)
        assert one.low is not None
        assert one.change > 0.1
    assert decide(to_spectral).switch


def test_it_is_not_better_than_itself(held_out: list[HeldOutSound]) -> None:
    encoder = load_encoder("spectral")
    same = compare_encoders(held_out, encoder, encoder, kinds=KINDS[:1], config=QUICK)
    assert all((one.change, one.low, one.high) == (0.0, 0.0, 0.0) for one in same.differences)
    assert not decide(same).switch


def test_vectors_that_are_all_the_same_score_as_chance_does(held_out: list[HeldOutSound]) -> None:
    found = compare_encoders(
        held_out, Toy("r"), Toy("constant", constant=True), kinds=KINDS[:1], config=QUICK
    )
    constant = found.report.results[1]
    assert constant.encoder == "constant (new)"
    for score in constant.scores:
        assert score.value == pytest.approx(score.chance, abs=1e-9), score.name
    assert "spectral" in found.report.encoders, "it stands beside the others where it is neither of them"


def test_the_seed_decides_what_is_drawn(held_out: list[HeldOutSound], to_spectral: Comparison) -> None:
    again = compare_encoders(held_out, Toy("random"), load_encoder("spectral"), kinds=KINDS, config=QUICK)
    assert again.report.results == to_spectral.report.results
    few = ComparisonConfig(most=6, excerpt_s=1.0, resamples=50, seed=1)
    assert compare_encoders(held_out, Toy("a"), Toy("b"), kinds=KINDS[:1], config=few).sounds == 6


def test_without_two_folders_there_is_no_folder_map(held_out: list[HeldOutSound]) -> None:
    kicks = [one for one in held_out if one.label == "kicks"]
    found = compare_encoders([*kicks, held_out[-1]], Toy("a"), Toy("b"), kinds=KINDS[:1], config=QUICK)
    assert [one.measure for one in found.differences] == ["near-duplicates", "same file"]


def test_sounds_that_cannot_be_used_take_no_part(held_out: list[HeldOutSound], tmp_path: Path) -> None:
    (tmp_path / "broken.wav").write_text("no sound")
    (tmp_path / "silent.wav").write_bytes(encode_wav(np.zeros(RATE_HZ, np.float32), RATE_HZ))
    bad = [HeldOutSound(item_of_uri(str(path)), "bad", 1.0) for path in sorted(tmp_path.glob("*.wav"))]
    found = compare_encoders([*held_out[:3], *bad], Toy("a"), Toy("b"), kinds=KINDS[:1], config=QUICK)
    assert found.sounds == 3
    assert [Path(one.uri).name for one in found.left_out] == ["broken.wav"]
    with pytest.raises(
        InvalidInputError, match=r"Two sounds are needed .* of 2, 0 could be used.*broken.wav"
    ):
        compare_encoders(bad, Toy("a"), Toy("b"), kinds=KINDS[:1], config=QUICK)


def test_two_stretches_share_nothing_and_hold_what_is_loud() -> None:
    ramp = np.linspace(0.1, 0.2, 3 * RATE_HZ, dtype=np.float32)  # every sample says where it comes from
    samples = np.concatenate([np.zeros(RATE_HZ, np.float32), ramp, np.zeros(RATE_HZ, np.float32)])
    first, second = _two_stretches(samples, RATE_HZ)
    assert len(first) == len(second) == RATE_HZ
    assert first.max() < second.min()
    assert min(first.min(), second.min()) >= 0.1
    short, other = _two_stretches(np.full(RATE_HZ // 10, 0.5, np.float32), RATE_HZ)
    assert not short.any()
    assert not other.any()


def test_unseen_copies_do_what_they_say() -> None:
    rng = np.random.default_rng(0)
    tone = (0.4 * np.sin(2 * np.pi * 220.0 * np.arange(RATE_HZ) / RATE_HZ)).astype(np.float32)
    driven = overdrive(tone, RATE_HZ, rng, drive_db=18.0)
    assert np.abs(driven).max() == pytest.approx(np.abs(tone).max(), rel=1e-6)
    spectrum = np.abs(np.fft.rfft(driven))
    assert spectrum[660] > 0.1 * spectrum[220], "the third overtone of a rounded sine"
    swelling = tremolo(np.ones(RATE_HZ, np.float32), RATE_HZ, rng, depth=0.8)
    assert (swelling.min(), swelling.max()) == (pytest.approx(0.2, abs=1e-3), pytest.approx(1.0, abs=1e-3))
    for kind in UNSEEN_KINDS:
        changed = kind.change(tone, RATE_HZ, rng)
        assert changed.shape == tone.shape
        assert np.isfinite(changed).all()


def test_what_is_trained_on_is_not_asked_for() -> None:
    assert len(unseen_kinds(["gain", "noise"])) == len(UNSEEN_KINDS)
    assert "reverberation" not in [kind.name for kind in unseen_kinds(["Reverberation"])]
    with pytest.raises(InvalidInputError, match="no deformation is left to judge by"):
        unseen_kinds(["mp3", "reverberation", "overdrive", "tremolo"])


@dataclass(frozen=True)
class Found:
    """What is decided on."""

    differences: tuple[Difference, ...]


def change(measure: str, by: float, low: float | None) -> Difference:
    return Difference(measure, 0.5, 0.5 + by, by, low, None if low is None else by + 0.1)


@pytest.mark.parametrize(
    ("differences", "switch", "why"),
    [
        ([change("folder mAP", 0.1, 0.01)], True, "folder mAP is better"),
        ([change("folder mAP", 0.1, 0.0)], False, "not better with certainty"),
        ([change("folder mAP", 0.1, -0.01)], False, "not better with certainty"),
        ([change("folder mAP", 0.1, None)], False, "too few sounds"),
        ([change("near-duplicates", 0.1, 0.01)], True, "near-duplicates is better"),
        ([change("near-duplicates", 0.0, -0.1), change("folder mAP", 0.1, 0.05)], True, "folder mAP"),
        ([change("near-duplicates", 0.3, 0.2), change("folder mAP", 0.0, -0.1)], False, "folder mAP"),
        ([change("folder mAP", 0.1, 0.05), change("near-duplicates", -0.02, -0.1)], True, "nothing falls"),
        (
            [change("folder mAP", 0.1, 0.05), change("near-duplicates", -0.021, -0.1)],
            False,
            "near-duplicates falls by 0.021",
        ),
        (
            [change("folder mAP", 0.1, -0.05), change("near-duplicates", -0.2, -0.3)],
            False,
            "with certainty (+0.100, 95 % interval -0.050 to +0.200), and near-duplicates falls by 0.200",
        ),
        ([change("folder mAP", 0.1, 0.05), change("same file", -0.5, -0.6)], True, "folder mAP"),
        ([change("same file", 0.5, 0.4)], False, "nothing to judge by"),
        ([], False, "nothing to judge by"),
    ],
)
def test_the_rule_of_switching(differences: list[Difference], switch: bool, why: str) -> None:
    decision = decide(Found(tuple(differences)))
    assert decision.switch is switch
    assert why in decision.why


def test_a_comparison_can_be_read_back(to_spectral: Comparison) -> None:
    assert Report.from_json(to_spectral.report.to_json()).results == to_spectral.report.results


@pytest.mark.parametrize("bad", [{"most": 1}, {"excerpt_s": 0.0}, {"seed": -1}, {"resamples": 0}])
def test_settings_are_checked(bad: dict[str, float]) -> None:
    with pytest.raises(InvalidInputError, match="most is at least 2"):
        ComparisonConfig(**bad)  # type: ignore[arg-type]
