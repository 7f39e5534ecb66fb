"""An untrained copy of a network: what its architecture and front end alone are worth."""

from __future__ import annotations

import hashlib
import math
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from soundalike.core.errors import EncoderError
from soundalike.encoders import Encoder
from soundalike.encoders.onnx import OnnxEncoder
from soundalike.encoders.onnx_manifest import OnnxManifest
from soundalike.encoders.onnx_session import read_checked

_KEPT = (  # fields of a manifest that say how the network listens
    "version", "file", "rate_hz", "window_samples", "hop_samples", "dims", "metric", "unit_length",
    "silence_db", "input", "output", "padding", "batch_rows", "front_end",
)  # fmt: skip
# Which inputs of a node are weights, biases, or parameters of a normalisation with their first values.
_WEIGHTS: dict[str, tuple[int, ...]] = {"Conv": (1,), "ConvTranspose": (1,), "Gemm": (1,), "MatMul": (0, 1)}
_BIASES: dict[str, tuple[int, ...]] = {"Conv": (2,), "ConvTranspose": (2,), "Gemm": (2,)}
_NORMALISATIONS: dict[str, dict[int, float]] = {
    "BatchNormalization": {1: 1.0, 2: 0.0, 3: 0.0, 4: 1.0},  # scale, bias, mean, variance
    "InstanceNormalization": {1: 1.0, 2: 0.0},
    "LayerNormalization": {1: 1.0, 2: 0.0},
}
_PASSED_ON = ("Cast", "Identity")  # what weights may go through first, such as those stored as float16
_ALWAYS_WEIGHTS = ("Conv", "ConvTranspose", "Gemm")
_NOT_TRAINED = "front_end."


def untrained_copy(encoder: OnnxEncoder, seed: int) -> Encoder:
    """Make the encoder that a network was before it was trained.

    Every weight of a convolution or matrix product is drawn anew by He's rule, biases are zero, and
    normalisations are where training starts from (scale 1, shift 0, statistics of a standard normal). All
    other constants, such as those that standardise the input, stay as they are, and so do the filters of a
    front end inside the network (constants called ``front_end.``…), which are not trained.

    Args:
        encoder: An encoder that is an ONNX model.
        seed: Of the draw.

    Returns:
        An encoder of the same shape, named ``NAME-untrained``, in a space of its own.

    Raises:
        EncoderError: The model cannot be read, has no weights, or computes them from others.

    Source:
        He et al. 2015, Delving deep into rectifiers, equation 10.
    """
    manifest = encoder.manifest
    path = encoder.folder / manifest.file
    model = onnx.load_model_from_string(read_checked(path, manifest.sha256, what="model"))
    if not _redraw(model.graph, np.random.default_rng(seed)):
        raise EncoderError(f"The model {path} has no weights that an untrained copy could redraw.")
    content = model.SerializeToString()
    with tempfile.TemporaryDirectory() as folder:  # an encoder reads its model once
        (Path(folder) / manifest.file).write_bytes(content)
        return OnnxEncoder(_named(manifest, content), Path(folder))


def _named(manifest: OnnxManifest, content: bytes) -> OnnxManifest:
    kept: dict[str, Any] = {name: getattr(manifest, name) for name in _KEPT}
    name = f"{manifest.name}-untrained"
    return OnnxManifest(**kept, name=name, sha256=hashlib.sha256(content).hexdigest())


def _redraw(graph: Any, rng: np.random.Generator) -> int:
    """Replace the trained constants of a graph in place; returns how many weights were drawn."""
    constants = _constants(graph)
    drawn = 0
    done: set[str] = set()
    for node in graph.node:
        for at, name in enumerate(node.input):
            tensor = constants.get(name)
            if tensor is None:
                if node.op_type in _ALWAYS_WEIGHTS and at == 1:
                    raise EncoderError(
                        f"An untrained copy cannot redraw the weights {name!r} of a {node.op_type}: they are "
                        "computed, not stored."
                    )
                continue
            if tensor.name in done or tensor.name.startswith(_NOT_TRAINED):
                continue
            old = numpy_helper.to_array(tensor)
            new = _first_values(node, at, old, rng)
            if new is not None:
                tensor.CopyFrom(numpy_helper.from_array(new.astype(old.dtype), tensor.name))
                done.add(tensor.name)
                drawn += at in _WEIGHTS.get(node.op_type, ())
    return drawn


def _constants(graph: Any) -> dict[str, Any]:
    """The tensors of a graph by the names that nodes know them by."""
    constants: dict[str, Any] = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        for attribute in node.attribute:
            if node.op_type == "Constant" and attribute.name == "value":
                attribute.t.name = node.output[0]  # its own name need not be unique, nor be there
                constants[node.output[0]] = attribute.t
        if node.op_type in _PASSED_ON and node.input[0] in constants:
            constants[node.output[0]] = constants[node.input[0]]
    return constants


def _first_values(
    node: Any, at: int, old: NDArray[Any], rng: np.random.Generator
) -> NDArray[np.float64] | None:
    """What a constant was before training; None where it is none that is trained."""
    if old.dtype.kind != "f":
        return None
    normalisation: Mapping[int, float] = _NORMALISATIONS.get(node.op_type, {})
    if at in normalisation:
        return np.full(old.shape, normalisation[at])
    if at in _BIASES.get(node.op_type, ()):
        return np.zeros(old.shape)
    if at in _WEIGHTS.get(node.op_type, ()) and old.ndim >= 2:
        return rng.standard_normal(old.shape) * math.sqrt(2.0 / _fan_in(node, at, old.shape))
    return None


def _fan_in(node: Any, at: int, shape: tuple[int, ...]) -> int:
    """How many inputs add up to one output."""
    if node.op_type == "Conv":
        return math.prod(shape[1:])
    if node.op_type == "ConvTranspose":
        return shape[0] * math.prod(shape[2:])
    if node.op_type == "Gemm":
        transposed = any(a.name == "transB" and a.i for a in node.attribute)
        return shape[1] if transposed else shape[0]
    return shape[-2] if at == 1 else shape[-1]
