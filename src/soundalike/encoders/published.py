"""Published pretrained encoders that can be installed by name, and turning their files into encoders."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from soundalike.core.errors import EncoderError, NotFoundError
from soundalike.encoders import mobilenet_onnx
from soundalike.encoders.file_names import FOLDER_FILE
from soundalike.encoders.onnx_manifest import OnnxManifest, save_manifest
from soundalike.encoders.pt_archive import read_state_dict
from soundalike.encoders.tag_head import TagHead
from soundalike.features.front_end import LogMelFrontEnd

_TABLE = Path(__file__).with_name("published.json")
_CLASS_NAMES = Path(__file__).with_name("published_audioset.json")
_MODEL_FILE = "model.onnx"
_BATCH_ROWS = 8  # segments of four seconds; larger batches leave the cache and are slower

RATE_HZ = 32_000
WINDOW_SAMPLES = 4 * RATE_HZ
"""Length of a segment. The networks were trained on ten seconds; the shorter the segment, the less they tell
apart what a sound is, and the better a search can point to a place in a long recording."""

HOP_SAMPLES = WINDOW_SAMPLES // 2

EFFICIENTAT_FRONT_END = LogMelFrontEnd(
    frame_samples=800,
    hop_samples=320,
    bands=128,
    low_hz=0.0,
    high_hz=15_000.0,
    fft_samples=1024,
    scale="htk",
    triangles="mel",
    pre_emphasis=0.97,
    centred=True,
    window="hann_symmetric",
    power="plain",
    logarithm="natural",
    offset=1e-5,
    shift=4.5,
    divide=5.0,
)
"""What EfficientAT's networks take at 32 kHz.

Source:
    Schmid et al. 2023, section 4.1, and the published code's settings without augmentation: 128 Kaldi bands
    up to 15 kHz, 25 ms windows every 10 ms.
"""

_TRAINING_DATA = (
    "AudioSet (Gemmeke et al. 2017): two million clips of ten seconds; trained to give the class scores of "
    "an ensemble of transformers, from weights trained on ImageNet (Schmid et al. 2023, Efficient "
    "large-scale audio tagging via transformer-to-CNN knowledge distillation)."
)


@dataclass(frozen=True, slots=True)
class PublishedEncoder:
    """One row of the table of published encoders.

    Attributes:
        name: What it is installed and known by.
        about: What it is good for, in a sentence.
        url: Where its authors keep it.
        size_bytes: Size of that file; None where it is not known.
        sha256: SHA-256 of that file; None where nobody could compare it when the table was written.
        licence: Of the weights.
        last_channels: Channels of the network's last convolution: its width.
        classes: Number of classes that it tells apart.
    """

    name: str
    about: str
    url: str
    size_bytes: int | None
    sha256: str | None
    licence: str
    last_channels: int
    classes: int


@cache
def published_encoders() -> dict[str, PublishedEncoder]:
    """The table, by name.

    Example:
        >>> published_encoders()["efficientat-mn04"].licence
        'MIT'
    """
    table = json.loads(_TABLE.read_text(encoding="utf-8"))
    return {name: PublishedEncoder(name=name, **row) for name, row in table.items()}


def published_encoder(name: str) -> PublishedEncoder:
    """Find a published encoder.

    Raises:
        NotFoundError: There is none of that name in the table.
    """
    table = published_encoders()
    if name not in table:
        raise NotFoundError(
            f"There is no published encoder called {name!r}; there are: {', '.join(table)}. "
            "Others can be installed by the address of their manifest."
        )
    return table[name]


@cache
def audioset_class_names() -> tuple[str, ...]:
    """The names of AudioSet's classes, in the order of the scores of networks trained on it.

    Source:
        Gemmeke et al. 2017, Audio Set: An ontology and human-labeled dataset for audio events; the display
        names of ``class_labels_indices.csv``, CC-BY 4.0.

    Example:
        >>> len(audioset_class_names()), audioset_class_names()[0]
        (527, 'Speech')
    """
    return tuple(json.loads(_CLASS_NAMES.read_text(encoding="utf-8"))["names"])


def write_published(published: PublishedEncoder, archive: Path, folder: Path) -> Path:
    """Convert the file of a published encoder into an encoder's folder: a model and its manifest.

    Args:
        published: Which one it is.
        archive: The file that its authors published.
        folder: An empty folder to write into.

    Returns:
        The manifest's path.

    Raises:
        EncoderError: The file is not one that can be read, or not that of this encoder.
    """
    converted = mobilenet_onnx.convert(read_state_dict(archive))
    found = (converted.last_channels, converted.classes)
    if found != (published.last_channels, published.classes):
        raise EncoderError(
            f"{archive} is not {published.name}: expected {published.last_channels} channels at the end and "
            f"{published.classes} classes, got {found[0]} and {found[1]}."
        )
    (folder / _MODEL_FILE).write_bytes(converted.model)
    path = folder / FOLDER_FILE
    save_manifest(_manifest(published, converted), path)
    return path


def _manifest(published: PublishedEncoder, converted: mobilenet_onnx.Converted) -> OnnxManifest:
    return OnnxManifest(
        name=published.name,
        version=1,
        file=_MODEL_FILE,
        sha256=hashlib.sha256(converted.model).hexdigest(),
        rate_hz=RATE_HZ,
        window_samples=WINDOW_SAMPLES,
        hop_samples=HOP_SAMPLES,
        dims=converted.dims,
        input=mobilenet_onnx.INPUT,
        output=mobilenet_onnx.EMBEDDING,
        padding="repeat",
        batch_rows=_BATCH_ROWS,
        front_end=EFFICIENTAT_FRONT_END,
        licence=published.licence,
        training_data=_TRAINING_DATA,
        tags=TagHead(output=mobilenet_onnx.SCORES, names=audioset_class_names()),
    )
