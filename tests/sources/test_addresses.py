from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soundalike.core.errors import InvalidInputError
from soundalike.sources.addresses import absolute_path, path_of_uri, split_member, uri_of_member, uri_of_path


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("/sounds/kick 01.wav", "/sounds/kick 01.wav"),
        ("/sounds/été/キック.wav", "/sounds/été/キック.wav"),
        ("/sounds/two\nlines.wav", "/sounds/two\nlines.wav"),
        ("/sounds/100%.wav", "/sounds/100%.wav"),
        ("/sounds/\udcff\udcfe.wav", "file:///sounds/%FF%FE.wav"),
        ("/sounds/100%\udcff.wav", "file:///sounds/100%25%FF.wav"),
        ("/sounds/loud!/kick.wav", "file:///sounds/loud%21/kick.wav"),
    ],
)
def test_uris_are_paths_where_they_can_be(path: str, uri: str) -> None:
    assert uri_of_path(path) == uri
    assert os.fspath(path_of_uri(uri)) == path


@given(st.binary(min_size=1, max_size=40).filter(lambda name: not {0, 0x2F} & set(name)))
def test_every_name_of_bytes_has_a_unicode_uri_and_comes_back(name: bytes) -> None:
    path = "/sounds/" + os.fsdecode(name) + "/x.wav"
    uri = uri_of_path(path)
    uri.encode("utf-8")
    assert os.fsencode(path_of_uri(uri)) == os.fsencode(Path(path))
    assert split_member(uri) == (uri, None)
    assert split_member(uri_of_member(uri, "a!/b.wav")) == (uri, "a!/b.wav")


@pytest.mark.parametrize("uri", ["/a/b.zip!/c.wav", "https://example.org/a.wav", "stream:x", "relative.wav"])
def test_what_has_no_path_is_refused(uri: str) -> None:
    with pytest.raises(InvalidInputError, match=r"no path of its own|absolute path"):
        path_of_uri(uri)


def test_paths_are_made_absolute_without_following_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert absolute_path("link/x.wav") == tmp_path / "link" / "x.wav"
    assert absolute_path("link/../y.wav") == tmp_path / "y.wav"
    assert absolute_path("~/z.wav") == tmp_path / "z.wav"
    assert absolute_path("file:///a/%FF.wav") == Path("/a/\udcff.wav")
