"""Downloads that go on where an earlier one broke."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from soundalike.core.errors import DownloadError
from soundalike.sources import Limits
from soundalike.sources.download import Downloaded, download, parse_url

BODY = bytes(range(200)) * 10


@pytest.fixture
def part(tmp_path: Path) -> Path:
    path = tmp_path / "part"
    path.write_bytes(BODY[:500])
    return path


def resume(address: str, part: Path, *, max_bytes: int = 10_000, **more: Any) -> Downloaded:
    limits = Limits(allow_private_addresses=True, max_download_bytes=max_bytes)
    return download(parse_url(address), part, limits, resume=True, **more)


@pytest.mark.parametrize("whole", ["2000", "*"])
def test_only_the_rest_is_asked_for(server: Any, answers: Any, part: Path, whole: str) -> None:
    server.routes["/a"] = answers(BODY[500:], status=206, Content_Range=f"bytes 500-1999/{whole}")
    told: list[tuple[int, int | None]] = []
    got = resume(f"{server.address}/a", part, on_bytes=lambda done, whole: told.append((done, whole)))
    assert server.asked[0][1]["range"] == "bytes=500-"
    assert part.read_bytes() == BODY
    assert got.size_bytes == 2000
    assert told[-1] == (2000, 2000)


def test_an_answer_with_everything_replaces_what_is_there(server: Any, answers: Any, part: Path) -> None:
    part.write_bytes(b"another file")
    server.routes["/a"] = answers(BODY)
    assert resume(f"{server.address}/a", part).size_bytes == 2000
    assert part.read_bytes() == BODY


def test_a_file_that_is_whole_is_left_as_it_is(server: Any, answers: Any, part: Path) -> None:
    server.routes["/a"] = answers(b"", status=416, Content_Range="bytes */500")
    assert resume(f"{server.address}/a", part).size_bytes == 500
    assert part.read_bytes() == BODY[:500]


def test_a_part_of_another_file_is_fetched_from_the_start(server: Any, answers: Any, part: Path) -> None:
    def by_range(handler: Any) -> None:
        if "Range" in handler.headers:
            answers(b"", status=416, Content_Range="bytes */300")(handler)
        else:
            answers(BODY[:300])(handler)

    server.routes["/a"] = by_range
    assert resume(f"{server.address}/a", part).size_bytes == 300
    assert part.read_bytes() == BODY[:300]
    assert [headers.get("range") for _, headers in server.asked] == ["bytes=500-", None]


@pytest.mark.parametrize("content_range", ["bytes 400-1999/2000", "bytes */*", "pages 5-9/10", ""])
def test_another_range_than_was_asked_for_is_refused(
    server: Any, answers: Any, part: Path, content_range: str
) -> None:
    server.routes["/a"] = answers(BODY[500:], status=206, Content_Range=content_range)
    with pytest.raises(DownloadError, match="another part of the file"):
        resume(f"{server.address}/a", part)
    assert part.read_bytes() == BODY[:500]


def test_a_range_that_nobody_asked_for_is_refused(server: Any, answers: Any, tmp_path: Path) -> None:
    server.routes["/a"] = answers(BODY[500:], status=206, Content_Range="bytes 500-1999/2000")
    with pytest.raises(DownloadError, match="206 Partial Content"):
        resume(f"{server.address}/a", tmp_path / "new")


def test_the_bound_counts_what_is_there_already(server: Any, answers: Any, part: Path) -> None:
    server.routes["/a"] = answers(BODY[500:], status=206, Content_Range="bytes 500-1999/2000")
    with pytest.raises(DownloadError, match=r"over 2\.0 kB"):
        resume(f"{server.address}/a", part, max_bytes=1999)
    assert resume(f"{server.address}/a", part, max_bytes=2000).size_bytes == 2000


def test_what_came_before_a_break_is_kept(server: Any, answers: Any, part: Path) -> None:
    server.routes["/a"] = answers(
        BODY[500:900], status=206, declared=1500, Content_Range="bytes 500-1999/2000"
    )
    with pytest.raises(DownloadError, match="connection to 127"):
        resume(f"{server.address}/a", part)
    assert part.read_bytes() == BODY[:900]
