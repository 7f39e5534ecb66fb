"""SQL text for filters: values quoted so that any text is only ever a value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

_VALUES_PER_FILTER = 1000  # longer lists cost more to parse than a further scan of the column


def sql_text(value: str) -> str:
    r"""Quote a text as an SQL literal.

    Lance's SQL knows one escape, the doubled quote; backslash, percent and newline stand for themselves.

    Example:
        >>> sql_text("Bob's 100%\\kick")
        "'Bob''s 100%\\kick'"
    """
    return "'" + value.replace("'", "''") + "'"


def sql_in(column: str, values: Sequence[str]) -> str:
    """A filter that holds for rows whose column is one of the values; for none where there are no values.

    Example:
        >>> sql_in("uri", ["a.wav", "b.wav"])
        "uri IN ('a.wav', 'b.wav')"
    """
    if not values:
        return "false"
    return f"{column} IN ({', '.join(sql_text(value) for value in values)})"


def in_filters(column: str, values: Iterable[str]) -> Iterator[str]:
    """Filters that together hold for the rows whose column is one of many values, no row in two of them."""
    unique = list(dict.fromkeys(values))
    for first in range(0, len(unique), _VALUES_PER_FILTER):
        yield sql_in(column, unique[first : first + _VALUES_PER_FILTER])
