"""The encoder that a library listens with: by name, or from a file that the library keeps a copy of."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from soundalike.core.errors import LibraryError, SoundalikeError
from soundalike.encoders import DEFAULT_ENCODER, ENCODERS, Encoder, encoder_names, load_encoder, own_encoder
from soundalike.encoders.document import document_path_of, encoder_files
from soundalike.encoders.file_names import FOLDER_FILE
from soundalike.storage import Store

_FOLDER = "encoders"


def encoder_address(store: Store, named: str | None = None) -> str:
    """Find what ``load_encoder`` makes an encoder of a library from.

    Args:
        store: The library's tables.
        named: What the user calls it: a name, a path, or the fingerprint of one that the library has used.
            None means the library's default.

    Returns:
        The path of the library's own copy where it was a file, else its name; the default encoder's name for
        a library that has none yet; ``named`` where it is not a fingerprint.
    """
    if named is not None and (named in encoder_names() or os.path.exists(named)):  # noqa: PTH110 (Path's raises where it may not look)
        return named
    fingerprint = named or store.default_encoder
    record = store.encoders().get(fingerprint) if fingerprint else None
    if record is None:
        return named or DEFAULT_ENCODER
    kept = store.path / _FOLDER / record.fingerprint
    files = sorted(kept.iterdir()) if kept.is_dir() else []
    if not files:
        return record.name
    return str(files[0] if len(files) == 1 else kept)


def keep_encoder(store: Store, address: str, encoder: Encoder) -> None:
    """Copy an encoder that was given as a file or folder into the library, which can then always load it.

    Raises:
        LibraryError: The copy cannot be written.
    """
    given = own_encoder(address) or Path(address)
    kept = store.path / _FOLDER / encoder.spec.fingerprint
    if kept.exists() or not given.exists() or _is_name(address, encoder):
        return
    part = kept.with_name(kept.name + ".part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        for name, path in _files(given).items():
            shutil.copy2(path, part / name)
        part.replace(kept)
    except OSError as error:
        raise LibraryError(
            f"The encoder {address} cannot be copied into the library {store.path}: "
            f"{error.strerror or error}."
        ) from error


def _files(given: Path) -> dict[str, Path]:
    """The files of an encoder, by the names to keep them under; a model lies beside its manifest."""
    files = encoder_files(given)
    if len(files) == 1:
        return files
    document = document_path_of(given)
    return {FOLDER_FILE if path == document else name: path for name, path in files.items()}


def _is_name(address: str, encoder: Encoder) -> bool:
    """Tell the name of what comes with soundalike or a plug-in from a path that is spelt the same."""
    if address != encoder.spec.name or address not in ENCODERS:
        return False
    try:
        return load_encoder(address).spec.fingerprint == encoder.spec.fingerprint
    except SoundalikeError:
        return False
