"""Moving a library to another encoder and back."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from soundalike.core.errors import EncoderError, LibraryError, NotFoundError
from soundalike.encoders import ENCODERS_VARIABLE, add_encoder, remove_encoder
from soundalike.library import DEFAULT_ENCODER, Library, Progress, load_encoder, switching
from soundalike.storage import Store

GOLDEN = Path(__file__).parents[1] / "golden"
TINY = str(GOLDEN / "encoders_front_end")


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "own encoders"
    monkeypatch.setenv(ENCODERS_VARIABLE, str(folder))
    return folder


def test_it_listens_with_the_other_one_from_now_on(library: Library, samples: Path) -> None:
    path = samples / "kicks" / "bd_808.flac"
    old, before = library.encoder.spec, library.vectors()[1]
    library.searcher.refresh()  # which leaves an index of the old space
    report = library.use_encoder(TINY, jobs=2)
    new = load_encoder(TINY).spec
    assert (report.before, report.after, report.switched) == (old.fingerprint, new.fingerprint, True)
    assert report.computed is not None
    assert (len(report.computed.added), report.without, report.interrupted) == (26, 0, False)
    assert report.derived
    assert all(one.path.parent.name == old.space and one.path.exists() for one in report.derived)
    folder = library.path / "derived" / old.space
    on_disk = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    assert sum(one.size_bytes for one in report.derived) == on_disk > 0
    for opened in (library, Library.open(library.path)):
        assert opened.encoder.spec == new
        assert opened.search(path)[0].same_file
        assert opened.vectors()[1].shape == (26, new.dims)
    again = Library.open(library.path, encoder=old.fingerprint)
    np.testing.assert_array_equal(again.vectors()[1], before)
    assert again.search(path)[0].same_file


def test_back_again_costs_nothing(library: Library) -> None:
    library.use_encoder(TINY, jobs=1)
    report = library.use_encoder(DEFAULT_ENCODER)
    assert (report.switched, report.computed) == (True, None)
    assert library.encoder.spec.name == DEFAULT_ENCODER
    assert library.use_encoder(DEFAULT_ENCODER).switched is False


def test_it_is_kept_when_the_given_files_are_gone(library: Library, tmp_path: Path) -> None:
    shutil.copytree(TINY, tmp_path / "given")
    library.use_encoder(str(tmp_path / "given"), jobs=1)
    shutil.rmtree(tmp_path / "given")
    opened = Library.open(library.path)
    assert opened.encoder.spec.name == "tiny-full"
    assert opened.encoder.encode_text(["rain"]).shape == (1, 8), "its text tower is kept too"


def test_an_added_one_is_kept_when_it_is_removed(library: Library) -> None:
    add_encoder(TINY, "mine")
    fingerprint = load_encoder("mine").spec.fingerprint
    library.use_encoder("mine", jobs=1)
    remove_encoder("mine")
    opened = Library.open(library.path)
    assert opened.encoder.spec.fingerprint == fingerprint
    assert opened.search(opened.sounds()[0])


def test_what_is_there_already_is_not_computed_again(library: Library, samples: Path) -> None:
    shutil.rmtree(library.path / "derived", ignore_errors=True)
    Library.open(library.path, encoder=TINY).add(samples, jobs=1)
    report = library.use_encoder(TINY)
    assert (report.switched, report.computed, report.derived) == (True, None, ())


def test_sounds_that_are_away_stop_it_unless_it_is_forced(empty: Library, kicks: Path) -> None:
    empty.add(kicks)
    gone = min(kicks.iterdir())
    gone.unlink()
    with pytest.raises(LibraryError, match=r"1 sound of .* would have no vectors of tiny-full: .* --force"):
        empty.use_encoder(TINY)
    assert empty.encoder.spec.name == DEFAULT_ENCODER
    assert Library.open(empty.path).encoder.spec.name == DEFAULT_ENCODER
    report = empty.use_encoder(TINY, force=True)
    assert (report.switched, report.without) == (True, 1)
    assert len(empty.vectors()[0]) == 3


def test_sounds_that_another_process_adds_meanwhile_are_not_left_behind(
    empty: Library, kicks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    *first, last = sorted(kicks.iterdir())
    empty.add(*first)
    count = switching.sounds_without
    counted: list[int] = []

    def sounds_without(store: Store, fingerprint: str) -> int:
        counted.append(count(store, fingerprint))
        if len(counted) == 2:  # when all have vectors, and before the switch is written
            Library.open(empty.path).add(last)
        return counted[-1]

    monkeypatch.setattr(switching, "sounds_without", sounds_without)
    with pytest.raises(LibraryError, match=r"1 sound of .* would have no vectors of tiny-full"):
        empty.use_encoder(TINY)
    assert counted == [len(first), 0, 1]
    assert Library.open(empty.path).encoder.spec.name == DEFAULT_ENCODER
    assert empty.use_encoder(TINY).without == 0


def test_sounds_without_a_place_stop_it_too(empty: Library, kicks: Path) -> None:
    with min(kicks.iterdir()).open("rb") as file:
        empty.add(file, name="kick.flac")
    with pytest.raises(LibraryError, match=r"1 sound of .* would have no vectors"):
        empty.use_encoder(TINY)


def test_an_empty_library_takes_any(empty: Library, kicks: Path) -> None:
    report = empty.use_encoder(TINY)
    assert (report.before, report.switched, report.computed) == (None, True, None)
    opened = Library.open(empty.path)
    opened.add(kicks)
    assert opened.encoder.spec.name == "tiny-full"
    assert opened.search(min(kicks.iterdir()))[0].same_file


def test_stopped_it_goes_on_from_there(library: Library) -> None:
    raised: list[Progress] = []

    def stop(progress: Progress) -> None:
        if progress.stage == "tidying" and not raised:
            raised.append(progress)
            raise KeyboardInterrupt

    report = library.use_encoder(TINY, jobs=1, on_progress=stop)
    assert (report.interrupted, report.switched) == (True, False)
    assert report.without == 0, "what was computed is kept"
    assert Library.open(library.path).encoder.spec.name == DEFAULT_ENCODER
    assert library.use_encoder(TINY, jobs=1).switched


def test_one_that_cannot_be_loaded_changes_nothing(library: Library, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no encoder called 'nonesuch'"):
        library.use_encoder("nonesuch")
    shutil.copytree(TINY, tmp_path / "cut")
    with (tmp_path / "cut" / "model.onnx").open("r+b") as file:
        file.truncate(1000)
    with pytest.raises(EncoderError, match="not the one of its manifest"):
        library.use_encoder(str(tmp_path / "cut"))
    assert Library.open(library.path).encoder.spec.name == DEFAULT_ENCODER


@pytest.fixture(scope="module")
def old_template(samples: Path) -> Path:
    """The folder of a library that listens with the older default, as older versions made it."""
    path = samples.parent / "old template"
    Library.open(path, encoder="spectral").add(samples, jobs=2)
    return path


@pytest.fixture
def old(old_template: Path, tmp_path: Path) -> Library:
    """A copy of that library."""
    shutil.copytree(old_template, tmp_path / "old library")
    return Library.open(tmp_path / "old library")


def test_a_library_of_the_former_default_goes_on_with_it(old: Library, samples: Path, kicks: Path) -> None:
    (before,) = old.info().encoders
    with (kicks / "more.flac").open("wb") as file:  # other bytes, the same sound
        file.write(min(kicks.iterdir()).read_bytes() + b"\0")
    assert len(old.add(samples, kicks / "more.flac").added) == 1
    opened = Library.open(old.path)
    (after,) = opened.info().encoders
    assert (after.name, after.fingerprint, after.default) == ("spectral", before.fingerprint, True)
    assert opened.count() == 27
    assert opened.search(samples / "kicks" / "bd_808.flac")[0].same_file
    assert opened.vectors()[1].shape == (27, load_encoder("spectral").spec.dims)


def test_a_library_of_the_former_default_moves_to_the_new_one(old: Library, samples: Path) -> None:
    path = samples / "kicks" / "bd_808.flac"
    spec, before = old.encoder.spec, old.vectors()[1]
    old.searcher.refresh()
    assert old.newer_default() == DEFAULT_ENCODER == "ear"
    report = old.use_encoder("ear", jobs=2)
    assert (report.before, report.switched, report.without) == (spec.fingerprint, True, 0)
    assert report.computed is not None
    assert len(report.computed.added) == 26
    assert [one.path.parent.name for one in report.derived] == [spec.space] * len(report.derived) != []
    moved = Library.open(old.path)
    assert moved.encoder.spec == load_encoder("ear").spec
    first = moved.search(path, limit=3)[0]
    assert (first.sound.name, first.same_file) == (path.name, True)
    assert first.distance == pytest.approx(0.0, abs=1e-5)
    kept = Library.open(old.path, encoder="spectral")
    np.testing.assert_array_equal(kept.vectors()[1], before)
    assert kept.search(path)[0].same_file


def test_the_move_is_made_step_by_step(old: Library, samples: Path) -> None:
    Library.open(old.path, encoder="ear").add(samples / "kicks", jobs=1)
    assert Library.open(old.path).encoder.spec.name == "spectral", "until all is there, nothing changes"
    computed = old.use_encoder("ear", jobs=1).computed
    assert computed is not None
    assert 0 < len(computed.added) == 26 - len(list((samples / "kicks").iterdir()))


def test_who_listens_with_the_former_default_is_told_until_moved(
    old: Library, library: Library, empty: Library
) -> None:
    assert old.newer_default() == "ear"
    assert Library.open(old.path, encoder="spectral").newer_default() is None, "it was asked for by name"
    old.use_encoder("ear", jobs=2)
    assert old.newer_default() is None
    old.use_encoder("spectral")
    assert old.newer_default() is None, "who went back knows of it"
    assert library.newer_default() is None
    assert empty.newer_default() is None
    empty.use_encoder(TINY)
    assert empty.newer_default() is None, "this one was never the default"
