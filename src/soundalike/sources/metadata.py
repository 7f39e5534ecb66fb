"""The check of the metadata that a caller hands over with a source."""

from __future__ import annotations

from collections.abc import Mapping

from soundalike.core.errors import InvalidInputError
from soundalike.sources.addresses import is_unicode

MAX_ENTRIES = 100
MAX_NAME_CHARACTERS = 100
MAX_TEXT_CHARACTERS = 100_000


def check_metadata(metadata: Mapping[str, str] | None) -> dict[str, str]:
    """Check a caller's dictionary of named texts.

    Args:
        metadata: Names of 1 to 100 characters and texts of up to 100,000; at most 100 of them.

    Returns:
        A copy.

    Raises:
        InvalidInputError: Something that is not a text, is not valid Unicode, or is too long or too much.

    Example:
        >>> check_metadata({"recordist": "Ann"})
        {'recordist': 'Ann'}
    """
    if metadata is None:
        return {}
    if not isinstance(metadata, Mapping):
        raise InvalidInputError(f"Metadata is a dictionary of texts; got {type(metadata).__name__}.")
    if len(metadata) > MAX_ENTRIES:
        raise InvalidInputError(f"Metadata takes at most {MAX_ENTRIES} entries; got {len(metadata)}.")
    for name, text in metadata.items():
        if not isinstance(name, str) or not isinstance(text, str):
            raise InvalidInputError(f"Metadata takes texts only; got {name!r}: {type(text).__name__}.")
        if not 1 <= len(name) <= MAX_NAME_CHARACTERS:
            raise InvalidInputError(
                f"A metadata name has 1 to {MAX_NAME_CHARACTERS} characters; got {len(name)}."
            )
        if len(text) > MAX_TEXT_CHARACTERS:
            raise InvalidInputError(
                f"A metadata text has at most {MAX_TEXT_CHARACTERS:,} characters; {name!r} has {len(text):,}."
            )
        if not is_unicode(name) or not is_unicode(text):
            raise InvalidInputError(f"Metadata must be valid Unicode; {name!r} is not.")
    return dict(metadata)
