"""Vectors of files, without a library."""

from __future__ import annotations

import functools
import shutil
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from soundalike.core.errors import AudioError, NotFoundError, SourceError
from soundalike.library import DEFAULT_ENCODER, Library, embed
from soundalike.sources import limits


def test_names_are_exactly_as_given(kicks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(kicks.parent)
    first, second = sorted(kicks.iterdir())[:2]
    given = [f"kicks/{second.name}", f"./kicks/../kicks/{first.name}", str(first)]
    made = embed(given)
    assert made.names == given
    assert np.array_equal(made.vectors[1], made.vectors[2])
    assert not np.array_equal(made.vectors[0], made.vectors[1])
    assert made.vectors.dtype == np.float32
    assert made.failed == []


def test_a_folder_gives_its_files_as_found(kicks: Path, samples: Path) -> None:
    made = embed([kicks, samples / "pack.zip"])
    assert made.names[:4] == [str(path) for path in sorted(kicks.iterdir())]
    assert all(name.startswith(f"{samples}/pack.zip!/hits/") for name in made.names[4:])
    assert len(made.names) == len(made.vectors) == 6


def test_vectors_are_those_of_a_library(library: Library) -> None:
    names, vectors = library.vectors()
    made = embed([name for name in names if "!/" not in name])
    rows = [names.index(name) for name in made.names]
    assert np.array_equal(made.vectors, vectors[rows])


def test_the_default_is_that_of_new_libraries(kicks: Path) -> None:
    assert np.array_equal(embed([kicks]).vectors, embed([kicks], encoder=DEFAULT_ENCODER).vectors)
    assert embed([kicks]).vectors.shape != embed([kicks], encoder="spectral").vectors.shape


def test_a_file_named_twice_gives_its_rows_twice(kicks: Path) -> None:
    path = min(kicks.iterdir())
    shutil.copyfile(path, kicks / "copy.flac")
    made = embed([path, path, kicks / "copy.flac"])
    assert made.names == [str(path), str(path), str(kicks / "copy.flac")]
    assert np.array_equal(made.vectors[0], made.vectors[1])
    assert np.array_equal(made.vectors[0], made.vectors[2])


def test_segments_say_where_they_are(samples: Path) -> None:
    path = samples / "bass" / "bass_trance_c.flac"
    whole, parts = embed([path]), embed([path], segments=True)
    assert (whole.start_s.tolist(), len(whole.end_s)) == ([0.0], 1)
    assert len(parts.names) == len(parts.vectors) == len(parts.start_s) > 1
    assert np.all(np.diff(parts.start_s) > 0)
    assert np.all(parts.end_s > parts.start_s)
    assert parts.end_s[-1] <= whole.end_s[0] + 1e-4


def test_a_file_that_cannot_be_used_has_no_row(kicks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(kicks)
    (kicks / "bad.wav").write_text("not sound")
    path = min(kicks.glob("*.flac"))
    made = embed(["bad.wav", path.name])
    assert made.names == [path.name]
    assert [failure.uri for failure in made.failed] == ["bad.wav"]
    assert "not audio" in made.failed[0].reason


def test_where_no_file_can_be_used_that_is_an_error(kicks: Path, tmp_path: Path) -> None:
    (kicks / "bad.wav").write_text("not sound")
    with pytest.raises(AudioError, match=r"None of the files could be used\. .*bad\.wav"):
        embed([kicks / "bad.wav"])
    with pytest.raises(SourceError, match="it is not there"):
        embed([tmp_path / "absent.wav"])
    with pytest.raises(NotFoundError, match="no encoder called 'nonesuch'"):
        embed([kicks], encoder="nonesuch")


def test_an_address(kicks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    monkeypatch.setattr(limits.Limits.__init__, "__defaults__", _with_private_addresses())
    path = min(kicks.iterdir())
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(kicks))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/{path.name}"
        made = embed([address, path])
        server.shutdown()
    assert made.names == [address, str(path)]
    assert np.array_equal(made.vectors[0], made.vectors[1])


def _with_private_addresses() -> tuple[object, ...]:
    """The defaults of the limits, but for the last: whether this machine may be asked."""
    defaults = limits.Limits.__init__.__defaults__
    assert defaults is not None
    return (*defaults[:-1], True)
