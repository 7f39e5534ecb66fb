"""What a library remembers about each encoder whose vectors it holds."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from soundalike.core.errors import LibraryCorruptError


@dataclass(frozen=True, slots=True)
class EncoderRecord:
    """An encoder as its vectors remember it: enough to compare them, without the encoder itself.

    Attributes:
        fingerprint: Name and digest of everything that changes a vector; the vector table's name.
        name: The name that users type.
        space: Fingerprint of the encoder whose vectors these may be compared with.
        dims: Size D of a vector.
        metric: ``"cosine"`` or ``"euclidean"``.
        unit_length: Whether every vector but that of silence has length 1.
        rate_hz: Sample rate that the encoder listens at.
        window_s: Length of a segment in seconds.
        hop_s: Distance between the starts of two segments in seconds.
        config: Everything else worth keeping: plain JSON values.
    """

    fingerprint: str
    name: str
    space: str
    dims: int
    metric: str
    unit_length: bool
    rate_hz: int
    window_s: float
    hop_s: float
    config: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The record as plain JSON values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> EncoderRecord:
        """Read what ``to_json`` gave; names that this version does not know are passed over.

        Raises:
            LibraryCorruptError: A value is absent.
        """
        known = [f.name for f in dataclasses.fields(cls)]
        absent = [name for name in known if name not in values]
        if absent:
            raise LibraryCorruptError(f"The record of an encoder lacks {', '.join(absent)}.")
        return cls(**{name: values[name] for name in known})
