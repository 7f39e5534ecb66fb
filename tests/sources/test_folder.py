from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import pytest

from soundalike.sources import Item, Source, Unreadable, open_item, source_for, uri_of_path


def items(source: Source) -> list[Item]:
    return [found for found in source.scan() if isinstance(found, Item)]


def faults(source: Source) -> list[Unreadable]:
    return [found for found in source.scan() if isinstance(found, Unreadable)]


def names(source: Source, root: Path) -> list[str]:
    return [os.path.relpath(item.uri, root) for item in items(source)]


def test_sounds_are_offered_in_a_stable_order_and_nothing_hidden_is(tree: Path) -> None:
    source = source_for(tree)
    assert names(source, tree) == ["a.FLAC", "b.flac", "drums/snare.wav", "drums/808/kick.flac"]
    assert items(source) == items(source_for(str(tree)))
    assert source.complete


def test_folders_come_by_name(tmp_path: Path, kick: bytes) -> None:
    for name in ("c/1.wav", "a/2.wav", "b/3.wav", "a/z/4.wav", "0.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(kick)
    assert names(source_for(tmp_path), tmp_path) == ["0.wav", "a/2.wav", "a/z/4.wav", "b/3.wav", "c/1.wav"]


def test_an_item_says_where_it_lies_and_how_to_tell_that_it_changed(tree: Path, kick: bytes) -> None:
    item = items(source_for(tree, metadata={"recordist": "Ann"}))[-1]
    path = tree / "drums/808/kick.flac"
    assert (item.uri, item.root, item.name, item.kind) == (str(path), str(tree), "kick.flac", "file")
    assert item.tags == ("My Sounds", "drums", "808")
    assert (item.size_bytes, item.modified_ns) == (len(kick), path.stat().st_mtime_ns)
    assert item.metadata == {"recordist": "Ann"}
    with open_item(item) as file:
        assert file.read() == kick
    path.write_bytes(kick + b"more")
    os.utime(path, ns=(1, item.modified_ns or 0))
    assert items(source_for(tree))[-1].size_bytes != item.size_bytes


def test_a_walk_is_a_stream(tree: Path) -> None:
    source = source_for(tree)
    walk = source.scan()
    first = next(walk)
    assert first.uri.endswith("a.FLAC")
    assert not source.complete
    (tree / "drums" / "808" / "late.wav").write_bytes(b"x")
    assert [Path(found.uri).name for found in walk][-1] == "late.wav"
    assert source.complete


def test_an_abandoned_walk_is_not_complete(tree: Path) -> None:
    source = source_for(tree)
    list(source.scan())
    assert source.complete
    walk = source.scan()
    next(walk)
    del walk
    assert not source.complete


def test_links_are_followed_and_loops_end(tree: Path, tmp_path: Path, kick: bytes) -> None:
    (tree / "self").symlink_to("self")
    (tree / "up").symlink_to("..")
    (tree / "drums" / "again").symlink_to(tree)
    (tree / "linked.wav").symlink_to(tree / "b.flac")
    outside = tmp_path / "other drive"
    outside.mkdir()
    (outside / "far.wav").write_bytes(kick)
    (tree / "a_first").symlink_to(outside)
    source = source_for(tree)
    assert names(source, tree) == [
        "a.FLAC",
        "b.flac",
        "linked.wav",
        "drums/snare.wav",
        "drums/808/kick.flac",
        "a_first/far.wav",
    ]
    assert [fault.uri for fault in faults(source)] == [str(tree / "self")]


def test_a_link_to_what_is_not_there_keeps_the_walk_from_being_complete(tree: Path) -> None:
    (tree / "drive").symlink_to("/no/such/volume")
    source = source_for(tree)
    (fault,) = faults(source)
    assert fault.uri == str(tree / "drive")
    assert "cannot be reached" in fault.reason
    assert not source.complete


NAMES = [
    b"two\nlines.wav",
    "été.wav".encode(),
    "キック.wav".encode(),
    b"\xff\xfe.wav",
    b"100%25 !.wav",
    b"e\xcc\x81.wav",
]


def test_names_in_any_script_and_in_none(tmp_path: Path, kick: bytes) -> None:
    root = tmp_path / "names"
    root.mkdir()
    for name in NAMES:
        Path(root, os.fsdecode(name)).write_bytes(kick)
    (root / "loud!").mkdir()
    (root / "loud!" / "x.wav").write_bytes(kick)
    source = source_for(root)
    found = items(source)
    assert len({item.uri for item in found}) == len(NAMES) + 1
    for item in found:
        item.uri.encode()
        item.name.encode()
        assert source.covers(item.uri)
        with open_item(item) as file:
            assert file.read() == kick
    assert f"file://{root}/%FF%FE.wav" in {item.uri for item in found}
    assert "\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}.wav" in {item.name for item in found}


def test_archives_in_a_folder_are_offered_as_their_members(tree: Path, kick: bytes) -> None:
    with zipfile.ZipFile(tree / "drums" / "pack.zip", "w") as archive:
        archive.writestr("toms/low.wav", kick)
    (tree / "drums" / "broken.zip").write_bytes(b"PK\x03\x04 and no more")
    source = source_for(tree)
    (item,) = (item for item in items(source) if item.kind == "zip")
    assert item.uri == f"{tree}/drums/pack.zip!/toms/low.wav"
    assert item.root == str(tree)
    assert item.tags == ("My Sounds", "drums", "pack", "toms")
    (fault,) = faults(source)
    assert fault.uri == f"{tree}/drums/broken.zip"
    assert not source.complete
    assert source.covers(item.uri)


def test_what_a_folder_covers(tree: Path) -> None:
    source = source_for(tree)
    assert source.covers(f"{tree}/gone.wav")
    assert source.covers(f"{tree}/pack.zip!/gone.wav")
    assert source.covers(uri_of_path(f"{tree}/\udcff.wav"))
    for other in (
        str(tree),
        f"{tree}2/x.wav",
        "/elsewhere/x.wav",
        "https://example.org/x.wav",
        "stream:x.wav",
    ):
        assert not source.covers(other)


def test_what_is_not_a_file_is_reported(tree: Path) -> None:
    os.mkfifo(tree / "pipe.wav")
    os.mkfifo(tree / "pipe.zip")
    assert [(Path(f.uri).name, "regular file" in f.reason) for f in faults(source_for(tree))] == [
        ("pipe.wav", True),
        ("pipe.zip", True),
    ]


def test_without_permission_the_walk_goes_on(tree: Path, tmp_path: Path) -> None:
    (tree / "b.flac").chmod(0)
    (tree / "drums" / "808").chmod(0)
    (tree / "locked.zip").write_bytes(b"")
    (tree / "locked.zip").chmod(0)
    for folder in [*tmp_path.parents, tmp_path]:
        if folder.is_relative_to("/tmp/") and folder != Path("/tmp"):
            folder.chmod(0o755)
    script = textwrap.dedent("""
        import os, sys
        from soundalike.core.errors import SourceError
        from soundalike.sources import Item, open_item, source_for
        if os.geteuid() == 0:
            os.seteuid(65534)
        source = source_for(sys.argv[1])
        for found in source.scan():
            print(type(found).__name__, os.path.relpath(found.uri, sys.argv[1]), getattr(found, "reason", ""))
        print(source.complete)
        try:
            open_item(Item(uri="u", root="u", name="b", kind="file", location=sys.argv[1] + "/b.flac"))
        except SourceError as error:
            print(error)
    """)
    try:
        run = subprocess.run(
            [sys.executable, "-c", script, str(tree)], capture_output=True, text=True, check=True
        )
    finally:
        (tree / "drums" / "808").chmod(0o755)
    assert run.stdout.splitlines() == [
        "Item a.FLAC ",
        "Unreadable b.flac The file cannot be read: permission was denied.",
        "Unreadable locked.zip The archive cannot be read: permission was denied.",
        "Item drums/snare.wav ",
        "Unreadable drums/808 The folder cannot be read: permission was denied.",
        "False",
        "u cannot be opened: permission was denied.",
    ]


def test_a_file_that_vanishes_during_the_walk_is_reported(tree: Path) -> None:
    walk = source_for(tree).scan()
    next(walk)
    (tree / "b.flac").unlink()
    fault = next(walk)
    assert isinstance(fault, Unreadable)
    assert "it is not there" in fault.reason


@pytest.mark.parametrize("collection", ["esc10", "philharmonia"])
def test_real_collections(shared_data: Path, collection: str) -> None:
    root = shared_data / collection
    found = items(source_for(root))
    expected = {
        str(p) for p in root.rglob("*") if p.suffix in {".ogg", ".mp3"} and not p.name.startswith(".")
    }
    assert {item.uri for item in found} == expected
    assert len(found) >= 400
