"""Going on from an exported network: what it says is kept, and its last layer becomes parts of a vector."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from soundalike.core.arrays import FloatArray
from soundalike.core.errors import TrainingError
from soundalike.core.fingerprint import fingerprint
from soundalike.encoders.onnx_session import open_session, sha256_of
from soundalike.training.embed import Embed
from soundalike.training.export import load_exported
from soundalike.training.front_end import FrontEnd
from soundalike.training.network import EmbeddingNetwork
from soundalike.training.recipe import Recipe


def keeper_of(path: Path) -> tuple[Embed, str]:
    """Make a function of an exported network, for what a training keeps of it.

    Args:
        path: The ONNX file that :func:`soundalike.training.export_encoder` wrote.

    Returns:
        From inputs as the network takes them to its vectors, and the network's name and digest.

    Raises:
        EncoderError: It is no model.
    """
    session = open_session(path.read_bytes(), path)
    given, said = session.get_inputs()[0].name, session.get_outputs()[0].name

    def embed(inputs: NDArray[Any]) -> FloatArray:
        (vectors,) = session.run([said], {given: np.ascontiguousarray(inputs, np.float32)})
        return np.asarray(vectors, np.float32)

    return embed, fingerprint("keeper", 1, {"sha256": sha256_of(path)})


def initial_weights(path: Path, recipe: Recipe, inputs: NDArray[Any]) -> Mapping[str, Tensor]:
    """Take the weights that a training starts from out of an exported network.

    Where the recipe's vectors have parts and the network's have none, each part starts from the principal
    components of the network's vectors, as many as it has dimensions. Where the recipe's network looks at the
    spectrum itself and the other one does not, it counts for nothing at first.

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
    if old.network.parts == recipe.network.parts:
        return state
    if old.network.parts:
        raise TrainingError(
            f"The vectors of {path} have parts already, other ones than {recipe.name} asks for."
        )
    vectors = keeper_of(path)[0](inputs)
    _, directions = np.linalg.eigh(np.cov(vectors.T, dtype=np.float64))
    components = torch.from_numpy(np.ascontiguousarray(directions[:, ::-1].T, np.float32))
    rows = torch.cat([components[: part.dims] for part in recipe.network.parts])
    state["last.weight"] = rows @ state["last.weight"]
    state["last.bias"] = rows @ state["last.bias"]
    return state
