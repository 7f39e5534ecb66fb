from __future__ import annotations

from typing import Any

import pytest

from soundalike.core.errors import InvalidInputError
from soundalike.sources.metadata import check_metadata


def test_texts_pass_and_are_copied() -> None:
    given = {"recordist": "Ann", "lieu": "été"}
    checked = check_metadata(given)
    given["recordist"] = "Ben"
    assert checked == {"recordist": "Ann", "lieu": "été"}
    assert check_metadata(None) == {}


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ([("a", "b")], "dictionary of texts; got list"),
        ({"bpm": 120}, "texts only; got 'bpm': int"),
        ({3: "x"}, "texts only"),
        ({"": "x"}, "1 to 100 characters; got 0"),
        ({"n" * 101: "x"}, "1 to 100 characters; got 101"),
        ({"a": "x" * 100_001}, "at most 100,000 characters; 'a' has 100,001"),
        ({str(i): "x" for i in range(101)}, "at most 100 entries; got 101"),
        ({"a": "\udcff"}, "valid Unicode"),
    ],
)
def test_anything_else_is_refused(metadata: Any, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        check_metadata(metadata)
