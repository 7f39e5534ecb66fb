"""Byte-pair tokenisation: against a plain reading of the algorithm, and its files."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest

from soundalike.core.errors import EncoderError, InvalidInputError
from soundalike.encoders.byte_pair import (
    LONGEST_TEXT,
    BytePairTokenizer,
    _words,
    byte_letters,
    read_merges,
    read_vocabulary,
)

MERGES = [("a", "b"), ("ab", "a"), ("b", "a"), ("ba", "b"), ("Ġ", "a"), ("aba", "b"), ("Ã", "©")]


def tokenizer(merges: list[tuple[str, str]] = MERGES) -> tuple[BytePairTokenizer, list[str]]:
    pieces = list(dict.fromkeys([*byte_letters(), *map("".join, merges)]))
    return BytePairTokenizer({piece: n for n, piece in enumerate(pieces)}, merges), pieces


def slowly(word: str, merges: list[tuple[str, str]]) -> list[str]:
    """Every merge of the list in its order, each until it is found no more."""
    pieces = [byte_letters()[byte] for byte in word.encode()]
    for _ in range(len(pieces)):
        best = min((merges.index(pair) for pair in pairwise(pieces) if pair in merges), default=None)
        if best is None:
            break
        at, joined = 0, []
        while at < len(pieces):
            if tuple(pieces[at : at + 2]) == merges[best]:
                joined.append("".join(merges[best]))
                at += 2
            else:
                joined.append(pieces[at])
                at += 1
        pieces = joined
    return pieces


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello world's  12 cats!", ["Hello", " world", "'s", " ", " 12", " cats", "!"]),
        ("don't stop'll", ["don", "'t", " stop", "'ll"]),
        ("rock'n'roll", ["rock", "'", "n", "'", "roll"]),
        ("a\n\n b", ["a", "\n\n", " b"]),
        ("\ta", ["\t", "a"]),
        ("  two", [" ", " two"]),
        ("x²  ", ["x", "²", "  "]),
        ("snare_808 (dry)", ["snare", "_", "808", " (", "dry", ")"]),
        ("grüße 日本", ["grüße", " 日本"]),
        ("", []),
    ],
)
def test_words_as_gpt_2_cuts_them(text: str, words: list[str]) -> None:
    assert list(_words(text)) == words


def test_pieces_are_joined_in_the_order_of_the_merges() -> None:
    made, pieces = tokenizer()
    rng = np.random.default_rng(0)
    for _ in range(200):
        word = "".join(rng.choice(list("aab"), rng.integers(1, 12)))
        assert [pieces[n] for n in made.ids(word)] == slowly(word, MERGES)


def test_bytes_beyond_ascii() -> None:
    made, pieces = tokenizer()
    assert [pieces[n] for n in made.ids("é ß")] == ["Ã©", "Ġ", "Ã", byte_letters()[0x9F]]
    assert made.ids("a") == [pieces.index("a")]


def test_every_byte_has_a_letter_of_its_own() -> None:
    assert len(set(byte_letters())) == 256
    assert all(letter.isprintable() and letter != " " for letter in byte_letters())


def test_files_are_read() -> None:
    assert read_vocabulary(b'{"a": 0, "b": 7}', what="v") == {"a": 0, "b": 7}
    assert read_merges("#version: 0.2\na b\n\nĠ a\r\n".encode(), what="m") == [("a", "b"), ("Ġ", "a")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[]", "expected a JSON object"),
        (b"{}", "expected a JSON object"),
        (b"{", "v is not a vocabulary"),
        (b"\xff", "v is not a vocabulary"),
        (b"[" * 100_000, "v is not a vocabulary"),
        (b'{"a": "0"}', "'a' has no whole number"),
        (b'{"a": -1}', "'a' has no whole number from 0 on; got -1"),
        (b'{"a": true}', "'a' has no whole number"),
        (json.dumps({"a": 2**31}).encode(), "'a' has no whole number"),
    ],
)
def test_other_vocabularies_are_refused(content: bytes, message: str) -> None:
    with pytest.raises(EncoderError, match=message):
        read_vocabulary(content, what="v")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfe", "m is not a list of merges"),
        (b"a b\na b c\n", "m: line 2 should hold two pieces; got 'a b c'"),
        (b"a b\nabc\n", "line 2 should hold two pieces"),
    ],
)
def test_other_merges_are_refused(content: bytes, message: str) -> None:
    with pytest.raises(EncoderError, match=message):
        read_merges(content, what="m")


def test_a_vocabulary_that_lacks_pieces_is_refused() -> None:
    with pytest.raises(EncoderError, match="lacks the piece 'a'"):
        BytePairTokenizer({letter: n for n, letter in enumerate(byte_letters()) if letter != "a"}, [])
    with pytest.raises(EncoderError, match="lacks the piece 'zz'"):
        BytePairTokenizer({letter: n for n, letter in enumerate(byte_letters())}, [("z", "z")])


def test_texts_that_are_too_long_or_no_unicode_are_refused() -> None:
    made, _ = tokenizer()
    assert len(made.ids("b" * LONGEST_TEXT)) == LONGEST_TEXT
    with pytest.raises(InvalidInputError, match="at most 2000 characters; got 2001"):
        made.ids("b" * (LONGEST_TEXT + 1))
    with pytest.raises(InvalidInputError, match="The text is not Unicode"):
        made.ids("\ud800")
