"""A place that was added before and is away now: a drive that was unplugged, a file that was deleted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

from soundalike.library.location import lies_in
from soundalike.sources import Found, Unreadable


class AbsentPlace:
    """A source with nothing in it, so that what the library knows of the place is marked as missing.

    Args:
        root: The uri of the place.
        reason: Why it cannot be looked into, as a sentence; None where there is nothing at all. For a place
            that is there but cannot be read, nothing is known, so nothing is marked.
    """

    def __init__(self, root: str, reason: str | None = None) -> None:
        self.root = root
        self.complete = reason is None
        self._reason = reason

    def scan(self) -> Iterator[Found]:
        """Offer nothing but the reason."""
        if self._reason is not None:
            yield Unreadable(self.root, self.root, self._reason)

    def covers(self, uri: str) -> bool:
        """Whether a uri is this place or lies in it."""
        return lies_in(uri, self.root)

    def close(self) -> None:
        """Do nothing: there is no temporary copy."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
