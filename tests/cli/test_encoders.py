"""``soundalike encoders``: adding, listing, showing, removing, moving a library."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from soundalike.library import DEFAULT_ENCODER, ENCODERS_VARIABLE, ENVIRONMENT_VARIABLE, Library, load_encoder

TINY = Path(__file__).parents[1] / "golden" / "encoders_front_end"


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "own encoders"
    monkeypatch.setenv(ENCODERS_VARIABLE, str(folder))
    return folder


def test_add_list_show_remove(run: Any, own_folder: Path) -> None:
    added = run("encoders", "add", TINY)
    spec = load_encoder(TINY).spec
    assert (added.status, added.out) == (0, "")
    assert f"Added tiny-full: 8 dimensions, {spec.fingerprint}." in added.err
    assert "soundalike encoders use tiny-full" in added.err
    line = next(li for li in run("encoders", "list").out.splitlines() if li.startswith("tiny-full: "))
    assert line.endswith(
        "8 dimensions, cosine, segments of 0.25 s every 0.12 s at 8 kHz, version 3, 3 tags, with text, "
        f"Apache-2.0, added  {spec.fingerprint}"
    )
    (row,) = [row for row in run("encoders", "list", "--json").json if row["name"] == "tiny-full"]
    assert (row["fingerprint"], row["origin"], row["licence"], row["tags"], row["text"], row["default"]) == (
        spec.fingerprint, "added", "Apache-2.0", 3, True, False,
    )  # fmt: skip
    shown = run("encoders", "show", "tiny-full").json
    assert shown["manifest"]["front_end"]["bands"] == 12
    assert shown["path"] == str(own_folder / "tiny-full")
    removed = run("encoders", "remove", "tiny-full")
    assert (removed.status, removed.err) == (0, "Removed tiny-full.\n")
    run("encoders", "remove", "tiny-full").fails("'tiny-full' to remove: it was never added")
    run("encoders", "show", "tiny-full").fails("no encoder called 'tiny-full'")


def test_another_name_and_force(run: Any, tmp_path: Path) -> None:
    assert run("encoders", "add", TINY, "--name", "mine").status == 0
    assert run("encoders", "add", TINY / "encoder.json", "--name", "mine").status == 0
    other = tmp_path / "other"
    shutil.copytree(TINY, other)
    text = (other / "encoder.json").read_text()
    (other / "encoder.json").write_text(text.replace('"version": 3', '"version": 4'))
    run("encoders", "add", other, "--name", "mine").fails("another encoder called 'mine'")
    assert run("encoders", "add", other, "--name", "mine", "--force").status == 0
    run("encoders", "add", TINY, "--name", "Mine!").fails("lower-case letters")
    run("encoders", "add", tmp_path / "none").fails("There is no encoder at")


def test_a_broken_one_is_listed_with_its_problem(run: Any, own_folder: Path) -> None:
    run("encoders", "add", TINY)
    (own_folder / "tiny-full" / "model.onnx").unlink()
    ended = run("encoders", "list")
    assert ended.status == 0
    assert "tiny-full: cannot be loaded: The file model.onnx is missing" in ended.out


def test_use_moves_a_library(run: Any, library: Library, samples: Path) -> None:
    run("encoders", "add", TINY)
    used = run("encoders", "use", "tiny-full", "--jobs", 1)
    assert (used.status, used.out) == (0, "")
    assert f"{library.path} now listens with tiny-full. The vectors of {DEFAULT_ENCODER}-" in used.err
    assert Library.open(library.path).encoder.spec.name == "tiny-full"
    assert "listens with tiny-full already" in run("encoders", "use", "tiny-full").err
    back = run("encoders", "use", DEFAULT_ENCODER, "--json").json
    assert (back["switched"], back["computed"], back["without"]) == (True, None, 0)
    assert back["after"] == load_encoder().spec.fingerprint
    assert run("search", samples / "kicks" / "bd_808.flac").status == 0
    run("encoders", "use", "nonesuch").fails("no encoder called 'nonesuch'")


def test_use_needs_a_library(run: Any, tmp_path: Path) -> None:
    run("encoders", "use", "spectral", "--library", tmp_path / "none").fails("There is no library at")


def test_index_search_and_embed_take_its_name(run: Any, kicks: Path, tmp_path: Path) -> None:
    run("encoders", "add", TINY)
    library = tmp_path / "library"
    assert run("index", kicks, "--jobs", 1, "--encoder", "tiny-full", library=library).status == 0
    assert Library.open(library).encoder.spec.name == "tiny-full"
    assert run("search", min(kicks.iterdir()), "--encoder", "tiny-full").status == 0
    assert run("embed", kicks, "--out", tmp_path / "v.npz", "--encoder", "tiny-full").status == 0


@pytest.fixture
def old_library(kicks: Path, tmp_path: Path) -> Path:
    """The folder of a library that listens with the older default."""
    path = tmp_path / "old library"
    Library.open(path, encoder="spectral").add(kicks)
    return path


def test_info_and_index_tell_how_to_move(run: Any, kicks: Path, old_library: Path, library: Library) -> None:
    hint = f"{DEFAULT_ENCODER} is the default encoder now; to move this library: soundalike encoders use ear"
    assert run("info", library=old_library).out.count(hint + "\n") == 1
    assert run("index", kicks, "--jobs", 1).err.count(hint + "\n") == 1
    assert run("index", "--jobs", 1).err.count(hint + "\n") == 1
    assert Library.open(old_library).encoder.spec.name == "spectral", "telling changes nothing"
    for quiet in (
        run("search", min(kicks.iterdir())),
        run("index", kicks, "--jobs", 1, "--encoder", "spectral"),
        run("index", kicks, "--jobs", 1, "--json"),
        run("info", "--json"),
        run("info", library=library.path),
    ):
        assert quiet.status == 0, quiet
        assert "encoders use" not in quiet.out + quiet.err


def test_the_line_moves_the_library_that_it_is_told_of(run: Any, old_library: Path, library: Library) -> None:
    told = run("info", "--library", old_library).out  # $SOUNDALIKE_LIBRARY names another one
    (line,) = (line for line in told.splitlines() if "encoders use" in line)
    words = shlex.split(line.partition(": soundalike ")[2])
    used = run(*words, "--jobs", 1)
    assert used.status == 0, used
    assert f"{old_library} now listens with ear. The vectors of spectral-" in used.err
    assert f"not used any more: {old_library / 'derived'}" in used.err
    assert Library.open(old_library).encoder.spec.name == "ear"
    assert "encoders use" not in run("info", "--library", old_library).out
    assert "encoders use" not in run("index", "--library", old_library, "--jobs", 1).err


def test_a_newer_version_is_told_of_and_moved_to(
    run: Any, ship: Callable[[int], None], kicks: Path, tmp_path: Path
) -> None:
    path = tmp_path / "library"
    Library.open(path).add(kicks)
    ship(2)
    hint = "there is a newer version of ear; to move this library: soundalike encoders use ear"
    assert run("info", library=path).out.count(hint + "\n") == 1
    assert run("index", kicks, "--jobs", 1).err.count(hint + "\n") == 1
    searched = run("search", min(kicks.iterdir()))
    assert (searched.status, searched.err) == (0, "")
    Library.open(path).use_encoder("ear")  # workers of the command would find the real one
    assert "encoders use" not in run("info").out


def test_sounds_that_cannot_be_found_any_more_are_told_of(
    run: Any, ship: Callable[[int], None], kicks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, (first, *_) = tmp_path / "library", sorted(kicks.iterdir())
    Library.open(path).add(kicks)
    count = len(list(kicks.iterdir()))
    shutil.rmtree(path / "encoders")  # as before libraries kept copies
    ship(2)
    hint = "cannot be found until indexed again, as their vectors are of an older version of the encoder"
    what = f"{hint}; to do so: soundalike index\n"
    assert run("info", library=path).out.count(f"  {count} sounds {what}") == 1
    Library.open(path).add(first)
    assert run("index", first, "--jobs", 1).err.count(f"{count - 1} sounds {what}") == 1
    assert run("search", first).err == f"{count - 1} sounds {what}"
    monkeypatch.delenv(ENVIRONMENT_VARIABLE)
    assert f"soundalike index --library {path}\n" in run("info", "--library", path).out
    Library.open(path).add()
    for verb in (("info",), ("search", first)):
        told = run(*verb, library=path)
        assert told.status == 0
        assert hint not in told.out + told.err


def test_info_works_where_the_encoder_cannot_be_loaded(run: Any, kicks: Path, tmp_path: Path) -> None:
    path = tmp_path / "library"
    Library.open(path, encoder=str(TINY)).add(kicks)
    (kept,) = (path / "encoders").iterdir()
    (kept / "encoder.json").write_text("{}")
    assert run("info", library=path).status == 0
    run("search", min(kicks.iterdir())).fails("is not an encoder's file")


def test_what_comes_with_soundalike_is_shown_with_its_tags(run: Any) -> None:
    shown = run("encoders", "show", DEFAULT_ENCODER).json
    encoder = load_encoder(DEFAULT_ENCODER)
    assert (shown["origin"], shown["default"], shown["tags"]) == ("soundalike", True, 527)
    assert tuple(shown["manifest"]["tags"]["names"]) == encoder.tag_names
    assert shown["licence"]
    assert shown["training_data"]
    line = next(li for li in run("encoders", "list").out.splitlines() if li.startswith(DEFAULT_ENCODER))
    assert f"527 tags, {shown['licence']}, comes with soundalike" in line
