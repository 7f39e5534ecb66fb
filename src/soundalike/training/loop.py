"""The training loop: steps, checkpoints, curves; goes on where it was killed."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from soundalike.core.errors import InvalidInputError, TrainingError
from soundalike.training.embed import Embed, embedder
from soundalike.training.network import EmbeddingNetwork
from soundalike.training.objective import Objective
from soundalike.training.prefetch import Batches, Prefetcher
from soundalike.training.recipe import Recipe
from soundalike.training.state import TrainingState


class Probe(Protocol):
    """What is measured on held-out sounds while a training runs."""

    def measure(self, embed: Embed) -> Mapping[str, float]:
        """Measure.

        Args:
            embed: Turns inputs of the network into vectors.

        Returns:
            Figures by name.
        """
        ...


@dataclass(frozen=True, slots=True)
class RunConfig:
    """How a training runs on this machine; none of it changes what is learnt, but for rounding.

    Attributes:
        checkpoint_s: Seconds between two checkpoints.
        checkpoint_steps: Steps between two; 0 for none but by time.
        log_steps: Steps that a line of the curves is a mean of.
        probe_s: Seconds between two measurements on held-out sounds, of which the last is at the end.
        workers: Threads that make batches; 0 makes them between steps.
        threads: Threads of the network; None leaves it to torch.
        draw: Whether the curves are drawn, where matplotlib is installed.
    """

    checkpoint_s: float = 60.0
    checkpoint_steps: int = 0
    log_steps: int = 20
    probe_s: float = 120.0
    workers: int = 1
    threads: int | None = None
    draw: bool = True


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a training stands, for those who watch it.

    Attributes:
        step: Steps done.
        share: Share of the training that is done.
        elapsed_s: Seconds spent.
        figures: What was logged: ``loss`` and others.
    """

    step: int
    share: float
    elapsed_s: float
    figures: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """What came out.

    Attributes:
        network: The averaged network, ready to be used or exported.
        objective: The objective, with its own modules.
        recipe: The recipe.
        steps: Steps done.
        elapsed_s: Seconds spent.
        finished: Whether it came to its end; False where it was interrupted and can be resumed.
        figures: The last that were measured, by the probe too.
    """

    network: EmbeddingNetwork
    objective: Objective
    recipe: Recipe
    steps: int
    elapsed_s: float
    finished: bool
    figures: Mapping[str, float] = field(default_factory=dict)


