from __future__ import annotations

import dataclasses
import io
import json
import os
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest

from soundalike.core.errors import InvalidInputError, NotFoundError, SourceError
from soundalike.sources import (
    OPENERS,
    SOURCES,
    Item,
    Limits,
    Source,
    Unreadable,
    open_item,
    source_for,
    uri_of_path,
)
from soundalike.sources.archive import ZipSource
from soundalike.sources.files import FileSource
from soundalike.sources.folder import FolderSource
from soundalike.sources.stream import StreamSource
from soundalike.sources.url import UrlSource


def test_the_source_fits_the_place(tree: Path, pack: Path) -> None:
    assert isinstance(source_for(tree), FolderSource)
    assert isinstance(source_for(str(pack)), ZipSource)
    assert isinstance(source_for(tree / "b.flac"), FileSource)
    assert isinstance(source_for(uri_of_path(tree / "b.flac")), FileSource)
    assert isinstance(source_for(f"file://{tree}/b.flac"), FileSource)
    assert isinstance(source_for("HTTPS://example.org/a.wav"), UrlSource)
    with source_for(io.BytesIO(b"x")) as stream:
        assert isinstance(stream, StreamSource)
    folder = tree / "folder.zip"
    folder.mkdir()
    assert isinstance(source_for(folder), FolderSource)


def test_home_and_relative_paths(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree.parent)
    monkeypatch.setenv("HOME", str(tree))
    assert source_for("My Sounds").root == str(tree)
    assert source_for("~/b.flac").root == str(tree / "b.flac")


def test_the_last_link_is_not_resolved(tree: Path) -> None:
    (tree / "link.wav").symlink_to(tree / "b.flac")
    (item,) = source_for(tree / "link.wav").scan()
    assert item.uri == str(tree / "link.wav")


def test_a_named_file_is_offered_whatever_its_extension(tree: Path) -> None:
    source = source_for(tree / "notes.txt", metadata={"a": "b"})
    (item,) = source.scan()
    assert isinstance(item, Item)
    assert (item.name, item.root, item.tags, item.metadata) == ("notes.txt", item.uri, (), {"a": "b"})
    assert source.complete
    assert source.covers(item.uri)
    assert not source.covers(str(tree / "b.flac"))


def test_a_named_file_that_vanishes_is_reported(tree: Path) -> None:
    source = source_for(tree / "b.flac")
    (tree / "b.flac").unlink()
    (fault,) = source.scan()
    assert isinstance(fault, Unreadable)


