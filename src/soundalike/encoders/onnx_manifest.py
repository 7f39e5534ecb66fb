"""What is declared about an ONNX model so that it can serve as an encoder: the manifest beside its file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from soundalike.core.errors import InvalidInputError
from soundalike.encoders.base import Metric
from soundalike.encoders.document import config_from, read_document, write_document

KIND = "onnx"
"""What a manifest's file says by ``encoder``."""

Padding: TypeAlias = Literal["zeros", "repeat"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxManifest:
    """What a model is, and what its vectors mean.

    Attributes:
        name: The encoder's name: lower-case letters, digits and hyphens.
        version: The model's version, raised with every training.
        file: Name of the model's file, in the same folder as the manifest.
        sha256: SHA-256 of that file, 64 hexadecimal digits in lower case.
        rate_hz: Sample rate that the model listens at.
        window_samples: Length T of the segments that it takes.
        hop_samples: Distance between the starts of two segments.
        dims: Size D of its vectors.
        metric: What they are compared with: see :class:`soundalike.encoders.base.EncoderSpec`.
        unit_length: Whether they have length 1.
        space: Fingerprint of the encoder whose vectors its own may be compared with; None for its own.
        silence_db: How far below the loudest frame a frame counts as silence, in dB.
        input: Name of the model's input: float32 of shape ``(batch, T)``, the batch of any size.
        output: Name of its output: float32 of shape ``(batch, D)``.
        padding: What stands behind a sound that is shorter than a segment: ``"zeros"``, or the sound again
            (``"repeat"``).
        batch_rows: How many segments go through the model at once, at most.
    """

    name: str
    version: int
    file: str
    sha256: str
    rate_hz: int
    window_samples: int
    hop_samples: int
    dims: int
    metric: Metric = "cosine"
    unit_length: bool = True
    space: str | None = None
    silence_db: float = -50.0
    input: str = "segments"
    output: str = "vectors"
    padding: Padding = "zeros"
    batch_rows: int = 32

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9-]+", self.name):
            raise InvalidInputError(f"name takes lower-case letters, digits and hyphens; got {self.name!r}.")
        if self.file in ("", ".", "..") or re.search(r"[/\\\0:]", self.file):
            raise InvalidInputError(
                f"file is the name of a file in the manifest's own folder; got {self.file!r}."
            )
        if not re.fullmatch(r"[0-9a-f]{64}", self.sha256):
            raise InvalidInputError(f"sha256 has 64 hexadecimal digits in lower case; got {self.sha256!r}.")
        sizes = {
            name: getattr(self, name)
            for name in ("version", "rate_hz", "window_samples", "hop_samples", "dims", "batch_rows")
        }
        small = {name: size for name, size in sizes.items() if size < 1}
        if small:
            raise InvalidInputError(f"These must be at least 1: {small}.")
        if self.metric not in ("cosine", "euclidean") or self.padding not in ("zeros", "repeat"):
            raise InvalidInputError(
                "metric is 'cosine' or 'euclidean' and padding is 'zeros' or 'repeat'; "
                f"got {self.metric!r} and {self.padding!r}."
            )


_TEMPLATE = OnnxManifest(
    name="template",
    version=1,
    file="model.onnx",
    sha256="0" * 64,
    rate_hz=1,
    window_samples=1,
    hop_samples=1,
    dims=1,
    space="template",
)


def save_manifest(manifest: OnnxManifest, path: Path) -> None:
    """Write a manifest as JSON.

    Args:
        manifest: What to write.
        path: Where, in the folder of the model: ``encoder.json`` to load the encoder by its folder, or the
            model's name with ``.json`` for ``.onnx``. An existing file is replaced.
    """
    write_document(path, KIND, manifest)


def load_manifest(path: Path) -> OnnxManifest:
    """Read what :func:`save_manifest` wrote.

    Args:
        path: A JSON file.

    Returns:
        The manifest.

    Raises:
        EncoderError: Not such a file, or one with other fields or values out of range.
    """
    return config_from(read_document(path), KIND, _TEMPLATE, what=str(path))
