"""From the state dict of a MobileNetV3 for sound (EfficientAT) to one ONNX file, without PyTorch."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from soundalike.encoders.mobilenet_onnx_weights import (
    Activation,
    Block,
    Convolution,
    Linear,
    MobileNet,
    StateDict,
    read_layers,
)
from soundalike.encoders.onnx_graph import GraphWriter

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


def convert(state: StateDict, *, all_pools: bool = False, blocks: int = POOLED_BLOCKS) -> Converted:
    """Write a MobileNetV3 for sound as an ONNX model.

    The embedding is the means over time and frequency of the last blocks' outputs and of the last
    convolution's, side by side, brought to length 1; the scores are the sigmoids of the classifier's outputs.

    Args:
        state: See :func:`soundalike.encoders.mobilenet_onnx_weights.read_layers`.
        all_pools: Write the outputs for experiments instead: ``pooled``, the means of every block and of the
            last convolution side by side, shape ``(batch, sum of channels)``, and ``logits``.
        blocks: How many of the last blocks are part of the embedding; 0 for the last convolution alone.

    Returns:
        The model: input ``spectra`` of shape ``(batch, bands, frames)``; outputs ``vectors`` of shape
        ``(batch, dims)`` and ``scores`` of shape ``(batch, classes)``.

    Raises:
        EncoderError: The state dict is not one of such a network.
    """
    layers = read_layers(state)
    graph = GraphWriter("mobilenet-v3", names=(f"v{n}" for n in itertools.count(1)))
    pools, pooled = _features(graph, layers)
    hidden = _activation(graph, _linear(graph, pooled, layers.hidden), "hardswish")
    logits = _linear(graph, hidden, layers.classes)
    widths = [*(len(block.project.bias) for block in layers.blocks), len(layers.last.bias)]
    classes = len(layers.classes.bias)
    if all_pools:
        dims = sum(widths)
        graph.node("Concat", [*pools, pooled], output=POOLED, axis=1)
        graph.node("Identity", [logits], output=LOGITS)
        outputs = {POOLED: dims, LOGITS: classes}
    else:
        dims = sum(widths[-1 - blocks :])
        _unit_length(graph, graph.node("Concat", [*pools[len(pools) - blocks :], pooled], axis=1), EMBEDDING)
        graph.node("Sigmoid", [logits], output=SCORES)
        outputs = {EMBEDDING: dims, SCORES: classes}
    ends: dict[str, Sequence[int | str]] = {name: ["batch", size] for name, size in outputs.items()}
    model = graph.model({INPUT: ["batch", "bands", "frames"]}, ends, {})
    content: bytes = model.SerializeToString(deterministic=True)
    return Converted(content, dims, widths[-1], classes, layers.parameters)


def _features(graph: GraphWriter, layers: MobileNet) -> tuple[list[str], str]:
    """Write all convolutions; give the pools of the blocks and of the last layer."""
    value = graph.node("Unsqueeze", [INPUT, graph.array(np.array([1], np.int64))])
    value = _convolution(graph, value, layers.first)
    pools = []
    for block in layers.blocks:
        value = _block(graph, value, block)
        pools.append(_pool(graph, value))
    return pools, _pool(graph, _convolution(graph, value, layers.last))


def _block(graph: GraphWriter, value: str, block: Block) -> str:
    inner = _convolution(graph, value, block.expand) if block.expand else value
    inner = _convolution(graph, inner, block.depthwise)
    if block.squeeze:
        down, up = block.squeeze
        small = graph.node("Relu", [_convolution(graph, _mean(graph, inner), _as_convolution(down))])
        gate = graph.node("Sigmoid", [_convolution(graph, small, _as_convolution(up))])
        inner = graph.node("Mul", [inner, gate])
    inner = _convolution(graph, inner, block.project)
    return graph.node("Add", [inner, value]) if block.residual else inner


def _as_convolution(linear: Linear) -> Convolution:
    """A matrix product over channels, for a picture of one point: saves reshaping to and fro."""
    return Convolution(linear.weight[:, :, None, None], linear.bias)


def _convolution(graph: GraphWriter, value: str, layer: Convolution) -> str:
    """Write a convolution and what follows it."""
    kernel = layer.weight.shape[2]
    made = graph.node(
        "Conv",
        [value, graph.array(layer.weight), graph.array(layer.bias)],
        kernel_shape=[kernel, kernel],
        pads=[kernel // 2] * 4,
        strides=[layer.stride] * 2,
        group=layer.groups,
    )
    return _activation(graph, made, layer.activation)


def _linear(graph: GraphWriter, value: str, layer: Linear) -> str:
    """Write a matrix product."""
    return graph.node("Gemm", [value, graph.array(layer.weight), graph.array(layer.bias)], transB=1)


def _activation(graph: GraphWriter, value: str, kind: Activation) -> str:
    """Write what follows a layer."""
    if kind is None:
        return value
    return graph.node("Relu" if kind == "relu" else "HardSwish", [value])


def _mean(graph: GraphWriter, value: str) -> str:
    """Write a mean over frequency and time, which stay as axes of size 1."""
    return graph.node("GlobalAveragePool", [value])


def _pool(graph: GraphWriter, value: str) -> str:
    """Write a mean over frequency and time, shape ``(batch, channels)``."""
    return graph.node("Flatten", [_mean(graph, value)], axis=1)


def _unit_length(graph: GraphWriter, value: str, output: str) -> None:
    """Bring vectors to length 1."""
    length = graph.node("ReduceL2", [value], axes=[1], keepdims=1)
    bounded = graph.node("Max", [length, graph.array(np.array(_SHORTEST, np.float32))])
    graph.node("Div", [value, bounded], output=output)
