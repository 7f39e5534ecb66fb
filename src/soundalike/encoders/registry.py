"""The encoders that can be asked for by name, and loading one by name or by path."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from soundalike.core.errors import EncoderError, NotFoundError
from soundalike.core.registry import Registry
from soundalike.encoders.base import Encoder

DEFAULT_ENCODER = "spectral"
"""The encoder that is used where none is named."""

ENCODERS: Registry[Callable[[], Encoder]] = Registry(
    "encoder", "soundalike.encoders", {"spectral": "soundalike.encoders.spectral:create"}
)
"""Names of encoders; each stands for a function that takes nothing and makes one."""


def encoder_names() -> list[str]:
    """Names of all encoders that come with soundalike or with an installed plug-in, sorted."""
    return ENCODERS.names()


def load_encoder(name_or_path: str | Path = DEFAULT_ENCODER) -> Encoder:
    """Make an encoder.

    Args:
        name_or_path: The name of an encoder (see :func:`encoder_names`); or the path of a JSON config that
            ``save_config`` wrote, or of an ONNX model with its manifest, or of the folder that holds them.
            A name goes before a path of the same spelling; ``./name`` is always a path.

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
    path = Path(name_or_path)
    if not path.exists():
        raise NotFoundError(
            f"There is no encoder called {str(name_or_path)!r} and no file of that path; "
            f"the encoders are: {', '.join(encoder_names())}."
        )
    return _load_path(path)


def _load_path(path: Path) -> Encoder:
    if path.is_file() and path.suffix == ".json":
        from soundalike.encoders.spectral import SpectralEncoder
        from soundalike.encoders.spectral_config import load_config

        return SpectralEncoder(load_config(path))
    raise EncoderError(f"{path} is not an encoder: expected a .json config.")


def _checked(encoder: object, name: str) -> Encoder:
    """A plug-in's function may return anything."""
    if not isinstance(encoder, Encoder):
        raise EncoderError(f"The encoder {name!r} gave a {type(encoder).__name__}, not an Encoder.")
    return encoder
