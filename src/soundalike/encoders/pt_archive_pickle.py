"""A reader of the few pickle opcodes that PyTorch writes a state dict with; it never runs what it reads.

Python's own ``pickle`` calls whatever a file names. This reader knows texts, numbers, tuples, lists and
dicts, and hands names of functions and references to storages to its caller, who decides which there are.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

from soundalike.core.errors import EncoderError

_MAX_PROTOCOL = 5
_MAX_TUPLE = 64  # PyTorch's own bound on the axes of a tensor
_MAX_MARKS = 32  # containers that are open at once; a state dict has two or three


@dataclass(frozen=True, slots=True)
class Global:
    """The name of a function or class in a pickle."""

    name: str


class Ordered(dict[str, Any]):
    """What ``collections.OrderedDict`` becomes."""


class _Mark:
    """Where the items of an open container begin."""


_MARK = _Mark()


class Meaning(Protocol):
    """What decides which functions and storages a pickle may refer to, and what they give."""

    def check_global(self, name: str) -> None:
        """Raise EncoderError for the name of a function or class that is not known."""

    def call(self, name: str, arguments: tuple[Any, ...]) -> object:
        """Give what a known function makes of its arguments."""

    def storage(self, reference: tuple[Any, ...]) -> object:
        """Give what a persistent id refers to."""


def read_pickle(content: bytes, meaning: Meaning) -> object:
    """Read a pickle.

    Args:
        content: The pickle.
        meaning: What its functions and references stand for.

    Returns:
        What it describes: texts, numbers, bools, None, tuples, lists, dicts with texts as keys,
        :class:`Global`, and what ``meaning`` gave.

    Raises:
        EncoderError: An opcode that is not known, or a pickle that is damaged or out of bounds.

    Source:
        Python, Lib/pickletools.py.
    """
    return _Machine(content, meaning).run()


class _Machine:
    """A stack of values, a memo, and a place in the pickle."""

    def __init__(self, content: bytes, meaning: Meaning) -> None:
        self._content = content
        self._meaning = meaning
        self._at = 0
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._marks = 0

    def run(self) -> object:
        """Take one opcode after the other, up to the one that stops."""
        while True:
            (code,) = self._take(1)
            if code == _STOP:
                return self._end()
            if code not in _STEPS:
                raise EncoderError(
                    f"The archive's pickle has the opcode 0x{code:02x} at byte {self._at - 1}, "
                    "which a state dict does not need; it is refused."
                )
            step, *arguments = _STEPS[code]
            step(self, *arguments)

    def _end(self) -> object:
        if len(self._stack) != 1 or isinstance(self._stack[0], _Mark):
            self._damaged("it ends with other than one value")
        return self._stack[0]

    def _damaged(self, why: str) -> NoReturn:
        raise EncoderError(f"The archive's pickle is damaged at byte {self._at}: {why}.")

    def _take(self, size: int) -> bytes:
        taken = self._content[self._at : self._at + size]
        if len(taken) != size:
            self._damaged("it ends early")
        self._at += size
        return taken

    def _number(self, form: str) -> Any:
        (value,) = struct.unpack(form, self._take(struct.calcsize(form)))
        return value

    def _pop(self) -> Any:
        if not self._stack or isinstance(self._stack[-1], _Mark):
            self._damaged("a value is missing")
        return self._stack.pop()

    def _pop_to_mark(self) -> list[Any]:
        items = []
        while self._stack and not isinstance(self._stack[-1], _Mark):
            items.append(self._stack.pop())
        if not self._stack:
            self._damaged("a mark is missing")
        self._stack.pop()
        self._marks -= 1
        return items[::-1]

    def _top(self, kind: type[Any], what: str) -> Any:
        if not self._stack or not isinstance(self._stack[-1], kind):
            self._damaged(f"{what} is expected")
        return self._stack[-1]

    # One method per opcode, or per family of opcodes.

    def check_protocol(self) -> None:
        if (version := self._number("<B")) > _MAX_PROTOCOL:
            self._damaged(f"pickle protocol {version} is not known")

    def check_frame(self) -> None:
        if self._number("<Q") > len(self._content) - self._at:
            self._damaged("a frame reaches beyond the end")

    def mark(self) -> None:
        self._marks += 1
        if self._marks > _MAX_MARKS:
            self._damaged(f"more than {_MAX_MARKS} containers are open")
        self._stack.append(_MARK)

    def text(self, form: str) -> None:
        raw = self._take(self._number(form))
        try:
            self._stack.append(raw.decode("utf-8"))
        except UnicodeDecodeError:
            self._damaged("a text is not UTF-8")

    def integer(self) -> None:
        size = self._number("<B")
        if size > 8:
            self._damaged("an integer has more than 64 bits")
        self._stack.append(int.from_bytes(self._take(size), "little", signed=True))

    def make_tuple(self, count: int | None) -> None:
        items = self._pop_to_mark() if count is None else [self._pop() for _ in range(count)][::-1]
        if len(items) > _MAX_TUPLE:
            self._damaged(f"a tuple has more than {_MAX_TUPLE} items")
        inner = [item for item in items if isinstance(item, tuple)]
        if any(isinstance(deep, tuple) for item in inner for deep in item):
            self._damaged("tuples are nested more than two deep")
        self._stack.append(tuple(items))

    def append(self) -> None:
        value = self._pop()
        self._top(list, "a list").append(value)

    def appends(self) -> None:
        items = self._pop_to_mark()
        self._top(list, "a list").extend(items)

    def set_item(self) -> None:
        value, key = self._pop(), self._pop()
        self._put([key, value])

    def set_items(self) -> None:
        self._put(self._pop_to_mark())

    def _put(self, items: list[Any]) -> None:
        target = self._top(dict, "a dict")
        if len(items) % 2:
            self._damaged("a key has no value")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(key, str):
                self._damaged(f"a dict's key is a {type(key).__name__}, not a text")
            target[key] = value

    def build(self) -> None:
        """Attributes of an ordered dict: PyTorch keeps versions of modules there, which are not needed."""
        state = self._pop()
        target = self._top(object, "an object")
        if type(target) is not Ordered or not isinstance(state, dict):
            raise EncoderError(
                "The archive's pickle sets attributes of something other than an ordered dict; it is refused."
            )

    def memo_put(self, form: str | None) -> None:
        index = len(self._memo) if form is None else self._number(form)
        value = self._pop()
        self._stack.append(value)
        self._memo[index] = value

    def memo_get(self, form: str) -> None:
        index = self._number(form)
        if index not in self._memo:
            self._damaged(f"value {index} is used before it is there")
        self._stack.append(self._memo[index])

    def named_global(self) -> None:
        self._push_global(self._line(), self._line())

    def _line(self) -> str:
        end = self._content.find(b"\n", self._at)
        if end < 0:
            self._damaged("it ends early")
        raw = self._take(end + 1 - self._at)[:-1]
        return raw.decode("ascii", "backslashreplace")

    def stack_global(self) -> None:
        name, module = self._pop(), self._pop()
        if not isinstance(name, str) or not isinstance(module, str):
            self._damaged("the name of a function is not a text")
        self._push_global(module, name)

    def _push_global(self, module: str, name: str) -> None:
        full = f"{module}.{name}"
        self._meaning.check_global(full)
        self._stack.append(Global(full))

    def reduce(self) -> None:
        arguments, function = self._pop(), self._pop()
        if not isinstance(function, Global) or not isinstance(arguments, tuple):
            self._damaged("something that is no function is called")
        self._stack.append(self._meaning.call(function.name, arguments))

    def persistent(self) -> None:
        reference = self._pop()
        if not isinstance(reference, tuple):
            self._damaged("a reference to a storage is no tuple")
        self._stack.append(self._meaning.storage(reference))

    def push(self, value: object) -> None:
        self._stack.append(value)

    def push_new(self, kind: type[Any]) -> None:
        self._stack.append(kind())

    def push_number(self, form: str) -> None:
        self._stack.append(self._number(form))


_STOP = ord(".")
# Opcode: the step, and what it is called with; the letters are those of the struct module.
_STEPS: dict[int, tuple[Any, ...]] = {
    0x80: (_Machine.check_protocol,),
    0x95: (_Machine.check_frame,),
    ord("("): (_Machine.mark,),
    ord("}"): (_Machine.push_new, dict),
    ord("]"): (_Machine.push_new, list),
    ord(")"): (_Machine.push_new, tuple),
    ord("N"): (_Machine.push, None),
    0x88: (_Machine.push, True),
    0x89: (_Machine.push, False),
    ord("X"): (_Machine.text, "<I"),
    0x8C: (_Machine.text, "<B"),
    ord("J"): (_Machine.push_number, "<i"),
    ord("K"): (_Machine.push_number, "<B"),
    ord("M"): (_Machine.push_number, "<H"),
    ord("G"): (_Machine.push_number, ">d"),
    0x8A: (_Machine.integer,),
    ord("t"): (_Machine.make_tuple, None),
    0x85: (_Machine.make_tuple, 1),
    0x86: (_Machine.make_tuple, 2),
    0x87: (_Machine.make_tuple, 3),
    ord("a"): (_Machine.append,),
    ord("e"): (_Machine.appends,),
    ord("s"): (_Machine.set_item,),
    ord("u"): (_Machine.set_items,),
    ord("b"): (_Machine.build,),
    ord("q"): (_Machine.memo_put, "<B"),
    ord("r"): (_Machine.memo_put, "<I"),
    0x94: (_Machine.memo_put, None),
    ord("h"): (_Machine.memo_get, "<B"),
    ord("j"): (_Machine.memo_get, "<I"),
    ord("c"): (_Machine.named_global,),
    0x93: (_Machine.stack_global,),
    ord("R"): (_Machine.reduce,),
    ord("Q"): (_Machine.persistent,),
}
