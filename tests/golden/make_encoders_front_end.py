"""Write the encoder of ``encoders_front_end``: log-mel spectra, tags and a text tower, for ever to be opened.

It was made once; a new format gets a script and a folder of its own.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from soundalike.encoders.byte_pair import byte_letters
from soundalike.encoders.onnx import sha256_of
from soundalike.encoders.onnx_manifest import OnnxManifest, save_manifest
from soundalike.encoders.tag_head import TagHead
from soundalike.encoders.text_tower import TextTower
from soundalike.features.front_end import LogMelFrontEnd

GOLDEN = Path(__file__).parent / "encoders_front_end"
DIMS, WIDTH = 8, 4
TAGS = ("low", "middle", "high")
MERGES = [("r", "a"), ("ra", "i"), ("rai", "n"), ("Ġ", "rain")]
FRONT_END = LogMelFrontEnd(
    frame_samples=200, fft_samples=256, hop_samples=80, bands=12, low_hz=50.0, high_hz=4000.0, scale="htk",
    triangles="mel", pre_emphasis=0.97, window="hann_symmetric", power="plain", logarithm="natural",
    offset=1e-5, shift=4.5, divide=5.0,
)  # fmt: skip


def _model(nodes: list[onnx.NodeProto], ends: list[list[Any]], weights: dict[str, np.ndarray]) -> bytes:
    inputs, outputs = ([helper.make_tensor_value_info(*end) for end in side] for side in ends)
    tensors = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def sound_tower() -> bytes:
    """Filters over time, rectified and averaged; vectors of length 1, and logits of three classes."""
    rng = np.random.default_rng(2)
    return _model(
        [
            helper.make_node("Conv", ["spectra", "filters", "bias"], ["filtered"]),
            helper.make_node("Relu", ["filtered"], ["rectified"]),
            helper.make_node("ReduceMean", ["rectified"], ["averaged"], axes=[2, 3], keepdims=0),
            helper.make_node("LpNormalization", ["averaged"], ["vectors"], axis=1, p=2),
            helper.make_node("MatMul", ["vectors", "classes"], ["logits"]),
        ],
        [
            [("spectra", TensorProto.FLOAT, ["batch", 1, FRONT_END.bands, "frames"])],
            [
                ("vectors", TensorProto.FLOAT, ["batch", DIMS]),
                ("logits", TensorProto.FLOAT, ["batch", len(TAGS)]),
            ],
        ],
        {
            "filters": rng.standard_normal((DIMS, 1, FRONT_END.bands, WIDTH)).astype(np.float32),
            "bias": np.full(DIMS, 0.01, np.float32),
            "classes": rng.standard_normal((DIMS, len(TAGS))).astype(np.float32) * 3,
        },
    )


def text_tower(pieces: int) -> bytes:
    """The mean of the vectors of a text's tokens, padding left aside."""
    table = np.random.default_rng(3).standard_normal((pieces, DIMS)).astype(np.float32)
    return _model(
        [
            helper.make_node("Gather", ["table", "input_ids"], ["tokens"]),
            helper.make_node("Cast", ["attention_mask"], ["weights"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["weights", "last"], ["column"]),
            helper.make_node("Mul", ["tokens", "column"], ["kept"]),
            helper.make_node("ReduceSum", ["kept", "middle"], ["vectors"], keepdims=0),
        ],
        [
            [(name, TensorProto.INT64, ["batch", "tokens"]) for name in ("input_ids", "attention_mask")],
            [("vectors", TensorProto.FLOAT, ["batch", DIMS])],
        ],
        {"table": table, "last": np.array([2], np.int64), "middle": np.array([1], np.int64)},
    )


def write_encoder(folder: Path, **changes: Any) -> OnnxManifest:
    """Write all files of an encoder into a folder; ``changes`` are of its manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    pieces = ["<s>", "<pad>", "</s>", *byte_letters(), *("".join(pair) for pair in MERGES)]
    (folder / "vocab.json").write_text(json.dumps({piece: n for n, piece in enumerate(pieces)}))
    merges = "".join(f"{left} {right}\n" for left, right in MERGES)
    (folder / "merges.txt").write_text(f"#version: 0.2\n{merges}", encoding="utf-8")
    (folder / "model.onnx").write_bytes(sound_tower())
    (folder / "text.onnx").write_bytes(text_tower(len(pieces)))
    tower = TextTower(
        file="text.onnx",
        sha256=sha256_of(folder / "text.onnx"),
        vocabulary_file="vocab.json",
        vocabulary_sha256=sha256_of(folder / "vocab.json"),
        merges_file="merges.txt",
        merges_sha256=sha256_of(folder / "merges.txt"),
        max_tokens=12,
    )
    values: dict[str, Any] = {
        "name": "tiny-full", "version": 3, "file": "model.onnx", "sha256": sha256_of(folder / "model.onnx"),
        "rate_hz": 8000, "window_samples": 2001, "hop_samples": 960, "dims": DIMS, "input": "spectra",
        "batch_rows": 7, "front_end": FRONT_END, "licence": "Apache-2.0", "training_data": "None: random.",
        "tags": TagHead(output="logits", names=TAGS, scores="logits"), "text_tower": tower,
    }  # fmt: skip
    manifest = OnnxManifest(**{**values, **changes})
    save_manifest(manifest, folder / "encoder.json")
    return manifest


if __name__ == "__main__":
    write_encoder(GOLDEN)
