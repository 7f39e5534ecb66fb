"""Fetching a large file that is known beforehand: resumed after a break, used only if it is the right one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs
from filelock import FileLock, Timeout

from soundalike.core.errors import DownloadError, EncoderError
from soundalike.core.units import human_size
from soundalike.encoders.onnx_session import sha256_of
from soundalike.sources import Limits
from soundalike.sources.download import OnBytes, download, parse_url
from soundalike.sources.network import Deadline, is_public_address, resolve

_ATTEMPTS = 30  # connections for one file, each of which has to bring something
_ATTEMPT_S = 120.0
_RESOLVE_S = 30.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file that is to be fetched.

    Attributes:
        address: Where it is.
        size_bytes: Its size; None where it is not known.
        sha256: Its SHA-256; None where it is not known.
        max_bytes: The largest size that is fetched.
    """

    address: str
    size_bytes: int | None
    sha256: str | None
    max_bytes: int


def downloads_folder() -> Path:
    """The folder of files that are being fetched: ``downloads`` in the platform's folder for caches."""
    return Path(platformdirs.user_cache_dir("soundalike", appauthor=False)) / "downloads"


@contextmanager
def fetched(wanted: Wanted, folder: Path, *, trusted: bool, on_bytes: OnBytes) -> Iterator[Path]:
    """Fetch a file, and delete it when it has been used.

    A broken connection is taken up again where it broke, as long as every attempt brings something. What came
    is kept otherwise, and a later call goes on from there; a whole file whose checksum is known, and whose
    use failed, is not fetched again.

    Args:
        wanted: Which file.
        folder: Where parts of files are kept.
        trusted: Whether the address was typed by the user: it may lie in a private network then.
        on_bytes: Told how far it is.

    Yields:
        The file's path, after its size and checksum were compared.

    Raises:
        DownloadError: It cannot be fetched.
        EncoderError: It is another file than expected, which is deleted; another process is fetching it; or
            the folder cannot be used.
    """
    part = folder / f"{hashlib.sha256(wanted.address.encode()).hexdigest()[:16]}.part"
    lock = FileLock(part.with_suffix(".lock"), timeout=0)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        raise EncoderError(f"Another process is fetching {wanted.address}; wait for it to end.") from error
    except OSError as error:
        raise EncoderError(f"The folder {folder} cannot be used: {error.strerror or error}.") from error
    try:
        if not _is_there(wanted, part):
            _fetch(wanted, part, trusted=trusted, on_bytes=on_bytes)
            _check_or_delete(wanted, part)
        try:
            yield part
        except Exception:
            if wanted.sha256 is None:  # nothing says that it is whole: the next attempt begins anew
                part.unlink(missing_ok=True)
            raise
        part.unlink(missing_ok=True)
    finally:
        lock.release()


def fetch_small(address: str, target: Path, max_bytes: int) -> None:
    """Fetch a small file that the user named into another, at one go.

    Raises:
        DownloadError: It cannot be fetched.
    """
    limits = Limits(
        max_download_bytes=max_bytes,
        max_download_s=_ATTEMPT_S,
        allow_private_addresses=_is_private(address),
    )
    download(parse_url(address), target, limits)


def check_file(wanted: Wanted, path: Path) -> None:
    """Compare a file with what is known of it.

    Raises:
        EncoderError: It cannot be read, or its size or checksum is another.
    """
    try:
        size_bytes = path.stat().st_size
        digest = sha256_of(path) if size_bytes <= wanted.max_bytes else ""
    except OSError as error:
        raise EncoderError(f"{path} cannot be read: {error.strerror or error}.") from error
    if size_bytes > wanted.max_bytes or wanted.size_bytes not in (None, size_bytes):
        expected = wanted.size_bytes or wanted.max_bytes
        raise EncoderError(f"It should have {expected:,} bytes; it has {size_bytes:,}.")
    if wanted.sha256 not in (None, digest):
        raise EncoderError(f"Its SHA-256 should be {wanted.sha256}; it is {digest}.")


def _is_there(wanted: Wanted, part: Path) -> bool:
    if wanted.sha256 is None or not part.is_file() or part.stat().st_size != wanted.size_bytes:
        return False
    return sha256_of(part) == wanted.sha256


def _fetch(wanted: Wanted, part: Path, *, trusted: bool, on_bytes: OnBytes) -> None:
    url = parse_url(wanted.address)
    limits = Limits(
        max_download_bytes=wanted.size_bytes or wanted.max_bytes,
        max_download_s=_ATTEMPT_S,
        allow_private_addresses=trusted and _is_private(wanted.address),
    )
    if _size(part) > limits.max_download_bytes:
        part.unlink()
    for _ in range(_ATTEMPTS):
        before = _size(part)
        try:
            download(url, part, limits, resume=True, on_bytes=on_bytes)
        except DownloadError as error:
            if _size(part) > before:
                continue
            there = _size(part)
            kept = f" The {human_size(there)} that came are kept for the next attempt." if there else ""
            raise DownloadError(f"{error}{kept}") from error
        else:
            return
    raise DownloadError(f"The connection to {url.host} broke {_ATTEMPTS} times; what came is kept.")


def _check_or_delete(wanted: Wanted, part: Path) -> None:
    try:
        check_file(wanted, part)
    except EncoderError as error:
        part.unlink(missing_ok=True)
        raise EncoderError(
            f"What came from {wanted.address} is not the file that is expected, and was deleted. {error}"
        ) from error


def _is_private(address: str) -> bool:
    """Whether an address leads into a private network by itself, rather than by a redirect."""
    parts = urlsplit(address)
    found = resolve(parts.hostname or "", parts.port or 443, Deadline(_RESOLVE_S), allow_private=True)
    return not any(is_public_address(one) for one in found)


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
