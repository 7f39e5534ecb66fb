"""A trained network as an encoder's file: an ONNX model and its manifest; and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn

from soundalike.core.arrays import FloatArray
from soundalike.core.errors import InvalidInputError, SoundalikeError, TrainingError
from soundalike.encoders.front_end import SamplesFrontEnd
from soundalike.encoders.onnx_graph import GraphWriter
from soundalike.encoders.onnx_manifest import OnnxManifest, save_manifest
from soundalike.encoders.onnx_session import open_session, sha256_of
from soundalike.encoders.tag_head import TagHead
from soundalike.features.front_end import LogMelFrontEnd
from soundalike.training.embed import embedder
from soundalike.training.front_end import DB_PER_NEPER, FrontEnd, MorletBank, MorletGroup
from soundalike.training.network import SOUNDING, ConvUnit, EmbeddingNetwork, Residual
from soundalike.training.network_config import NetworkConfig
from soundalike.training.recipe import Recipe, recipe_from_json

RECIPE_PROPERTY = "soundalike.recipe"
_INPUT, _VECTORS, _TAGS = "segments", "vectors", "tags"
_TOLERANCE = 1e-4
_TRIED_ROWS = 4


@dataclass(frozen=True, slots=True)
class ExportConfig:
    """What is said of an encoder beside its weights.

    Attributes:
        name: The encoder's name: lower-case letters, digits and hyphens.
        version: Raised with every training.
        licence: Under which licence the weights may be used.
        training_data: What it was trained on, in a sentence.
        half: Whether large weights are stored as float16: half the size, and vectors that differ in the third
            decimal.
    """

    name: str
    version: int = 1
    licence: str = ""
    training_data: str = ""
    half: bool = False


@dataclass(frozen=True, slots=True)
class TagLayer:
    """A layer that gives scores of named classes.

    Attributes:
        layer: A linear layer that gives logits.
        takes: What it stands on: ``"pooled"`` (what was pooled over time) or ``"vectors"``.
        names: The classes, in the order of the layer's outputs.
    """

    layer: nn.Linear
    takes: Literal["pooled", "vectors"]
    names: tuple[str, ...]


def export_encoder(
    network: EmbeddingNetwork,
    recipe: Recipe,
    folder: Path,
    config: ExportConfig,
    tags: TagLayer | None = None,
) -> Path:
    """Write a network as an encoder: ``NAME.onnx`` and its manifest ``NAME.json``.

    The model's weights bear the names of the network's own, and the recipe lies in it too, so that
    :func:`load_exported` brings the network back. Batch normalisation stands in the graph by itself:
    ONNX Runtime joins it with the convolution before it when it loads the model.

    Args:
        network: What to write.
        recipe: How it was trained, and how it listens.
        folder: Where; made when it is absent. Files of the same name are replaced.
        config: What is said of it.
        tags: A layer whose scores are a second output.

    Returns:
        The manifest's file, which ``soundalike encoders add`` and ``encoders.load_encoder`` take.

    Raises:
        TrainingError: The model does not give the network's vectors within 1e-4.
        InvalidInputError: The name is not fit.
    """
    network = network.eval()
    folder.mkdir(parents=True, exist_ok=True)
    model = build_model(network, recipe, half=config.half, tags=tags)
    path = folder / f"{config.name}.onnx"
    part = path.with_suffix(".part")
    part.write_bytes(model.SerializeToString())
    try:
        _verify(part, recipe)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    listening = recipe.input
    log_mel = listening.front_end if isinstance(listening.front_end, LogMelFrontEnd) else None
    manifest = OnnxManifest(
        name=config.name,
        version=config.version,
        file=path.name,
        sha256=sha256_of(path),
        rate_hz=listening.rate_hz,
        window_samples=listening.window_samples,
        hop_samples=listening.hop_samples,
        dims=recipe.network.dims,
        input=_INPUT,
        output=_VECTORS,
        front_end=log_mel or SamplesFrontEnd(),
        licence=config.licence,
        training_data=config.training_data,
        tags=TagHead(output=_TAGS, names=tags.names, scores="logits") if tags is not None else None,
    )
    save_manifest(manifest, path.with_suffix(".json"))
    return path.with_suffix(".json")


def build_model(
    network: EmbeddingNetwork, recipe: Recipe, *, half: bool = False, tags: TagLayer | None = None
) -> onnx.ModelProto:
    """Write a network as an ONNX model.

    Args:
        network: In evaluation mode.
        recipe: Carried along in the model.
        half: See :class:`ExportConfig`.
        tags: See :func:`export_encoder`.

    Returns:
        A model from ``segments``, of any number of rows, to ``vectors``, and to ``tags`` where there are any.
    """
    graph = GraphWriter("ear", half=half)
    weights = {name: value.detach().cpu().numpy() for name, value in network.state_dict().items()}
    levels = _front_end(graph, network.front_end, recipe.input.window_samples)
    maps = graph.node("Unsqueeze", [levels, graph.constant([1])])
    maps = _modules(graph, network.body, "body", maps, weights)
    pooled = _pooling(graph, network, maps)
    if network.config.spectrum:
        pooled = graph.node("Concat", [pooled, *_spectrum(graph, levels)], axis=1)
    values = pooled
    if network.hidden is not None:
        values = graph.node("Relu", [_linear(graph, "hidden", values, weights)])
    last = _linear(graph, "last", values, weights)
    _unit_length(graph, last, network.config)
    outputs: dict[str, Sequence[int | str]] = {_VECTORS: ["batch", network.config.dims]}
    if tags is not None:
        head = {
            f"tags.{name}": value.detach().cpu().numpy() for name, value in tags.layer.state_dict().items()
        }
        _linear(graph, "tags", pooled if tags.takes == "pooled" else _VECTORS, head, _TAGS)
        outputs[_TAGS] = ["batch", len(tags.names)]
    inputs: dict[str, Sequence[int | str]] = {_INPUT: ["batch", *recipe.input.input_shape]}
    return graph.model(inputs, outputs, {RECIPE_PROPERTY: recipe.to_json()})


def load_exported(path: Path) -> tuple[EmbeddingNetwork, Recipe]:
    """Bring back the network that a model was written from.

    Args:
        path: The ONNX file.

    Returns:
        The network, in evaluation mode, and its recipe.

    Raises:
        TrainingError: The file is no model, or was not written by :func:`export_encoder`.
    """
    try:
        model = onnx.load_from_string(path.read_bytes())
    except Exception as error:  # protobuf raises errors of many kinds
        raise TrainingError(f"{path} is no ONNX model: {error}") from error
    properties = {item.key: item.value for item in model.metadata_props}
    if RECIPE_PROPERTY not in properties:
        raise TrainingError(
            f"{path} carries no recipe: only encoders that soundalike trained can be trained further."
        )
    try:
        recipe = recipe_from_json(properties[RECIPE_PROPERTY], f"the recipe in {path}")
    except SoundalikeError as error:
        raise TrainingError(str(error)) from error
    network = EmbeddingNetwork(FrontEnd(recipe.input), recipe.network)
    stored = {item.name: item for item in model.graph.initializer}
    weights: dict[str, Tensor] = {}
    for name, value in network.state_dict().items():
        if name.endswith("num_batches_tracked"):
            weights[name] = value
            continue
        array = numpy_helper.to_array(stored[name]) if name in stored else np.zeros(0)
        if array.shape != tuple(value.shape):
            raise TrainingError(f"{path} does not hold the weights {name} of its own recipe's network.")
        weights[name] = torch.from_numpy(array.astype(np.float32))
    network.load_state_dict(weights)
    return network.eval(), recipe


def _verify(path: Path, recipe: Recipe) -> None:
    """Run the model, and hold it against torch."""
    network, _ = load_exported(path)
    inputs = _tried_inputs(recipe)
    expected = embedder(network)(inputs)
    (found,) = open_session(path.read_bytes(), path).run([_VECTORS], {_INPUT: inputs})
    worst = float(np.abs(found - expected).max())
    if not worst <= _TOLERANCE:
        raise TrainingError(
            f"The exported model gives other vectors than the network: they differ by up to {worst:.2g}."
        )


def _tried_inputs(recipe: Recipe) -> FloatArray:
    """Inputs of the shape that the network takes: noise, as levels where it takes levels."""
    noise = np.random.default_rng(0).standard_normal((_TRIED_ROWS, *recipe.input.input_shape))
    if isinstance(recipe.input.front_end, LogMelFrontEnd):
        noise = 10.0 * noise - 40.0
    return noise.astype(np.float32)


def _front_end(graph: GraphWriter, front_end: FrontEnd, samples: int) -> str:
    """From the model's input to levels ``(B, bands, frames)`` between -1 and 1."""
    levels = _INPUT if front_end.bank is None else _bank(graph, front_end.bank, samples)
    loudest = graph.node("ReduceMax", [levels], axes=[1, 2], keepdims=1)
    relative = graph.node("Sub", [levels, loudest])
    range_db = front_end.relative.range_db
    relative = graph.node("Max", [relative, graph.constant(-range_db)])
    relative = graph.node("Mul", [relative, graph.constant(2.0 / range_db)])
    return graph.node("Add", [relative, graph.constant(1.0)])


