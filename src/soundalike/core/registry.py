"""Registries: names of lazily imported things, where built-ins and plug-ins come in by the same door."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points
from typing import Any, Generic, TypeVar, cast

from soundalike.core.errors import InvalidInputError, NotFoundError

T = TypeVar("T")


class Registry(Generic[T]):
    """A table of names and ``"module:attribute"`` addresses that are imported when first asked for.

    Args:
        kind: What is registered, in the singular, for messages: ``"encoder"``.
        group: The entry-point group that plug-ins use: ``"soundalike.encoders"``.
        builtins: Names and addresses of what comes with soundalike.

    Example:
        >>> registry = Registry[type]("number", "example.numbers", {"fraction": "fractions:Fraction"})
        >>> registry.load("fraction").__name__
        'Fraction'
    """

    def __init__(self, kind: str, group: str, builtins: Mapping[str, str]) -> None:
        self.kind = kind
        self._group = group
        self._addresses: dict[str, str] = {}
        self._discovered = False
        for name, address in builtins.items():
            self.register(name, address)

    def register(self, name: str, address: str) -> None:
        """Add a name.

        Args:
            name: The name that users type.
            address: ``"module:attribute"``; not imported until it is asked for.

        Raises:
            InvalidInputError: The address has another form, or the name is taken by another address.
        """
        module, colon, attribute = address.partition(":")
        if not (module and colon and attribute):
            raise InvalidInputError(
                f"An address has the form 'module:attribute'; {self.kind} {name!r} has {address!r}."
            )
        if self._addresses.setdefault(name, address) != address:
            raise InvalidInputError(
                f"The {self.kind} name {name!r} stands for {self._addresses[name]!r}; "
                f"it cannot stand for {address!r} too."
            )

    def names(self) -> list[str]:
        """All names, sorted."""
        self._discover()
        return sorted(self._addresses)

    def load(self, name: str) -> T:
        """Import what a name stands for.

        Raises:
            NotFoundError: Nothing of that name is registered.
        """
        if name not in self._addresses:
            self._discover()
        address = self._addresses.get(name)
        if address is None:
            raise NotFoundError(
                f"There is no {self.kind} called {name!r}; there are: {', '.join(self.names())}."
            )
        module, _, attribute = address.partition(":")
        target: Any = importlib.import_module(module)
        for part in attribute.split("."):
            target = getattr(target, part)
        return cast(T, target)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __contains__(self, name: object) -> bool:
        return name in self.names()

    def _discover(self) -> None:
        """Read the entry points of installed plug-ins, once."""
        if self._discovered:
            return
        self._discovered = True
        for point in entry_points(group=self._group):
            self.register(point.name, point.value)
