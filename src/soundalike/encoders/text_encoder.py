"""Running a text tower: texts to vectors of an encoder's space, to search sounds with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from soundalike.core.arrays import FloatArray, IntArray
from soundalike.core.errors import EncoderError, InvalidInputError
from soundalike.encoders.byte_pair import BytePairTokenizer, read_merges, read_vocabulary
from soundalike.encoders.onnx_session import check_end, named_end, open_session, read_checked
from soundalike.encoders.text_tower import TextTower

_MAX_TOKENIZER_BYTES = 64 * 1024 * 1024
_TEXTS_AT_ONCE = 32


class TextEncoder:
    """A text tower that is ready to use.

    Args:
        tower: What the manifest says of it.
        folder: Where its files lie.
        dims: Size D of the space's vectors.
        unit_length: Whether they have length 1.

    Raises:
        EncoderError: A file is absent, damaged, or another than the manifest says, or the model's inputs and
            output are not those of the manifest.
    """

    def __init__(self, tower: TextTower, folder: Path, dims: int, unit_length: bool) -> None:
        self._tower, self._dims, self._unit_length = tower, dims, unit_length
        vocabulary = self._read_tokenizer(folder)
        path = folder / tower.file
        self._session = open_session(read_checked(path, tower.sha256, what="text tower"), path)
        inputs = {end.name: end for end in self._session.get_inputs()}
        wanted = {tower.ids_input, tower.mask_input}
        if set(inputs) != wanted:
            raise EncoderError(
                f"The text tower {path} should have the inputs {sorted(wanted)}; it has {sorted(inputs)}."
            )
        for end in inputs.values():
            check_end(end, [(None,)], path, ("tensor(int64)", "tensor(int32)"))
        check_end(named_end(self._session.get_outputs(), tower.output, path), [(dims,)], path)
        self._types = {name: np.dtype(end.type[7:-1]) for name, end in inputs.items()}
        sizes = [end.shape[1] for end in inputs.values() if isinstance(end.shape[1], int)]
        self._fixed_tokens = sizes[0] if sizes else None
        if self._fixed_tokens not in (None, tower.max_tokens):
            raise EncoderError(
                f"The text tower {path} reads {self._fixed_tokens} tokens; its manifest says "
                f"{tower.max_tokens}."
            )
        self._start, self._end, self._padding = (
            vocabulary[piece] for piece in (tower.start_piece, tower.end_piece, tower.padding_piece)
        )

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Turn texts into vectors.

        Args:
            texts: Any number of them.

        Returns:
            Shape ``(B, D)``, float32, finite.

        Raises:
            InvalidInputError: A text is too long for any use, or is not text.
            EncoderError: The model fails, or its vectors are not finite or have no length.
        """
        out = np.empty((len(texts), self._dims), np.float32)
        for rows, ids, mask in self._batches(texts):
            out[rows] = self._run(ids, mask)
        return out

    def _read_tokenizer(self, folder: Path) -> dict[str, int]:
        tower = self._tower
        path = folder / tower.vocabulary_file
        content = read_checked(
            path, tower.vocabulary_sha256, what="vocabulary", max_bytes=_MAX_TOKENIZER_BYTES
        )
        vocabulary = read_vocabulary(content, what=str(path))
        for piece in (tower.start_piece, tower.end_piece, tower.padding_piece):
            if piece not in vocabulary:
                raise EncoderError(
                    f"The vocabulary {path} lacks the piece {piece!r} that its manifest names."
                )
        path = folder / tower.merges_file
        content = read_checked(
            path, tower.merges_sha256, what="list of merges", max_bytes=_MAX_TOKENIZER_BYTES
        )
        self._tokenizer = BytePairTokenizer(vocabulary, read_merges(content, what=str(path)))
        return vocabulary

    def _batches(self, texts: Sequence[str]) -> Iterator[tuple[slice, IntArray, IntArray]]:
        """Numbers and masks of some texts at a time, padded to the longest of them."""
        for first in range(0, len(texts), _TEXTS_AT_ONCE):
            rows = slice(first, first + _TEXTS_AT_ONCE)
            kept = self._tower.max_tokens - 2
            cut = [
                [self._start, *self._tokenizer.ids(text)[:kept], self._end]
                for text in map(_checked, texts[rows])
            ]
            size = self._fixed_tokens or max(map(len, cut))
            ids = np.full((len(cut), size), self._padding, np.int64)
            for row, numbers in zip(ids, cut, strict=True):
                row[: len(numbers)] = numbers
            lengths = np.array([len(numbers) for numbers in cut])
            yield rows, ids, (np.arange(size) < lengths[:, None]).astype(np.int64)

    def _run(self, ids: IntArray, mask: IntArray) -> FloatArray:
        tower = self._tower
        fed = {tower.ids_input: ids, tower.mask_input: mask}
        fed = {name: array.astype(self._types[name]) for name, array in fed.items()}
        try:
            (vectors,) = self._session.run([tower.output], fed)
        except Exception as error:
            raise EncoderError(f"The text tower failed on a batch of {len(ids)}: {error}") from error
        return self._of_length_one(vectors, (len(ids), self._dims))

    def _of_length_one(self, vectors: Any, expected: tuple[int, int]) -> FloatArray:
        if not isinstance(vectors, np.ndarray) or vectors.shape != expected:
            shape = getattr(vectors, "shape", type(vectors).__name__)
            raise EncoderError(f"The text tower should give vectors of shape {expected}; it gave {shape}.")
        if not np.isfinite(vectors).all():
            raise EncoderError("The text tower gave a vector with values that are NaN or infinite.")
        if not self._unit_length:
            return vectors.astype(np.float32, copy=False)
        lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
        if not lengths.all():
            raise EncoderError("The text tower gave a vector without a length, which points nowhere.")
        return np.asarray(vectors / lengths, dtype=np.float32)


def _checked(text: object) -> str:
    if not isinstance(text, str):
        raise InvalidInputError(f"Expected texts; got {type(text).__name__}.")
    return text
