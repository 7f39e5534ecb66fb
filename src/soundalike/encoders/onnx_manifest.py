"""What is declared about an ONNX model so that it can serve as an encoder: the manifest beside its file."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from soundalike.core.errors import InvalidInputError
from soundalike.encoders.base import Metric
from soundalike.encoders.document import config_from, read_document, write_document
from soundalike.encoders.front_end import SamplesFrontEnd
from soundalike.features.front_end import LogMelFrontEnd

KIND = "onnx"
"""What a manifest's file says by ``encoder``."""

Padding: TypeAlias = Literal["zeros", "repeat"]
FrontEnd: TypeAlias = SamplesFrontEnd | LogMelFrontEnd

_SAMPLES = SamplesFrontEnd()
_MOST_VALUES = 1 << 24  # of one segment: 64 MiB in float32, nine minutes at 32 kHz
_HIGHEST_RATE_HZ = 1_000_000
_MOST_DIMS, _MOST_BATCH_ROWS = 1 << 16, 4096


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
        input: Name of the model's input, float32, the batch of any size: ``(batch, T)`` for samples,
            ``(batch, bands, N)`` or ``(batch, 1, bands, N)``, as the model declares, for spectra.
        output: Name of its output: float32 of shape ``(batch, D)``.
        padding: What stands behind a sound that is shorter than a segment: ``"zeros"``, or the sound again
            (``"repeat"``).
        batch_rows: How many segments go through the model at once, at most.
        front_end: What the model is fed with: the samples themselves, or log-mel spectra of them.
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
    front_end: FrontEnd = _SAMPLES

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
        bounds = {
            "rate_hz": _HIGHEST_RATE_HZ, "window_samples": _MOST_VALUES, "hop_samples": _MOST_VALUES,
            "dims": _MOST_DIMS, "batch_rows": _MOST_BATCH_ROWS,
        }  # fmt: skip
        large = {name: sizes[name] for name, most in bounds.items() if sizes[name] > most}
        if large:
            raise InvalidInputError(f"These are larger than anything that can be meant: {large}.")
        if self.metric not in ("cosine", "euclidean") or self.padding not in ("zeros", "repeat"):
            raise InvalidInputError(
                "metric is 'cosine' or 'euclidean' and padding is 'zeros' or 'repeat'; "
                f"got {self.metric!r} and {self.padding!r}."
            )
        if isinstance(self.front_end, LogMelFrontEnd):
            self._check_front_end(self.front_end)

    def _check_front_end(self, front_end: LogMelFrontEnd) -> None:
        front_end.mel(self.rate_hz)  # refuses bands above half the rate
        count = front_end.count_frames(self.window_samples)
        if count < 1 or count * front_end.bands > _MOST_VALUES:
            raise InvalidInputError(
                f"A segment has at least one frame and {_MOST_VALUES} values at most; {self.window_samples} "
                f"samples have {count} frames of {front_end.bands} bands."
            )

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of what is made of one segment: ``(T,)`` samples, or ``(bands, N)`` spectra."""
        if isinstance(self.front_end, LogMelFrontEnd):
            return (self.front_end.bands, self.front_end.count_frames(self.window_samples))
        return (self.window_samples,)

    def what_makes_vectors(self) -> dict[str, Any]:
        """The fields that a vector depends on, for the fingerprint.

        A front end of samples is left out, so that manifests from before there were others keep theirs.
        """
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {
            name: value
            for name, value in fields.items()
            if name not in _NOT_IN_FINGERPRINT and value != _SAMPLES
        }


_NOT_IN_FINGERPRINT: frozenset[str] = frozenset()
_LOG_MEL_TEMPLATE = LogMelFrontEnd(
    frame_samples=3, hop_samples=1, bands=1, low_hz=0.0, high_hz=1.0, fft_samples=4
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
    document = read_document(path)
    front_end = document.get("front_end")
    template = _TEMPLATE
    if isinstance(front_end, dict) and front_end.get("kind") != "samples":
        template = dataclasses.replace(_TEMPLATE, rate_hz=2, window_samples=3, front_end=_LOG_MEL_TEMPLATE)
    return config_from(document, KIND, template, what=str(path))
