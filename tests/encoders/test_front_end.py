"""Encoders that are fed with spectra: real tiny models, and frames that segments share."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from soundalike.core.errors import EncoderError, InvalidInputError
from soundalike.encoders import load_encoder
from soundalike.encoders import onnx as host_module
from soundalike.encoders.front_end import SamplesFrontEnd, spectra_at
from soundalike.encoders.onnx import OnnxEncoder, sha256_of
from soundalike.encoders.onnx_manifest import OnnxManifest, load_manifest, save_manifest
from soundalike.features import LogMelFrontEnd, front_end_spectra
from soundalike.features.front_end import spectra_of_frames

RATE_HZ, WINDOW, HOP = 8000, 2000, 1000
FRONT_END = LogMelFrontEnd(frame_samples=256, hop_samples=100, bands=6, low_hz=20.0, high_hz=4000.0)
FRAMES = FRONT_END.count_frames(WINDOW)


def mean_over_time(
    channels: bool = False, bands: int = 6, frames: int | str | None = FRAMES
) -> onnx.ModelProto:
    """The mean of every band, brought to length 1."""
    shape: list[Any] = ["batch", bands, frames]
    mean_axes = [2]
    if channels:
        shape.insert(1, 1)
        mean_axes = [1, 3]
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["spectra"], ["means"], axes=mean_axes, keepdims=0),
            helper.make_node("LpNormalization", ["means"], ["vectors"], axis=1, p=2),
        ],
        "means",
        [helper.make_tensor_value_info("spectra", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["batch", bands])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def manifest_of(path: Path, **changes: Any) -> OnnxManifest:
    values: dict[str, Any] = {
        "name": "means", "version": 1, "file": path.name, "sha256": sha256_of(path), "rate_hz": RATE_HZ,
        "window_samples": WINDOW, "hop_samples": HOP, "dims": 6, "input": "spectra", "front_end": FRONT_END,
    }  # fmt: skip
    return OnnxManifest(**{**values, **changes})


def host(folder: Path, model: onnx.ModelProto | None = None, **changes: Any) -> OnnxEncoder:
    path = folder / "model.onnx"
    path.write_bytes((model or mean_over_time()).SerializeToString())
    return OnnxEncoder(manifest_of(path, **changes), folder)


@pytest.fixture(scope="module")
def recording() -> np.ndarray:
    rng = np.random.default_rng(0)
    samples = rng.standard_normal(40 * WINDOW) * np.exp(rng.standard_normal(40).repeat(WINDOW))
    return (0.05 * samples).astype(np.float32)


def cut(recording: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    segments = np.zeros((len(starts), WINDOW), np.float32)
    for row, (start, length) in enumerate(zip(starts, lengths, strict=True)):
        segments[row, :length] = recording[start : start + length]
    return segments


@pytest.mark.parametrize("channels", [False, True])
def test_the_model_sees_the_spectra(tmp_path: Path, recording: np.ndarray, channels: bool) -> None:
    encoder = host(tmp_path, mean_over_time(channels), batch_rows=3)
    segments = recording[: 7 * WINDOW].reshape(7, WINDOW)
    means = front_end_spectra(segments, FRONT_END, RATE_HZ).mean(axis=2)
    expected = means / np.linalg.norm(means, axis=1, keepdims=True)
    np.testing.assert_allclose(encoder.encode(segments, np.full(7, WINDOW)), expected, atol=1e-6)


@pytest.mark.parametrize("pre_emphasis", [0.0, 0.97])
def test_shared_frames_are_the_segments_own_bit_for_bit(recording: np.ndarray, pre_emphasis: float) -> None:
    front_end = dataclasses.replace(FRONT_END, pre_emphasis=pre_emphasis)
    rng = np.random.default_rng(1)
    grid = np.arange(0, 30 * HOP, HOP)
    starts = np.concatenate([grid, rng.integers(0, len(recording) - WINDOW, 60), [len(recording) - 300]])
    lengths = np.full(len(starts), WINDOW)
    lengths[40:-1] = rng.integers(1, WINDOW + 1, 50)
    lengths[[41, 42, 43, 44, 45]] = [1, 255, 256, 257, WINDOW - 1]
    lengths[-1] = 300
    found = spectra_at(recording, starts, lengths, WINDOW, front_end, RATE_HZ)
    expected = front_end_spectra(cut(recording, starts, lengths), front_end, RATE_HZ)
    np.testing.assert_array_equal(found, expected)


def test_frames_that_segments_share_are_computed_once(
    tmp_path: Path, recording: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[int] = []

    def counting(frames: Any, *rest: Any) -> Any:
        counted.append(len(frames))
        return spectra_of_frames(frames, *rest)

    monkeypatch.setattr("soundalike.encoders.front_end.spectra_of_frames", counting)
    starts = np.arange(0, 20 * HOP, HOP)
    host(tmp_path).encode_at(recording, starts, np.full(20, WINDOW))
    # Up to the last segment's last frame, all of which lie on one grid of 100, and one of silence.
    on_grid = (19 * HOP + (FRAMES - 1) * 100) // 100 + 1
    assert on_grid - 20 * 3 < sum(counted) <= on_grid + 1 < 20 * FRAMES


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"padding": "repeat"},
        {"front_end": dataclasses.replace(FRONT_END, pre_emphasis=0.97)},
        {"front_end": dataclasses.replace(FRONT_END, centred=True)},
    ],
    ids=["zeros", "repeat", "emphasised", "centred"],
)
def test_encode_at_is_encode(tmp_path: Path, recording: np.ndarray, changes: dict[str, Any]) -> None:
    encoder = host(tmp_path, mean_over_time(frames="frames"), **changes)
    rng = np.random.default_rng(2)
    starts = rng.integers(0, len(recording) - WINDOW, 40)
    lengths = rng.integers(1, WINDOW + 1, 40)
    expected = encoder.encode(cut(recording, starts, lengths), lengths)
    np.testing.assert_allclose(encoder.encode_at(recording, starts, lengths), expected, atol=1e-6)


def test_many_passes_give_what_one_gives(
    tmp_path: Path, recording: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = host(tmp_path, batch_rows=4)
    starts, lengths = np.arange(0, 30 * HOP, HOP), np.full(30, WINDOW)
    one = encoder.encode_at(recording, starts, lengths)
    monkeypatch.setattr(host_module, "FRAMES_AT_ONCE", 5 * FRAMES)
    assert len(list(encoder._passes(30))) == 8
    np.testing.assert_allclose(encoder.encode_at(recording, starts, lengths), one, atol=1e-6)


def zeroed(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same with vectors of zeros for whatever comes."""
    model.graph.node.pop()
    model.graph.initializer.append(numpy_helper.from_array(np.zeros(1, np.float32), "zero"))
    model.graph.node.append(helper.make_node("Mul", ["means", "zero"], ["vectors"]))
    return model