def train(
    recipe: Recipe,
    data: Batches,
    run_folder: Path,
    *,
    minutes: float | None = None,
    steps: int | None = None,
    resume: bool = True,
    device: str = "auto",
    probe: Probe | None = None,
    initial: Mapping[str, Tensor] | None = None,
    run: RunConfig | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> TrainingResult:
    """Train a network.

    Writes ``recipe.json``, ``checkpoints/``, ``metrics.jsonl`` and, where matplotlib is installed,
    ``curves.png`` into the run's folder, as it goes. Ctrl-C stops after the step and a checkpoint.

    Args:
        recipe: How.
        data: Batches.
        run_folder: Where; made when it is absent.
        minutes: How long, counted over interruptions; the recipe's by default where no steps are given.
        steps: How many steps. With both, what comes first ends it. On the CPU, a training by steps alone that
            is killed and resumed equals one that was not, bit for bit.
        resume: Whether to go on from the folder's newest checkpoint; False starts anew.
        device: ``"cpu"``, ``"cuda"`` or ``"auto"``: what there is.
        probe: Measures on held-out sounds.
        initial: Weights to start from: a state of the network.
        run: How it runs on this machine.
        on_progress: Called with every line of the curves.

    Returns:
        The trained network.

    Raises:
        TrainingError: There is too little to train on; the folder holds a training of another recipe or other
            sounds, or only damaged checkpoints; the loss is not finite (the last good checkpoint stays).
    """
    run = run or RunConfig()
    if minutes is None and steps is None:
        minutes = recipe.minutes
    if (minutes is not None and not 0.0 < minutes < math.inf) or (steps is not None and steps < 1):
        raise InvalidInputError(
            f"minutes are above 0 and steps at least 1; got minutes={minutes} and steps={steps}."
        )
    run_folder.mkdir(parents=True, exist_ok=True)
    with _threads(run.threads), torch.random.fork_rng(), _interrupts() as interrupted:
        state = TrainingState(recipe, data, run_folder, choose_device(device), initial)
        if resume:
            state.resume()
        else:
            state.start_anew()
        ended = _run(state, run, minutes, steps, probe, interrupted, on_progress)
        figures = dict(state.figures)
        state.average.network.eval()
        return TrainingResult(
            state.average.network, state.objective, recipe, state.step, state.elapsed_s, ended, figures
        )


def choose_device(name: str) -> torch.device:
    """Choose what computes.

    Args:
        name: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:1"``.

    Raises:
        TrainingError: There is no such device here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    kind, _, number = name.partition(":")
    if kind not in ("cpu", "cuda") or (number and not number.isdigit()):
        raise TrainingError(f"A device is 'auto', 'cpu' or 'cuda'; got {name!r}.")
    if kind == "cuda" and int(number or 0) >= torch.cuda.device_count():
        raise TrainingError(f"There are {torch.cuda.device_count()} CUDA devices here; {name!r} is not one.")
    return torch.device(name)


def _run(
    state: TrainingState,
    run: RunConfig,
    minutes: float | None,
    steps: int | None,
    probe: Probe | None,
    interrupted: threading.Event,
    on_progress: Callable[[Progress], None] | None,
) -> bool:
    """Take steps until the end; tell whether it was reached, and nobody asked to stop meanwhile."""
    begun = time.perf_counter() - state.elapsed_s
    saved_at = probed_at = time.perf_counter()
    with Prefetcher(state.data, state.step, run.workers) as ahead:
        while (done := _share(state, minutes, steps)) < 1.0 and not interrupted.is_set():
            arrays = ahead.take()
            started = time.perf_counter()
            figures = state.take_step(arrays, state.recipe.optimiser.rate_at(done))
            now = time.perf_counter()
            state.elapsed_s = now - begun
            figures |= {"wait_s": ahead.waited_s, "step_s": now - started + ahead.waited_s}
            figures |= {"make_s": ahead.made_s, "deform_s": float(arrays.get("deform_s", 0.0))}
            _add(state.window, figures)
            if state.step % run.log_steps == 0:
                _log(state, done, _share(state, minutes, steps), on_progress)
            if now - saved_at >= run.checkpoint_s or _divides(run.checkpoint_steps, state.step):
                state.save()
                saved_at = time.perf_counter()
            if probe is not None and now - probed_at >= run.probe_s:
                _probe(state, run, probe)
                probed_at = time.perf_counter()
    state.save()
    if done >= 1.0 and probe is not None:
        _probe(state, run, probe)
    elif run.draw:
        state.curves.draw()
    return done >= 1.0 and not interrupted.is_set()


def _share(state: TrainingState, minutes: float | None, steps: int | None) -> float:
    """The share of the training that is done, by steps or by time, whichever is more."""
    by_steps = state.step / steps if steps is not None else 0.0
    by_time = state.elapsed_s / (60.0 * minutes) if minutes is not None else 0.0
    return max(by_steps, by_time)


def _divides(every: int, step: int) -> bool:
    return every > 0 and step % every == 0


def _add(window: dict[str, float], figures: Mapping[str, float]) -> None:
    for name, value in {**figures, "steps": 1.0}.items():
        window[name] = window.get(name, 0.0) + float(value)


def _log(
    state: TrainingState, before: float, done: float, on_progress: Callable[[Progress], None] | None
) -> None:
    """Write the means since the last line."""
    count = state.window.pop("steps")
    means = {name: value / count for name, value in state.window.items()}
    state.window.clear()
    step_s = max(means.pop("step_s"), 1e-9)
    means["learning_rate"] = state.recipe.optimiser.rate_at(before)
    means["wait_share"] = means.pop("wait_s") / step_s
    means["deform_share"] = means.pop("deform_s") / step_s
    means["make_share"] = means.pop("make_s") / step_s
    means["step_s"] = step_s
    state.figures.update(means)
    state.curves.add({"step": state.step, "elapsed_s": state.elapsed_s, **means})
    if on_progress is not None:
        on_progress(Progress(state.step, done, state.elapsed_s, means))


def _probe(state: TrainingState, run: RunConfig, probe: Probe) -> None:
    """Measure on held-out sounds, and draw the curves."""
    figures = dict(probe.measure(embedder(state.average.network, state.device)))
    state.figures.update(figures)
    state.curves.add({"step": state.step, "elapsed_s": state.elapsed_s, **figures})
    if run.draw:
        state.curves.draw()


@contextmanager
def _threads(count: int | None) -> Iterator[None]:
    """Let torch use a number of threads, and as many as before after that."""
    before = torch.get_num_threads()
    if count is not None:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _interrupts() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C into an event, so that no step is cut in two; the second stops at once."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return
    before = signal.getsignal(signal.SIGINT)

    def stop(*_: Any) -> None:
        event.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, stop)
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, before)
