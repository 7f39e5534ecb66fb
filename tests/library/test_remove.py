"""Taking sounds out, and putting them back at no cost."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from soundalike.core.errors import NotFoundError
from soundalike.library import Library, Sound


@pytest.mark.parametrize("how", ["path", "text", "relative", "id", "sound"])
def test_a_sound_is_taken_out_and_comes_back_at_no_cost(
    empty: Library, kicks: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty.add(kicks)
    path = min(kicks.iterdir())
    sound = empty.sound(path)
    monkeypatch.chdir(kicks)
    ways: dict[str, Path | str | Sound] = {
        "path": path,
        "text": str(path),
        "relative": f"../{kicks.name}/{path.name}",
        "id": sound.id,
        "sound": sound,
    }
    assert empty.remove(ways[how]) == 1
    assert empty.count() == 3
    assert sound.id not in [hit.sound.id for hit in empty.search(path)]
    with pytest.raises(NotFoundError, match="has no sound with the id or path"):
        empty.sound(path)
    report = empty.add(kicks)
    assert report.audio_s == 0.0
    assert empty.sound(path).id == sound.id
    assert empty.search(path)[0].same_file


def test_a_folder_is_taken_out_with_everything_in_it(library: Library, samples: Path) -> None:
    before = library.count()
    kicks = len(list((samples / "kicks").iterdir()))
    assert library.remove(samples / "kicks") == kicks
    assert library.count() == before - kicks
    assert not any("/kicks/" in sound.path for sound in library.sounds())
    names, _ = library.vectors()
    assert not any("/kicks/" in name for name in names)


def test_an_archive_is_taken_out_with_everything_in_it(library: Library, samples: Path) -> None:
    assert library.remove(samples / "pack.zip") == 2
    assert not any("!/" in sound.path for sound in library.sounds())
    report = library.add(samples / "pack.zip")
    assert (len(report.duplicates), report.audio_s) == (2, 0.0)


def test_one_of_two_identical_files_leaves_the_sound(empty: Library, kicks: Path) -> None:
    path = min(kicks.iterdir())
    shutil.copyfile(path, kicks / "copy.flac")
    empty.add(kicks)
    assert empty.remove(path) == 1
    assert empty.count() == 4
    assert empty.sound(kicks / "copy.flac").paths == (str(kicks / "copy.flac"),)
    assert empty.remove(empty.sound(kicks / "copy.flac")) == 1
    assert empty.count() == 3


def test_names_that_are_not_unicode(empty: Library, kicks: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(kicks) + b"/odd\xff.flac"))
    min(kicks.iterdir()).rename(odd)
    empty.add(kicks)
    assert empty.sound(odd).paths == (f"file://{kicks}/odd%FF.flac",)
    assert empty.search(odd)[0].same_file
    assert empty.remove(odd) == 1
    empty.add(kicks)
    assert empty.remove(kicks) == 4


def test_a_failure_is_forgotten_when_its_file_is_taken_out(library: Library, samples: Path) -> None:
    assert len(library.errors()) == 1
    library.remove(samples / "notes.wav")
    assert library.errors() == []


def test_nothing_is_taken_out_where_one_name_is_unknown(library: Library, samples: Path) -> None:
    before = library.count()
    with pytest.raises(NotFoundError, match="Nothing in the library goes by 'no such sound'"):
        library.remove(samples / "kicks", "no such sound")
    assert library.count() == before
    with pytest.raises(NotFoundError, match="Nothing in the library goes by"):
        library.remove(samples.parent / "sam")  # the beginning of a name is not a name


def test_what_is_forgotten_frees_its_room_and_is_computed_anew(empty: Library, kicks: Path) -> None:
    empty.add(kicks)
    path = min(kicks.iterdir())
    before = {
        other.path: empty.search(other)[0].distance for other in empty.sounds() if other.path != str(path)
    }
    empty.remove(path)
    assert empty.info().encoders[0].segments > len(empty.vectors(segments=True)[0])
    assert empty.forget() == 1
    assert empty.info().encoders[0].segments == len(empty.vectors(segments=True)[0])
    assert empty.forget() == 0
    assert {other.path for other in empty.sounds()} == set(before)
    assert empty.add(kicks).audio_s > 0.0
    assert empty.search(path)[0].same_file
