"""A worker process of an ingest: ``python -m soundalike.ingest.worker``, spoken to over its standard streams.

A process of its own, because a damaged file that brings down the decoder then costs one file, not the ingest;
and started as a module, because then a user's script needs no guard around its main part.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import BinaryIO

from soundalike.encoders import load_encoder
from soundalike.ingest import frames
from soundalike.ingest.analyse import Analyst
from soundalike.sources import Limits

_TELL_EVERY_S = 0.5
_NICENESS = 10  # a library that is being indexed leaves the machine to the person in front of it


def main() -> None:
    """Analyse what comes in until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends its workers in order
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    pipe_in = sys.stdin.buffer
    pipe_out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # a stray print must not break the messages
    try:
        _serve(pipe_in, pipe_out)
    except BrokenPipeError:
        os._exit(1)  # the parent has gone: there is nobody to tell


def _serve(pipe_in: BinaryIO, pipe_out: BinaryIO) -> None:
    hello = frames.receive(pipe_in)
    if hello is None:
        return
    setup = json.loads(hello[1])
    analyst = Analyst(load_encoder(setup["encoder"]), setup["known"], Limits(**setup["limits"]))
    frames.send(pipe_out, frames.HELLO, b"")
    while (message := frames.receive(pipe_in)) is not None:
        rows = analyst.analyse(frames.unpack_items(message[1]), _Teller(pipe_out))
        frames.send(pipe_out, frames.DONE, frames.pack_rows(rows))


class _Teller:
    """Tells the parent now and then how far it is: a sign of life, and news for the progress."""

    def __init__(self, pipe: BinaryIO) -> None:
        self._pipe = pipe
        self._told_at = time.monotonic()

    def __call__(self, index: int, seconds: float) -> None:
        now = time.monotonic()
        if now - self._told_at > _TELL_EVERY_S:
            self._told_at = now
            frames.send(self._pipe, frames.AT, json.dumps([index, seconds]).encode())


if __name__ == "__main__":
    main()
