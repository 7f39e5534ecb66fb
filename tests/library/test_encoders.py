"""Encoders of a library's own: kept in it, found again, side by side."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from soundalike.core.errors import LibraryError, NotFoundError
from soundalike.library import DEFAULT_ENCODER, Library, load_encoder
from soundalike.studies import fit_spectral_to

GOLDEN = Path(__file__).parents[1] / "golden" / "encoders_v1"


@pytest.fixture(scope="session")
def fitted(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A spectral encoder that is fitted to the samples."""
    path = tmp_path_factory.mktemp("encoder") / "mine.json"
    assert fit_spectral_to([samples], path) == 26
    return path


def test_an_encoder_of_ones_own_is_kept_in_the_library(tmp_path: Path, kicks: Path, fitted: Path) -> None:
    given = tmp_path / "given.json"
    shutil.copyfile(fitted, given)
    Library.open(tmp_path / "library", encoder=str(given)).add(kicks)
    given.unlink()
    library = Library.open(tmp_path / "library")
    assert library.encoder.spec.fingerprint == load_encoder(fitted).spec.fingerprint
    assert library.encoder.spec.fingerprint != load_encoder("spectral").spec.fingerprint
    path = min(kicks.iterdir())
    assert library.search(path)[0].same_file
    assert len(library.add(kicks).unchanged) == 4


def test_it_is_kept_for_workers_too(tmp_path: Path, kicks: Path, fitted: Path) -> None:
    Library.open(tmp_path / "library", encoder=str(fitted)).add(kicks)
    path = min(kicks.iterdir())
    shutil.copyfile(path, kicks / "more.flac")
    with (kicks / "more.flac").open("ab") as file:
        file.write(b"\0")  # other bytes, the same sound
    report = Library.open(tmp_path / "library").add(kicks, isolate=True, jobs=1)
    assert len(report.added) == 1


def test_two_encoders_side_by_side(library: Library, samples: Path, fitted: Path) -> None:
    path = samples / "kicks" / "bd_808.flac"
    own = library.encoder.spec.fingerprint
    before = library.vectors()[1]
    other = Library.open(library.path, encoder=str(fitted))
    report = other.add(samples, jobs=2)
    assert (len(report.added), report.unchanged) == (26, [])
    infos = {info.fingerprint: info for info in library.info().encoders}
    assert set(infos) == {own, other.encoder.spec.fingerprint}
    assert [info.fingerprint for info in infos.values() if info.default] == [own]
    assert all(info.segments >= 26 for info in infos.values())
    again = Library.open(library.path)
    assert again.encoder.spec.fingerprint == own
    assert np.array_equal(again.vectors()[1], before)
    assert not np.array_equal(other.vectors()[1], before)
    assert again.search(path)[0].same_file
    assert other.search(path)[0].same_file


def test_an_encoder_is_found_again_by_its_fingerprint(library: Library, kicks: Path, fitted: Path) -> None:
    other = Library.open(library.path, encoder=str(fitted))
    other.add(kicks)
    found = Library.open(library.path, encoder=other.encoder.spec.fingerprint)
    assert found.encoder.spec == other.encoder.spec
    assert len(found.vectors()[0]) == 4


@pytest.mark.parametrize("given", ["encoder.json", "tiny.onnx", "tiny.json", ""])
def test_a_model_is_kept_with_its_manifest(tmp_path: Path, kicks: Path, given: str) -> None:
    folder = tmp_path / "model"
    shutil.copytree(GOLDEN / "onnx", folder)
    if given.startswith("tiny"):  # the manifest beside a model of the same name
        (folder / "encoder.json").write_text(
            (folder / "encoder.json").read_text().replace('"model.onnx"', '"tiny.onnx"')
        )
        (folder / "encoder.json").rename(folder / "tiny.json")
        (folder / "model.onnx").rename(folder / "tiny.onnx")
    Library.open(tmp_path / "library", encoder=str(folder / given)).add(kicks)
    shutil.rmtree(folder)
    library = Library.open(tmp_path / "library")
    assert library.encoder.spec.name == "tiny"
    assert len(library.search(min(kicks.iterdir()))) == 4


def test_an_encoder_that_is_not_there(tmp_path: Path, kicks: Path) -> None:
    library = Library.open(tmp_path / "library", encoder="nonesuch")
    with pytest.raises(NotFoundError, match=r"no encoder called 'nonesuch' and no file.*spectral"):
        library.add(kicks)
    assert Library.open(tmp_path / "library").count() == 0


def test_an_encoder_that_cannot_be_kept(tmp_path: Path, kicks: Path, fitted: Path) -> None:
    library = Library.open(tmp_path / "library", encoder=str(fitted))
    (tmp_path / "library" / "encoders").write_text("in the way")
    with pytest.raises(LibraryError, match=r"mine\.json cannot be copied into the library"):
        library.add(kicks)


def test_a_new_library_listens_with_the_default(empty: Library, kicks: Path) -> None:
    assert empty.encoder.spec.name == DEFAULT_ENCODER == "ear"
    empty.add(kicks)
    (used,) = Library.open(empty.path).info().encoders
    assert (used.name, used.dims, used.default) == ("ear", 128, True)


def test_a_newer_version_of_the_default_takes_over(
    tmp_path: Path, kicks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from soundalike.encoders import base

    old = Library.open(tmp_path / "library")
    old.add(kicks)
    (first,) = old.info().encoders
    monkeypatch.setattr(base, "POOLING_VERSION", base.POOLING_VERSION + 1)
    new = Library.open(tmp_path / "library")
    assert new.encoder.spec.fingerprint != first.fingerprint
    new.add(kicks)
    assert {e.fingerprint: e.default for e in new.info().encoders} == {
        first.fingerprint: False,
        new.encoder.spec.fingerprint: True,
    }
    assert new.search(min(kicks.iterdir()))[0].same_file
