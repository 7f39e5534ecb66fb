"""``soundalike search``, for people and for scripts."""

from __future__ import annotations

import os
import re
import select
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from soundalike.library import Library

FIELDS = {
    "rank": int, "path": str, "start_s": float, "end_s": float, "distance": float, "score": float,
    "id": str, "paths": list, "duration_s": float, "tags": list, "same_file": bool, "missing": bool,
}  # fmt: skip


def test_json_holds_what_the_library_finds(run: Any, library: Library, samples: Path) -> None:
    query = samples / "kicks" / "bd_808.flac"
    ended = run("search", query, "--json", "--limit", 3)
    assert (ended.status, ended.err) == (0, "")
    hits = library.search(query, limit=3)
    assert [row["path"] for row in ended.json] == [hit.sound.path for hit in hits]
    assert [row["rank"] for row in ended.json] == [1, 2, 3]
    assert [row["distance"] for row in ended.json] == [hit.distance for hit in hits]
    for row in ended.json:
        assert {name: type(value) for name, value in row.items()} == FIELDS
        assert 0.0 <= row["score"] <= 1.0
    assert [row["same_file"] for row in ended.json] == [True, False, False]


def test_json_of_nothing_is_an_empty_array(run: Any, library: Library, samples: Path) -> None:
    ended = run("search", samples / "kicks" / "bd_808.flac", "--json", "--tag", "nonesuch")
    assert (ended.status, ended.json) == (0, [])
    people = run("search", samples / "kicks" / "bd_808.flac", "--tag", "nonesuch")
    assert (people.status, people.out, people.err) == (0, "", "Nothing was found.\n")


def test_a_sound_of_the_library_by_path_or_id(run: Any, library: Library, samples: Path) -> None:
    path = samples / "kicks" / "bd_808.flac"
    by_path = run("search", "--sound", path, "--json").json
    assert by_path == run("search", "--sound", library.sound(path).id, "--json").json
    assert str(path) not in [row["path"] for row in by_path]


def test_a_part_and_segments(run: Any, library: Library, samples: Path) -> None:
    query = samples / "snares" / "sn_dub.flac"
    rows = run("search", query, "--at", 0.01, "--for", 0.2, "--segments", "--json").json
    hits = library.search(query, start_s=0.01, duration_s=0.2, segments=True)
    assert [(row["path"], row["start_s"], row["end_s"]) for row in rows] == [
        (hit.sound.path, hit.start_s, hit.end_s) for hit in hits
    ]


@pytest.mark.parametrize(
    ("options", "passes"),
    [
        (["--tag", "kicks"], lambda s: "kicks" in s.tags),
        (["--tag", "kicks", "--tag", "samples"], lambda s: "kicks" in s.tags),
        (["--max-duration", 0.4], lambda s: s.duration_s <= 0.4),
        (["--text", "808"], lambda s: "808" in s.path),
        (["--min-duration", 0.5], lambda s: s.duration_s >= 0.5),
        (["--after", "2000-01-01", "--before", "2001-01-01T12:00:00"], lambda _: False),
        (["--after", "2000-01-01"], lambda _: True),
    ],
)  # fmt: skip
def test_filters(
    run: Any, library: Library, samples: Path, options: list[object], passes: Callable[[Any], bool]
) -> None:
    rows = run("search", samples / "kicks" / "bd_808.flac", "--limit", 1000, "--json", *options).json
    assert {row["id"] for row in rows} == {sound.id for sound in library.sounds() if passes(sound)}


