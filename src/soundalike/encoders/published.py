"""The table of published pretrained encoders that can be installed by name."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from soundalike.core.errors import NotFoundError
from soundalike.features.front_end import LogMelFrontEnd

_TABLE = Path(__file__).with_name("published.json")
_CLASS_NAMES = Path(__file__).with_name("published_audioset.json")

RATE_HZ = 32_000
"""Sample rate that EfficientAT's networks listen at."""

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
