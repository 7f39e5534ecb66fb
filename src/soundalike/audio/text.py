"""Text out of files, made safe to keep and to show."""

from __future__ import annotations

import unicodedata

MAX_TEXT_CHARACTERS = 4096


def clean_text(value: str | bytes) -> str:
    r"""Clean a text that came out of a file.

    Bytes end at their first NUL and are read as UTF-8, invalid ones replaced. Control characters become
    spaces, white space is joined to single spaces, and what is longer than 4,096 characters is cut.

    Example:
        >>> clean_text(b"Door\x07 slam \xc3\xa9\x00junk")
        'Door slam é'
    """
    if isinstance(value, bytes):
        value = value.split(b"\x00", 1)[0].decode("utf-8", "replace")
    value = value[: 4 * MAX_TEXT_CHARACTERS]
    # Surrogates cannot be written as UTF-8; format characters stay, since some scripts need them.
    stand_ins = {"Cc": " ", "Cs": "?"}
    kept = (stand_ins.get(unicodedata.category(sign), sign) for sign in value)
    return " ".join("".join(kept).split())[:MAX_TEXT_CHARACTERS]
