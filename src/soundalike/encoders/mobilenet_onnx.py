"""From the state dict of a MobileNetV3 for sound (EfficientAT) to one ONNX file, without PyTorch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from soundalike.encoders.mobilenet_onnx_weights import (
    Activation,
    Block,
    Convolution,
    Linear,
    MobileNet,
    StateDict,
    read_layers,
)

INPUT = "spectra"
"""The model's input: log-mel spectra, float32 of shape ``(batch, bands, frames)``, both of any size."""

EMBEDDING, SCORES, POOLED, LOGITS = "vectors", "scores", "pooled", "logits"
"""Outputs: unit vectors, class scores 0..1; for experiments the pools of all blocks, and scores as logits."""

POOLED_BLOCKS = 3
"""How many of the last blocks are part of the embedding, beside the last convolution.

On sounds of three Debian packages (variants of game effects, stamps by kind, drums by name; none of them a
set that results are reported for), with segments of 2 s, all four layers behind the last stride had a mean
average precision of 0.482, the last convolution alone 0.462, all layers 0.465.
"""

_OPSET, _IR_VERSION = 17, 8  # ONNX 1.12, so that ONNX Runtime from 1.12 on reads it
_SHORTEST = 1e-12  # a vector this short stays as it is, near zero


@dataclass(frozen=True, slots=True)
class Converted:
    """What a conversion gave.

    Attributes:
        model: The ONNX file's bytes.
        dims: Size D of the first output's vectors.
        last_channels: Channels of the last convolution.
        classes: Number of class scores.
        parameters: Numbers in the network, batch norms folded.
    """

    model: bytes
    dims: int
    last_channels: int
    classes: int
    parameters: int


def convert(state: StateDict, *, all_pools: bool = False) -> Converted:
    """Write a MobileNetV3 for sound as an ONNX model.

    The embedding is the means over time and frequency of the last three blocks' outputs and of the last
    convolution's, side by side, brought to length 1; the scores are the sigmoids of the classifier's outputs.

    Args:
        state: See :func:`soundalike.encoders.mobilenet_onnx_weights.read_layers`.
        all_pools: Write the outputs for experiments instead: ``pooled``, the means of every block and of the
            last convolution side by side, shape ``(batch, sum of channels)``, and ``logits``.

    Returns:
        The model: input ``spectra`` of shape ``(batch, bands, frames)``; outputs ``vectors`` of shape
        ``(batch, dims)`` and ``scores`` of shape ``(batch, classes)``.

    Raises:
        EncoderError: The state dict is not one of such a network.
    """
    layers = read_layers(state)
    graph = _Graph()
    pools, pooled = _features(graph, layers)
    hidden = graph.activation(graph.linear(pooled, layers.hidden), "hardswish")
    logits = graph.linear(hidden, layers.classes)
    widths = [*(len(block.project.bias) for block in layers.blocks), len(layers.last.bias)]
    classes = len(layers.classes.bias)
    if all_pools:
        dims = sum(widths)
        graph.node("Concat", [*pools, pooled], POOLED, axis=1)
        graph.node("Identity", [logits], LOGITS)
        outputs = {POOLED: dims, LOGITS: classes}
    else:
        dims = sum(widths[-1 - POOLED_BLOCKS :])
        graph.unit_length(graph.node("Concat", [*pools[-POOLED_BLOCKS:], pooled], axis=1), EMBEDDING)
        graph.node("Sigmoid", [logits], SCORES)
        outputs = {EMBEDDING: dims, SCORES: classes}
    return Converted(graph.finished(outputs), dims, widths[-1], classes, layers.parameters)


def _features(graph: _Graph, layers: MobileNet) -> tuple[list[str], str]:
    """Write all convolutions; give the pools of the blocks and of the last layer."""
    value = graph.node("Unsqueeze", [INPUT, graph.constant(np.array([1], np.int64))])
    value = graph.convolution(value, layers.first)
    pools = []
    for block in layers.blocks:
        value = _block(graph, value, block)
        pools.append(graph.pool(value))
    return pools, graph.pool(graph.convolution(value, layers.last))


