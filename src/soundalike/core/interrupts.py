"""Ctrl-C that is not lost inside code that cannot be interrupted.

Python raises KeyboardInterrupt wherever it happens to be. Where that is a function that C code has called
back, or the few lines that a compiled module runs to raise an error of its own, the interrupt is printed or
dropped and the program goes on (of 220 Ctrl-C at random moments of decoding through PyAV, 12 were lost).
:data:`without_interrupts` makes it wait until such code is through.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterable, Iterator
from types import FrameType
from typing import TypeVar

Item = TypeVar("Item")


class _Deferral:
    """How deep the main thread is in code that cannot be interrupted, and whether Ctrl-C came meanwhile.

    Python runs signal handlers in the main thread only: nothing here is touched by two threads.
    """

    __slots__ = ("_came", "_depth", "_main")

    def __init__(self) -> None:
        self._depth = 0
        self._came = False
        self._main = threading.main_thread().ident

    def __enter__(self) -> None:
        if threading.get_ident() == self._main:
            self._depth += 1

    def __exit__(self, *_: object) -> None:
        if threading.get_ident() == self._main:
            self._depth -= 1
            if self._came and not self._depth:
                self._came = False
                raise KeyboardInterrupt

    def handle(self, _number: int, _frame: FrameType | None) -> None:
        """What SIGINT runs."""
        if not self._depth:
            raise KeyboardInterrupt
        self._came = True


without_interrupts = _Deferral()
"""A context in which Ctrl-C waits, in programs that have called :func:`defer_interrupts`; may be nested."""


def uninterrupted(items: Iterable[Item]) -> Iterator[Item]:
    """Take every item of an iterable while Ctrl-C waits; it is raised between two.

    Args:
        items: What cannot be interrupted while it makes an item.

    Yields:
        The same items.
    """
    iterator = iter(items)
    while True:
        with without_interrupts:
            try:
                item = next(iterator)
            except StopIteration:
                return
        yield item


def defer_interrupts() -> None:
    """Let Ctrl-C wait in :data:`without_interrupts` from here on: for a program, which owns its signals.

    Does nothing where the program handles SIGINT in another way than Python's, or in another thread than the
    main one.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, without_interrupts.handle)
