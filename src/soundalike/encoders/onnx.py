"""The host of ONNX models: any model with a manifest is an encoder, run on the CPU by ONNX Runtime."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from soundalike.core.arrays import FloatArray, IntArray
from soundalike.core.errors import EncoderError, InvalidInputError
from soundalike.core.fingerprint import fingerprint
from soundalike.encoders.base import Encoder, EncoderSpec, listening_fingerprint
from soundalike.encoders.onnx_format import has_external_data
from soundalike.encoders.onnx_manifest import OnnxManifest, load_manifest

CODE_VERSION = 1
"""Raised when the same model would give another vector for the same samples."""

_MAX_BYTES = 2**31 - 1  # protobuf's own limit
_UNIT_TOLERANCE = 1e-3  # float16 models keep a length of 1 to about this
_ERRORS_ONLY = 3  # ONNX Runtime's log level


class OnnxEncoder(Encoder):
    """An encoder that is an ONNX model in one file.

    Weights outside the model's file are refused, wherever they lie: the fingerprint covers one file, and a
    model must not make the program read other files. One thread per encoder: several encoders run side by
    side in processes of their own.

    A segment's vector in a batch may differ from its vector alone by rounding, in the order of 1e-6: ONNX
    Runtime picks its routines by the batch's size.

    Args:
        manifest: What the model is.
        folder: Where the model's file lies.

    Raises:
        EncoderError: The file is absent, too large, or another than the manifest says; it is not a model that
            ONNX Runtime can run; or its inputs and outputs are not those of the manifest.
    """

    def __init__(self, manifest: OnnxManifest, folder: Path) -> None:
        self.manifest = manifest
        digest = fingerprint(manifest.name, CODE_VERSION, manifest, [listening_fingerprint()])
        self.spec = EncoderSpec(
            name=manifest.name,
            fingerprint=digest,
            space=manifest.space or digest,
            dims=manifest.dims,
            metric=manifest.metric,
            unit_length=manifest.unit_length,
            rate_hz=manifest.rate_hz,
            window_samples=manifest.window_samples,
            hop_samples=manifest.hop_samples,
            silence_db=manifest.silence_db,
        )
        path = folder / manifest.file
        self._session = _open_session(_read_model(path, manifest.sha256), path)
        _check_ends(self._session, manifest, path)

    def encode(self, segments: FloatArray, lengths: IntArray) -> FloatArray:
        """Encode a batch of segments: see :meth:`soundalike.encoders.base.Encoder.encode`.

        Raises:
            InvalidInputError: Segments of another shape than declared.
            EncoderError: The model fails, or its vectors are not what the manifest declares.
        """
        window = self.spec.window_samples
        if segments.ndim != 2 or segments.shape[1] != window or lengths.shape != segments.shape[:1]:
            raise InvalidInputError(
                f"Expected segments of shape (B, {window}) and lengths (B,); "
                f"got {segments.shape} and {lengths.shape}."
            )
        out = np.empty((len(segments), self.spec.dims), np.float32)
        for first in range(0, len(segments), self.manifest.batch_rows):
            rows = slice(first, first + self.manifest.batch_rows)
            filled = self._filled(segments[rows], lengths[rows])
            out[rows] = self._checked(self._run(filled), filled)
        return out

    def _filled(self, segments: FloatArray, lengths: IntArray) -> FloatArray:
        """Put what the manifest declares behind the end of every sound."""
        offsets = np.arange(self.spec.window_samples)
        if self.manifest.padding == "repeat":
            return np.take_along_axis(segments, offsets % lengths[:, None], axis=1)
        return np.where(offsets < lengths[:, None], segments, np.float32(0.0))

    def _run(self, segments: FloatArray) -> Any:
        try:
            (vectors,) = self._session.run([self.manifest.output], {self.manifest.input: segments})
        except Exception as error:
            raise EncoderError(
                f"The model of {self.spec.name} failed on a batch of {len(segments)}: {error}"
            ) from error
        return vectors

    def _checked(self, vectors: Any, segments: FloatArray) -> FloatArray:
        """Hold the model to its manifest; bring unit vectors to length 1 in float32."""
        expected = (len(segments), self.spec.dims)
        if not isinstance(vectors, np.ndarray) or vectors.shape != expected:
            shape = getattr(vectors, "shape", type(vectors).__name__)
            raise EncoderError(f"{self.spec.name} should give vectors of shape {expected}; it gave {shape}.")
        if not np.isfinite(vectors).all():
            raise EncoderError(f"{self.spec.name} gave a vector with values that are NaN or infinite.")
        if not self.spec.unit_length:
            return vectors.astype(np.float32, copy=False)
        lengths = np.sqrt(np.add.reduce(np.square(vectors, dtype=np.float64), axis=1))
        silent = (lengths == 0.0) & ~segments.any(axis=1)
        wrong = np.flatnonzero((np.abs(lengths - 1.0) > _UNIT_TOLERANCE) & ~silent)
        if len(wrong):
            raise EncoderError(
                f"{self.spec.name} declares vectors of length 1; one has length {lengths[wrong[0]]:.4g}."
            )
        return np.asarray(vectors / np.where(silent, 1.0, lengths)[:, None], dtype=np.float32)


def load(path: Path) -> OnnxEncoder:
    """Make an encoder from a manifest.

    Args:
        path: The manifest's JSON file, in the folder of the model.

    Raises:
        EncoderError: See :class:`OnnxEncoder`.
    """
    return OnnxEncoder(load_manifest(path), path.parent)


def sha256_of(path: Path) -> str:
    """Take the SHA-256 of a file, for a manifest."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_model(path: Path, sha256: str) -> bytes:
    """Read a model's bytes once, so that what is checked is what is run."""
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise EncoderError(f"The model {path} cannot be read: {error}.") from error
    if len(content) > _MAX_BYTES:
        raise EncoderError(f"The model {path} is larger than {_MAX_BYTES} bytes.")
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise EncoderError(
            f"The model {path} is not the one of its manifest: expected SHA-256 {sha256}, got {found}."
        )
    return content


def _open_session(content: bytes, path: Path) -> Any:
    if has_external_data(content):
        raise EncoderError(f"The model {path} keeps weights in other files; save it as one file.")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    options.use_deterministic_compute = True
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise EncoderError(f"ONNX Runtime cannot load the model {path}: {error}") from error


def _check_ends(session: Any, manifest: OnnxManifest, path: Path) -> None:
    """Compare the model's input and output with the manifest before any sound goes through."""
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if [end.name for end in inputs] != [manifest.input]:
        raise EncoderError(
            f"The model {path} should have one input, {manifest.input!r}; "
            f"it has {', '.join(repr(end.name) for end in inputs)}."
        )
    by_name = {end.name: end for end in outputs}
    if manifest.output not in by_name:
        raise EncoderError(
            f"The model {path} should have an output {manifest.output!r}; "
            f"it has {', '.join(map(repr, by_name))}."
        )
    for end, size in ((inputs[0], manifest.window_samples), (by_name[manifest.output], manifest.dims)):
        shape = list(end.shape or [])
        # A size may be left open (None or a name); what comes out is checked with every batch then.
        fits = len(shape) == 2 and not isinstance(shape[0], int)
        fits = fits and (shape[1] == size or not isinstance(shape[1], int))
        if end.type != "tensor(float)" or not fits:
            raise EncoderError(
                f"{end.name!r} of the model {path} should be tensor(float) of shape (any, {size}); "
                f"it is {end.type} of shape {tuple(shape)}."
            )
