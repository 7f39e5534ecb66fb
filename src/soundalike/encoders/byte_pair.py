"""Byte-pair tokenisation as GPT-2 and RoBERTa use it: texts to the numbers of their pieces."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import pairwise

from soundalike.core.errors import EncoderError, InvalidInputError

LONGEST_TEXT = 2000
"""Characters of a text: far more than any text tower reads, few enough to be cut up in no time."""

_HIGHEST_ID = 2**31 - 1
_CONTRACTION = re.compile(r"'(?:s|t|re|ve|m|ll|d)")
# The same expression over the classes of characters: letter a, number 0, space _, other white s, all else !
_PIECE = re.compile(r"_?a+|_?0+|_?!+|[_s]+(?![a0!])|[_s]+")


class BytePairTokenizer:
    """Cuts texts into the pieces of a vocabulary.

    A text is cut into words by kind of character, a word's bytes are written as printable characters, and the
    pair of neighbouring pieces that stands first in the list of merges is joined until no pair is in it.

    Args:
        vocabulary: The number of every piece.
        merges: Pairs of pieces to be joined, the most important first.

    Raises:
        EncoderError: The vocabulary lacks a single byte or a joined pair, so that a text could have no
            numbers.

    Source:
        Sennrich, Haddow and Birch 2016, Neural machine translation of rare words with subword units,
        algorithm 1, over bytes as in Radford et al. 2019, Language models are unsupervised multitask
        learners, section 2.2.

    Example:
        >>> pieces = [*byte_letters(), "lo", "low"]
        >>> tokenizer = BytePairTokenizer({p: n for n, p in enumerate(pieces)}, [("l", "o"), ("lo", "w")])
        >>> [pieces[n] for n in tokenizer.ids("low lot")]
        ['low', 'Ġ', 'lo', 't']
    """

    def __init__(self, vocabulary: Mapping[str, int], merges: list[tuple[str, str]]) -> None:
        self._vocabulary = vocabulary
        self._ranks = {pair: rank for rank, pair in enumerate(merges)}
        needed = [*byte_letters(), *(left + right for left, right in merges)]
        absent = next((piece for piece in needed if piece not in vocabulary), None)
        if absent is not None:
            raise EncoderError(f"The vocabulary lacks the piece {absent!r}, which a text may be cut into.")

    def ids(self, text: str) -> list[int]:
        """Cut a text and look up the numbers of its pieces.

        Raises:
            InvalidInputError: The text is longer than ``LONGEST_TEXT``, or is not Unicode.
        """
        if len(text) > LONGEST_TEXT:
            raise InvalidInputError(f"A text has at most {LONGEST_TEXT} characters; got {len(text)}.")
        letters = byte_letters()
        found: list[int] = []
        for word in _words(text):
            try:
                pieces = [letters[byte] for byte in word.encode()]
            except UnicodeEncodeError as error:
                raise InvalidInputError(f"The text is not Unicode: {error}.") from error
            found += [self._vocabulary[piece] for piece in self._joined(pieces)]
        return found

    def _joined(self, pieces: list[str]) -> list[str]:
        while len(pieces) > 1:
            pairs = set(pairwise(pieces))
            first = min(pairs, key=lambda pair: self._ranks.get(pair, len(self._ranks)))
            if first not in self._ranks:
                break
            merged: list[str] = []
            at = 0
            while at < len(pieces):
                here = tuple(pieces[at : at + 2]) == first
                merged.append(pieces[at] + pieces[at + 1] if here else pieces[at])
                at += 2 if here else 1
            pieces = merged
        return pieces


def read_vocabulary(content: bytes, *, what: str) -> dict[str, int]:
    """Read a ``vocab.json``: an object with the number of every piece.

    Args:
        content: The file.
        what: Where it comes from, for messages.

    Raises:
        EncoderError: It is something else.
    """
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise EncoderError(f"{what} is not a vocabulary: {error}.") from error
    if not isinstance(found, dict) or not found:
        raise EncoderError(f"{what} is not a vocabulary: expected a JSON object of pieces and numbers.")
    wrong = next((p for p, n in found.items() if type(n) is not int or not 0 <= n <= _HIGHEST_ID), None)
    if wrong is not None:
        raise EncoderError(
            f"{what}: the piece {wrong!r} has no whole number from 0 on; got {found[wrong]!r}."
        )
    return found


def read_merges(content: bytes, *, what: str) -> list[tuple[str, str]]:
    """Read a ``merges.txt``: two pieces with a space between them on every line, after a line of its version.

    Args:
        content: The file.
        what: Where it comes from, for messages.

    Raises:
        EncoderError: It is something else.
    """
    try:
        lines = content.decode().split("\n")
    except UnicodeDecodeError as error:
        raise EncoderError(f"{what} is not a list of merges: {error}.") from error
    merges: list[tuple[str, str]] = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or (number == 1 and line.startswith("#version")):
            continue
        pieces = line.rstrip("\r").split(" ")
        if len(pieces) != 2 or not all(pieces):
            raise EncoderError(f"{what}: line {number} should hold two pieces; got {line[:80]!r}.")
        merges.append((pieces[0], pieces[1]))
    return merges


@lru_cache(maxsize=1)
def byte_letters() -> tuple[str, ...]:
    """The printable character that stands for each of the 256 bytes in vocabularies of this kind.

    Example:
        >>> byte_letters()[ord("a")], byte_letters()[ord(" ")]
        ('a', 'Ġ')
    """
    printable = {
        *range(ord("!"), ord("~") + 1),
        *range(ord("¡"), ord("¬") + 1),
        *range(ord("®"), ord("ÿ") + 1),
    }
    others = iter(range(256, 512))
    return tuple(chr(byte) if byte in printable else chr(next(others)) for byte in range(256))


def _words(text: str) -> Iterator[str]:
    """Cut a text into words: contractions, and runs of letters, numbers or signs with a space before."""
    classes = "".join(map(_class_of, text))
    at = 0
    while at < len(text):
        match = _CONTRACTION.match(text, at) or _PIECE.match(classes, at)
        end = match.end() if match else at + 1
        yield text[at:end]
        at = end


def _class_of(character: str) -> str:
    if character == " ":
        return "_"
    if character.isspace():
        return "s"
    return {"L": "a", "N": "0"}.get(unicodedata.category(character)[0], "!")
