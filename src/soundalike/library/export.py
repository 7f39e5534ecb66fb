"""A library's sounds as a table for other programs: CSV, JSON lines or Parquet."""

from __future__ import annotations

import contextlib
import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

import pyarrow as pa
import pyarrow.parquet as pq

from soundalike.core.errors import InvalidInputError
from soundalike.search import Sound

ExportFormat: TypeAlias = Literal["csv", "jsonl", "parquet"]

_SUFFIXES: dict[str, ExportFormat] = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
_COLUMNS = pa.schema(
    [
        ("id", pa.string()),
        ("path", pa.string()),
        ("paths", pa.list_(pa.string())),
        ("duration_s", pa.float64()),
        ("rate_hz", pa.int32()),
        ("channels", pa.int32()),
        ("loudness_dbfs", pa.float32()),
        ("silent", pa.bool_()),
        ("missing", pa.bool_()),
        ("tags", pa.list_(pa.string())),
        ("fields", pa.string()),
    ]
)


def format_of(path: Path) -> ExportFormat:
    """Tell from a file's name in which format to write it.

    Raises:
        InvalidInputError: The name ends in something else.
    """
    if path.suffix.lower() not in _SUFFIXES:
        raise InvalidInputError(
            f"The name of an export ends in {', '.join(_SUFFIXES)}; got {path.name!r}. "
            "Or say which format you want."
        )
    return _SUFFIXES[path.suffix.lower()]


def export_sounds(sounds: Sequence[Sound], path: Path, file_format: ExportFormat | None = None) -> None:
    """Write sounds to a file: a row each, in the same columns whatever the format.

    Args:
        sounds: What to write.
        path: Where to; an existing file is replaced once the new one is whole.
        file_format: ``"csv"`` (lists and fields as JSON in their cells), ``"jsonl"`` or ``"parquet"``; by
            default told from the file's name.

    Raises:
        InvalidInputError: Neither the name nor the caller says which format, or it cannot be written.
    """
    chosen = file_format or format_of(path)
    rows = [_row(sound) for sound in sounds]
    part = path.with_name(path.name + ".part")
    try:
        _write(rows, part, chosen)
        part.replace(path)
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be written: {error.strerror or error}.") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def _write(rows: list[dict[str, Any]], path: Path, file_format: ExportFormat) -> None:
    if file_format == "parquet":
        for row in rows:
            row["fields"] = json.dumps(row["fields"], ensure_ascii=False)
        pq.write_table(pa.Table.from_pylist(rows, schema=_COLUMNS), path)
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        if file_format == "jsonl":
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        else:
            _write_csv(rows, csv.writer(file))


def _write_csv(rows: list[dict[str, Any]], writer: Any) -> None:
    writer.writerow(_COLUMNS.names)
    for row in rows:
        writer.writerow(
            json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value
            for value in (row[name] for name in _COLUMNS.names)
        )


def _row(sound: Sound) -> dict[str, Any]:
    values = {name: getattr(sound, name) for name in _COLUMNS.names}
    values["paths"], values["tags"] = list(sound.paths), list(sound.tags)
    values["fields"] = dict(cast(Any, sound.fields))
    return values
