"""Fingerprints: short names that change whenever anything changes that could change a result."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from soundalike.core.errors import InvalidInputError

_HEX_DIGITS = 16  # 64 bits: two of a million encoders collide with a chance of 3e-8


def fingerprint(
    name: str, version: int, params: Mapping[str, Any] | object, inputs: Sequence[str] = ()
) -> str:
    """Name a computation by everything that its result depends on.

    Args:
        name: What is computed, such as ``"spectral"``: lower-case letters, digits and hyphens.
        version: The integer version of the code, raised by hand when the code's results change.
        params: All parameters: a mapping or a dataclass instance; nested mappings, sequences, numbers,
            strings, bools, None and numeric arrays (hashed by dtype, shape and bytes) are allowed.
        inputs: The fingerprints of everything that the computation reads, in order.

    Returns:
        ``"{name}-{16 hex digits}"``, fit for a file or table name.

    Raises:
        InvalidInputError: The name is not fit, or a parameter is of a kind that has no stable form.

    Example:
        >>> fingerprint("mel", 1, {"bands": 40}) == fingerprint("mel", 1, {"bands": 41})
        False
    """
    if not name or not all(c.islower() or c.isdigit() or c == "-" for c in name) or not name.isascii():
        raise InvalidInputError(
            f"A fingerprint's name takes lower-case letters, digits and hyphens; got {name!r}."
        )
    document = {"name": name, "version": int(version), "params": _stable(params), "inputs": list(inputs)}
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:_HEX_DIGITS]}"


def _stable(value: Any) -> Any:  # noqa: PLR0911 (one line per kind is the clearest form)
    """Turn a parameter into plain JSON that is the same on every machine and in every run."""
    if value is None or isinstance(value, bool | str | int):
        return value
    if isinstance(value, float):
        return value.hex()  # exact, and able to hold inf and nan
    if isinstance(value, np.generic):
        return _stable(value.item())
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in "biuf":
            raise InvalidInputError(f"Only numeric arrays can be fingerprinted; got dtype {value.dtype}.")
        little = np.ascontiguousarray(value).astype(value.dtype.newbyteorder("<"), copy=False)
        return {
            "dtype": value.dtype.newbyteorder("<").str,
            "shape": list(value.shape),
            "sha256": hashlib.sha256(little.tobytes()).hexdigest(),
        }
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _stable(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise InvalidInputError("A mapping in a fingerprint takes only strings as keys.")
        return {key: _stable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_stable(item) for item in value]
    raise InvalidInputError(f"A parameter of type {type(value).__name__} has no stable form: {value!r}.")
