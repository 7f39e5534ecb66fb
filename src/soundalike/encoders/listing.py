"""What there is to listen with: every encoder by name, with what its manifest tells."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from soundalike.core.errors import EncoderError, NotFoundError, SoundalikeError
from soundalike.encoders.base import EncoderSpec
from soundalike.encoders.document import document_path_of, read_document
from soundalike.encoders.models import shipped_manifests
from soundalike.encoders.own_folder import own_encoder
from soundalike.encoders.registry import BUILT_IN, DEFAULT_ENCODER, ENCODERS, encoder_names, load_encoder

if TYPE_CHECKING:
    from soundalike.encoders.onnx_manifest import OnnxManifest

Origin: TypeAlias = Literal["soundalike", "plug-in", "added"]


@dataclass(frozen=True, slots=True)
class ListedEncoder:
    """One encoder that can be asked for by name.

    Attributes:
        name: What it is asked for by.
        origin: Where it comes from: with ``"soundalike"``, with a ``"plug-in"``, or ``"added"`` by the user.
        default: Whether it is what a new library listens with.
        path: Its folder or manifest; None where it has none.
        spec: What it declares; None where it cannot be loaded.
        manifest: What a model's manifest says; None for encoders of other kinds.
        problem: Why it cannot be loaded; None where nothing speaks against it.
    """

    name: str
    origin: Origin
    default: bool
    path: Path | None
    spec: EncoderSpec | None = None
    manifest: OnnxManifest | None = None
    problem: str | None = None


def list_encoders() -> list[ListedEncoder]:
    """List the encoders that can be asked for by name, sorted; a broken one is listed with its problem.

    Models are not opened: their manifests tell.
    """
    return [describe_encoder(name) for name in encoder_names()]


def describe_encoder(name: str) -> ListedEncoder:
    """Describe one encoder.

    Args:
        name: What it is asked for by.

    Raises:
        NotFoundError: There is none of that name.
    """
    path = _path_of(name)
    origin: Origin = "added"
    if name in ENCODERS:
        origin = "soundalike" if name in BUILT_IN else "plug-in"
    elif path is None:
        raise NotFoundError(
            f"There is no encoder called {name!r}; the encoders are: {', '.join(encoder_names())}."
        )
    default = name == DEFAULT_ENCODER
    from soundalike.encoders.onnx_spec import spec_of  # noqa: PLC0415 (loads scipy, which naming needs not)

    try:
        manifest = _manifest_of(path)
        spec = spec_of(manifest) if manifest else load_encoder(name).spec
    except SoundalikeError as error:
        return ListedEncoder(name, origin, default, path, problem=str(error))
    return ListedEncoder(name, origin, default, path, spec, manifest)


def declared_spec(name_or_path: str) -> EncoderSpec:
    """Tell what an encoder declares, as ``load_encoder`` takes it; a model is not opened: its manifest tells.

    Raises:
        NotFoundError: Neither a name nor a path of something that exists.
        EncoderError: It cannot be loaded.
    """
    manifest = declared_manifest(name_or_path)
    if manifest is None:
        return load_encoder(name_or_path).spec
    from soundalike.encoders.onnx_spec import spec_of  # noqa: PLC0415 (loads scipy, which naming needs not)

    return spec_of(manifest)


def declared_manifest(name_or_path: str) -> OnnxManifest | None:
    """Read the manifest of an encoder, as ``load_encoder`` takes it; None where it is no model in a file.

    Raises:
        EncoderError: It is damaged, or a file of the model is absent.
    """
    path = _path_of(name_or_path)
    if path is None and name_or_path not in ENCODERS and Path(name_or_path).exists():
        path = Path(name_or_path)
    return _manifest_of(path)


def _path_of(name: str) -> Path | None:
    return shipped_manifests().get(name) or (None if name in ENCODERS else own_encoder(name))


def _manifest_of(path: Path | None) -> OnnxManifest | None:
    """The manifest of an encoder that is an ONNX model."""
    from soundalike.encoders.onnx_manifest import KIND, load_manifest  # noqa: PLC0415

    if path is None:
        return None
    document_path = document_path_of(path)
    if read_document(document_path)["encoder"] != KIND:
        return None
    manifest = load_manifest(document_path)
    absent = next((name for name in manifest.files if not (document_path.parent / name).is_file()), None)
    if absent is not None:
        raise EncoderError(f"The file {absent} is missing in {document_path.parent}.")
    return manifest
