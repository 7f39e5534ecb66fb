"""An untrained copy: the same network, other weights, drawn by a seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from soundalike.core.errors import EncoderError
from soundalike.encoders import load_encoder
from soundalike.encoders.onnx import OnnxEncoder
from soundalike.encoders.onnx_manifest import OnnxManifest
from soundalike.encoders.onnx_session import sha256_of
from soundalike.studies import contenders
from soundalike.studies.untrained import untrained_copy

GOLDEN = Path(__file__).parents[1] / "golden"
WINDOW, DIMS, CHANNELS, KERNEL = 64, 4, 6, 5


def small_network(folder: Path, nodes: list[Any] | None = None) -> OnnxEncoder:
    """Input standardised by constants, a convolution, normalisation, a mean, a product."""
    rng = np.random.default_rng(0)
    constants = {
        "mean": np.array([0.5]), "filters": rng.standard_normal((CHANNELS, 1, KERNEL)),
        "bias": rng.standard_normal(CHANNELS), "scale": rng.standard_normal(CHANNELS),
        "shift": rng.standard_normal(CHANNELS), "average": rng.standard_normal(CHANNELS),
        "variance": rng.uniform(1, 2, CHANNELS), "out": rng.standard_normal((DIMS, CHANNELS)),
    }  # fmt: skip
    tensors = [
        numpy_helper.from_array(v.astype(np.float32), k) for k, v in constants.items() if v is not None
    ]
    tensors.append(numpy_helper.from_array(np.array([1], np.int64), "axis"))
    chain = nodes or [
        helper.make_node("Sub", ["segments", "mean"], ["centred"]),
        helper.make_node("Unsqueeze", ["centred", "axis"], ["picture"]),
        helper.make_node("Conv", ["picture", "filters", "bias"], ["heard"]),
        helper.make_node("BatchNormalization", ["heard", "scale", "shift", "average", "variance"], ["even"]),
        helper.make_node("Relu", ["even"], ["rectified"]),
        helper.make_node("ReduceMean", ["rectified"], ["pooled"], axes=[2], keepdims=0),
        helper.make_node("Gemm", ["pooled", "out"], ["vectors"], transB=1),
    ]
    graph = helper.make_graph(
        chain,
        "small",
        [helper.make_tensor_value_info("segments", TensorProto.FLOAT, ["batch", WINDOW])],
        [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["batch", DIMS])],
        tensors,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    manifest = OnnxManifest(
        name="small", version=1, file="model.onnx", sha256=sha256_of(path), rate_hz=8000,
        window_samples=WINDOW, hop_samples=32, dims=DIMS, unit_length=False, space="elsewhere",
    )  # fmt: skip
    return OnnxEncoder(manifest, folder)


def noise(rows: int = 50) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((rows, WINDOW)).astype(np.float32)


def encoded(encoder: Any, rows: int = 50) -> np.ndarray:
    return np.asarray(encoder.encode(noise(rows), np.full(rows, WINDOW)))


def test_weights_follow_he_and_constants_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[bytes] = []
    write = Path.write_bytes

    def keep(path: Path, data: bytes) -> int:
        kept.append(data)
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", keep)
    encoder = small_network(tmp_path)
    untrained_copy(encoder, 0)
    before, after = (
        {t.name: numpy_helper.to_array(t) for t in onnx.load_model_from_string(data).graph.initializer}
        for data in (kept[0], kept[1])
    )
    assert set(before) == set(after)
    assert all(before[name].shape == after[name].shape for name in before)
    np.testing.assert_array_equal(after["mean"], before["mean"])
    np.testing.assert_array_equal(after["bias"], 0.0)
    for name, value in (("scale", 1.0), ("shift", 0.0), ("average", 0.0), ("variance", 1.0)):
        np.testing.assert_array_equal(after[name], value)
    assert after["filters"].std() == pytest.approx(np.sqrt(2 / KERNEL), rel=0.4)
    assert after["out"].std() == pytest.approx(np.sqrt(2 / CHANNELS), rel=0.4)
    assert not np.isclose(after["filters"], before["filters"]).any()


def test_the_seed_decides(tmp_path: Path) -> None:
    encoder = small_network(tmp_path)
    one, same, other = (encoded(untrained_copy(encoder, seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert not np.allclose(one, other)
    assert not np.allclose(one, encoded(encoder))
    assert np.isfinite(one).all()
    assert one.std(axis=0).min() > 0.0, "every dimension says something"


def test_the_copy_says_what_it_is(tmp_path: Path) -> None:
    encoder = small_network(tmp_path)
    copy = untrained_copy(encoder, 0).spec
    assert copy.name == "small-untrained"
    assert copy.space == copy.fingerprint != encoder.spec.fingerprint
    assert (copy.dims, copy.window_samples, copy.unit_length) == (DIMS, WINDOW, False)
    assert copy.fingerprint != untrained_copy(encoder, 1).spec.fingerprint


def test_weights_in_constant_nodes_are_found(tmp_path: Path) -> None:
    matrix = np.ones((WINDOW, DIMS), np.float32)
    nodes = [
        helper.make_node("Constant", [], ["matrix"], value=numpy_helper.from_array(matrix, "value")),
        helper.make_node("MatMul", ["segments", "matrix"], ["vectors"]),
    ]
    encoder = small_network(tmp_path, nodes)
    assert np.ptp(encoded(encoder), axis=1).max() < 1e-3
    assert np.ptp(encoded(untrained_copy(encoder, 0)), axis=1).min() > 0.1


def test_the_golden_encoders_have_untrained_copies() -> None:
    for folder in (GOLDEN / "encoders_v1" / "onnx", GOLDEN / "encoders_front_end"):
        encoder = load_encoder(folder)
        assert isinstance(encoder, OnnxEncoder)
        window = encoder.spec.window_samples
        rows = (0.1 * np.random.default_rng(2).standard_normal((6, window))).astype(np.float32)
        vectors = untrained_copy(encoder, 0).encode(rows, np.full(6, window))
        assert np.isfinite(vectors).all()
        assert vectors.std(axis=0).max() > 0.0


def test_a_model_without_weights_has_no_copy(tmp_path: Path) -> None:
    nodes = [helper.make_node("Slice", ["segments", "from", "to", "axis"], ["vectors"])]
    bounds = [
        helper.make_node("Constant", [], [name], value_ints=[at]) for name, at in (("from", 0), ("to", DIMS))
    ]
    encoder = small_network(tmp_path, [*bounds, *nodes])
    with pytest.raises(EncoderError, match="has no weights that an untrained copy could redraw"):
        untrained_copy(encoder, 0)
    (asked, *others) = contenders([encoder])  # evaluated all the same, and the report says why
    assert asked.note.startswith("No untrained copy stands beside it: ")
    assert [one.role for one in others] == ["baseline"] * 3


def stored(name: str, values: np.ndarray) -> Any:
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(values, name))


def test_weights_kept_as_float16_are_redrawn(tmp_path: Path) -> None:
    nodes = [
        stored("half", np.ones((WINDOW, DIMS), np.float16)),
        helper.make_node("Cast", ["half"], ["whole"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["segments", "whole"], ["hidden"]),
        helper.make_node("MatMul", ["hidden", "small"], ["vectors"]),
        stored("small", np.eye(DIMS, dtype=np.float32)),
    ]
    encoder = small_network(tmp_path, [nodes[-1], *nodes[:-1]])
    assert np.linalg.matrix_rank(encoded(encoder), tol=1e-2) == 1
    assert np.linalg.matrix_rank(encoded(untrained_copy(encoder, 0)), tol=1e-2) == DIMS


def test_the_filters_of_a_front_end_stay(tmp_path: Path) -> None:
    nodes = [
        stored("front_end.bank", np.ones((WINDOW, DIMS), np.float32)),
        stored("mixing", np.eye(DIMS, dtype=np.float32)),
        helper.make_node("MatMul", ["segments", "front_end.bank"], ["heard"]),
        helper.make_node("MatMul", ["heard", "mixing"], ["vectors"]),
    ]
    encoder = small_network(tmp_path, nodes)
    copied = encoded(untrained_copy(encoder, 0))
    assert np.linalg.matrix_rank(copied, tol=1e-2) == 1, "all that the bank lets through is a sum"
    assert np.ptp(copied, axis=1).min() > 0.0, "how it is mixed is drawn anew"


def test_weights_that_are_computed_are_refused(tmp_path: Path) -> None:
    nodes = [
        stored("matrix", np.ones((WINDOW, DIMS), np.float32)),
        stored("offset", np.ones(DIMS, np.float32)),
        helper.make_node("Neg", ["matrix"], ["other"]),
        helper.make_node("Gemm", ["segments", "other", "offset"], ["vectors"]),
    ]
    encoder = small_network(tmp_path, nodes)
    with pytest.raises(EncoderError, match="cannot redraw the weights 'other' of a Gemm"):
        untrained_copy(encoder, 0)
