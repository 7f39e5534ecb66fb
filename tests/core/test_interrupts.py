"""Ctrl-C waits where it would be lost, and is raised as soon as it can be."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

from soundalike.core.interrupts import defer_interrupts, uninterrupted, without_interrupts


@pytest.fixture(autouse=True)
def _deferring() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    defer_interrupts()
    yield
    signal.signal(signal.SIGINT, before)


def press() -> None:
    signal.raise_signal(signal.SIGINT)


def test_outside_it_is_raised_at_once() -> None:
    with pytest.raises(KeyboardInterrupt):
        press()


def test_inside_it_waits_to_the_end_of_the_outermost_context() -> None:
    reached = []

    def run() -> None:
        with without_interrupts:
            with without_interrupts:
                press()
                reached.append("in")
            reached.append("between")
        reached.append("out")

    with pytest.raises(KeyboardInterrupt):
        run()
    assert reached == ["in", "between"]
    with without_interrupts:
        pass  # it was raised once


def test_it_outweighs_the_error_that_ends_the_context() -> None:
    def run() -> None:
        with without_interrupts:
            press()
            raise ValueError("broken")

    with pytest.raises(KeyboardInterrupt) as raised:
        run()
    assert isinstance(raised.value.__context__, ValueError)


def test_items_are_finished_and_the_next_is_not_begun() -> None:
    made = []

    def items() -> Iterator[int]:
        for number in range(5):
            if number == 2:
                press()
            made.append(number)
            yield number

    taken: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        taken.extend(uninterrupted(items()))
    assert (taken, made) == ([0, 1], [0, 1, 2])
    assert list(uninterrupted("abc")) == ["a", "b", "c"]


def test_other_threads_hold_nothing_back() -> None:
    inside, done = threading.Event(), threading.Event()

    def hold() -> None:
        with without_interrupts:
            inside.set()
            done.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        assert inside.wait(10)
        with pytest.raises(KeyboardInterrupt):
            press()
    finally:
        done.set()
        thread.join()


def test_a_program_that_handles_ctrl_c_itself_is_left_alone() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    defer_interrupts()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
