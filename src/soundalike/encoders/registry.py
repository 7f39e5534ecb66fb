"""The encoders that can be asked for by name, and loading one by name or by path."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from soundalike.core.errors import EncoderError, NotFoundError
from soundalike.core.registry import Registry
from soundalike.encoders.base import Encoder
from soundalike.encoders.document import document_path_of, read_document
from soundalike.encoders.models import shipped_manifests
from soundalike.encoders.own_folder import own_encoder, own_encoder_names

DEFAULT_ENCODER = "ear"
"""The encoder that is used where none is named."""

FORMER_DEFAULTS = ("spectral",)
"""What libraries of older versions listen with unless they were moved; they are told how."""

BUILT_IN = {"spectral": "soundalike.encoders.spectral:create"} | {
    name: f"soundalike.encoders.models:{name}" for name in shipped_manifests()
}
"""The encoders that come with soundalike, and the addresses of what makes them."""

ENCODERS: Registry[Callable[[], Encoder]] = Registry("encoder", "soundalike.encoders", BUILT_IN)
"""Names of encoders; each stands for a function that takes nothing and makes one."""

ENCODER_FILES: Registry[Callable[[Path], Encoder]] = Registry(
    "kind of encoder",
    "soundalike.encoder_files",
    {"spectral": "soundalike.encoders.spectral:load", "onnx": "soundalike.encoders.onnx:load"},
)
"""Kinds of encoders that lie in files; each stands for a function that takes the path of a JSON file."""


def encoder_names() -> list[str]:
    """Names of all encoders: those that come with soundalike or a plug-in, and those that were added."""
    return sorted({*ENCODERS.names(), *own_encoder_names()})


def load_encoder(name_or_path: str | Path = DEFAULT_ENCODER) -> Encoder:
    """Make an encoder.

    Args:
        name_or_path: The name of an encoder (see :func:`encoder_names`); or the path of an encoder's JSON
            file (what ``save_config`` wrote, the manifest of an ONNX model), of an ``.onnx`` model whose
            manifest lies beside it under the same name, or of a folder with an ``encoder.json``. A name goes
            before a path of the same spelling; ``./name`` is always a path.

    Returns:
        The encoder, ready to use.

    Raises:
        NotFoundError: Neither a name nor a path of something that exists.
        EncoderError: It cannot be loaded.

    Example:
        >>> load_encoder("spectral").spec.metric
        'cosine'
    """
    if isinstance(name_or_path, str) and name_or_path in ENCODERS:
        return _checked(ENCODERS.load(name_or_path)(), name_or_path)
    added = own_encoder(name_or_path) if isinstance(name_or_path, str) else None
    if added is not None:
        return _load_path(added)
    path = Path(name_or_path)
    if not path.exists():
        raise NotFoundError(
            f"There is no encoder called {str(name_or_path)!r} and no file of that path; "
            f"the encoders are: {', '.join(encoder_names())}."
        )
    return _load_path(path)


def _load_path(path: Path) -> Encoder:
    document_path = document_path_of(path)
    kind = read_document(document_path)["encoder"]
    if kind not in ENCODER_FILES:
        raise EncoderError(
            f"{document_path} describes an encoder of kind {kind!r}; "
            f"there are: {', '.join(ENCODER_FILES.names())}."
        )
    return _checked(ENCODER_FILES.load(kind)(document_path), str(document_path))


def _checked(encoder: object, name: str) -> Encoder:
    """A plug-in's function may return anything."""
    if not isinstance(encoder, Encoder):
        raise EncoderError(f"The encoder {name!r} gave a {type(encoder).__name__}, not an Encoder.")
    return encoder
