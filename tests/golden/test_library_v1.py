"""A library of format version 1 opens for ever, with all that it holds."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from types import ModuleType

import pyarrow as pa
import pytest

from soundalike.library import DEFAULT_ENCODER, Library
from soundalike.storage import Store
from soundalike.storage.schema import vectors_schema

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def made() -> ModuleType:
    """The script that made the library: what must be in it."""
    spec = importlib.util.spec_from_file_location("make_library_v1", HERE / "make_library_v1.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def moved(tmp_path: Path) -> Path:
    """The library at another place than where it was made."""
    target = tmp_path / "a moved library"
    shutil.copytree(HERE / "library_v1", target)
    return target


def test_it_opens_with_all_content(made: ModuleType, moved: Path) -> None:
    store = Store.open(moved, create=False)
    spectral, voice = (record.fingerprint for record in made.ENCODERS)
    assert list(store.encoders().values()) == made.ENCODERS
    assert store.default_encoder == spectral
    assert sorted(store.read_files().to_pylist(), key=lambda row: row["name"]) == sorted(
        made.FILE_ROWS, key=lambda row: row["name"]
    )
    assert store.read_sounds().to_pylist() == made.SOUND_ROWS
    assert store.read_vectors(spectral).to_pylist() == made.SPECTRAL_ROWS
    assert store.read_vectors(voice).to_pylist() == made.VOICE_ROWS
    assert store.versions() == {"files": 3, "sounds": 3, f"vectors_{spectral}": 3, f"vectors_{voice}": 1}
    assert store.removals() == {"files": 1, "sounds": 1, f"vectors_{spectral}": 1, f"vectors_{voice}": 0}


def test_it_listens_with_the_default_of_its_day(moved: Path) -> None:
    library = Library.open(moved, create=False)
    assert library.encoder.spec.name == "spectral"
    assert library.newer_default() == DEFAULT_ENCODER
    assert library.count() == len(library.sounds()) > 0


def test_it_can_be_written_to(made: ModuleType, moved: Path) -> None:
    spectral = made.ENCODERS[0].fingerprint
    new = pa.Table.from_pylist([made.SPECTRAL_ROWS[1] | {"sound_id": "d" * 32}], schema=vectors_schema(4))
    with Store.open(moved).write() as writer:
        writer.commit(vectors={spectral: new.drop_columns(["vector_id"])})
        writer.optimize()
    ids = Store.open(moved).read_vectors(spectral)["vector_id"].to_pylist()
    assert ids == [0, 1, 2, 3, made.NEXT_VECTOR_ID]


def test_it_names_no_place_of_its_making() -> None:
    for path in (HERE / "library_v1").rglob("*"):
        if path.is_file():
            assert str(HERE).encode() not in path.read_bytes(), path
