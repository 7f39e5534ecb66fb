"""A sound of an evaluation set is found in the training corpus, whatever was done to it."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from soundalike.audio import decode
from soundalike.core.arrays import FloatArray
from soundalike.core.errors import TrainingError
from soundalike.training import TrainingSounds

sys.path.insert(0, str(Path(__file__).parents[2]))

from scripts.corpus.cutting import RATE_HZ, cut_file
from scripts.corpus.evaluation import EvaluationClips, read_evaluation_sets
from scripts.corpus.fingerprints import agreement, landmarks
from scripts.corpus.matching import left_out, match_samples, matches_of
from scripts.corpus.shards import ShardWriter
from scripts.corpus.table import Part

PART = Part(name="some-data", package="some-data", what="sounds", licence="CC0-1.0")


def re_encoded(samples: FloatArray, codec: str, container: str, rate_hz: int) -> FloatArray:
    """At 64 kbit/s and back."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate_hz)
        assert isinstance(stream, av.AudioStream)
        stream.bit_rate = 64_000
        stream.layout = "mono"
        whole = (np.clip(samples, -1.0, 1.0)[None] * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(whole, format="s16", layout="mono")
        frame.sample_rate = RATE_HZ
        resampler = av.AudioResampler(
            format=stream.format.name, layout="mono", rate=rate_hz, frame_size=stream.frame_size or 960
        )
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    buffer.seek(0)
    return decode(buffer, rate_hz=RATE_HZ, name=f"copy.{container}").samples


@pytest.fixture(scope="module")
def files(shared_data: Path) -> list[Path]:
    classes = [folder for folder in sorted((shared_data / "esc10").iterdir()) if folder.is_dir()]
    return [min(folder.glob("*.ogg")) for folder in classes]


@pytest.fixture(scope="module")
def clips(files: list[Path], tmp_path_factory: pytest.TempPathFactory) -> EvaluationClips:
    folder = tmp_path_factory.mktemp("evaluation")
    for file in files[:6]:
        (folder / "set").mkdir(exist_ok=True)
        (folder / "set" / file.name).symlink_to(file)
    return EvaluationClips(read_evaluation_sets([folder / "set"], folder / "work", processes=1))


@pytest.mark.parametrize(
    ("codec", "container", "rate_hz"), [("mp3", "mp3", 44100), ("libopus", "ogg", 48000)]
)
def test_a_louder_cut_and_re_encoded_copy_inside_a_longer_sound_is_found(
    clips: EvaluationClips, files: list[Path], codec: str, container: str, rate_hz: int
) -> None:
    around = decode(files[-1], rate_hz=RATE_HZ).samples
    for index in range(len(clips.sounds)):
        clip = clips.sounds.read(index)
        cut = 1.6 * clip[4_321 : 4_321 + 3 * RATE_HZ]
        hidden = re_encoded(
            np.concatenate([around[:70_007], cut, around[70_007:]]), codec, container, rate_hz
        )
        match = match_samples("hidden", hidden, clips)
        assert match is not None, clips.sounds.sounds[index].name
        assert (match.clip, match.by) == (clips.sounds.sounds[index].name, "fingerprint")


def test_other_recordings_of_the_same_classes_are_not_found(
    clips: EvaluationClips, files: list[Path]
) -> None:
    others = [max(file.parent.glob("*.ogg")) for file in files[:6]]
    found = [match_samples(other.name, decode(other, rate_hz=RATE_HZ).samples, clips) for other in others]
    assert [match for match in found if match is not None and match.by == "fingerprint"] == []


def test_agreement_is_of_detail_and_not_of_level() -> None:
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(2 * RATE_HZ).astype(np.float32) * 0.1
    other = rng.standard_normal(2 * RATE_HZ).astype(np.float32) * 0.1
    same, overlap_s = agreement(noise, 0.3 * noise, 0)
    assert same > 0.99
    assert overlap_s == pytest.approx(1.0, abs=0.1)
    assert agreement(noise, other, 0)[0] < 0.3
    assert agreement(noise, noise, 10_000) == (0.0, 0.0)


def test_a_set_without_audio_is_an_error(tmp_path: Path, files: list[Path]) -> None:
    """Nothing would be compared with it, and nobody would know."""
    for name in ("good", "bad", "empty"):
        (tmp_path / name).mkdir()
    (tmp_path / "good" / "a.ogg").symlink_to(files[0])
    (tmp_path / "bad" / "a.wav").write_bytes(b"RIFF")
    (tmp_path / "bad" / "a.txt").write_text("no audio")
    for name in ("bad", "empty"):
        with pytest.raises(TrainingError, match=f"{name} holds no audio that can be decoded"):
            read_evaluation_sets([tmp_path / "good", tmp_path / name], tmp_path / "work", processes=1)


def test_silence_has_no_landmarks() -> None:
    assert len(landmarks(np.zeros(RATE_HZ, np.float32))) == 0
    assert len(landmarks(np.zeros(10, np.float32))) == 0


def test_bytes_and_samples_are_found_and_every_stretch_of_the_file_is_left_out(
    clips: EvaluationClips, files: list[Path], tmp_path: Path
) -> None:
    corpus = tmp_path / "files"
    corpus.mkdir()
    (corpus / "copy.ogg").write_bytes(files[0].read_bytes())
    (corpus / "innocent.ogg").write_bytes(files[-1].read_bytes())
    first = cut_file(corpus, "copy.ogg", 240.0)
    halves = np.split(first.stretches[0][1], [RATE_HZ])
    cuts = [
        type(first)("copy.ogg", tuple((float(at), half) for at, half in enumerate(halves)), *_of(first)),
        cut_file(corpus, "innocent.ogg", 240.0),
    ]
    with ShardWriter(tmp_path / "shard", "key") as writer:
        for cut in cuts:
            writer.add_cut(cut, PART)
    shard = TrainingSounds(tmp_path / "shard")
    found = matches_of(shard, writer.summary, clips, processes=1)
    assert {match.by for match in found if match.by != "near"} == {"bytes"}
    assert left_out(shard, found) == {
        "some-data/copy.ogg@0.0s": "evaluation: bytes",
        "some-data/copy.ogg@1.0s": "evaluation: bytes",
    }


def _of(cut: object) -> tuple[str, str, float]:
    return cut.bytes_hash, cut.samples_hash, cut.duration_s  # type: ignore[attr-defined]