def test_only_silence_may_have_no_length(tmp_path: Path, recording: np.ndarray) -> None:
    encoder = host(tmp_path, zeroed(mean_over_time()))
    silent = np.zeros(WINDOW * 2, np.float32)
    starts, lengths = np.array([0, 500]), np.array([WINDOW, 70])
    np.testing.assert_array_equal(encoder.encode_at(silent, starts, lengths), 0.0)
    with pytest.raises(EncoderError, match="declares vectors of length 1; one has length 0"):
        encoder.encode_at(recording, starts, lengths)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (mean_over_time(bands=5), r"\(any, 6, 18\) or \(any, 1, 6, 18\); it is tensor\(float\) of shape"),
        (mean_over_time(frames=17), r"should be tensor\(float\) of shape \(any, 6, 18\)"),
    ],
)
def test_a_model_for_other_spectra_is_refused(tmp_path: Path, model: onnx.ModelProto, message: str) -> None:
    with pytest.raises(EncoderError, match=message):
        host(tmp_path, model)


def test_every_parameter_of_the_front_end_is_in_the_fingerprint(tmp_path: Path) -> None:
    model = mean_over_time(frames="frames", bands=6)
    base = host(tmp_path, model)
    changes: dict[str, Any] = {
        "frame_samples": 250, "hop_samples": 101, "low_hz": 21.0, "high_hz": 3999.0, "fft_samples": 512,
        "scale": "htk", "triangles": "mel", "norm": "area", "pre_emphasis": 0.5, "centred": True,
        "window": "hann_symmetric", "power": "plain", "logarithm": "natural", "floor_db": -90.0,
        "offset": 1e-6, "shift": 1.0, "divide": 2.0,
    }  # fmt: skip
    prints = {
        name: host(
            tmp_path, model, front_end=dataclasses.replace(FRONT_END, **{name: value})
        ).spec.fingerprint
        for name, value in changes.items()
    }
    prints["bands"] = host(
        tmp_path, mean_over_time(bands=7), front_end=dataclasses.replace(FRONT_END, bands=7), dims=7
    ).spec.fingerprint
    assert len({base.spec.fingerprint, *prints.values()}) == len(prints) + 1
    assert {*prints, "kind"} == {field.name for field in dataclasses.fields(LogMelFrontEnd)}


