"""Finding words in columns of text, in any script, whatever their case or composition."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from soundalike.core.arrays import BoolArray

_JSON_KEY = r'"(?:[^"\\]|\\.)*"\s*:'


def searchable(names: pa.ChunkedArray, tags: pa.ChunkedArray, fields: pa.ChunkedArray) -> pa.Array:
    """One text per row to look for words in.

    Args:
        names: Texts.
        tags: Lists of texts.
        fields: JSON objects of texts; their keys are not looked into.
    """
    values = pc.replace_substring_regex(fields, _JSON_KEY, "")
    joined = pc.binary_join(tags, " ")
    return folded(pc.binary_join_element_wise(names, joined, values, "\n"))


def folded(texts: pa.Array | pa.ChunkedArray) -> pa.Array:
    r"""Texts without differences of case and composition.

    Example:
        >>> import pyarrow as pa
        >>> folded(pa.array(["E\u0301COLE"]))[0].as_py()
        'école'
    """
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks() if texts.num_chunks != 1 else texts.chunk(0)
    # Upper case first: the two small sigmas and the like have one capital.
    return pc.utf8_lower(pc.utf8_upper(pc.utf8_normalize(texts, form="NFKC")))


def contains_every_word(texts: pa.Array, words: Sequence[str]) -> BoolArray:
    """Which folded texts contain every word, shape ``(len(texts),)``."""
    mask: BoolArray = np.ones(len(texts), np.bool_)
    for word in folded(pa.array(list(words), pa.string())).to_pylist():
        mask &= np.asarray(pc.match_substring(texts, word), np.bool_)
    return mask
