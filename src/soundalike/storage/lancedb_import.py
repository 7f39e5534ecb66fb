"""Importing lancedb without the second that its REST client costs.

Half of lancedb's import time (0.75 s of 1.5 s, measured on 0.40) goes into building several hundred request
classes of ``lance_namespace_urllib3_client``, which serve remote catalogues; a library on a folder needs none
of them. While lancedb is imported, names of that package stand for themselves, and are imported when first
used; so lancedb stays whole for anyone else in the process.
"""

from __future__ import annotations

import importlib
import sys
import threading
import types
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import Any

_SLOW = "lance_namespace_urllib3_client"
_EXTENSION = "lancedb._lancedb"  # compiled: it can be initialised only once per process
_guard = threading.Lock()


def import_lancedb() -> Any:
    """Import lancedb, quickly where its version allows that.

    Returns:
        The module ``lancedb``.
    """
    with _guard:
        if "lancedb" in sys.modules or _SLOW in sys.modules:
            return importlib.import_module("lancedb")
        finder = _Finder()
        sys.meta_path.insert(0, finder)
        try:
            return importlib.import_module("lancedb")
        except Exception:  # another version may use the package while it is imported
            _forget("lancedb")
            _forget("lance_namespace")
        finally:
            sys.meta_path.remove(finder)
            _forget(_SLOW)
        return importlib.import_module("lancedb")


def _forget(package: str) -> None:
    for name in list(sys.modules):
        if (name == package or name.startswith(package + ".")) and name != _EXTENSION:
            del sys.modules[name]


class _Deferred:
    """A name of a module that is imported when the name is first used."""

    __slots__ = ("_module", "_name")

    def __init__(self, module: str, name: str) -> None:
        self._module = module
        self._name = name

    def _real(self) -> Any:
        return getattr(importlib.import_module(self._module), self._name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._real()(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # what typing asks of an annotation
            raise AttributeError(name)
        return getattr(self._real(), name)

    def __instancecheck__(self, instance: object) -> bool:
        return isinstance(instance, self._real())

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[Any, ...]:
        return (self._real(),)

    def __or__(self, other: Any) -> Any:
        return self._real() | other

    def __ror__(self, other: Any) -> Any:
        return other | self._real()


class _Module(types.ModuleType):
    """A module all of whose names are deferred."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Deferred(self.__name__, name)


class _Finder(MetaPathFinder, Loader):
    """Finds the slow package and all below it, and loads nothing."""

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        if fullname == _SLOW or fullname.startswith(_SLOW + "."):
            return ModuleSpec(fullname, self, is_package=True)
        return None

    def create_module(self, spec: ModuleSpec) -> types.ModuleType:
        return _Module(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        """Nothing to run."""
