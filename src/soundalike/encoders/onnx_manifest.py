"""What is declared about an ONNX model so that it can serve as an encoder: the manifest beside its file."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from soundalike.core.errors import InvalidInputError
from soundalike.encoders.base import Metric
from soundalike.encoders.document import config_from, read_document, write_document
from soundalike.encoders.file_names import check_file_name, check_name, check_sha256
from soundalike.encoders.front_end import SamplesFrontEnd
from soundalike.encoders.tag_head import TagHead
from soundalike.encoders.text_tower import TextTower
from soundalike.features.front_end import LogMelFrontEnd

KIND = "onnx"
"""What a manifest's file says by ``encoder``."""

Padding: TypeAlias = Literal["zeros", "repeat"]
FrontEnd: TypeAlias = SamplesFrontEnd | LogMelFrontEnd

_SAMPLES = SamplesFrontEnd()
_MOST_VALUES = 1 << 24  # of one segment: 64 MiB in float32, nine minutes at 32 kHz
_HIGHEST_RATE_HZ = 1_000_000
_LONGEST_TEXT = 10_000
_MOST_DIMS, _MOST_BATCH_ROWS = 1 << 16, 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxManifest:
    """What a model is, and what its vectors mean.

    Attributes:
        name: The encoder's name: up to 64 lower-case letters, digits and hyphens.
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
        licence: Under which licence the weights may be used: ``"Apache-2.0"``; "" where it is not known.
        training_data: What the model was trained on, in a sentence or two.
        tags: A second output with the scores of named classes; None where there is none.
        text_tower: A second model that makes vectors of texts in the same space; None where there is none.
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
    licence: str = ""
    training_data: str = ""
    tags: TagHead | None = None
    text_tower: TextTower | None = None

    def __post_init__(self) -> None:
        check_name(self.name)
        check_file_name("file", self.file)
        check_sha256("sha256", self.sha256)
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
        if not -300.0 <= self.silence_db <= 0.0:
            raise InvalidInputError(f"silence_db lies between -300 and 0 dB; got {self.silence_db:g}.")
        for name in ("licence", "training_data"):
            if len(getattr(self, name)) > _LONGEST_TEXT:
                raise InvalidInputError(f"{name} has more than {_LONGEST_TEXT} characters.")
        if self.text_tower is not None and self.file in self.text_tower.files:
            raise InvalidInputError(f"The model and its text tower share the file name {self.file!r}.")
        if self.tags is not None and self.tags.output == self.output:
            raise InvalidInputError(f"Vectors and scores of tags cannot both be the output {self.output!r}.")
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

    @property
    def files(self) -> tuple[str, ...]:
        """Names of all files that the encoder consists of, beside the manifest itself."""
        return (self.file, *(self.text_tower.files if self.text_tower else ()))

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


_NOT_IN_FINGERPRINT = {"licence", "training_data", "tags", "text_tower"}  # no vector depends on them
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
    tags=TagHead(output="tags", names=("template",)),
    text_tower=TextTower(
        file="text.onnx",
        sha256="0" * 64,
        vocabulary_file="vocab.json",
        vocabulary_sha256="0" * 64,
        merges_file="merges.txt",
        merges_sha256="0" * 64,
    ),
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
