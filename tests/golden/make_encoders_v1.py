"""Write the encoders of format 1 under ``encoders_v1``, which every later version must open.

They were made once; a new format gets a script and a folder of its own.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from soundalike.encoders.onnx import sha256_of
from soundalike.encoders.onnx_manifest import OnnxManifest, save_manifest
from soundalike.encoders.spectral_config import SpectralConfig, save_config
from soundalike.features.logmel import LogMelConfig

GOLDEN = Path(__file__).parent / "encoders_v1"
WINDOW, DIMS, KERNEL = 1600, 8, 64


def tiny_model() -> onnx.ModelProto:
    """One layer of random filters, rectified and averaged over time, brought to length 1."""
    rng = np.random.default_rng(1)
    filters = rng.standard_normal((DIMS, 1, KERNEL)).astype(np.float32)
    bias = np.full(DIMS, 0.01, np.float32)  # so that silence has a direction too
    graph = helper.make_graph(
        [
            helper.make_node("Unsqueeze", ["segments", "axis"], ["channels"]),
            helper.make_node("Conv", ["channels", "filters", "bias"], ["filtered"], strides=[KERNEL // 2]),
            helper.make_node("Relu", ["filtered"], ["rectified"]),
            helper.make_node("GlobalAveragePool", ["rectified"], ["averaged"]),
            helper.make_node("Flatten", ["averaged"], ["flat"]),
            helper.make_node("LpNormalization", ["flat"], ["vectors"], axis=1, p=2),
        ],
        "tiny",
        [helper.make_tensor_value_info("segments", TensorProto.FLOAT, ["batch", WINDOW])],
        [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["batch", DIMS])],
        [
            numpy_helper.from_array(np.array([1], np.int64), "axis"),
            numpy_helper.from_array(filters, "filters"),
            numpy_helper.from_array(bias, "bias"),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def main() -> None:
    """Write one encoder of each kind."""
    folder = GOLDEN / "onnx"
    folder.mkdir(parents=True, exist_ok=True)
    model = folder / "model.onnx"
    model.write_bytes(tiny_model().SerializeToString())
    manifest = OnnxManifest(
        name="tiny",
        version=1,
        file=model.name,
        sha256=sha256_of(model),
        rate_hz=8000,
        window_samples=WINDOW,
        hop_samples=WINDOW // 2,
        dims=DIMS,
        batch_rows=5,
    )
    save_manifest(manifest, folder / "encoder.json")
    log_mel = LogMelConfig(rate_hz=8000, frame_samples=256, hop_samples=128, bands=12, high_hz=4000.0)
    config = SpectralConfig(log_mel=log_mel, window_frames=20, segment_hop_frames=10, cepstra=5)
    config = SpectralConfig(
        log_mel=log_mel,
        window_frames=20,
        segment_hop_frames=10,
        cepstra=5,
        mean=tuple(0.25 * n for n in range(config.dims)),
        scale=tuple(1.0 + 0.5 * n for n in range(config.dims)),
    )
    save_config(config, GOLDEN / "spectral.json")


if __name__ == "__main__":
    main()
