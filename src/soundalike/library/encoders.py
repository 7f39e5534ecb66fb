"""The encoder that a library listens with: by name, or from a file that the library keeps a copy of."""

from __future__ import annotations

import shutil
from pathlib import Path

from soundalike.core.errors import SoundalikeError
from soundalike.encoders import DEFAULT_ENCODER, Encoder, load_encoder
from soundalike.storage import Store

_FOLDER = "encoders"


def encoder_address(store: Store) -> str:
    """Find what ``load_encoder`` makes the library's default encoder from.

    Returns:
        The path of the library's own copy where it was a file, else its name; the default encoder's name for
        a library that has none yet.
    """
    fingerprint = store.default_encoder
    record = store.encoders().get(fingerprint) if fingerprint else None
    if record is None:
        return DEFAULT_ENCODER
    kept = store.path / _FOLDER / record.fingerprint
    files = sorted(kept.iterdir()) if kept.is_dir() else []
    if not files:
        return record.name
    return str(files[0] if len(files) == 1 else kept)


def keep_encoder(store: Store, address: str, encoder: Encoder) -> None:
    """Copy an encoder that was given as a file or folder into the library, which can then always load it."""
    given = Path(address)
    kept = store.path / _FOLDER / encoder.spec.fingerprint
    if kept.exists() or not given.exists() or _is_name(address, encoder):
        return
    part = kept.with_name(kept.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    if given.is_dir():
        shutil.copytree(given, part)
    else:
        part.mkdir(parents=True)
        shutil.copy2(given, part / given.name)
    part.replace(kept)


def _is_name(address: str, encoder: Encoder) -> bool:
    """Tell a registered name from the path of a file that is spelt the same."""
    if address != encoder.spec.name:
        return False
    try:
        return load_encoder(address).spec.fingerprint == encoder.spec.fingerprint
    except SoundalikeError:
        return False
