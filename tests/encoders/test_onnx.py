"""The ONNX host: real tiny models, right ones and wrong ones."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from soundalike.core.errors import EncoderError, InvalidInputError
from soundalike.encoders import load_encoder
from soundalike.encoders.onnx import OnnxEncoder, sha256_of
from soundalike.encoders.onnx_format import has_external_data
from soundalike.encoders.onnx_manifest import OnnxManifest, load_manifest, save_manifest

GOLDEN = Path(__file__).parents[1] / "golden" / "encoders_v1" / "onnx"
WINDOW, DIMS = 16, 4


def projection(
    last: str = "LpNormalization",
    weights: np.ndarray | None = None,
    batch: str | int | None = "batch",
    width: int = WINDOW,
) -> onnx.ModelProto:
    """A matrix product, then one more step."""
    matrix = np.random.default_rng(0).standard_normal((width, DIMS)) if weights is None else weights
    attributes: dict[str, Any] = {"axis": 1, "p": 2} if last == "LpNormalization" else {}
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["segments", "matrix"], ["product"]),
            helper.make_node(last, ["product"], ["vectors"], **attributes),
        ],
        "projection",
        [helper.make_tensor_value_info("segments", TensorProto.FLOAT, [batch, width])],
        [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, [batch, DIMS])],
        [numpy_helper.from_array(matrix.astype(np.float32), "matrix")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def host(folder: Path, model: onnx.ModelProto | None = None, **changes: Any) -> OnnxEncoder:
    path = folder / "model.onnx"
    path.write_bytes((model or projection()).SerializeToString())
    values: dict[str, Any] = {
        "name": "toy", "version": 1, "file": "model.onnx", "sha256": sha256_of(path), "rate_hz": 8000,
        "window_samples": WINDOW, "hop_samples": 8, "dims": DIMS,
    }  # fmt: skip
    return OnnxEncoder(OnnxManifest(**{**values, **changes}), folder)


def noise(rows: int) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((rows, WINDOW)).astype(np.float32)


def full(rows: int) -> np.ndarray:
    return np.full(rows, WINDOW)


def test_vectors_are_the_models(tmp_path: Path) -> None:
    encoder = host(tmp_path, projection("Identity"), unit_length=False, batch_rows=3)
    matrix = np.random.default_rng(0).standard_normal((WINDOW, DIMS))
    np.testing.assert_allclose(encoder.encode(noise(10), full(10)), noise(10) @ matrix, atol=1e-5)


@pytest.mark.parametrize("padding", ["zeros", "repeat"])
def test_short_sounds_are_filled_as_declared(tmp_path: Path, padding: Any) -> None:
    encoder = host(tmp_path, padding=padding)
    segments = noise(1)
    filled = np.zeros_like(segments)
    filled[0, :5] = segments[0, :5]
    if padding == "repeat":
        filled[0] = segments[0, [0, 1, 2, 3, 4] * 3 + [0]]
    np.testing.assert_allclose(
        encoder.encode(segments, np.array([5])), encoder.encode(filled, full(1)), atol=1e-6
    )


def test_silence_may_be_a_zero_vector(tmp_path: Path) -> None:
    found = host(tmp_path).encode(np.zeros((2, WINDOW), np.float32), full(2))
    np.testing.assert_array_equal(found, 0.0)


def test_space_may_be_another_encoders(tmp_path: Path) -> None:
    own = host(tmp_path).spec
    assert own.space == own.fingerprint
    assert host(tmp_path, space="spectral-0123").spec.space == "spectral-0123"


def test_how_it_is_fed_changes_the_fingerprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = host(tmp_path).spec.fingerprint
    monkeypatch.setattr("soundalike.encoders.base.SEGMENTATION_VERSION", 10**6)
    assert host(tmp_path).spec.fingerprint != before


def test_fingerprint_changes_with_every_field_of_the_manifest(tmp_path: Path) -> None:
    base = host(tmp_path)
    changes: dict[str, Any] = {
        "name": "toy-2", "version": 2, "rate_hz": 16000, "hop_samples": 9, "metric": "euclidean",
        "unit_length": False, "space": "a-1", "silence_db": -45.0, "padding": "repeat", "batch_rows": 7,
    }  # fmt: skip
    prints = {name: host(tmp_path, **{name: value}).spec.fingerprint for name, value in changes.items()}
    prints["sha256"] = host(tmp_path, projection(weights=np.ones((WINDOW, DIMS)))).spec.fingerprint
    prints["window_samples"] = host(tmp_path, projection(width=18), window_samples=18).spec.fingerprint
    (tmp_path / "other.onnx").write_bytes(projection().SerializeToString())
    prints["file"] = OnnxEncoder(
        dataclasses.replace(base.manifest, file="other.onnx"), tmp_path
    ).spec.fingerprint
    assert len({base.spec.fingerprint, *prints.values()}) == len(prints) + 1
    # The sizes and names inside the model cannot change without its hash.
    inside = {"dims", "input", "output"}
    elsewhere = {"front_end"}  # tested with every parameter of it in test_front_end.py
    elsewhere |= {"licence", "training_data", "tags", "text_tower"}  # no vector depends on them
    assert set(prints) | inside | elsewhere == {field.name for field in dataclasses.fields(OnnxManifest)}


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (projection("Identity"), "declares vectors of length 1; one has length"),
        (projection("Log"), "values that are NaN or infinite"),
    ],
    ids=["length", "nan"],
)
def test_vectors_that_break_the_manifests_word_are_refused(
    tmp_path: Path, model: onnx.ModelProto, message: str
) -> None:
    with pytest.raises(EncoderError, match=message):
        host(tmp_path, model).encode(noise(2), full(2))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dims": 5}, r"'vectors' of the model .* shape \(any, 5\); it is tensor\(float\) of shape"),
        ({"window_samples": 17}, r"'segments' of the model .* shape \(any, 17\)"),
        ({"input": "audio"}, "one input, 'audio'; it has 'segments'"),
        ({"output": "embedding"}, "an output 'embedding'; it has 'vectors'"),
        ({"sha256": "0" * 64}, "not the one of its manifest: expected SHA-256 0000"),
        ({"file": "gone.onnx"}, r"gone\.onnx cannot be read"),
    ],
)
def test_a_manifest_that_does_not_fit_the_model_is_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(EncoderError, match=message):
        host(tmp_path, **changes)


def test_a_fixed_batch_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"shape \(any, 16\); it is tensor\(float\) of shape \(1, 16\)"):
        host(tmp_path, projection(batch=1))


def test_a_model_that_onnx_runtime_cannot_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="ONNX Runtime cannot load the model"):
        host(tmp_path, projection("NoSuchOperator"))


@pytest.mark.parametrize("place", ["initializer", "node", "location only"])
def test_weights_outside_the_file_are_refused(tmp_path: Path, place: str) -> None:
    model = projection()
    (tmp_path / "weights.bin").write_bytes(bytes(WINDOW * DIMS * 4))
    tensor = model.graph.initializer[0]
    if place == "node":
        constant = helper.make_node(
            "Constant", [], ["unused"], value=numpy_helper.from_array(np.ones(3), "v")
        )
        tensor = constant.attribute[0].t
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    if place != "location only":
        tensor.external_data.add(key="location", value="../weights.bin")
    if place == "node":
        model.graph.node.insert(0, constant)
    with pytest.raises(EncoderError, match="keeps weights in other files; save it as one file"):
        host(tmp_path, model)


def test_damaged_models_are_refused(tmp_path: Path) -> None:
    content = projection().SerializeToString()
    rng = np.random.default_rng(0)
    cases = [b"", b"not a model", content[: len(content) // 2], content[:-3], b"\xff" * 100]
    cases += [bytes(rng.integers(0, 256, 200, dtype=np.uint8)) for _ in range(20)]
    for case in cases:
        path = tmp_path / "model.onnx"
        path.write_bytes(case)
        manifest = dataclasses.replace(
            load_manifest(GOLDEN / "encoder.json"), file=path.name, sha256=sha256_of(path)
        )
        with pytest.raises(EncoderError, match="model"):
            OnnxEncoder(manifest, tmp_path)


def test_a_changed_byte_of_the_model_is_seen(tmp_path: Path) -> None:
    shutil.copytree(GOLDEN, tmp_path / "copy")
    path = tmp_path / "copy" / "model.onnx"
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)
    with pytest.raises(EncoderError, match="not the one of its manifest"):
        load_encoder(tmp_path / "copy")


def test_models_without_outside_weights_pass(tmp_path: Path) -> None:
    assert not has_external_data((GOLDEN / "model.onnx").read_bytes())
    nested = helper.make_node(
        "If", ["c"], ["y"], then_branch=projection().graph, else_branch=projection().graph
    )
    graph = helper.make_graph([nested], "outer", [], [])
    model = helper.make_model(graph)
    assert not has_external_data(model.SerializeToString())
    model.graph.node[0].attribute[1].g.initializer[0].data_location = TensorProto.EXTERNAL
    assert has_external_data(model.SerializeToString())


def test_manifest_comes_back_as_it_was(tmp_path: Path) -> None:
    manifest = dataclasses.replace(
        load_manifest(GOLDEN / "encoder.json"), space="spectral-01", silence_db=-40.0
    )
    save_manifest(manifest, tmp_path / "m.json")
    assert load_manifest(tmp_path / "m.json") == manifest


def test_manifest_without_a_field_is_refused(tmp_path: Path) -> None:
    document = json.loads((GOLDEN / "encoder.json").read_text())
    del document["sha256"]
    (tmp_path / "m.json").write_text(json.dumps(document))
    with pytest.raises(EncoderError, match=r"missing fields \['sha256'\]"):
        load_manifest(tmp_path / "m.json")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"file": "../model.onnx"}, "a file in the manifest's own folder"),
        ({"file": ".."}, "a file in the manifest's own folder"),
        ({"file": "C:model"}, "a file in the manifest's own folder"),
        ({"name": "Über"}, "lower-case letters, digits and hyphens"),
        ({"sha256": "abc"}, "64 hexadecimal digits"),
        ({"dims": 0}, r"at least 1: \{'dims': 0\}"),
        ({"metric": "manhattan"}, "got 'manhattan' and 'zeros'"),
        ({"padding": "mirror"}, "got 'cosine' and 'mirror'"),
    ],
)
def test_bad_manifests_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        dataclasses.replace(load_manifest(GOLDEN / "encoder.json"), **changes)


def test_segments_of_another_shape_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"shape \(B, 16\) and lengths \(B,\); got \(2, 15\)"):
        host(tmp_path).encode(noise(2)[:, :15], full(2))
