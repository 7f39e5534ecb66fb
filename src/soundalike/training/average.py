"""Averages of a network's weights: steadier than the weights of any one step, or of any one training."""

from __future__ import annotations

import copy
from pathlib import Path

import torch

from soundalike.core.errors import InvalidInputError, TrainingError
from soundalike.training.export import load_exported
from soundalike.training.network import EmbeddingNetwork


class WeightAverage:
    """Keeps an exponential moving average of a network.

    Args:
        network: The network; its weights are where the average starts.
        decay: What is kept of the average in a step; less in the first steps, so that it does not hang on the
            untrained weights: ``min(decay, (1 + step) / (10 + step))``.

    Attributes:
        network: A network of its own that holds the average, in evaluation mode.

    Source:
        Polyak and Juditsky 1992, Acceleration of stochastic approximation by averaging.
    """

    def __init__(self, network: EmbeddingNetwork, decay: float) -> None:
        self.network: EmbeddingNetwork = copy.deepcopy(network).eval().requires_grad_(False)
        self._decay = decay

    @torch.no_grad()
    def update(self, network: EmbeddingNetwork, step: int) -> None:
        """Take a step's weights into the average.

        Args:
            network: The network that is trained.
            step: Steps done before this one.
        """
        decay = min(self._decay, (1.0 + step) / (10.0 + step)) if self._decay else 0.0
        own = self.network.state_dict()
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                own[name].lerp_(value, 1.0 - decay)
            else:
                own[name].copy_(value)


@torch.no_grad()
def average_with(network: EmbeddingNetwork, path: Path, share: float) -> None:
    """Average a network, in place, with the exported one that its training began from.

    Args:
        network: A network whose training went on from the other one.
        path: The other one's ONNX file.
        share: How much the network itself counts; the other one counts the rest.

    Raises:
        InvalidInputError: The share does not lie between 0 and 1.
        TrainingError: The file is none of ours, or its network is another one.

    Source:
        Wortsman et al. 2022, Robust fine-tuning of zero-shot models, section 3.
    """
    if not 0.0 <= share <= 1.0:
        raise InvalidInputError(f"A share lies between 0 and 1; got {share:g}.")
    other, recipe = load_exported(path)
    if recipe.network != network.config:
        raise TrainingError(f"The network in {path}, by {recipe.name}, is another one: expected the same.")
    own = network.state_dict()
    for name, value in other.state_dict().items():
        if value.is_floating_point():
            own[name].lerp_(value.to(own[name].device), 1.0 - share)
