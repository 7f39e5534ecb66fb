"""Range headers, as RFC 9110 section 14 has them."""

from __future__ import annotations

import pytest

from soundalike.web.byte_ranges import UnsatisfiableRangeError, parse_range


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=0-99", (0, 100)),
        ("bytes=10-19", (10, 20)),
        ("bytes=90-1000", (90, 100)),
        ("bytes=90-", (90, 100)),
        ("bytes=-1", (99, 100)),
        ("bytes=-100", (0, 100)),
        ("bytes=-1000", (0, 100)),
        (" bytes = 1 - 2 ", (1, 3)),
    ],
)
def test_a_single_range_is_read(header: str, expected: tuple[int, int]) -> None:
    assert parse_range(header, 100) == expected


@pytest.mark.parametrize(
    "header",
    [None, "", "bytes=-", "bytes=a-b", "bytes=5-4", "bytes=0-1,5-6", "lines=1-2", "bytes=1-" + "9" * 40],
)
def test_what_is_not_one_range_means_the_whole_file(header: str | None) -> None:
    assert parse_range(header, 100) is None


@pytest.mark.parametrize(
    ("header", "size"), [("bytes=100-", 100), ("bytes=100-200", 100), ("bytes=-0", 100), ("bytes=0-", 0)]
)
def test_a_range_outside_the_file_is_refused(header: str, size: int) -> None:
    with pytest.raises(UnsatisfiableRangeError, match=f"outside a file of {size} bytes"):
        parse_range(header, size)
