from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from soundalike.core.errors import InvalidInputError
from soundalike.search import Filters


def test_filters_are_values() -> None:
    assert Filters(tags=("a",)) == Filters(tags=("a",))
    assert len({Filters(), Filters(), Filters(text="x")}) == 2
    assert Filters().is_empty
    assert not Filters(include_missing=False).is_empty
    assert Filters(text="  kick  drum ").words == ("kick", "drum")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"min_duration_s": -1.0}, "min_duration_s is a number of seconds, 0 or more; got -1.0"),
        ({"max_duration_s": float("nan")}, "max_duration_s is a number"),
        ({"min_duration_s": 2.0, "max_duration_s": 1.0}, "must not exceed max_duration_s; got 2.0 and 1.0"),
        ({"modified_after": datetime(2024, 1, 1)}, "needs a time zone"),  # noqa: DTZ001
        (
            {
                "modified_after": datetime(2024, 1, 2, tzinfo=UTC),
                "modified_before": datetime(2024, 1, 1, tzinfo=UTC),
            },
            "must not exceed modified_before",
        ),
        ({"tags": "kick"}, "tuple of words; got 'kick'"),
        ({"tags": ("kick", " ")}, "tuple of words"),
        ({"under": ""}, "under names a place"),
        ({"path_glob": ""}, "path_glob names a place"),
    ],
)
def test_nonsense_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        Filters(**values)
