"""A published network as a teacher: what its layers and its classes say of a clip."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from soundalike.core.arrays import FloatArray
from soundalike.core.fingerprint import fingerprint
from soundalike.encoders import mobilenet_onnx
from soundalike.encoders.mobilenet_onnx_weights import read_layers
from soundalike.encoders.onnx_session import open_session
from soundalike.encoders.pt_archive import read_state_dict
from soundalike.encoders.published import EFFICIENTAT_FRONT_END, RATE_HZ
from soundalike.features.front_end import front_end_spectra

CODE_VERSION = 2
"""Raised when a teacher would say something else of the same clip."""

LEAST_SAMPLES = 4 * RATE_HZ
"""What a teacher hears at least."""


@dataclass(frozen=True, slots=True)
class TeacherSpec:
    """What a teacher says.

    Attributes:
        fingerprint: Name and digest of everything that changes what it says.
        rate_hz: Sample rate that it listens at.
        widths: Channels of each of its layers whose averages stand side by side in its features; the last
            is the one that its classes stand on.
        classes: Number of classes.
    """

    fingerprint: str
    rate_hz: int
    widths: tuple[int, ...]
    classes: int


class Teacher(Protocol):
    """What labels clips."""

    @property
    def spec(self) -> TeacherSpec:
        """What it says."""
        ...

    def describe(self, clip: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Listen to one clip.

        Args:
            clip: Shape ``(T,)``, float32, at ``spec.rate_hz``.

        Returns:
            Features, shape ``(sum(widths),)``, and logits of the classes, shape ``(classes,)``; float32.
        """
        ...


class MobileNetTeacher:
    """A published EfficientAT network, run by ONNX Runtime on one thread.

    Args:
        archive: Its ``.pt`` file.

    Raises:
        EncoderError: It is not one.
    """

    def __init__(self, archive: Path) -> None:
        content = archive.read_bytes()
        state = read_state_dict(content)
        layers = read_layers(state)
        converted = mobilenet_onnx.convert(state, all_pools=True)
        self._session = open_session(converted.model, archive)
        said = {"weights": hashlib.sha256(content).hexdigest(), "front_end": EFFICIENTAT_FRONT_END}
        self.spec = TeacherSpec(
            fingerprint=fingerprint("efficientat", CODE_VERSION, said),
            rate_hz=RATE_HZ,
            widths=(*(len(block.project.bias) for block in layers.blocks), len(layers.last.bias)),
            classes=converted.classes,
        )

    def describe(self, clip: FloatArray) -> tuple[FloatArray, FloatArray]:
        """See :class:`Teacher`; a short clip is heard again and again, up to 4 s, and not silence behind it.

        On held-out notes, what the layers say then tells instruments apart better: 0.47 against 0.43.
        """
        audio = np.resize(clip, max(len(clip), LEAST_SAMPLES))  # repeats
        spectra = front_end_spectra(audio[None], EFFICIENTAT_FRONT_END, RATE_HZ)
        outputs = [mobilenet_onnx.POOLED, mobilenet_onnx.LOGITS]
        pooled, logits = self._session.run(outputs, {mobilenet_onnx.INPUT: spectra})
        return pooled[0], logits[0]
