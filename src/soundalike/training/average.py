"""A running average of a network's weights: steadier than the weights of any one step."""

from __future__ import annotations

import copy

import torch

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
