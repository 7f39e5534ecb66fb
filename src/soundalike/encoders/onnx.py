"""The host of ONNX models: any model with a manifest is an encoder, run on the CPU by ONNX Runtime."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from soundalike.core.arrays import FloatArray, IntArray
from soundalike.core.errors import EncoderError, InvalidInputError
from soundalike.core.fingerprint import fingerprint
from soundalike.encoders.base import Encoder, EncoderSpec, listening_fingerprint
from soundalike.encoders.front_end import FRAMES_AT_ONCE, spectra_at
from soundalike.encoders.onnx_format import has_external_data
from soundalike.encoders.onnx_manifest import OnnxManifest, load_manifest
from soundalike.features.front_end import LogMelFrontEnd, front_end_spectra

CODE_VERSION = 1
"""Raised when the same model would give another vector for the same samples."""

_MAX_BYTES = 2**31 - 1  # protobuf's own limit
_UNIT_TOLERANCE = 1e-3  # float16 models keep a length of 1 to about this
_ROWS_AT_ONCE = 256  # segments of samples in memory at once
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
        digest = fingerprint(
            manifest.name, CODE_VERSION, manifest.what_makes_vectors(), [listening_fingerprint()]
        )
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
        self._channels = _check_ends(self._session, manifest, path)

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
        for rows in self._passes(len(segments)):
            filled = self._filled(segments[rows], lengths[rows])
            out[rows] = self._vectors(self._fed(filled), partial(_are_zero, filled))
        return out

    def encode_at(self, samples: FloatArray, starts: IntArray, lengths: IntArray) -> FloatArray:
        """Encode stretches of a recording: see :meth:`soundalike.encoders.base.Encoder.encode_at`.

        Frames of spectra that several segments share are computed once, wherever the segments start; what
        the model is fed with is the same bit for bit as in :meth:`encode`.
        """
        front_end = self.manifest.front_end
        if not isinstance(front_end, LogMelFrontEnd) or front_end.centred or self.manifest.padding != "zeros":
            return super().encode_at(samples, starts, lengths)
        self.check_stretches(samples, starts, lengths)
        spec = self.spec
        out = np.empty((len(starts), spec.dims), np.float32)
        for rows in self._passes(len(starts)):
            at, long = starts[rows], lengths[rows]
            spectra = spectra_at(samples, at, long, spec.window_samples, front_end, spec.rate_hz)
            out[rows] = self._vectors(spectra, partial(_are_silent, samples, at, long))
        return out

    def _passes(self, count: int) -> Iterator[slice]:
        """Cut many segments into runs whose spectra fit into memory."""
        frames = self.manifest.input_shape[1] if len(self.manifest.input_shape) == 2 else 1
        rows = self.manifest.batch_rows
        rows *= max(1, min(FRAMES_AT_ONCE // frames, _ROWS_AT_ONCE) // rows)
        for first in range(0, count, rows):
            yield slice(first, first + rows)

    def _filled(self, segments: FloatArray, lengths: IntArray) -> FloatArray:
        """Put what the manifest declares behind the end of every sound."""
        offsets = np.arange(self.spec.window_samples)
        if self.manifest.padding == "repeat":
            return np.take_along_axis(segments, offsets % lengths[:, None], axis=1)
        return np.where(offsets < lengths[:, None], segments, np.float32(0.0))

    def _fed(self, segments: FloatArray) -> FloatArray:
        """Make of filled segments what the model takes."""
        front_end = self.manifest.front_end
        if not isinstance(front_end, LogMelFrontEnd):
            return segments
        return front_end_spectra(segments, front_end, self.spec.rate_hz)

    def _vectors(self, fed: FloatArray, are_silent: Callable[[], NDArray[np.bool_]]) -> FloatArray:
        """Run the model on what it takes, some rows at a time, and hold it to its manifest."""
        batch = self.manifest.batch_rows
        vectors = np.empty((len(fed), self.spec.dims), np.float32)
        for first in range(0, len(fed), batch):
            rows = fed[first : first + batch]
            (found,) = self._run([self.manifest.output], rows)
            self._check_shape(found, (len(rows), self.spec.dims), "vectors")
            vectors[first : first + batch] = found
        return self._of_length_one(vectors, are_silent)

    def _run(self, outputs: list[str], fed: FloatArray) -> list[Any]:
        if self._channels:
            fed = fed[:, None]
        try:
            found: list[Any] = self._session.run(outputs, {self.manifest.input: fed})
        except Exception as error:
            raise EncoderError(
                f"The model of {self.spec.name} failed on a batch of {len(fed)}: {error}"
            ) from error
        return found

    def _check_shape(self, values: Any, expected: tuple[int, ...], what: str) -> None:
        if not isinstance(values, np.ndarray) or values.shape != expected:
            shape = getattr(values, "shape", type(values).__name__)
            raise EncoderError(f"{self.spec.name} should give {what} of shape {expected}; it gave {shape}.")
        if not np.isfinite(values).all():
            raise EncoderError(f"{self.spec.name} gave {what} with values that are NaN or infinite.")

    def _of_length_one(self, vectors: FloatArray, are_silent: Callable[[], NDArray[np.bool_]]) -> FloatArray:
        """Bring unit vectors to length 1 in float32; only silence may have none."""
        if not self.spec.unit_length:
            return vectors.astype(np.float32, copy=False)
        lengths = np.sqrt(np.add.reduce(np.square(vectors, dtype=np.float64), axis=1))
        zero = lengths == 0.0
        if zero.any():
            zero &= are_silent()
        wrong = np.flatnonzero((np.abs(lengths - 1.0) > _UNIT_TOLERANCE) & ~zero)
        if len(wrong):
            raise EncoderError(
                f"{self.spec.name} declares vectors of length 1; one has length {lengths[wrong[0]]:.4g}."
            )
        return np.asarray(vectors / np.where(zero, 1.0, lengths)[:, None], dtype=np.float32)


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


def _check_ends(session: Any, manifest: OnnxManifest, path: Path) -> bool:
    """Compare the model's input and output with the manifest before any sound goes through.

    Returns:
        Whether the input has an axis of one channel.
    """
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
    fed = manifest.input_shape
    _check_end(inputs[0], [fed, (1, *fed)] if len(fed) == 2 else [fed], path)
    _check_end(by_name[manifest.output], [(manifest.dims,)], path)
    return len(inputs[0].shape) == 2 + len(fed)


def _check_end(end: Any, allowed: list[tuple[int, ...]], path: Path) -> None:
    """Compare one input or output with the shapes that it may have, the batch left aside.

    A size may be left open (None or a name); what comes out is checked with every batch then.
    """
    shape = list(end.shape or [])
    fits = any(
        len(shape) == 1 + len(sizes)
        and not isinstance(shape[0], int)
        and all(
            found in (size, None) or isinstance(found, str)
            for found, size in zip(shape[1:], sizes, strict=False)
        )
        for sizes in allowed
    )
    if end.type != "tensor(float)" or not fits:
        wanted = " or ".join(f"(any, {', '.join(map(str, sizes))})" for sizes in allowed)
        raise EncoderError(
            f"{end.name!r} of the model {path} should be tensor(float) of shape {wanted}; "
            f"it is {end.type} of shape {tuple(shape)}."
        )


def _are_zero(segments: FloatArray) -> NDArray[np.bool_]:
    """Tell which segments hold nothing but zeros."""
    return np.asarray(~segments.any(axis=1))


def _are_silent(samples: FloatArray, starts: IntArray, lengths: IntArray) -> NDArray[np.bool_]:
    """Tell which stretches hold nothing but zeros."""
    sounding = np.concatenate([[0], np.cumsum(samples != 0.0)])
    return np.asarray(sounding[starts + lengths] == sounding[starts])