def _bank(graph: GraphWriter, bank: MorletBank, samples: int) -> str:
    """From samples to levels in dB: the wavelets of every rate, lowest band first."""
    heard = graph.node("Unsqueeze", [_INPUT, graph.constant([1])])
    low_pass = bank.low_pass.cpu().numpy()
    powers: list[str] = []
    for level, group in enumerate(bank.groups):
        if level:
            samples = -(-samples // 2)
            half = low_pass.shape[2] // 2
            name = graph.weight("front_end.low_pass", low_pass)
            heard = graph.node("Conv", [heard, name], strides=[2], pads=[half, half])
        if isinstance(group, MorletGroup):
            wavelets = group.wavelets.cpu().numpy()
            name = graph.weight(f"front_end.wavelets_{level}", wavelets)
            pads = list(group.padding(samples))
            parts = graph.node("Conv", [heard, name], strides=[group.step], pads=pads)
            squares = graph.node("Mul", [parts, parts])
            ends = [graph.constant([0]), graph.constant([group.bands]), graph.constant([2 * group.bands])]
            real = graph.node("Slice", [squares, ends[0], ends[1], graph.constant([1])])
            imaginary = graph.node("Slice", [squares, ends[1], ends[2], graph.constant([1])])
            power = graph.node("Add", [real, imaginary])
            if group.averaged > 1:
                sizes = [group.averaged]
                power = graph.node("AveragePool", [power], kernel_shape=sizes, strides=sizes)
            powers.append(power)
    power = graph.node("Concat", powers[::-1], axis=1)
    power = graph.node("Max", [power, graph.constant(bank.floor_power)])
    return graph.node("Mul", [graph.node("Log", [power]), graph.constant(DB_PER_NEPER)])


def _modules(
    graph: GraphWriter, module: nn.Module, prefix: str, maps: str, weights: Mapping[str, NDArray[np.generic]]
) -> str:
    """Write a convolution, or what is made of convolutions."""
    if isinstance(module, nn.Sequential):
        for name, child in module.named_children():
            maps = _modules(graph, child, f"{prefix}.{name}", maps, weights)
        return maps
    if isinstance(module, Residual):
        inner = _modules(graph, module.units, f"{prefix}.units", maps, weights)
        return graph.node("Relu", [graph.node("Add", [maps, inner])])
    if not isinstance(module, ConvUnit):
        raise InvalidInputError(f"A layer of type {type(module).__name__} cannot be exported.")
    convolution, normalisation = module.convolution, module.normalisation
    name = f"{prefix}.convolution.weight"
    padding = [int(side) for side in convolution.padding]
    out = graph.node(
        "Conv",
        [maps, graph.weight(name, weights[name])],
        strides=list(convolution.stride),
        pads=padding * 2,
        group=convolution.groups,
    )
    names = [f"{prefix}.normalisation.{part}" for part in ("weight", "bias", "running_mean", "running_var")]
    inputs = [out, *(graph.weight(name, weights[name]) for name in names)]
    out = graph.node("BatchNormalization", inputs, epsilon=normalisation.eps)
    return graph.node("Relu", [out]) if module.rectify else out


def _pooling(graph: GraphWriter, network: EmbeddingNetwork, maps: str) -> str:
    """Pool maps over time: ``(B, P)``."""
    parts: list[str] = []
    for kind in network.config.pooling:
        if kind == "max":
            parts.append(graph.node("ReduceMax", [maps], axes=[3], keepdims=0))
            continue
        mean = graph.node("ReduceMean", [maps], axes=[3], keepdims=0)
        if kind == "spread":
            square = graph.node("ReduceMean", [graph.node("Mul", [maps, maps])], axes=[3], keepdims=0)
            variance = graph.node("Sub", [square, graph.node("Mul", [mean, mean])])
            mean = graph.node("Sqrt", [graph.node("Max", [variance, graph.constant(1e-6)])])
        parts.append(mean)
    joined = graph.node("Concat", parts, axis=1) if len(parts) > 1 else parts[0]
    return graph.node("Flatten", [joined], axis=1)


def _spectrum(graph: GraphWriter, levels: str) -> tuple[str, str]:
    """Means and spreads of every band over the frames that sound: see :func:`network.spectrum`."""
    loudest = graph.node("ReduceMax", [levels], axes=[1], keepdims=1)
    sounds = graph.node("Greater", [loudest, graph.constant(1.0 - 2.0 * SOUNDING)])
    sounding = graph.node("Cast", [sounds], to=onnx.TensorProto.FLOAT)
    frames = graph.constant([2])
    count = graph.node("ReduceSum", [sounding, frames], keepdims=1)
    count = graph.node("Max", [count, graph.constant(1.0)])

    def mean(values: str) -> str:
        total = graph.node("ReduceSum", [graph.node("Mul", [values, sounding]), frames], keepdims=1)
        return graph.node("Div", [total, count])

    means = mean(levels)
    apart = graph.node("Sub", [levels, means])
    variance = graph.node("Max", [mean(graph.node("Mul", [apart, apart])), graph.constant(1e-6)])
    spreads = graph.node("Sqrt", [variance])
    return graph.node("Flatten", [means], axis=1), graph.node("Flatten", [spreads], axis=1)


def _unit_length(graph: GraphWriter, values: str, config: NetworkConfig) -> None:
    """Bring values, or every part of them, to its length in a vector of length 1."""
    if not config.parts:
        graph.node("LpNormalization", [values], output=_VECTORS, axis=1, p=2)
        return
    parts = []
    for part, scale in zip(config.parts, config.part_scales, strict=True):
        where = config.part(part.name)
        ends = [graph.constant([where.start]), graph.constant([where.stop]), graph.constant([1])]
        own = graph.node("Slice", [values, *ends])
        parts.append(
            graph.node("Mul", [graph.node("LpNormalization", [own], axis=1, p=2), graph.constant(scale)])
        )
    graph.node("Concat", parts, output=_VECTORS, axis=1)


def _linear(
    graph: GraphWriter,
    name: str,
    values: str,
    weights: Mapping[str, NDArray[np.generic]],
    output: str | None = None,
) -> str:
    inputs = [values] + [
        graph.weight(f"{name}.{part}", weights[f"{name}.{part}"]) for part in ("weight", "bias")
    ]
    return graph.node("Gemm", inputs, output=output, transB=1)