def test_a_manifest_with_a_front_end_comes_back_as_it_was(tmp_path: Path) -> None:
    host(tmp_path)
    for front_end in (FRONT_END, dataclasses.replace(FRONT_END, fft_samples=300), SamplesFrontEnd()):
        manifest = manifest_of(tmp_path / "model.onnx", front_end=front_end)
        save_manifest(manifest, tmp_path / "encoder.json")
        assert load_manifest(tmp_path / "encoder.json") == manifest
        kind = json.loads((tmp_path / "encoder.json").read_text())["front_end"]["kind"]
        assert kind == front_end.kind


def test_it_loads_from_its_folder(tmp_path: Path) -> None:
    spec = host(tmp_path).spec
    save_manifest(manifest_of(tmp_path / "model.onnx"), tmp_path / "encoder.json")
    assert load_encoder(tmp_path).spec == spec


@pytest.mark.parametrize(
    ("front_end", "message"),
    [
        ({"kind": "samples", "bands": 3}, r"unknown fields \['bands'\]"),
        ({"kind": "cqt"}, "missing fields"),
        ({"bands": 3}, "missing fields"),
        ("log_mel", "front_end must be of type SamplesFrontEnd, not str"),
        ({**dataclasses.asdict(FRONT_END), "kind": "cqt"}, "kind is one of"),
        ({**dataclasses.asdict(FRONT_END), "high_hz": 5000}, "half the rate, 4000 Hz"),
        ({**dataclasses.asdict(FRONT_END), "frame_samples": 2001}, "have 0 frames of 6 bands"),
        ({**dataclasses.asdict(FRONT_END), "frame_samples": 10**30}, "as long as a frame or longer"),
        ({**dataclasses.asdict(FRONT_END), "bands": 6.5}, "bands must be of type int, not float"),
        ({**dataclasses.asdict(FRONT_END), "divide": 10**400}, "does not describe an encoder"),
    ],
)
def test_what_is_wrong_with_a_manifests_front_end_is_said(
    tmp_path: Path, front_end: Any, message: str
) -> None:
    host(tmp_path)
    path = tmp_path / "encoder.json"
    save_manifest(manifest_of(tmp_path / "model.onnx"), path)
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "front_end": front_end}))
    with pytest.raises(EncoderError, match=message):
        load_manifest(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rate_hz": 10**9}, r"larger than anything that can be meant: \{'rate_hz': 1000000000\}"),
        ({"window_samples": 10**12}, "larger than anything that can be meant"),
        ({"dims": 10**7}, "larger than anything that can be meant"),
        (
            {"front_end": dataclasses.replace(FRONT_END, hop_samples=1), "window_samples": 1 << 23},
            "values at most",
        ),
    ],
)
def test_huge_numbers_are_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        host(tmp_path, **changes)
