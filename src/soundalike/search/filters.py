"""Which sounds may be found: by place, tag, word, duration, date."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime

from soundalike.core.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class Filters:
    """Conditions that a sound must meet, all of them; without any, every sound passes.

    Attributes:
        under: A file, folder or archive: only sounds with a file that is it or lies in it.
        path_glob: A pattern for whole paths, such as ``"*/kicks/*.wav"``: ``*`` stands for anything, slashes
            too, ``?`` for one character.
        tags: Only sounds that have every one of these tags, in upper or lower case.
        min_duration_s: Only sounds that last at least this long.
        max_duration_s: Only sounds that last at most this long.
        modified_after: Only sounds whose file was modified at this time or later.
        modified_before: Only sounds whose file was modified before this time.
        text: Words, each of which must occur in a sound's names, tags or descriptions.
        include_missing: False leaves out sounds of which no file was there when last looked.

    Raises:
        InvalidInputError: A bound that is no number or below 0, bounds that exclude each other, a time
            without a time zone, an empty place, pattern or tag.

    Example:
        >>> Filters(tags=("kick",), max_duration_s=0.5).is_empty
        False
    """

    under: str | None = None
    path_glob: str | None = None
    tags: tuple[str, ...] = ()
    min_duration_s: float | None = None
    max_duration_s: float | None = None
    modified_after: datetime | None = None
    modified_before: datetime | None = None
    text: str | None = None
    include_missing: bool = True

    def __post_init__(self) -> None:
        tags: object = self.tags
        if not isinstance(tags, tuple) or not all(isinstance(tag, str) and tag.strip() for tag in tags):
            raise InvalidInputError(f"tags are a tuple of words; got {tags!r}.")
        for name in ("under", "path_glob"):
            value = getattr(self, name)
            if value is not None and not value:
                raise InvalidInputError(f"{name} names a place; got an empty text.")
        for name in ("min_duration_s", "max_duration_s"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value >= 0):
                raise InvalidInputError(f"{name} is a number of seconds, 0 or more; got {value!r}.")
        for name in ("modified_after", "modified_before"):
            value = getattr(self, name)
            if value is not None and value.tzinfo is None:
                raise InvalidInputError(f"{name} needs a time zone; got {value.isoformat()}.")
        _check_order("min_duration_s", self.min_duration_s, "max_duration_s", self.max_duration_s)
        _check_order("modified_after", self.modified_after, "modified_before", self.modified_before)

    @property
    def is_empty(self) -> bool:
        """Whether every sound passes."""
        return self == _NONE

    @property
    def words(self) -> tuple[str, ...]:
        """The words of ``text``."""
        return tuple(self.text.split()) if self.text else ()


def glob_to_regex(pattern: str) -> str:
    r"""Turn a pattern with ``*`` and ``?`` into a regular expression for a whole text.

    Example:
        >>> glob_to_regex("a.*")
        '(?s)^a\\..*$'
    """
    parts = {"*": ".*", "?": "."}
    return "(?s)^" + "".join(parts.get(character) or re.escape(character) for character in pattern) + "$"


def _check_order(
    low_name: str, low: float | datetime | None, high_name: str, high: float | datetime | None
) -> None:
    if low is not None and high is not None and low > high:  # type: ignore[operator]
        raise InvalidInputError(f"{low_name} must not exceed {high_name}; got {low} and {high}.")


_NONE = Filters()
