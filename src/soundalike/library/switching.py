"""Moving a library to another encoder: what is absent is computed, what was there stays, then it switches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow.compute as pc

from soundalike.core.errors import LibraryError
from soundalike.core.units import human_count
from soundalike.encoders import Encoder
from soundalike.ingest import Report
from soundalike.ingest.run import encoder_record
from soundalike.storage import Store


@dataclass(frozen=True, slots=True)
class Derived:
    """Something that was computed from the vectors of a space, and can be computed anew.

    Attributes:
        path: The file or folder.
        size_bytes: Its size.
    """

    path: Path
    size_bytes: int


@dataclass(frozen=True, slots=True)
class SwitchReport:
    """What was done to move a library to another encoder.

    Attributes:
        before: Fingerprint of the encoder that searches used; None for a library that had none.
        after: Fingerprint of the one that was asked for.
        switched: False where it was in use already, or where the computing was stopped by Ctrl-C.
        computed: What was added with the new encoder; None where every sound had its vectors.
        without: Sounds that have no vectors of it, as their files are away: they cannot be found with it.
        derived: What was computed from the old space and is not used any more, such as indexes and the
            calibration of scores. It is left there for searches that name the old encoder, and is safe to
            delete.
    """

    before: str | None
    after: str
    switched: bool
    computed: Report | None = None
    without: int = 0
    derived: tuple[Derived, ...] = ()

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C came before all was computed; the same call again goes on from there."""
        return self.computed is not None and self.computed.interrupted


def switch_encoder(
    store: Store, encoder: Encoder, add: Callable[[], Report], *, force: bool = False
) -> SwitchReport:
    """Compute the vectors that are absent, then let searches use another encoder.

    Args:
        store: The library's tables.
        encoder: What to use.
        add: Adds everything that the library knows the place of with that encoder.
        force: True switches although some sounds have no vectors of it.

    Returns:
        What was done.

    Raises:
        LibraryError: Some sounds have no vectors of it, and ``force`` is False.
    """
    before, after = store.default_encoder, encoder.spec.fingerprint
    computed = add() if sounds_without(store, after) else None
    without = sounds_without(store, after)
    if computed is not None and computed.interrupted:
        return SwitchReport(before, after, False, computed, without)
    if without and not force:
        raise LibraryError(_would_be_lost(store, encoder, without))
    if before == after:
        return SwitchReport(before, after, False, computed, without)
    derived = derived_from(store, before)
    with store.write() as writer:
        without = sounds_without(store, after)  # another process may have added some since
        if without and not force:
            raise LibraryError(_would_be_lost(store, encoder, without))
        writer.ensure_encoder(encoder_record(encoder), default=True)
    return SwitchReport(before, after, True, computed, without, derived)


def _would_be_lost(store: Store, encoder: Encoder, without: int) -> str:
    return (
        f"{human_count(without, 'sound')} of {store.path} would have no vectors of {encoder.spec.name}: "
        "their files are away or cannot be read. Nothing was switched. Bring them back, or use --force; "
        "they cannot be found then."
    )


def sounds_without(store: Store, fingerprint: str) -> int:
    """Count the sounds of a library, away or not, that have no vectors of an encoder."""
    ids = pc.unique(store.read_files(columns=["sound_id"]).column("sound_id").drop_null()).to_pylist()
    known = fingerprint in store.encoders()
    return len(set(ids) - (store.sound_ids_with_vectors(fingerprint) if known else set()))


def derived_from(store: Store, fingerprint: str | None) -> tuple[Derived, ...]:
    """List what lies in a library that was computed from an encoder's space."""
    record = store.encoders().get(fingerprint) if fingerprint else None
    folder = store.derived_path / record.space if record else None
    if folder is None or not folder.is_dir():
        return ()
    return tuple(Derived(path, _size_of(path)) for path in sorted(folder.iterdir()))


def _size_of(path: Path) -> int:
    files = [path] if path.is_file() else [inside for inside in path.rglob("*") if inside.is_file()]
    return sum(file.stat().st_size for file in files)
