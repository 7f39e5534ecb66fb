"""Where a library lies, and what users call the places on a disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from soundalike.core.errors import LibraryError, NotFoundError
from soundalike.library import ENVIRONMENT_VARIABLE, Library, check_apart, default_library_path
from soundalike.library.location import lies_in, uri_of_place


def test_the_variable_names_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(tmp_path / "named"))
    assert Library.open().path == tmp_path / "named"
    assert (tmp_path / "named" / "soundalike.json").is_file()


def test_the_variable_may_name_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, "~/sounds of mine")
    assert default_library_path() == tmp_path / "sounds of mine"


def test_without_a_name_it_lies_in_the_folder_for_user_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(ENVIRONMENT_VARIABLE, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    path = Library.open().path
    assert path.is_relative_to(tmp_path)
    assert path.parts[-2:] == ("soundalike", "library")


def test_it_is_made_when_absent_and_found_when_there(tmp_path: Path) -> None:
    made = Library.open(tmp_path / "a" / "new" / "one")
    assert made.count() == 0
    assert Library.open(tmp_path / "a" / "new" / "one", create=False).path == made.path


def test_it_is_not_made_where_that_is_not_wanted(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no library at .*absent\. Make one with: soundalike index"):
        Library.open(tmp_path / "absent", create=False)
    assert not (tmp_path / "absent").exists()


@pytest.mark.parametrize("inside", ["", "deep/er/library"])
def test_a_library_among_the_sounds_is_refused(kicks: Path, inside: str) -> None:
    with pytest.raises(LibraryError, match=r"lies inside the folder of sounds .*keep it elsewhere"):
        check_apart(kicks / inside, kicks)


def test_a_library_among_the_sounds_is_refused_whatever_the_way(tmp_path: Path, kicks: Path) -> None:
    (tmp_path / "link").symlink_to(kicks)
    with pytest.raises(LibraryError, match="lies inside the folder of sounds"):
        check_apart(tmp_path / "link" / "library", kicks)
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/odd\xff"))
    odd.mkdir()
    with pytest.raises(LibraryError, match="lies inside the folder of sounds"):
        check_apart(odd / "library", f"file://{tmp_path}/odd%FF")


@pytest.mark.parametrize("place", ["https://example.org/a.wav", "stream:a.wav"])
def test_a_place_that_is_no_folder_is_no_matter(tmp_path: Path, place: str) -> None:
    check_apart(tmp_path, place)


def test_add_refuses_a_folder_that_holds_the_library_and_adds_nothing(kicks: Path) -> None:
    library = Library.open(kicks / "library")
    with pytest.raises(LibraryError, match="lies inside the folder of sounds"):
        library.add(kicks)
    assert library.count() == 0


def test_a_place_is_named_without_detours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    assert uri_of_place("~/kicks/../snares/") == "/home/ann/snares"
    assert uri_of_place(os.fsdecode(b"/a/\xff.wav")) == "file:///a/%FF.wav"


@pytest.mark.parametrize(
    ("uri", "place", "inside"),
    [
        ("/a/b.wav", "/a/b.wav", True),
        ("/a/b.wav", "/a", True),
        ("/a/b.wav", "/", True),
        ("/ab/c.wav", "/a", False),
        ("/a/b.wav", "/a/b", False),
        ("/a/p.zip!/d/k.wav", "/a/p.zip", True),
        ("/a/p.zip!/d/k.wav", "/a", True),
        ("/a/p.zip!/d/k.wav", "/a/p", False),
        ("file:///a/%FF.wav", "/a", True),
        ("file:///a/%FF/b.wav", "file:///a/%FF", True),
        ("file:///a/%FF.zip!/k.wav", "/a", True),
        ("file:///ab/%FF.wav", "/a", False),
        ("https://example.org/a.wav", "/a", False),
    ],
)
def test_what_lies_in_a_place(uri: str, place: str, inside: bool) -> None:
    assert lies_in(uri, place) is inside
