"""A network as a function of arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from soundalike.core.arrays import FloatArray
from soundalike.training.network import EmbeddingNetwork

Embed: TypeAlias = Callable[[NDArray[Any]], FloatArray]

_ROWS_AT_ONCE = 256


def embedder(network: EmbeddingNetwork, device: torch.device | None = None) -> Embed:
    """Make a function of arrays out of a network.

    Args:
        network: Put into evaluation mode.
        device: Where it is; the CPU by default.

    Returns:
        A function from inputs as the network takes them, float32, to vectors of shape ``(N, D)``, float32.
    """
    network.eval()

    def embed(inputs: NDArray[Any]) -> FloatArray:
        out = np.empty((len(inputs), network.config.dims), np.float32)
        with torch.inference_mode():
            for first in range(0, len(inputs), _ROWS_AT_ONCE):
                rows = slice(first, first + _ROWS_AT_ONCE)
                batch = torch.from_numpy(np.ascontiguousarray(inputs[rows], dtype=np.float32))
                out[rows] = network(batch.to(device) if device is not None else batch).cpu().numpy()
        return out

    return embed
