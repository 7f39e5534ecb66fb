"""Batches made ahead of the network, in threads, in order."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Protocol, Self, TypeAlias

Arrays: TypeAlias = Mapping[str, Any]  # numpy arrays, or tensors that are on the device already


class Batches(Protocol):
    """What a training reads.

    Attributes:
        fingerprint: Name and digest of the sounds and of how batches are drawn from them.
    """

    @property
    def fingerprint(self) -> str:
        """Name and digest of what batches are made of."""
        ...

    def batch(self, step: int) -> Arrays:
        """Make the batch of a step: always the same for the same step, in any order and any thread.

        Args:
            step: Its number, from 0.

        Returns:
            Arrays by name, as the objective needs them. ``deform_s``, if it is there, is a single number: the
            seconds that went into deformation.
        """
        ...


class Prefetcher:
    """Makes the next batches while the network is busy.

    Threads, not processes: numpy and scipy let go of the interpreter while they compute, and batches need no
    copying.

    Args:
        batches: Where they come from.
        first_step: The first that will be asked for.
        workers: Threads; 0 makes each batch when it is asked for.

    Attributes:
        waited_s: How long the last batch was waited for.
        made_s: How long the last batch took to make.
    """

    def __init__(self, batches: Batches, first_step: int, workers: int) -> None:
        self.waited_s = self.made_s = 0.0
        self._batches = batches
        self._next = first_step
        self._pool = ThreadPoolExecutor(workers, "batches") if workers else None
        self._waiting: deque[Future[tuple[Arrays, float]]] = deque()
        self._ahead = 2 * workers

    def take(self) -> Arrays:
        """The next batch."""
        started = time.perf_counter()
        if self._pool is None:
            batch, self.made_s = self._make(self._next)
            self._next += 1
        else:
            while len(self._waiting) <= self._ahead:
                self._waiting.append(self._pool.submit(self._make, self._next))
                self._next += 1
            batch, self.made_s = self._waiting.popleft().result()
        self.waited_s = time.perf_counter() - started
        return batch

    def _make(self, step: int) -> tuple[Arrays, float]:
        started = time.perf_counter()
        batch = self._batches.batch(step)
        return batch, time.perf_counter() - started

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
