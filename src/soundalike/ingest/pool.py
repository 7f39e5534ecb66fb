"""Workers that analyse files side by side; a file that brings a worker down costs that file only."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from soundalike.core.errors import SoundalikeError
from soundalike.ingest import frames
from soundalike.ingest.analyse import Analyst, Rows, failed_rows
from soundalike.sources import Item, Limits

_IN_HAND = 2  # tasks that a worker holds: one at work, one waiting
_SILENCE_S = 300.0  # a worker that says nothing for this long hangs on its file
_START_TRIES = 3


@dataclass(frozen=True, slots=True)
class Heard:
    """Something that a worker told: ``rows`` of a finished task, or seconds of audio that it went on by."""

    rows: Rows | None = None
    audio_s: float = 0.0


@dataclass(frozen=True, slots=True)
class WorkerSetup:
    """What a worker is told when it starts.

    Attributes:
        encoder: The encoder's name or path, as ``load_encoder`` takes it.
        dims: Size of its vectors.
        known: Ids of sounds that need no vectors.
        limits: Bounds for members of archives.
    """

    encoder: str
    dims: int
    known: Sequence[str]
    limits: Limits


class LocalPool:
    """The same work in this process, for a handful of files: nothing has to be started."""

    def __init__(self, analyst: Analyst) -> None:
        self._analyst = analyst

    def run(self, tasks: Iterable[list[Item]]) -> Iterator[Heard]:
        """Analyse task after task."""
        for items in tasks:
            rows = self._analyst.analyse(items)
            yield Heard(rows, rows.audio_s)

    def close(self) -> None:
        """Nothing to end."""


@dataclass(slots=True)
class _Worker:
    process: subprocess.Popen[bytes]
    errors: tempfile._TemporaryFileWrapper[bytes]
    tasks: deque[list[Item]] = field(default_factory=deque)
    item: int = 0  # index within tasks[0] of the file that was told of last
    item_s: float = 0.0  # and how far it was
    task_s: float = 0.0  # seconds of tasks[0] told so far
    ready: bool = False
    given_up: bool = False  # killed for being quiet too long
    heard_at: float = field(default_factory=time.monotonic)  # set by the thread that listens


class WorkerPool:
    """Worker processes of ``soundalike.ingest.worker``.

    Args:
        jobs: How many.
        setup: What they need to know.
        module: The module that a worker runs.
    """

    def __init__(self, jobs: int, setup: WorkerSetup, module: str = "soundalike.ingest.worker") -> None:
        self._module = module
        self._dims = setup.dims
        self._jobs = jobs
        self._hello = json.dumps(dataclasses.asdict(setup)).encode()
        self._inbox: queue.Queue[tuple[_Worker, tuple[bytes, bytes] | None]] = queue.Queue()
        self._workers: list[_Worker] = []
        self._failed_starts = 0

    def run(self, tasks: Iterable[list[Item]]) -> Iterator[Heard]:
        """Analyse tasks in any order; every file of every task comes back in exactly one ``rows``.

        Raises:
            SoundalikeError: Workers do not start.
        """
        waiting = iter(tasks)
        again: deque[list[Item]] = deque()
        ended = False
        while True:
            while not ended or again:
                worker = self._least_busy()
                if worker is None:
                    break
                task = again.popleft() if again else next(waiting, None)
                if task is None:
                    ended = True
                    break
                self._give(worker, task)
            if not any(worker.tasks for worker in self._workers):
                return
            yield from self._hear(again)

    def close(self) -> None:
        """End all workers at once; what they had not given back is not lost, only not done."""
        for worker in self._workers:
            self._end(worker)
        self._workers = []

    def _least_busy(self) -> _Worker | None:
        """Find a worker with a free hand, starting one where there are fewer than wished for."""
        idle = min(self._workers, key=lambda w: len(w.tasks), default=None)
        if len(self._workers) < self._jobs and (idle is None or idle.tasks):
            idle = self._start()
        return idle if idle is not None and len(idle.tasks) < _IN_HAND else None

    def _start(self) -> _Worker:
        environment = os.environ | {
            f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMBA")
        }
        errors = tempfile.NamedTemporaryFile()  # noqa: SIM115 (closed in _end)
        process = subprocess.Popen(
            [sys.executable, "-m", self._module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment,
        )
        worker = _Worker(process, errors)
        self._workers.append(worker)
        self._send(worker, frames.HELLO, self._hello)
        threading.Thread(target=self._listen, args=(worker,), daemon=True).start()
        return worker

    def _listen(self, worker: _Worker) -> None:
        """Put everything that a worker says into the inbox; None at its end."""
        pipe = worker.process.stdout
        assert pipe is not None
        message: tuple[bytes, bytes] | None = (frames.HELLO, b"")
        while message is not None:
            try:
                message = frames.receive(pipe)
            except (OSError, ValueError):  # closed under our hands
                message = None
            worker.heard_at = time.monotonic()
            self._inbox.put((worker, message))

    def _give(self, worker: _Worker, task: list[Item]) -> None:
        if not worker.tasks:
            worker.heard_at = time.monotonic()
        worker.tasks.append(task)
        self._send(worker, frames.WORK, frames.pack_items(task))

    def _send(self, worker: _Worker, kind: bytes, body: bytes) -> None:
        pipe = worker.process.stdin
        assert pipe is not None
        with contextlib.suppress(OSError):  # a dead worker is found by its reader
            frames.send(pipe, kind, body)

    def _hear(self, again: deque[list[Item]]) -> Iterator[Heard]:
        """Take one message, and look after workers that have gone quiet."""
        for quiet in self._workers:
            if quiet.tasks and time.monotonic() - quiet.heard_at > _SILENCE_S:
                quiet.given_up = True
                quiet.process.kill()
        try:
            worker, message = self._inbox.get(timeout=1.0)
        except queue.Empty:
            return
        if worker not in self._workers:
            return
        if message is None:
            yield from self._bury(worker, again)
            return
        kind, body = message
        if kind == frames.HELLO:
            worker.ready = True
            self._failed_starts = 0
        elif kind == frames.AT:
            index, seconds = json.loads(body)
            gone_on = seconds - worker.item_s if index == worker.item else seconds
            worker.item, worker.item_s = index, seconds
            worker.task_s += gone_on
            yield Heard(audio_s=gone_on)
        elif kind == frames.DONE:
            rows = frames.unpack_rows(body)
            worker.tasks.popleft()
            yield Heard(rows, rows.audio_s - worker.task_s)
            worker.item, worker.item_s, worker.task_s = 0, 0.0, 0.0

    def _bury(self, worker: _Worker, again: deque[list[Item]]) -> Iterator[Heard]:
        """A worker has died: blame the file that was alone in its task; try each of several alone."""
        self._workers.remove(worker)
        last_words = self._end(worker)
        if not worker.ready:
            self._failed_starts += 1
            if self._failed_starts >= _START_TRIES:
                raise SoundalikeError(f"The worker processes do not start. The last one said: {last_words}")
            again.extend(worker.tasks)
            return
        if not worker.tasks:
            return
        first, *others = worker.tasks
        again.extend(others)
        if len(first) > 1:
            again.extend([item] for item in first)
            yield Heard(audio_s=-worker.task_s)
            return
        reason = (
            f"The decoder did not get on with this file for {_SILENCE_S:.0f} seconds, so it was given up."
            if worker.given_up
            else "The decoder crashed on this file."
        )
        yield Heard(failed_rows([(first[0], reason)], self._dims), -worker.task_s)

    def _end(self, worker: _Worker) -> str:
        """Kill and reap a worker; returns the end of what it wrote to its error stream."""
        worker.process.kill()
        worker.process.wait()
        for pipe in (worker.process.stdin, worker.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        with worker.errors as errors:
            errors.seek(0)
            return errors.read()[-2000:].decode(errors="replace").strip() or "nothing"
