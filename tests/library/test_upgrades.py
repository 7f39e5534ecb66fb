"""Libraries after an upgrade of soundalike, when the encoder that comes with it has become another one."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from soundalike.core.errors import EncoderError, LibraryError, SpaceMismatchError
from soundalike.encoders import base, spectral, spectral_config
from soundalike.encoders.onnx import OnnxEncoder
from soundalike.library import DEFAULT_ENCODER, Library, demo_sounds, load_encoder

GOLDEN = Path(__file__).parents[1] / "golden"
TINY = GOLDEN / "encoders_v1" / "onnx"

Ship = Callable[[int], None]


@pytest.fixture
def snares(tmp_path: Path) -> Path:
    """A folder of three more sounds."""
    folder = tmp_path / "sounds" / "snares"
    folder.mkdir(parents=True)
    for path in sorted((demo_sounds() / "snares").glob("*.flac"))[:3]:
        shutil.copyfile(path, folder / path.name)
    return folder


def of_before_copies(library: Library) -> Library:
    """A library of a version of soundalike that kept no copies of what came with it."""
    shutil.rmtree(library.path / "encoders")
    return Library.open(library.path)


def defaults(library: Library) -> dict[str, bool]:
    return {encoder.fingerprint: encoder.default for encoder in library.info().encoders}


def test_a_library_goes_on_with_the_version_that_it_listens_with(
    ship: Ship, empty: Library, kicks: Path, snares: Path
) -> None:
    empty.add(kicks)
    old, query = empty.encoder.spec, min(kicks.iterdir())
    before = [(hit.sound.id, hit.distance) for hit in empty.search(query)]
    ship(2)
    new = load_encoder(DEFAULT_ENCODER).spec
    assert new.fingerprint != old.fingerprint
    library = Library.open(empty.path)
    assert library.encoder.spec == old
    assert [(hit.sound.id, hit.distance) for hit in library.search(query)] == before
    report = library.add(snares, isolate=True, jobs=1)  # a worker finds the copy too
    assert len(report.added) == 3
    assert defaults(library) == {old.fingerprint: True}
    assert Library.open(library.path).search(min(snares.iterdir()))[0].same_file
    assert library.newer_default() == DEFAULT_ENCODER
    assert library.unheard() == 0


def test_moving_to_the_newer_version_and_back(ship: Ship, empty: Library, kicks: Path) -> None:
    empty.add(kicks)
    old = empty.encoder.spec
    ship(2)
    library = Library.open(empty.path)
    report = library.use_encoder(DEFAULT_ENCODER)
    new = load_encoder(DEFAULT_ENCODER).spec
    assert (report.before, report.after, report.without) == (old.fingerprint, new.fingerprint, 0)
    moved = Library.open(library.path)
    assert moved.encoder.spec == new
    assert moved.search(min(kicks.iterdir()))[0].same_file
    assert (moved.newer_default(), moved.unheard()) == (None, 0)
    assert moved.use_encoder(old.fingerprint).computed is None
    back = Library.open(library.path)
    assert back.encoder.spec == old
    assert back.search(min(kicks.iterdir()))[0].same_file
    assert back.newer_default() is None, "who went back knows of it"


def test_an_older_soundalike_goes_on_with_the_newer_version(ship: Ship, empty: Library, kicks: Path) -> None:
    ship(2)
    empty.add(kicks)
    ship(1)
    library = Library.open(empty.path)
    assert library.encoder.spec == empty.encoder.spec
    assert library.search(min(kicks.iterdir()))[0].same_file
    assert library.newer_default() is None


def test_where_nothing_has_changed_the_copy_is_not_needed(ship: Ship, empty: Library, kicks: Path) -> None:
    empty.add(kicks)
    (copy,) = (empty.path / "encoders").iterdir()
    (copy / "ear.onnx").write_bytes(b"damaged")
    library = Library.open(empty.path)
    assert library.search(min(kicks.iterdir()))[0].same_file
    assert library.newer_default() is None
    ship(2)
    with pytest.raises(EncoderError, match="not the one of its manifest"):
        Library.open(empty.path).search(min(kicks.iterdir()))


def test_what_comes_with_soundalike_may_be_damaged(
    ship: Ship, empty: Library, kicks: Path, tmp_path: Path
) -> None:
    empty.add(kicks)
    (tmp_path / "models" / "ear.json").write_text("{}")
    library = Library.open(empty.path)
    assert library.search(min(kicks.iterdir()))[0].same_file
    assert library.newer_default() is None


def test_other_constants_of_spectral_leave_old_libraries_as_they_were(
    tmp_path: Path, kicks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Library.open(tmp_path / "library", encoder="spectral").add(kicks)
    old = load_encoder("spectral").spec
    changed = dataclasses.replace(spectral_config.default_config(), clip=3.0)
    monkeypatch.setattr(spectral, "default_config", lambda: changed)
    assert load_encoder("spectral").spec != old
    library = Library.open(tmp_path / "library")
    assert library.encoder.spec == old
    assert library.search(min(kicks.iterdir()))[0].same_file


def test_the_copy_comes_whole_or_not_at_all(
    ship: Ship, empty: Library, kicks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(self: OnnxEncoder, folder: Path) -> bool:
        (folder / "ear.onnx").write_bytes(b"half of it")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(OnnxEncoder, "save", half)
        with pytest.raises(LibraryError, match=r"The encoder ear cannot be copied .*: No space left on dev"):
            empty.add(kicks)
    kept = empty.path / "encoders" / empty.encoder.spec.fingerprint
    assert not kept.exists()
    assert Library.open(empty.path).encoder.spec == empty.encoder.spec
    empty.add(kicks)
    assert sorted(path.name for path in kept.iterdir()) == ["ear.onnx", "encoder.json"]
    assert [path.name for path in kept.parent.iterdir()] == [kept.name]


def test_an_upgrade_before_the_copy_does_not_mix_versions(ship: Ship, empty: Library, kicks: Path) -> None:
    old = empty.encoder.spec
    ship(2)  # while the process has the older one loaded
    empty.add(kicks)
    assert list((empty.path / "encoders").iterdir()) == []
    assert defaults(empty) == {old.fingerprint: True}


def test_a_library_of_before_copies_gets_one_when_it_is_added_to(
    ship: Ship, empty: Library, kicks: Path, snares: Path
) -> None:
    empty.add(kicks)
    library = of_before_copies(empty)
    library.add(snares)
    ship(2)
    assert Library.open(empty.path).encoder.spec == library.encoder.spec


def test_without_a_copy_it_switches_when_no_sound_is_left_behind(
    ship: Ship, empty: Library, kicks: Path, snares: Path
) -> None:
    empty.add(kicks)
    empty.add(snares)
    old = empty.encoder.spec.fingerprint
    of_before_copies(empty)
    ship(2)
    library = Library.open(empty.path)
    new = library.encoder.spec.fingerprint
    assert (library.unheard(), library.newer_default()) == (7, None)
    with pytest.raises(SpaceMismatchError, match="Index it again with ear"):
        library.search(min(kicks.iterdir()))
    library.add(snares)
    assert defaults(library) == {old: True, new: False}
    for opened in (library, Library.open(library.path)):
        assert opened.unheard() == 4
    found = library.search(min(kicks.iterdir()))
    assert {Path(hit.sound.path).parent.name for hit in found} == {"snares"}
    library.add()
    assert defaults(library) == {old: False, new: True}
    for opened in (library, Library.open(library.path)):
        assert opened.unheard() == 0
        assert opened.search(min(kicks.iterdir()))[0].same_file
    assert Library.open(library.path, encoder=DEFAULT_ENCODER).unheard() == 0


def test_a_sound_that_is_away_keeps_it_from_switching_until_it_is_removed(
    ship: Ship, empty: Library, kicks: Path
) -> None:
    empty.add(kicks)
    old = empty.encoder.spec.fingerprint
    of_before_copies(empty)
    gone = min(kicks.iterdir())
    gone.unlink()
    ship(2)
    library = Library.open(empty.path)
    library.add()
    assert library.unheard() == 1
    assert defaults(library)[old]
    library.remove(gone)
    library.add()
    assert library.unheard() == 0
    assert not defaults(library)[old]


def test_new_code_makes_the_older_vectors_no_more_whatever_is_kept(
    ship: Ship, empty: Library, kicks: Path, snares: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty.add(kicks, snares)
    old = empty.encoder.spec.fingerprint
    monkeypatch.setattr(base, "POOLING_VERSION", base.POOLING_VERSION + 1)
    library = Library.open(empty.path)
    new = library.encoder.spec.fingerprint
    assert new != old
    library.add(kicks)
    assert defaults(library) == {old: True, new: False}
    assert library.unheard() == 3
    library.add()
    assert defaults(library) == {old: False, new: True}
    assert library.unheard() == 0


def test_an_encoder_of_ones_own_goes_on_as_the_new_code_makes_it(
    empty: Library, kicks: Path, snares: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(TINY, tmp_path / "mine")
    empty.use_encoder(str(tmp_path / "mine"))
    empty.add(kicks, snares)
    shutil.rmtree(tmp_path / "mine")
    monkeypatch.setattr(base, "POOLING_VERSION", base.POOLING_VERSION + 1)
    library = Library.open(empty.path)
    library.add(kicks)
    assert library.unheard() == 3
    library.add()
    opened = Library.open(empty.path)
    assert opened.unheard() == 0
    assert defaults(opened)[opened.encoder.spec.fingerprint]
    assert np.isfinite(opened.vectors()[1]).all()
    assert len(opened.vectors()[0]) == 7