def _block(graph: _Graph, value: str, block: Block) -> str:
    inner = graph.convolution(value, block.expand) if block.expand else value
    inner = graph.convolution(inner, block.depthwise)
    if block.squeeze:
        down, up = block.squeeze
        small = graph.node("Relu", [graph.convolution(graph.mean(inner), _as_convolution(down))])
        gate = graph.node("Sigmoid", [graph.convolution(small, _as_convolution(up))])
        inner = graph.node("Mul", [inner, gate])
    inner = graph.convolution(inner, block.project)
    return graph.node("Add", [inner, value]) if block.residual else inner


def _as_convolution(linear: Linear) -> Convolution:
    """A matrix product over channels, for a picture of one point: saves reshaping to and fro."""
    return Convolution(linear.weight[:, :, None, None], linear.bias)


class _Graph:
    """An ONNX graph that grows by one node at a time."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._count = 0

    def node(self, kind: str, inputs: list[str], output: str | None = None, **attributes: Any) -> str:
        """Add a node; give its output's name."""
        output = output or self._new_name()
        self._nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def constant(self, values: NDArray[np.generic]) -> str:
        """Add an array; give its name."""
        name = self._new_name()
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def convolution(self, value: str, layer: Convolution) -> str:
        """Add a convolution and what follows it."""
        kernel = layer.weight.shape[2]
        inputs = [value, self.constant(layer.weight), self.constant(layer.bias)]
        made = self.node(
            "Conv",
            inputs,
            kernel_shape=[kernel, kernel],
            pads=[kernel // 2] * 4,
            strides=[layer.stride] * 2,
            group=layer.groups,
        )
        return self.activation(made, layer.activation)

    def linear(self, value: str, layer: Linear) -> str:
        """Add a matrix product."""
        return self.node("Gemm", [value, self.constant(layer.weight), self.constant(layer.bias)], transB=1)

    def activation(self, value: str, kind: Activation) -> str:
        """Add what follows a layer."""
        if kind is None:
            return value
        return self.node("Relu" if kind == "relu" else "HardSwish", [value])

    def mean(self, value: str) -> str:
        """Add a mean over frequency and time, which stay as axes of size 1."""
        return self.node("GlobalAveragePool", [value])

    def pool(self, value: str) -> str:
        """Add a mean over frequency and time, shape ``(batch, channels)``."""
        return self.node("Flatten", [self.mean(value)], axis=1)

    def unit_length(self, value: str, output: str) -> str:
        """Bring vectors to length 1."""
        length = self.node("ReduceL2", [value], axes=[1], keepdims=1)
        bounded = self.node("Max", [length, self.constant(np.array(_SHORTEST, np.float32))])
        return self.node("Div", [value, bounded], output)

    def finished(self, outputs: dict[str, int]) -> bytes:
        """The model's bytes; checked, and only with the nodes that lead to an output.

        Args:
            outputs: Sizes of the outputs' last axes by name.
        """
        graph = helper.make_graph(
            self._leading_to(set(outputs)),
            "mobilenet-v3",
            [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["batch", "bands", "frames"])],
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", size])
                for name, size in outputs.items()
            ],
            self._constants,
        )
        model = helper.make_model(
            graph,
            producer_name="soundalike",
            opset_imports=[helper.make_opsetid("", _OPSET)],
            ir_version=_IR_VERSION,
        )
        onnx.checker.check_model(model, full_check=True)
        content: bytes = model.SerializeToString(deterministic=True)
        return content

    def _leading_to(self, wanted: set[str]) -> list[onnx.NodeProto]:
        """The nodes whose outputs are used, in order."""
        kept = []
        for node in reversed(self._nodes):
            if wanted.intersection(node.output):
                wanted.update(node.input)
                kept.append(node)
        return kept[::-1]

    def _new_name(self) -> str:
        self._count += 1
        return f"v{self._count}"
