"""The encoder that a library listens with, and the copy of its files that the library keeps.

An encoder that was given as a file may be gone tomorrow, and one that is called by its name may become
another one when soundalike is upgraded. The library goes on with its copy until it is moved.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from soundalike.core.errors import LibraryError, SoundalikeError
from soundalike.encoders import (
    BUILT_IN,
    DEFAULT_ENCODER,
    ENCODERS,
    FORMER_DEFAULTS,
    Encoder,
    declared_manifest,
    declared_spec,
    encoder_names,
    load_encoder,
    own_encoder,
)
from soundalike.encoders.document import document_path_of, encoder_files
from soundalike.encoders.file_names import FOLDER_FILE
from soundalike.storage import Store
from soundalike.storage.folder import sync_folder

_FOLDER = "encoders"


def encoder_address(store: Store, named: str | None = None) -> str:
    """Find what ``load_encoder`` makes an encoder of a library from.

    Args:
        store: The library's tables.
        named: What the user calls it: a name, a path, or the fingerprint of one that the library has used.
            None means the library's default.

    Returns:
        Its name where that stands for the very encoder, else the path of the library's own copy. Where
        neither makes the same vectors any more (the code has changed, say), its name, or the path of the copy
        where no encoder comes with soundalike by that name. The default encoder's name for a library that has
        none yet; ``named`` where it is not a fingerprint.
    """
    if named is not None and (named in encoder_names() or os.path.exists(named)):  # noqa: PTH110 (Path's raises where it may not look)
        return named
    fingerprint = named or store.default_encoder
    record = store.encoders().get(fingerprint) if fingerprint else None
    if record is None:
        return named or DEFAULT_ENCODER
    kept = _kept_path(store, record.fingerprint)
    if kept is None or record.name not in ENCODERS:
        return kept or record.name
    if record.name in BUILT_IN and _makes(record.name, record.fingerprint):  # a plug-in may be slow to load
        return record.name
    return kept if _makes(kept, record.fingerprint) else record.name


def keep_encoder(store: Store, address: str, encoder: Encoder) -> None:
    """Copy an encoder's files into the library, which can then always load it; once.

    Args:
        store: The library's tables.
        address: What ``load_encoder`` made it from.
        encoder: The encoder. One that is called by its name and is made by code alone has no files to keep.

    Raises:
        LibraryError: The copy cannot be written.
        LibraryBusyError: Another process is writing to the library.
    """
    given = None if address in ENCODERS else own_encoder(address) or Path(address)
    kept = store.path / _FOLDER / encoder.spec.fingerprint
    if kept.exists() or (given is not None and not given.exists()):
        return
    with store.write():  # one process at a time
        part = kept.with_name(kept.name + ".part")
        try:
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
            if _write(encoder, given, part):
                for written in (*part.iterdir(), part):  # on the disk before the name that it is found by
                    sync_folder(written)
                part.replace(kept)
            shutil.rmtree(part, ignore_errors=True)
        except OSError as error:
            raise LibraryError(
                f"The encoder {address} cannot be copied into the library {store.path}: "
                f"{error.strerror or error}."
            ) from error


def newer_encoder(store: Store) -> str | None:
    """Name the encoder that new libraries listen with, where this one has an older default or version.

    Returns:
        Its name; None where the library has no encoder yet or one that was never the default, and where it
        has vectors of the newer one: who moved it back, or stopped a move, was told already.
    """
    known = store.encoders()
    record = known.get(store.default_encoder or "")
    if record is None or record.name not in BUILT_IN:
        return None
    if record.name in FORMER_DEFAULTS:
        return None if any(other.name == DEFAULT_ENCODER for other in known.values()) else DEFAULT_ENCODER
    kept = _kept_path(store, record.fingerprint)
    try:
        ours = declared_manifest(kept) if kept is not None else None
        theirs = declared_manifest(record.name)
        if ours is None or theirs is None or theirs.version <= ours.version:
            return None
        return None if declared_spec(record.name).fingerprint in known else record.name
    except SoundalikeError:  # one of them is damaged: there is nothing to move to, or no telling
        return None


def _kept_path(store: Store, fingerprint: str) -> str | None:
    """The path of the library's own copy of an encoder; None where it has none."""
    kept = store.path / _FOLDER / fingerprint
    files = sorted(kept.iterdir()) if kept.is_dir() else []
    if not files:
        return None
    return str(files[0] if len(files) == 1 else kept)


def _makes(address: str, fingerprint: str) -> bool:
    """Tell whether what is at an address is the encoder of a fingerprint."""
    try:
        return declared_spec(address).fingerprint == fingerprint
    except SoundalikeError:
        return False


def _write(encoder: Encoder, given: Path | None, part: Path) -> bool:
    """Write the files to keep of an encoder, given as a file or called by name; tell whether it has any."""
    if given is not None:
        for name, path in _files(given).items():
            shutil.copy2(path, part / name)
        return True
    if not encoder.save(part):
        return False
    try:  # an upgrade may have put other files there since it was loaded
        return load_encoder(part).spec.fingerprint == encoder.spec.fingerprint
    except SoundalikeError:
        return False


def _files(given: Path) -> dict[str, Path]:
    """The files of an encoder, by the names to keep them under; a model lies beside its manifest."""
    files = encoder_files(given)
    if len(files) == 1:
        return files
    document = document_path_of(given)
    return {FOLDER_FILE if path == document else name: path for name, path in files.items()}
