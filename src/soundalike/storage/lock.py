"""One writer at a time: a lock that the operating system takes back from a process that died."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from soundalike.core.errors import LibraryBusyError, LibraryError
from soundalike.storage.folder import LOCK_FILE, WRITER_FILE


@contextmanager
def writer_lock(path: Path, timeout_s: float = 0.0) -> Iterator[None]:
    """Hold a library's writer's lock.

    Args:
        path: The library's folder.
        timeout_s: How long to wait for another writer to end.

    Raises:
        LibraryBusyError: Another writer holds it; the message says which, where it is known.
        LibraryError: The folder cannot be written to.
    """
    lock = FileLock(path / LOCK_FILE, timeout=timeout_s, thread_local=False)
    try:
        lock.acquire(poll_interval=0.02)
    except Timeout:
        raise LibraryBusyError(
            f"Another process is writing to the library {path}{_holder(path)}; searching works meanwhile."
        ) from None
    except OSError as error:
        raise LibraryError(
            f"The library {path} cannot be written to: {error.strerror or error}. Reading works."
        ) from error
    try:
        _sign(path)
        yield
    finally:
        (path / WRITER_FILE).unlink(missing_ok=True)
        lock.release()


def _sign(path: Path) -> None:
    """Leave word of who holds the lock: a hint for messages only, so that its absence does no harm."""
    word = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    try:
        (path / WRITER_FILE).write_text(json.dumps(word), encoding="utf-8")
    except OSError as error:
        if isinstance(error, PermissionError):
            raise LibraryError(f"The library {path} cannot be written to: {error.strerror}.") from error


def _holder(path: Path) -> str:
    """Who holds the lock, as part of a sentence; empty where nobody left word."""
    try:
        word = json.loads((path / WRITER_FILE).read_text(encoding="utf-8"))
        return f" (process {word['pid']} on {word['host']}, since {word['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return ""
