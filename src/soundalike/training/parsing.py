"""Plain mappings, as TOML gives them, to frozen dataclasses: strictly, with messages that name the place."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from soundalike.core.errors import InvalidInputError

Config = TypeVar("Config")


def config_from_mapping(kind: type[Config], values: Mapping[str, Any], where: str) -> Config:
    """Make a dataclass from a mapping, field by field; a field with a default may be left out.

    Args:
        kind: The dataclass. Its fields are numbers, texts, bools, literals, tuples, mappings, dataclasses,
            and unions of dataclasses that are told apart by their literal field ``kind``. A field whose
            metadata has ``rest`` takes all keys that are no fields.
        values: The mapping.
        where: What it is, for messages: ``"recipe.network"``.

    Raises:
        InvalidInputError: Unknown or missing fields, values of another type or out of range.

    Example:
        >>> from soundalike.training.network_config import StageConfig
        >>> config_from_mapping(StageConfig, {"channels": 8, "kernel": [3, 5]}, "stage").kernel
        (3, 5)
    """
    if not isinstance(values, Mapping):
        raise InvalidInputError(f"{where} should be a table; got {values!r}.")
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    rest = _rest_of(kind)
    if rest is not None and rest not in values:
        own = {name: value for name, value in values.items() if name in fields}
        values = {**own, rest: {name: value for name, value in values.items() if name not in fields}}
    unknown = sorted(set(values) - set(fields))
    missing = sorted(name for name, field in fields.items() if name not in values and not _has_default(field))
    if unknown or missing:
        raise InvalidInputError(
            f"{where} has unknown fields {unknown} and lacks {missing}; its fields are {', '.join(fields)}."
        )
    hints = typing.get_type_hints(kind)
    made = {name: _value(hints[name], value, f"{where}.{name}") for name, value in values.items()}
    try:
        return kind(**made)
    except InvalidInputError as error:
        raise InvalidInputError(f"{where}: {error}") from error


def mapping_from_config(config: Any) -> dict[str, Any]:
    """Turn a dataclass back into plain values, which :func:`config_from_mapping` reads: for JSON."""
    values = {field.name: _plain(getattr(config, field.name)) for field in dataclasses.fields(config)}
    rest = _rest_of(config)
    gathered = values.pop(rest) if rest is not None else {}
    return {**values, **gathered}


def _rest_of(kind: Any) -> str | None:
    """The field, marked so, that takes all keys that are no fields."""
    return next((field.name for field in dataclasses.fields(kind) if field.metadata.get("rest")), None)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return mapping_from_config(value)
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _has_default(field: dataclasses.Field[Any]) -> bool:
    missing = dataclasses.MISSING
    return field.default is not missing or field.default_factory is not missing


def _value(kind: Any, value: Any, where: str) -> Any:  # noqa: PLR0911 (one line per kind is the clearest form)
    """Bring a value to a field's type."""
    origin = get_origin(kind)
    if kind is Any:
        return value
    if origin in (Union, types.UnionType):
        return _one_of(get_args(kind), value, where)
    if origin is Literal:
        if value not in get_args(kind):
            raise InvalidInputError(f"{where} is one of {get_args(kind)}; got {value!r}.")
        return value
    if origin is tuple:
        return _tuple(get_args(kind), value, where)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return config_from_mapping(kind, value, where)
    if origin is not None and issubclass(origin, Mapping):
        item = get_args(kind)[1]
        if not isinstance(value, Mapping):
            raise InvalidInputError(f"{where} should be a table; got {value!r}.")
        return {str(key): _value(item, given, f"{where}.{key}") for key, given in value.items()}
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not kind:
        raise InvalidInputError(f"{where} should be of type {kind.__name__}; got {value!r}.")
    return value


def _tuple(kinds: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise InvalidInputError(f"{where} should be a list; got {value!r}.")
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return tuple(_value(kinds[0], item, f"{where}[{at}]") for at, item in enumerate(value))
    if len(value) != len(kinds):
        raise InvalidInputError(f"{where} should have {len(kinds)} values; got {value!r}.")
    return tuple(_value(kind, item, where) for kind, item in zip(kinds, value, strict=True))


def _one_of(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    """Choose among the members of a union: None, a dataclass by its ``kind``, or the first that fits."""
    if value is None and type(None) in kinds:
        return None
    classes: list[Any] = [kind for kind in kinds if dataclasses.is_dataclass(kind)]
    if classes and isinstance(value, Mapping):
        names = {get_args(typing.get_type_hints(item)["kind"])[0]: item for item in classes}
        if value.get("kind") not in names:
            raise InvalidInputError(
                f"{where}.kind is one of {', '.join(sorted(names))}; got {value.get('kind')!r}."
            )
        return config_from_mapping(names[value["kind"]], value, where)
    rest = [kind for kind in kinds if kind is not type(None)]
    return _value(rest[0], value, where)
