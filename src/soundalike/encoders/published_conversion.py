"""Turning the file of a published encoder into an encoder's folder."""

from __future__ import annotations

import hashlib
from pathlib import Path

from soundalike.core.errors import EncoderError
from soundalike.encoders import mobilenet_onnx
from soundalike.encoders.file_names import FOLDER_FILE
from soundalike.encoders.onnx_manifest import OnnxManifest, save_manifest
from soundalike.encoders.pt_archive import read_state_dict
from soundalike.encoders.published import (
    EFFICIENTAT_FRONT_END,
    RATE_HZ,
    PublishedEncoder,
    audioset_class_names,
)
from soundalike.encoders.tag_head import TagHead

_MODEL_FILE = "model.onnx"
_BATCH_ROWS = 8  # segments of four seconds; larger batches leave the cache and are slower

WINDOW_SAMPLES = 4 * RATE_HZ
"""Length of a segment. The networks were trained on ten seconds; the shorter the segment, the less they tell
apart what a sound is, and the better a search can point to a place in a long recording."""

HOP_SAMPLES = WINDOW_SAMPLES // 2

_TRAINING_DATA = (
    "AudioSet (Gemmeke et al. 2017): two million clips of ten seconds; trained to give the class scores of "
    "an ensemble of transformers, from weights trained on ImageNet (Schmid et al. 2023, Efficient "
    "large-scale audio tagging via transformer-to-CNN knowledge distillation)."
)


def write_published(
    published: PublishedEncoder, archive: Path, folder: Path, *, blocks: int = mobilenet_onnx.POOLED_BLOCKS
) -> Path:
    """Convert the file of a published encoder into an encoder's folder: a model and its manifest.

    Args:
        published: Which one it is.
        archive: The file that its authors published.
        folder: An empty folder to write into.
        blocks: See :func:`soundalike.encoders.mobilenet_onnx.convert`.

    Returns:
        The manifest's path.

    Raises:
        EncoderError: The file is not one that can be read, or not that of this encoder.
    """
    converted = mobilenet_onnx.convert(read_state_dict(archive), blocks=blocks)
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