@pytest.mark.parametrize("place", ["no/such/place", "/no/such.wav", "nul\0.wav", "x" * 5000])
def test_a_place_that_is_not_there(place: str) -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        source_for(place)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"place": "s9://bucket/key"}, "No source reads s9:// addresses; there are: http://, https://"),
        ({"place": 7}, "path, an address or an open binary file; got int"),
        ({"place": "/", "name": "x.wav"}, "Only an open binary file takes a name"),
        ({"place": "/", "metadata": {"a": 1}}, "texts only"),
        ({"place": io.StringIO("text")}, "binary mode"),
        ({"place": io.BytesIO(b"x"), "name": ""}, "1 to 255 characters"),
        ({"place": io.BytesIO(b"x"), "name": "\udcff"}, "valid Unicode"),
    ],
)
def test_arguments_that_are_not_fit(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        source_for(**arguments)


def test_bounds_that_are_not_fit() -> None:
    with pytest.raises(InvalidInputError, match=r"Limits\.max_ratio must be zero or more; got -1"):
        Limits(max_ratio=-1)


def test_a_stream_is_copied_once_and_can_be_opened_again(tmp_path: Path, kick: bytes) -> None:
    file = io.BytesIO(b"before" + kick)
    file.seek(6)
    source = source_for(file, name="kick.flac", metadata={"a": "b"}, spool_dir=tmp_path)
    (item,) = source.scan()
    assert isinstance(item, Item)
    assert (item.uri, item.root, item.kind) == ("stream:kick.flac", "stream:kick.flac", "stream")
    assert (item.name, item.size_bytes, item.metadata) == ("kick.flac", len(kick), {"a": "b"})
    assert source.complete
    assert source.covers(item.uri)
    assert not file.closed
    for _ in range(2):
        with open_item(item) as opened:
            assert opened.read() == kick
    source.close()
    source.close()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(SourceError, match=r"temporary copy of stream:kick\.flac is gone"):
        open_item(item)


def test_the_copy_of_a_forgotten_stream_is_deleted(tmp_path: Path) -> None:
    source = source_for(io.BytesIO(b"x"), spool_dir=tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
    del source
    assert list(tmp_path.iterdir()) == []


def test_streams_are_named_by_their_files(tree: Path) -> None:
    with (tree / "b.flac").open("rb") as file, source_for(file) as source:
        assert source.root == "stream:b.flac"
    with source_for(io.BytesIO(b"")) as source:
        assert source.root == "stream:unnamed"


def test_a_stream_over_the_bound_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="over 10 bytes"):
        source_for(io.BytesIO(bytes(11)), limits=Limits(max_download_bytes=10), spool_dir=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_stream_that_fails_is_reported(tmp_path: Path) -> None:
    class Broken(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise OSError("the cable is out")

    with pytest.raises(SourceError, match="the cable is out"):
        source_for(cast(BinaryIO, Broken()), spool_dir=tmp_path)
    with pytest.raises(SourceError, match="No temporary copy"):
        source_for(io.BytesIO(b"x"), spool_dir=tmp_path / "absent")


READ_IN_ANOTHER_PROCESS = """
import json, sys, hashlib
from soundalike.sources import Item, open_item
for line in sys.stdin:
    with open_item(Item(**json.loads(line))) as file:
        print(hashlib.sha256(file.read()).hexdigest())
"""


def test_items_can_be_opened_in_another_process(tree: Path, pack: Path, kick: bytes) -> None:
    import hashlib

    Path(tree, os.fsdecode(b"\xff.wav")).write_bytes(kick)
    with zipfile.ZipFile(tree / "more.zip", "w") as archive:
        archive.writestr("kick.wav", kick)
    with source_for(io.BytesIO(kick), name="s.flac") as stream:
        items = [*source_for(tree).scan(), next(source_for(pack).scan()), *stream.scan()]
        assert all(isinstance(item, Item) for item in items)
        assert pickle.loads(pickle.dumps(items)) == items
        lines = "\n".join(json.dumps(dataclasses.asdict(cast(Item, item))) for item in items)
        run = subprocess.run(
            [sys.executable, "-c", READ_IN_ANOTHER_PROCESS],
            input=lines,
            capture_output=True,
            text=True,
            check=True,
        )
    assert run.stdout.split() == [hashlib.sha256(kick).hexdigest()] * len(items)
    assert len(items) == 8


def test_a_forked_child_reads_an_archive_that_its_parent_holds_open(pack: Path, kick: bytes) -> None:
    import multiprocessing

    item = next(source_for(pack).scan())
    assert isinstance(item, Item)
    open_item(item).close()
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(read_item, [item] * 20) == [kick] * 20


def read_item(item: Item) -> bytes:
    with open_item(item) as file:
        return file.read()


def test_threads_share_an_archive(tmp_path: Path, kick: bytes) -> None:
    from concurrent.futures import ThreadPoolExecutor

    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(50):
            archive.writestr(f"{i}.flac", kick + bytes([i]))
    items = [item for item in source_for(path).scan() if isinstance(item, Item)]
    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(read_item, items * 4)) == sorted([kick + bytes([i]) for i in range(50)] * 4)


class Shelf:
    """A source as a plug-in would bring it."""

    complete = True

    def __init__(self, address: str, **_: Any) -> None:
        self.root = address


def open_shelf(item: Item, limits: Limits) -> BinaryIO:
    return io.BytesIO(item.location.encode())


def test_plug_ins_bring_sources_and_openers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "shelf_plug_in", sys.modules[__name__])
    for registry in (SOURCES, OPENERS):
        monkeypatch.setattr(registry, "_addresses", dict(registry._addresses))
    SOURCES.register("shelf", "shelf_plug_in:Shelf")
    OPENERS.register("shelf", "shelf_plug_in:open_shelf")
    assert source_for("shelf://third").root == "shelf://third"
    item = Item(uri="shelf://x", root="shelf://", name="x", kind="shelf", location="third")
    with open_item(item) as file:
        assert file.read() == b"third"


def test_an_item_of_an_unknown_kind() -> None:
    with pytest.raises(NotFoundError, match="no kind of item called 'tape'; there are: download, file"):
        open_item(Item(uri="x", root="x", name="x", kind="tape", location="x"))


Maker = Callable[[Path, Path], Source]
EVERY_SOURCE: dict[str, Maker] = {
    "folder": lambda tree, pack: source_for(tree),
    "file": lambda tree, pack: source_for(tree / "b.flac"),
    "zip": lambda tree, pack: source_for(pack),
    "stream": lambda tree, pack: source_for(io.BytesIO(b"x"), name="été.wav"),
}


@pytest.mark.parametrize("kind", EVERY_SOURCE)
def test_what_holds_for_every_source(kind: str, tree: Path, pack: Path) -> None:
    with EVERY_SOURCE[kind](tree, pack) as source:
        complete = [source.complete]
        found = list(source.scan())
        complete.append(source.complete)
        assert found
        assert complete == [False, True]
        assert found == list(source.scan())
        assert len({entry.uri for entry in found}) == len(found)
        for entry in found:
            assert isinstance(entry, Item)
            assert entry.root == source.root
            assert source.covers(entry.uri)
            with open_item(entry) as file:
                assert file.seekable()
                assert len(file.read()) == entry.size_bytes
