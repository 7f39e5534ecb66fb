"""A training between two steps: network, objective, optimiser, and how they are kept and brought back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from soundalike.core.errors import TrainingError
from soundalike.training.average import WeightAverage
from soundalike.training.checkpoint import Checkpoint, load_newest, save_checkpoint
from soundalike.training.curves import Curves
from soundalike.training.front_end import FrontEnd
from soundalike.training.network import EmbeddingNetwork
from soundalike.training.objective import make_objective
from soundalike.training.prefetch import Arrays, Batches
from soundalike.training.recipe import Recipe, recipe_from_json

RECIPE_FILE = "recipe.json"
CHECKPOINTS_FOLDER = "checkpoints"


class TrainingState:
    """Everything that changes while a training runs.

    Args:
        recipe: How to train.
        data: Batches; only their fingerprint is kept in checkpoints.
        folder: The run's folder.
        device: What computes.
        initial: Weights to start from, if any.

    Attributes:
        step: Steps done.
        elapsed_s: Seconds spent, before interruptions too.
        window: Sums of what will be logged next.
        figures: The last figures that were logged or measured.
    """

    def __init__(
        self,
        recipe: Recipe,
        data: Batches,
        folder: Path,
        device: torch.device,
        initial: Mapping[str, Tensor] | None,
    ) -> None:
        self.recipe, self.data, self.folder, self.device = recipe, data, folder, device
        torch.manual_seed(recipe.seed)
        self.network = make_network(recipe)
        if initial is not None:
            load_weights(self.network, initial)
        if recipe.optimiser.channels_last:
            lay_channels_last(self.network)
        self.objective = make_objective(recipe.objective, self.network)
        self.network.to(device).train()
        self.objective.to(device).train()
        self.average = WeightAverage(self.network, recipe.optimiser.ema_decay)
        self.parameters = [*self.network.parameters(), *self.objective.parameters()]
        self.optimiser = torch.optim.AdamW(
            self.parameters, recipe.optimiser.learning_rate, weight_decay=recipe.optimiser.weight_decay
        )
        self.step = 0
        self.elapsed_s = 0.0
        self.saved_step = -1
        self.window: dict[str, float] = {}
        self.figures: dict[str, float] = {}
        self.curves: Curves

    @property
    def checkpoints(self) -> Path:
        """The folder of checkpoints."""
        return self.folder / CHECKPOINTS_FOLDER

    def start_anew(self) -> None:
        """Forget what the folder holds of an earlier training."""
        for path in [*self.checkpoints.glob("step-*.pt"), *self.checkpoints.glob("step-*.part")]:
            path.unlink()
        self._write_recipe()
        self.curves = Curves(self.folder, -1)

    def resume(self) -> None:
        """Go on from the newest checkpoint, if there is one."""
        checkpoint = load_newest(self.checkpoints)
        if checkpoint is None:
            self.start_anew()
            return
        self._check_same(checkpoint)
        try:
            self.network.load_state_dict(checkpoint.network)
            self.average.network.load_state_dict(checkpoint.average)
            self.objective.load_state_dict(checkpoint.objective)
            self.optimiser.load_state_dict(dict(checkpoint.optimiser))
        except (RuntimeError, ValueError, KeyError) as error:
            raise TrainingError(f"The checkpoint in {self.folder} is not of this network: {error}") from error
        torch.set_rng_state(checkpoint.generator)
        self.step = self.saved_step = checkpoint.step
        self.elapsed_s = checkpoint.elapsed_s
        self.window = dict(checkpoint.window)
        self.curves = Curves(self.folder, self.step)

    def _check_same(self, checkpoint: Checkpoint) -> None:
        saved = recipe_from_json(checkpoint.recipe, "the checkpoint's recipe")
        if saved.fingerprint != self.recipe.fingerprint or checkpoint.data != self.data.fingerprint:
            raise TrainingError(
                f"{self.folder} holds a training by recipe {saved.fingerprint} on {checkpoint.data}; it "
                f"cannot go on by {self.recipe.fingerprint} on {self.data.fingerprint}. Choose another "
                "folder, or start anew."
            )

    def _write_recipe(self) -> None:
        part = self.folder / (RECIPE_FILE + ".part")
        part.write_text(self.recipe.to_json() + "\n", encoding="utf-8")
        part.replace(self.folder / RECIPE_FILE)

    def save(self) -> None:
        """Write a checkpoint, unless this step has one."""
        if self.saved_step == self.step:
            return
        checkpoint = Checkpoint(
            recipe=self.recipe.to_json(),
            data=self.data.fingerprint,
            step=self.step,
            elapsed_s=self.elapsed_s,
            network=self.network.state_dict(),
            average=self.average.network.state_dict(),
            objective=self.objective.state_dict(),
            optimiser=self.optimiser.state_dict(),
            generator=torch.get_rng_state(),
            window=self.window,
        )
        save_checkpoint(self.checkpoints, checkpoint)
        self.saved_step = self.step

    def take_step(self, arrays: Arrays, learning_rate: float) -> dict[str, float]:
        """Change the weights once.

        Raises:
            TrainingError: The loss or its gradient is not finite.
        """
        config = self.recipe.optimiser
        missing = [name for name in self.objective.needs if name not in arrays]
        if missing:
            raise TrainingError(
                f"The objective {self.recipe.objective.kind} needs {', '.join(missing)} in a batch; it holds "
                f"{', '.join(arrays)}."
            )
        batch = {
            name: torch.as_tensor(values).to(self.device)
            for name, values in arrays.items()
            if name != "deform_s"
        }
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate
        self.optimiser.zero_grad(set_to_none=True)
        mixed = config.autocast == "bfloat16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=mixed):
            loss, figures = self.objective(self.network, batch)
        if not math.isfinite(loss.item()):
            raise self._not_finite(f"The loss is {loss.item()}")
        loss.backward()
        norm = float(nn.utils.clip_grad_norm_(self.parameters, config.clip_norm))
        if not math.isfinite(norm):
            raise self._not_finite(f"The gradient's norm is {norm}")
        self.optimiser.step()
        self.average.update(self.network, self.step)
        self.step += 1
        return {"loss": loss.item(), "gradient_norm": norm, **figures}

    def _not_finite(self, what: str) -> TrainingError:
        kept = f"the checkpoint of step {self.saved_step} stays" if self.saved_step >= 0 else "none was saved"
        return TrainingError(
            f"{what} at step {self.step}, so training stopped; {kept} in {self.checkpoints}. A lower "
            "learning rate or a longer warm-up may help; look for samples that are not numbers, too."
        )


def make_network(recipe: Recipe) -> EmbeddingNetwork:
    """Make a recipe's network, untrained."""
    return EmbeddingNetwork(FrontEnd(recipe.input), recipe.network)


def load_weights(network: EmbeddingNetwork, weights: Mapping[str, Tensor]) -> None:
    """Load weights into a network.

    Raises:
        TrainingError: They are of another network.
    """
    try:
        network.load_state_dict(dict(weights))
    except RuntimeError as error:
        raise TrainingError(f"The weights to start from are of another network: {error}") from error


def lay_channels_last(network: nn.Module) -> None:
    """Lay the weights of convolutions such that maps keep their channels together in memory."""
    for parameter in network.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
