"""A published network as a teacher: what its layers and its classes say of a clip."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from soundalike.core.arrays import FloatArray
from soundalike.core.fingerprint import fingerprint
from soundalike.encoders import mobilenet_onnx
from soundalike.encoders.mobilenet_onnx_weights import read_layers
from soundalike.encoders.pt_archive import read_state_dict
from soundalike.encoders.published import EFFICIENTAT_FRONT_END, RATE_HZ
from soundalike.features.front_end import front_end_spectra

CODE_VERSION = 1
"""Raised when a teacher would say something else of the same clip."""


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
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session: Any = onnxruntime.InferenceSession(
            converted.model, options, providers=["CPUExecutionProvider"]
        )
        said = {"weights": hashlib.sha256(content).hexdigest(), "front_end": EFFICIENTAT_FRONT_END}
        self.spec = TeacherSpec(
            fingerprint=fingerprint("efficientat", CODE_VERSION, said),
            rate_hz=RATE_HZ,
            widths=(*(len(block.project.bias) for block in layers.blocks), len(layers.last.bias)),
            classes=converted.classes,
        )

    def describe(self, clip: FloatArray) -> tuple[FloatArray, FloatArray]:
        """See :class:`Teacher`; a clip under a second is heard with silence behind it."""
        audio = np.pad(clip, (0, max(0, RATE_HZ - len(clip))))
        spectra = front_end_spectra(audio[None], EFFICIENTAT_FRONT_END, RATE_HZ)
        outputs = [mobilenet_onnx.POOLED, mobilenet_onnx.LOGITS]
        pooled, logits = self._session.run(outputs, {mobilenet_onnx.INPUT: spectra})
        return pooled[0], logits[0]


@dataclass(frozen=True, slots=True)
class TargetConfig:
    """How a teacher's features become what a student is taught.

    Attributes:
        dims: Size K of the targets: that many principal components.
        whitening: 0 leaves the components as they vary, 1 makes all vary alike.
        last_weight: How much more than another layer the last one counts.
    """

    dims: int = 256
    whitening: float = 0.5
    last_weight: float = 6.0


class Targets:
    """Principal components of standardised, weighted layers, partly whitened, brought to length 1.

    Fitted on the clips that are trained on. On held-out sounds the components of all layers, whitened, told
    classes apart better than the last layer as it is.

    Args:
        features: Shape ``(N, F)``, any float type.
        widths: Channels of each layer; they sum up to F.
        config: How.
    """

    def __init__(self, features: NDArray[Any], widths: tuple[int, ...], config: TargetConfig) -> None:
        rows = np.asarray(features, np.float32)
        self._mean = rows.mean(axis=0, dtype=np.float64).astype(np.float32)
        spread = rows.std(axis=0, dtype=np.float64).astype(np.float32) + np.float32(1e-3)
        weights = [config.last_weight if at == len(widths) - 1 else 1.0 for at in range(len(widths))]
        each = [
            np.full(width, weight / np.sqrt(width)) for width, weight in zip(widths, weights, strict=True)
        ]
        self._scale = (np.concatenate(each) / spread).astype(np.float32)
        scaled = (rows - self._mean) * self._scale
        values, vectors = np.linalg.eigh(np.cov(scaled.T, dtype=np.float64))
        kept = slice(None, -config.dims - 1, -1)
        powers = np.maximum(values[kept], values[-1] * 1e-9) ** (-config.whitening / 2.0)
        self._projection = (vectors[:, kept] * powers).astype(np.float32)

    def of(self, features: NDArray[Any]) -> FloatArray:
        """The targets of some clips: shape ``(N, F)`` to ``(N, K)``, float32, of length 1."""
        projected = ((np.asarray(features, np.float32) - self._mean) * self._scale) @ self._projection
        lengths = np.linalg.norm(projected, axis=1, keepdims=True)
        return np.asarray(projected / np.maximum(lengths, 1e-12), np.float32)
