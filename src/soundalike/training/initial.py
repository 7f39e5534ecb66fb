"""Going on from an exported network: its last layer becomes the parts of another vector."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from soundalike.core.arrays import FloatArray, IntArray
from soundalike.core.errors import TrainingError
from soundalike.encoders.onnx_session import open_session
from soundalike.training.export import load_exported
from soundalike.training.front_end import FrontEnd
from soundalike.training.network import EmbeddingNetwork
from soundalike.training.network_config import NetworkConfig
from soundalike.training.recipe import Recipe


def initial_weights(path: Path, recipe: Recipe, inputs: NDArray[Any]) -> Mapping[str, Tensor]:
    """Take the weights that a training starts from out of an exported network.

    Where the recipe's vectors have other parts than the network's, each part starts from the principal
    components of the part of its name, as many as it has dimensions; and of the rest of the vector, where
    that part has too few or there is none. Where the recipe's network looks at the spectrum itself and the
    other one does not, it counts for nothing at first.

    Args:
        path: The ONNX file.
        recipe: How it will be trained on.
        inputs: What the principal components are taken of, as the network takes them.

    Returns:
        A state of the recipe's network.

    Raises:
        TrainingError: The network is another one but for its parts, or the file is none of ours.
    """
    network, old = load_exported(path)
    if (old.network.stages, old.network.pooling, old.network.hidden) != (
        recipe.network.stages, recipe.network.pooling, recipe.network.hidden,
    ) or old.input != recipe.input:  # fmt: skip
        raise TrainingError(
            f"{path} was trained by {old.name}, whose network or input is not {recipe.name}'s."
        )
    if old.network.spectrum and not recipe.network.spectrum:
        raise TrainingError(f"{path} looks at the spectrum itself, which {recipe.name}'s network does not.")
    state = dict(network.state_dict())
    if recipe.network.spectrum and not old.network.spectrum:
        takes = "hidden.weight" if recipe.network.hidden else "last.weight"
        known = state[takes]
        size = EmbeddingNetwork(FrontEnd(recipe.input), recipe.network).pooled_dims
        state[takes] = torch.cat([known, known.new_zeros(len(known), size - known.shape[1])], dim=1)
    if _sizes(old.network) != _sizes(recipe.network):
        if not recipe.network.parts or max(_sizes(recipe.network).values()) > old.network.dims:
            raise TrainingError(
                f"{path} has {old.network.dims} dimensions, of parts {_sizes(old.network)}; {recipe.name} "
                f"asks for {_sizes(recipe.network)}: expected parts, each of no more dimensions."
            )
        rows = _rows_of_parts(old.network, recipe.network, _vectors(path, inputs))
        state["last.weight"] = rows @ state["last.weight"]
        state["last.bias"] = rows @ state["last.bias"]
    return state


def _vectors(path: Path, inputs: NDArray[Any]) -> FloatArray:
    session = open_session(path.read_bytes(), path)
    given, said = session.get_inputs()[0].name, session.get_outputs()[0].name
    (vectors,) = session.run([said], {given: np.ascontiguousarray(inputs, np.float32)})
    return np.asarray(vectors, np.float32)


def _sizes(network: NetworkConfig) -> dict[str, int]:
    return {part.name: part.dims for part in network.parts}


def _rows_of_parts(old: NetworkConfig, new: NetworkConfig, vectors: FloatArray) -> Tensor:
    """Make a matrix that turns an old network's vectors into a new one's: shape ``(new dims, old dims)``."""
    places = {part.name: np.arange(old.dims)[old.part(part.name)] for part in old.parts}
    rows = []
    for part in new.parts:
        own = places.get(part.name, np.arange(0))
        others = np.setdiff1d(np.arange(old.dims), own)
        known = _principal_rows(vectors, own)[: part.dims]
        rows += [known, _principal_rows(vectors, others)[: part.dims - len(known)]]
    return torch.from_numpy(np.concatenate(rows))


def _principal_rows(vectors: FloatArray, columns: IntArray) -> FloatArray:
    """Find the principal directions of some columns of vectors: shape ``(columns, D)``, the widest first."""
    rows = np.zeros((len(columns), vectors.shape[1]), np.float32)
    if len(columns):
        covariance = np.atleast_2d(np.cov(vectors[:, columns].T, dtype=np.float64))
        rows[:, columns] = np.linalg.eigh(covariance)[1][:, ::-1].T
    return rows
