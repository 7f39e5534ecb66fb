"""What a manifest says of a text tower: a second model, for texts in the same space."""

from __future__ import annotations

from dataclasses import dataclass

from soundalike.core.errors import InvalidInputError
from soundalike.encoders.file_names import check_file_name, check_sha256

_MOST_TOKENS = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class TextTower:
    """What a manifest says of a text tower.

    The model takes the numbers of tokens and a mask, both whole numbers of shape ``(batch, tokens)``: a start
    token, a text's pieces, an end token, then padding up to the longest text of the batch (or to the model's
    own size); the mask is 1 up to the end token and 0 behind. The tokeniser is GPT-2's and RoBERTa's: see
    :class:`soundalike.encoders.byte_pair.BytePairTokenizer`.

    Attributes:
        file: Name of the model's file, in the manifest's folder.
        sha256: SHA-256 of that file.
        vocabulary_file: Name of the vocabulary, a ``vocab.json``.
        vocabulary_sha256: SHA-256 of that file.
        merges_file: Name of the list of merges, a ``merges.txt``.
        merges_sha256: SHA-256 of that file.
        max_tokens: How many tokens the model reads at most, start and end among them; longer texts are cut.
        start_piece: The vocabulary's word for the start.
        end_piece: Its word for the end.
        padding_piece: Its word for what is behind the end.
        ids_input: Name of the model's input of numbers.
        mask_input: Name of its input of masks.
        output: Name of its output: float32 of shape ``(batch, D)``, of any length where the encoder's vectors
            have length 1, to which they are brought.
    """

    file: str
    sha256: str
    vocabulary_file: str
    vocabulary_sha256: str
    merges_file: str
    merges_sha256: str
    max_tokens: int = 77
    start_piece: str = "<s>"
    end_piece: str = "</s>"
    padding_piece: str = "<pad>"
    ids_input: str = "input_ids"
    mask_input: str = "attention_mask"
    output: str = "vectors"

    def __post_init__(self) -> None:
        names = (self.file, self.vocabulary_file, self.merges_file)
        for field, name in zip(("file", "vocabulary_file", "merges_file"), names, strict=True):
            check_file_name(f"text_tower.{field}", name)
        for field in ("sha256", "vocabulary_sha256", "merges_sha256"):
            check_sha256(f"text_tower.{field}", getattr(self, field))
        if len(set(names)) < len(names):
            raise InvalidInputError(f"The files of a text tower have different names; got {names}.")
        if not 3 <= self.max_tokens <= _MOST_TOKENS:
            raise InvalidInputError(f"max_tokens lies between 3 and {_MOST_TOKENS}; got {self.max_tokens}.")

    @property
    def files(self) -> tuple[str, ...]:
        """Names of all its files."""
        return (self.file, self.vocabulary_file, self.merges_file)
