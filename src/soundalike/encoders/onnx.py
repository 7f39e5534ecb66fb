"""The host of ONNX models: any model with a manifest is an encoder, run on the CPU by ONNX Runtime."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundalike.core.arrays import FloatArray, IntArray
from soundalike.core.errors import EncoderError, InvalidInputError
from soundalike.encoders.base import Encoder
from soundalike.encoders.file_names import FOLDER_FILE
from soundalike.encoders.front_end import FRAMES_AT_ONCE, spectra_at
from soundalike.encoders.onnx_manifest import OnnxManifest, load_manifest, save_manifest
from soundalike.encoders.onnx_session import check_end, named_end, open_session, read_checked, sha256_of
from soundalike.encoders.onnx_spec import spec_of
from soundalike.encoders.text_encoder import TextEncoder
from soundalike.features.front_end import LogMelFrontEnd, front_end_spectra

__all__ = ["OnnxEncoder", "load", "sha256_of"]

_UNIT_TOLERANCE = 1e-3  # float16 models keep a length of 1 to about this
_ROWS_AT_ONCE = 256  # segments of samples in memory at once


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
        self.spec = spec_of(manifest)
        path = folder / manifest.file
        self._session = open_session(read_checked(path, manifest.sha256, what="model"), path)
        self._channels = _check_ends(self._session, manifest, path)
        self.folder = folder
        self._text: TextEncoder | None = None
        absent = [name for name in manifest.files if not (folder / name).is_file()]
        if absent:
            raise EncoderError(f"The encoder {manifest.name} in {folder} lacks its file {absent[0]}.")

    def encode(self, segments: FloatArray, lengths: IntArray) -> FloatArray:
        """Encode a batch of segments: see :meth:`soundalike.encoders.base.Encoder.encode`.

        Raises:
            InvalidInputError: Segments of another shape than declared.
            EncoderError: The model fails, or its vectors are not what the manifest declares.
        """
        self._check_segments(segments, lengths)
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
            first = int(at.min())
            piece = samples[first : int((at + long).max())]  # a pass over hours must not cost hours
            spectra = spectra_at(piece, at - first, long, spec.window_samples, front_end, spec.rate_hz)
            out[rows] = self._vectors(spectra, partial(_are_silent, piece, at - first, long))
        return out

    @property
    def tag_names(self) -> tuple[str, ...]:
        """The classes that the model tells apart: see :attr:`soundalike.encoders.base.Encoder.tag_names`."""
        return self.manifest.tags.names if self.manifest.tags else ()

    def tag_scores(self, segments: FloatArray, lengths: IntArray) -> FloatArray:
        """Tell how likely every class is: see :meth:`soundalike.encoders.base.Encoder.tag_scores`."""
        head = self.manifest.tags
        if head is None:
            return super().tag_scores(segments, lengths)
        self._check_segments(segments, lengths)
        out = np.empty((len(segments), len(head.names)), np.float32)
        for rows in self._passes(len(segments)):
            fed = self._fed(self._filled(segments[rows], lengths[rows]))
            out[rows] = head.probabilities(self._output(head.output, fed, len(head.names), "scores of tags"))
        if out.size and (out.min() < 0.0 or out.max() > 1.0):
            raise EncoderError(
                f"{self.spec.name} declares probabilities of tags; they reach from {out.min():.4g} to "
                f"{out.max():.4g}."
            )
        return out

    @property
    def reads_text(self) -> bool:
        """Whether there is a text tower: see :attr:`soundalike.encoders.base.Encoder.reads_text`."""
        return self.manifest.text_tower is not None

    def encode_text(self, texts: Sequence[str]) -> FloatArray:
        """Turn texts into vectors: see :meth:`soundalike.encoders.base.Encoder.encode_text`.

        The text tower is opened with the first texts.
        """
        if self.manifest.text_tower is None:
            return super().encode_text(texts)
        if self._text is None:
            spec = self.spec
            self._text = TextEncoder(self.manifest.text_tower, self.folder, spec.dims, spec.unit_length)
        return self._text.encode(texts)

    def save(self, folder: Path) -> bool:
        """Copy its model, with the manifest: see :meth:`soundalike.encoders.base.Encoder.save`."""
        for name in self.manifest.files:
            shutil.copyfile(self.folder / name, folder / name)
        save_manifest(self.manifest, folder / FOLDER_FILE)
        return True

    def _passes(self, count: int) -> Iterator[slice]:
        """Cut many segments into runs whose spectra fit into memory."""
        frames = self.manifest.input_shape[1] if len(self.manifest.input_shape) == 2 else 1
        rows = self.manifest.batch_rows
        rows *= max(1, min(FRAMES_AT_ONCE // frames, _ROWS_AT_ONCE) // rows)
        for first in range(0, count, rows):
            yield slice(first, first + rows)

    def _check_segments(self, segments: FloatArray, lengths: IntArray) -> None:
        window = self.spec.window_samples
        if segments.ndim != 2 or segments.shape[1] != window or lengths.shape != segments.shape[:1]:
            raise InvalidInputError(
                f"Expected segments of shape (B, {window}) and lengths (B,); "
                f"got {segments.shape} and {lengths.shape}."
            )

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
        vectors = self._output(self.manifest.output, fed, self.spec.dims, "vectors")
        return self._of_length_one(vectors, are_silent)

    def _output(self, name: str, fed: FloatArray, size: int, what: str) -> FloatArray:
        """Run the model some rows at a time, and check what comes of one of its outputs."""
        batch = self.manifest.batch_rows
        out = np.empty((len(fed), size), np.float32)
        for first in range(0, len(fed), batch):
            rows = fed[first : first + batch]
            found = self._run(name, rows)
            self._check_values(found, (len(rows), size), what)
            out[first : first + batch] = found
        return out

    def _run(self, output: str, fed: FloatArray) -> Any:
        if self._channels:
            fed = fed[:, None]
        try:
            (found,) = self._session.run([output], {self.manifest.input: fed})
        except Exception as error:
            raise EncoderError(
                f"The model of {self.spec.name} failed on a batch of {len(fed)}: {error}"
            ) from error
        return found

    def _check_values(self, values: Any, expected: tuple[int, ...], what: str) -> None:
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


def _check_ends(session: Any, manifest: OnnxManifest, path: Path) -> bool:
    """Compare the model's input and outputs with the manifest before any sound goes through.

    Returns:
        Whether the input has an axis of one channel.
    """
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if [end.name for end in inputs] != [manifest.input]:
        raise EncoderError(
            f"The model {path} should have one input, {manifest.input!r}; "
            f"it has {', '.join(repr(end.name) for end in inputs)}."
        )
    fed = manifest.input_shape
    check_end(inputs[0], [fed, (1, *fed)] if len(fed) == 2 else [fed], path)
    check_end(named_end(outputs, manifest.output, path), [(manifest.dims,)], path)
    if manifest.tags is not None:
        check_end(named_end(outputs, manifest.tags.output, path), [(len(manifest.tags.names),)], path)
    return len(inputs[0].shape) == 2 + len(fed)


def _are_zero(segments: FloatArray) -> NDArray[np.bool_]:
    """Tell which segments hold nothing but zeros."""
    return np.asarray(~segments.any(axis=1))


def _are_silent(samples: FloatArray, starts: IntArray, lengths: IntArray) -> NDArray[np.bool_]:
    """Tell which stretches hold nothing but zeros."""
    sounding = np.concatenate([[0], np.cumsum(samples != 0.0)])
    return np.asarray(sounding[starts + lengths] == sounding[starts])
