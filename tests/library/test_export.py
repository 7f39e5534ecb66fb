"""A library as a table for other programs, read back by other programs' readers."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from soundalike.core.errors import InvalidInputError
from soundalike.library import Filters, Library


def read_csv(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def read_parquet(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows


READERS = {"csv": read_csv, "jsonl": read_lines, "parquet": read_parquet}


@pytest.mark.parametrize("kind", READERS)
def test_what_is_written_is_what_the_library_holds(library: Library, tmp_path: Path, kind: str) -> None:
    read: Callable[[Path], list[dict[str, Any]]] = READERS[kind]
    path = tmp_path / f"sounds.{kind}"
    assert library.export(path) == library.count()
    rows = read(path)
    sounds = library.sounds()
    assert [row["path"] for row in rows] == [sound.path for sound in sounds]
    assert list(rows[0]) == [
        "id", "path", "paths", "duration_s", "rate_hz", "channels", "loudness_dbfs", "silent", "missing",
        "tags", "fields",
    ]  # fmt: skip
    assert [float(row["duration_s"]) for row in rows] == [sound.duration_s for sound in sounds]
    for row, sound in zip(rows, sounds, strict=True):
        tags = json.loads(row["tags"]) if kind == "csv" else row["tags"]
        assert tuple(tags) == sound.tags
    assert list(tmp_path.glob("*.part")) == []


def test_odd_names_survive(empty: Library, kicks: Path, tmp_path: Path) -> None:
    odd = 'line\nbreak, "quoted"; ärger 音.flac'
    min(kicks.iterdir()).rename(kicks / odd)
    empty.add(kicks / odd, metadata={"note": "two\nlines"})
    for kind, read in READERS.items():
        empty.export(tmp_path / f"x.{kind}")
        (row,) = read(tmp_path / f"x.{kind}")
        assert row["path"] == str(kicks / odd)
        fields = row["fields"] if kind == "jsonl" else json.loads(row["fields"])
        assert fields["note"] == "two\nlines"


def test_filters_and_a_format_whatever_the_name(library: Library, tmp_path: Path) -> None:
    count = library.export(tmp_path / "kicks.txt", "jsonl", Filters(tags=("kicks",)))
    assert count == len(read_lines(tmp_path / "kicks.txt")) == library.count(Filters(tags=("kicks",)))


def test_an_unknown_ending(library: Library, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"ends in \.csv, \.jsonl, \.ndjson, \.parquet; got 'a\.xls'"):
        library.export(tmp_path / "a.xls")


def test_a_place_that_cannot_be_written_to(library: Library, tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "kept.csv").write_text("as it was")
    with pytest.raises(InvalidInputError, match=r"absent/a\.csv cannot be written: No such file"):
        library.export(tmp_path / "absent" / "a.csv")
    with pytest.raises(InvalidInputError, match=r"folder\.csv cannot be written: Is a directory"):
        library.export(tmp_path / "folder.csv")
    assert list(tmp_path.glob("*.part")) == []
