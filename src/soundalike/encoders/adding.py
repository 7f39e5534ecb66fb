"""Adding an encoder's files to the user's folder, where every library finds it by name; and removing it."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from soundalike.core.errors import EncoderError, InvalidInputError, NotFoundError
from soundalike.encoders.base import Encoder
from soundalike.encoders.document import document_path_of, encoder_files, read_document
from soundalike.encoders.file_names import FOLDER_FILE, check_name
from soundalike.encoders.own_folder import own_encoder, own_encoders_folder, replaced_folder
from soundalike.encoders.registry import ENCODERS, load_encoder
from soundalike.encoders.verify import verify_encoder

_PATIENCE_S = 30.0


def add_encoder(path: str | Path, name: str | None = None, *, force: bool = False) -> Encoder:
    """Copy an encoder's files into the user's folder, so that it is known by its name from then on.

    It is tried on noise first, and nothing is kept of one that fails. A process that is killed meanwhile
    leaves the folder as it was.

    Args:
        path: An encoder's JSON file, a model with its manifest beside it, or a folder with an
            ``encoder.json``.
        name: What to call it; by default the name in its manifest. A model's manifest is changed
            accordingly, which gives it a fingerprint of its own.
        force: True replaces another encoder of that name.

    Returns:
        The encoder, from where it is kept.

    Raises:
        NotFoundError: There is no such file.
        EncoderError: It is not an encoder, does not keep its word, or cannot be copied.
        InvalidInputError: The name is not fit, is that of an encoder that comes with soundalike, or is taken
            by another added one.
    """
    given = Path(path).expanduser().absolute()
    if not given.exists():
        raise NotFoundError(f"There is no encoder at {given}.")
    encoder = load_encoder(given)
    verify_encoder(encoder)
    chosen = name or encoder.spec.name
    check_name(chosen)
    if chosen in ENCODERS:
        raise InvalidInputError(
            f"{chosen!r} is the name of an encoder that comes with soundalike or a plug-in; choose another "
            "with --name."
        )
    folder = own_encoders_folder()
    with _locked(folder):
        part = folder / f".{chosen}.part"
        shutil.rmtree(part, ignore_errors=True)
        try:
            _copy(given, part, chosen)
            fingerprint = load_encoder(part).spec.fingerprint  # which checks the copies' hashes
            _refuse_another(chosen, fingerprint, force=force)
            _put_in_place(folder, part, chosen)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return load_encoder(folder / chosen)


def remove_encoder(name: str) -> None:
    """Delete an encoder from the user's folder. Libraries that have listened with it keep their own copy.

    Args:
        name: What it is called.

    Raises:
        NotFoundError: No encoder of that name was added.
        EncoderError: It cannot be deleted.
    """
    folder = own_encoders_folder()
    if own_encoder(name) is None:
        where = "comes with soundalike or a plug-in" if name in ENCODERS else "was never added"
        raise NotFoundError(f"There is no encoder {name!r} to remove: it {where}.")
    with _locked(folder):
        gone = folder / f".{name}.gone"
        shutil.rmtree(gone, ignore_errors=True)
        _delete(replaced_folder(folder, name))
        if (folder / name).exists():
            (folder / name).replace(gone)  # at one stroke, before its files go one by one
            _delete(gone)


def _copy(given: Path, part: Path, name: str) -> None:
    """Copy an encoder's files, the manifest under the one name that is looked for and with its new name."""
    from soundalike.encoders import onnx_manifest  # noqa: PLC0415 (loads scipy, which naming needs not)

    part.mkdir(parents=True)
    for file_name, path in encoder_files(given).items():
        shutil.copyfile(path, part / file_name)
    document = document_path_of(given)
    if document.name != FOLDER_FILE:
        (part / document.name).replace(part / FOLDER_FILE)
    if read_document(part / FOLDER_FILE)["encoder"] == onnx_manifest.KIND:
        manifest = onnx_manifest.load_manifest(part / FOLDER_FILE)
        if manifest.name != name:
            renamed = dataclasses.replace(manifest, name=name)
            onnx_manifest.save_manifest(renamed, part / FOLDER_FILE)


def _refuse_another(name: str, fingerprint: str, *, force: bool) -> None:
    there = own_encoder(name)
    if there is None or force:
        return
    try:
        same = load_encoder(there).spec.fingerprint == fingerprint
    except EncoderError:
        same = False
    if not same:
        raise InvalidInputError(
            f"There is another encoder called {name!r} in {there.parent}; choose another name with --name, "
            "or replace it with --force."
        )


def _put_in_place(folder: Path, part: Path, name: str) -> None:
    """Swap folders so that at every moment one whole encoder is found: see ``own_encoder``."""
    place, old = folder / name, replaced_folder(folder, name)
    if place.exists():
        shutil.rmtree(old, ignore_errors=True)
        place.replace(old)
    part.replace(place)
    shutil.rmtree(old, ignore_errors=True)


def _delete(path: Path) -> None:
    if path.exists():
        shutil.rmtree(path)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Let one process at a time change the folder, and say in a sentence why it cannot be changed."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock", timeout=_PATIENCE_S):
            yield
    except Timeout as error:
        raise EncoderError(f"Another process is changing the encoders in {folder}; try again.") from error
    except OSError as error:
        place = f" ({os.fspath(error.filename)})" if error.filename else ""
        raise EncoderError(
            f"The encoders in {folder} cannot be changed: {error.strerror or error}{place}."
        ) from error