def test_below_a_folder(run: Any, library: Library, samples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = run("search", samples / "kicks" / "bd_808.flac", "--json", "--under", samples / "snares").json
    assert len(rows) == 3
    assert all("/snares/" in row["path"] for row in rows)
    monkeypatch.chdir(samples / "kicks")
    relative = run("search", "bd_808.flac", "--json", "--under", "../snares/").json
    assert [row["path"] for row in relative] == [row["path"] for row in rows]
    run("search", "bd_808.flac", "--under", "").fails("under names a place; got an empty text")


def test_a_pipe_gets_one_whole_line_per_hit(run: Any, library: Library, samples: Path) -> None:
    ended = run("search", samples / "kicks" / "bd_808.flac", "--limit", 100)
    lines = ended.out.splitlines()
    assert len(lines) == 1 + library.count()
    assert "\x1b" not in ended.out
    first = lines[1].split()
    assert (first[0], first[1], first[2]) == ("1", "━" * 10, "0.0000")
    assert lines[1].rstrip().endswith(f"{samples}/kicks/bd_808.flac (the same file)")
    odd = str(samples / "odd [red]\\[b]" / "two\\nlines [x].flac")
    assert sum(odd in line for line in lines) == 1


def test_a_terminal_of_80_columns_gets_no_longer_lines(start: Any, library: Library, samples: Path) -> None:
    if sys.platform == "win32":
        pytest.skip("pseudo-terminals are POSIX")
    import fcntl
    import pty
    import struct
    import termios

    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = {"COLUMNS": "80", "TERM": "xterm-256color", "SOUNDALIKE_LIBRARY": str(library.path)}
    process = start(
        "search", samples / "kicks" / "bd_808.flac", "--limit", 4, stdout=follower, env=environment
    )
    os.close(follower)
    said = b""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if select.select([leader], [], [], 0.1)[0]:
            try:
                said += os.read(leader, 65536)
            except OSError:  # the other side has been closed
                break
        elif process.poll() is not None:
            break
    os.close(leader)
    assert process.wait(60) == 0, process.stderr.read()
    process.communicate()
    plain = re.sub(r"\x1b\[[0-9;]*m", "", said.decode()).replace("\r", "")
    lines = plain.splitlines()
    assert "alike" in lines[0]
    assert max(map(len, lines)) <= 80
    folded = "".join(line[line.index("/") if "/" in line else 34 :].strip() for line in lines[1:])
    assert "bd_808.flac" in folded.replace(" ", "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Name a FILE to search with, or a sound of the library with --sound ID"),
        (["a.wav", "--sound", "b"], "Name a FILE to search with"),
        (["a.wav", "--limit", "0"], "--limit"),
        (["a.wav", "--at", "-1"], "--at"),
        (["a.wav", "--at", "nan"], "--at"),
        (["a.wav", "--after", "yesterday"], "--after"),
        (["a.wav", "--nonesuch"], "--nonesuch"),
        (["a.wav", "b.wav"], "b.wav"),
    ],
)
def test_wrong_usage(run: Any, library: Library, arguments: list[str], words: str) -> None:
    ended = run("search", *arguments)
    assert (ended.status, ended.out) == (2, "")
    assert words in ended.err


def test_what_cannot_be_searched_with(run: Any, library: Library, samples: Path, tmp_path: Path) -> None:
    query = samples / "kicks" / "bd_808.flac"
    (tmp_path / "empty.wav").touch()
    run("search", tmp_path / "absent.wav").fails("absent.wav cannot be read: No such file or directory.")
    run("search", tmp_path / "empty.wav").fails("empty.wav is empty")
    run("search", samples / "notes [1]\n.wav").fails("notes [1]\\n.wav is not audio")
    run("search", samples).fails("cannot be read: Is a directory.")
    run("search", query, "--for", 0).fails("A part of a sound must last longer than 0 seconds; got 0.0.")
    run("search", query, "--for", -1).fails("must last longer than 0 seconds; got -1.0.")
    run("search", query, "--at", 77).fails("The sound lasts 0.56 s; nothing is left of it at 1:17.")
    run("search", query, "--at", 77, "--for", 1).fails("bd_808.flac ends before 77 s.")
    run("search", "--sound", query, "--at", 77).fails("The sound lasts 0.56 s; nothing is left of it")
    run("search", "--sound", query, "--for", 0).fails("must last longer than 0 seconds")
    run("search", "--sound", "nonesuch").fails("no sound with the id or path 'nonesuch'")
    run("search", query, "--min-duration", 2, "--max-duration", 1).fails("must not exceed max_duration_s")
    run("search", query, "--encoder", "nonesuch").fails("There is no encoder called 'nonesuch'")


def test_a_library_that_holds_nothing(run: Any, samples: Path, tmp_path: Path) -> None:
    Library.open(tmp_path / "new")
    ended = run("search", samples / "kicks" / "bd_808.flac", library=tmp_path / "new")
    assert (ended.status, ended.out) == (0, "")
    assert ended.err == "The library is empty: soundalike index FOLDER\n"


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_reader_that_goes_away_is_no_error(
    start: Any, library: Library, samples: Path, options: list[str]
) -> None:
    read, write = os.pipe()
    os.close(read)  # gone before the first byte
    process = start("search", samples / "kicks" / "bd_808.flac", "-n", 100, *options, stdout=write)
    os.close(write)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
