"""Opening ONNX models: read once, checked against their hash, their ends compared with a manifest."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import onnxruntime

from soundalike.core.errors import EncoderError
from soundalike.encoders.onnx_format import has_external_data

_MAX_BYTES = 2**31 - 1  # protobuf's own limit
_ERRORS_ONLY = 3  # ONNX Runtime's log level


def sha256_of(path: Path) -> str:
    """Take the SHA-256 of a file, for a manifest."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_checked(path: Path, sha256: str, *, what: str, max_bytes: int = _MAX_BYTES) -> bytes:
    """Read a file that a manifest names, once, so that what is checked is what is used.

    Args:
        path: The file.
        sha256: What the manifest says of it.
        what: What the file is, for messages: ``"model"``.
        max_bytes: How large it may be.

    Raises:
        EncoderError: It cannot be read, is too large, or is another than the manifest says.
    """
    try:
        with path.open("rb") as file:
            content = file.read(max_bytes + 1)
    except OSError as error:
        raise EncoderError(f"The {what} {path} cannot be read: {error}.") from error
    if len(content) > max_bytes:
        raise EncoderError(f"The {what} {path} is larger than {max_bytes} bytes.")
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise EncoderError(
            f"The {what} {path} is not the one of its manifest: expected SHA-256 {sha256}, got {found}."
        )
    return content


def open_session(content: bytes, path: Path) -> Any:
    """Make an ONNX Runtime session on one thread of the CPU.

    Args:
        content: The model.
        path: The file that it came from, for messages.

    Raises:
        EncoderError: It is not a model that ONNX Runtime can run, or it keeps weights in other files.
    """
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


def check_end(
    end: Any, allowed: list[tuple[int | None, ...]], path: Path, types: tuple[str, ...] = ("tensor(float)",)
) -> None:
    """Compare one input or output with what it may be, the batch left aside.

    Args:
        end: ONNX Runtime's description of it.
        allowed: Shapes without the batch; None for any size. The model may leave a size open (None or a
            name): what comes out is checked with every batch then.
        path: The model's file, for messages.
        types: ONNX Runtime's names of the types that it may have.

    Raises:
        EncoderError: It is something else.
    """
    shape = list(end.shape or [])
    fits = any(
        len(shape) == 1 + len(sizes)
        and not isinstance(shape[0], int)
        and all(
            size is None or found == size or not isinstance(found, int)
            for found, size in zip(shape[1:], sizes, strict=True)
        )
        for sizes in allowed
        if len(shape) == 1 + len(sizes)
    )
    if end.type not in types or not fits:
        wanted = " or ".join(_spelt(sizes) for sizes in allowed)
        raise EncoderError(
            f"{end.name!r} of the model {path} should be {' or '.join(types)} of shape {wanted}; "
            f"it is {end.type} of shape {tuple(shape)}."
        )


def named_end(ends: list[Any], name: str, path: Path) -> Any:
    """Find an output by its name.

    Raises:
        EncoderError: The model has none of that name.
    """
    by_name = {end.name: end for end in ends}
    if name not in by_name:
        raise EncoderError(
            f"The model {path} should have an output {name!r}; it has {', '.join(map(repr, by_name))}."
        )
    return by_name[name]


def _spelt(sizes: tuple[int | None, ...]) -> str:
    return f"(any, {', '.join('any' if size is None else str(size) for size in sizes)})"
