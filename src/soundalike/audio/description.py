"""What a sound file says of itself in words: container tags, broadcast WAVE chunks."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import BinaryIO

from tinytag import TinyTag, TinyTagException

from soundalike.audio.bwf import bwf_fields
from soundalike.audio.container import AudioInfo
from soundalike.audio.text import clean_text

# Names that containers use, and the one that a library keeps.
_NAMES = {
    "title": "title", "artist": "artist", "album": "album", "album_artist": "album_artist",
    "albumartist": "album_artist", "composer": "composer", "genre": "genre", "comment": "comment",
    "comments": "comment", "date": "date", "year": "date", "creation_time": "date", "track": "track",
    "description": "description", "synopsis": "description", "copyright": "copyright",
    "license": "license", "publisher": "publisher", "keywords": "keywords", "keyword": "keywords",
    "grouping": "grouping", "location": "location", "bpm": "bpm", "tbpm": "bpm", "initialkey": "key",
    "originator": "originator", "originator_reference": "originator_reference",
    "origination_date": "origination_date", "origination_time": "origination_time",
}  # fmt: skip
_TAG_FIELDS = ("genre", "keywords")
_MAX_TAGS = 64
_MAX_TAG_CHARACTERS = 100


@dataclass(frozen=True, slots=True)
class Description:
    """What a file says of itself.

    Attributes:
        tags: Words to filter by, in lower case: genres and keywords.
        fields: Named texts to search in: ``title``, ``artist``, ``comment``, ``description``, ``scene``...
    """

    tags: tuple[str, ...] = ()
    fields: dict[str, str] = field(default_factory=dict)


def describe(file: BinaryIO, name: str, info: AudioInfo | None) -> Description:
    """Read what a file says of itself in words.

    Args:
        file: The file's bytes; its position is kept.
        name: The file's name with extension.
        info: What opening it gave, None where it was not opened (its tags are then read from the bytes).

    Returns:
        Tags and fields, cleaned and bounded in length. A damaged tag is left out, never an error.
    """
    raw = dict(info.tags) if info is not None else _read_tags(file, name)
    fields: dict[str, str] = {}
    for key, value in raw.items():
        kept = _NAMES.get(key.lower())
        text = clean_text(value)
        if kept and text and kept not in fields:
            fields[kept] = text
    fields.update(bwf_fields(file))
    words: dict[str, None] = {}
    for key in _TAG_FIELDS:
        for word in re.split(r"[;,/|]", fields.get(key, "")):
            if 0 < len(word.strip()) <= _MAX_TAG_CHARACTERS:
                words[word.strip().lower()] = None
    return Description(tuple(words)[:_MAX_TAGS], fields)


def _read_tags(file: BinaryIO, name: str) -> dict[str, str]:
    at = file.tell()
    try:
        file.seek(0)
        tag = TinyTag.get(name, file_obj=file, duration=False)
    except (TinyTagException, ValueError, OSError, LookupError, ArithmeticError):
        return {}
    except Exception as error:  # a damaged tag: the reader unpacks it without looking
        if type(error).__module__ not in {"struct", "zlib", "binascii", "builtins"}:
            raise
        return {}
    finally:
        file.seek(at)
    return {
        key.lstrip("_"): str(value[0] if isinstance(value, list) else value)
        for key, value in tag.as_dict().items()
        if value and key not in {"filename", "filesize", "images"}
    }
