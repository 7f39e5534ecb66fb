from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from soundalike.core.errors import ArchiveError, SourceError
from soundalike.sources import Item, is_on_disk, item_of_uri, open_item, source_for


def test_every_uri_of_a_scan_leads_back_to_the_bytes(tree: Path, kick: bytes) -> None:
    Path(tree, os.fsdecode(b"\xff.wav")).write_bytes(kick)
    Path(tree, "loud!").mkdir()
    Path(tree, "loud!", "x.wav").write_bytes(kick)
    with zipfile.ZipFile(tree / "more.zip", "w") as archive:
        archive.writestr("a!\\kick.wav", kick)
    found = list(source_for(tree).scan())
    assert len(found) == 7
    for item in found:
        assert isinstance(item, Item)
        recalled = item_of_uri(item.uri)
        assert (recalled.uri, recalled.kind, recalled.name) == (item.uri, item.kind, item.name)
        assert is_on_disk(item.uri)
        with open_item(recalled) as file:
            assert file.read() == kick


@pytest.mark.parametrize("uri", ["https://example.org/kick.wav", "stream:kick.wav", "s3://bucket/kick.wav"])
def test_what_was_not_kept_is_said_so(uri: str) -> None:
    assert not is_on_disk(uri)
    with pytest.raises(SourceError, match="were not kept"):
        item_of_uri(uri)


def test_what_is_gone_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="it is not there"):
        item_of_uri(f"{tmp_path}/gone.wav")
    with pytest.raises(ArchiveError, match="it is not there"):
        open_item(item_of_uri(f"{tmp_path}/gone.zip!/kick.wav"))
