"""The files of encoders: a JSON object whose ``encoder`` says what kind it is, and its dataclass."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any, TypeVar

from soundalike.core.errors import EncoderError
from soundalike.encoders.file_names import FOLDER_FILE, check_file_name

Config = TypeVar("Config")

FORMAT = 1
"""Raised when an older soundalike could misread what this one writes."""

_MAX_BYTES = 1_000_000  # such a file has some kilobytes; anything much larger is something else


def document_path_of(path: Path) -> Path:
    """Find the JSON file that is meant by a path.

    Args:
        path: The file itself, a model whose manifest lies beside it under the same name, or a folder.

    Example:
        >>> document_path_of(Path("ear.onnx")).name
        'ear.json'
    """
    if path.is_dir():
        return path / FOLDER_FILE
    return path.with_suffix(".json") if path.suffix == ".onnx" else path


def encoder_files(path: Path) -> dict[str, Path]:
    """List the files that an encoder consists of.

    Args:
        path: As :func:`document_path_of` takes it.

    Returns:
        Their paths by their names, the JSON file first. Of a folder whose JSON file names no others, all of
        its files.

    Raises:
        EncoderError: The JSON file is none, or names a file outside its folder.
    """
    document_path = document_path_of(path)
    document = read_document(document_path)
    tower = document.get("text_tower")
    fields = [document.get("file")]
    if isinstance(tower, dict):
        fields += [tower.get(field) for field in ("file", "vocabulary_file", "merges_file")]
    names = [name for name in fields if isinstance(name, str)]
    try:
        for name in names:
            check_file_name("file", name)
    except ValueError as error:
        raise EncoderError(f"{document_path} does not describe an encoder: {error}") from error
    folder = document_path.parent
    if path.is_dir() and not names:
        names = sorted(beside.name for beside in folder.iterdir() if beside.is_file())
    return {document_path.name: document_path} | {name: folder / name for name in names}


def write_document(path: Path, kind: str, config: Any) -> None:
    """Write a dataclass of plain values as an encoder's file.

    Args:
        path: Where; an existing file is replaced.
        kind: What kind of encoder: ``"spectral"``, ``"onnx"``.
        config: A dataclass instance of numbers, strings, bools, None, tuples of them and dataclasses.
    """
    document = {"encoder": kind, "format": FORMAT, **dataclasses.asdict(config)}
    path.write_text(json.dumps(document, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def read_document(path: Path) -> dict[str, Any]:
    """Read an encoder's file as far as is the same for all kinds.

    Args:
        path: A JSON file.

    Returns:
        The object, in which ``encoder`` is a string.

    Raises:
        EncoderError: It cannot be read, or is not an encoder's file, or a newer version wrote it.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise EncoderError(f"The encoder's file {path} cannot be read: {error}.") from error
    if len(content) > _MAX_BYTES:
        raise EncoderError(f"{path} is not an encoder's file: it has more than {_MAX_BYTES} bytes.")
    return parse_document(content, what=str(path))


def parse_document(content: bytes, *, what: str) -> dict[str, Any]:
    """Read an encoder's file from its bytes: see :func:`read_document`.

    Args:
        content: JSON in UTF-8.
        what: Where it comes from, for messages.
    """
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise EncoderError(f"{what} is not an encoder's file: {error}.") from error
    if not isinstance(document, dict) or not isinstance(document.get("encoder"), str):
        raise EncoderError(f"{what} is not an encoder's file: expected a JSON object with a text 'encoder'.")
    if document.get("format") != FORMAT:
        raise EncoderError(
            f"{what} has format {document.get('format')!r}; this version of soundalike reads format {FORMAT}."
        )
    return document


def config_from(document: dict[str, Any], kind: str, template: Config, *, what: str) -> Config:
    """Turn an encoder's file into its dataclass.

    Args:
        document: What :func:`read_document` gave.
        kind: The kind that is expected.
        template: An instance that shows the type of every field; a field may be left out of the document
            where the class has a default for it.
        what: Where the document comes from, for messages.

    Returns:
        An instance of the template's class.

    Raises:
        EncoderError: Another kind, unknown or missing fields, or values of another type or out of range.
    """
    if document["encoder"] != kind:
        raise EncoderError(f"{what} describes an encoder of kind {document['encoder']!r}, not {kind!r}.")
    values = {name: value for name, value in document.items() if name not in ("encoder", "format")}
    try:
        config: Config = _build(template, values)
    except (ValueError, TypeError, OverflowError) as error:
        raise EncoderError(f"{what} does not describe an encoder of kind {kind!r}: {error}") from error
    return config


def _build(template: Any, values: dict[str, Any]) -> Any:
    """Make an instance like the template; the messages of errors are sentences about a field."""
    fields = {field.name: field for field in dataclasses.fields(template)}
    unknown = sorted(set(values) - set(fields))
    missing = sorted(
        name
        for name, field in fields.items()
        if name not in values
        and field.default is dataclasses.MISSING
        and field.default_factory is dataclasses.MISSING
    )
    if unknown or missing:
        raise ValueError(f"unknown fields {unknown}, missing fields {missing}.")
    return type(template)(
        **{
            name: None
            if value is None and fields[name].default is None
            else _like(getattr(template, name), value, name)
            for name, value in values.items()
        }
    )


def _like(example: Any, value: Any, name: str) -> Any:
    """Check a JSON value against the type of an example; floats may come as integers."""
    if dataclasses.is_dataclass(example) and isinstance(value, dict):
        return _build(example, value)
    if isinstance(example, tuple) and isinstance(value, list):
        return tuple(_like(example[0] if example else 0.0, item, name) for item in value)
    if isinstance(example, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not type(example):
        raise TypeError(f"{name} must be of type {type(example).__name__}, not {type(value).__name__}.")
    return value
