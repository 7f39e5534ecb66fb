"""Folders of index files that are written all or nothing, and checked before anything is made of them."""

from __future__ import annotations

import contextlib
import hashlib
import json
import mmap
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from soundalike.core.errors import IndexFormatError

FORMAT_VERSION = 1
"""Raised when an older soundalike could misread what this one writes."""

_MANIFEST = "index.json"
_PIECE_BYTES = 1 << 20


class Writable(Protocol):
    """What a file of a folder is written to."""

    def write(self, data: Any) -> int:
        """Write bytes or an array's memory."""
        ...


class _HashingFile:
    """A file that knows the digest of what was written to it."""

    def __init__(self, file: BinaryIO, *, hashed: bool) -> None:
        self._file = file
        self.digest = hashlib.sha256() if hashed else None

    def write(self, data: Any) -> int:
        if self.digest is not None:
            self.digest.update(data)
        return self._file.write(data)


class SavingFolder:
    """A folder while it is being written; see ``save_folder``."""

    def __init__(self, path: Path, kind: str) -> None:
        self.path = path
        self.kind = kind
        self.settings: dict[str, Any] = {}
        self._token = secrets.token_hex(4)
        self._files: dict[str, dict[str, Any]] = {}

    def place(self, name: str) -> Path:
        """Where the file of a name is being written: never a name that is in use."""
        return self.path / f"{name}-{self._token}.bin"

    @contextlib.contextmanager
    def create(self, name: str, *, hashed: bool = True) -> Iterator[Writable]:
        """Write one file. Without ``hashed`` only its size is checked when it is opened."""
        with self.place(name).open("xb") as raw:
            file = _HashingFile(raw, hashed=hashed)
            yield file
            raw.flush()
            os.fsync(raw.fileno())
        digest = file.digest.hexdigest() if file.digest is not None else None
        self._note(name, digest)

    def adopt(self, name: str) -> None:
        """Take in a file that another library wrote at ``place(name)``."""
        with self.place(name).open("rb+") as file:
            digest = _digest(file)
            os.fsync(file.fileno())
        self._note(name, digest)

    def array(self, name: str, dtype: np.dtype[Any], *, mapped: bool = False) -> NDArray[Any]:
        """Read back a file that was written."""
        return _read_array(self.place(name), dtype, mapped=mapped)

    def finish(self) -> None:
        """Make the new files the folder's content, in one step, and drop what was there before."""
        document = {
            "format": FORMAT_VERSION,
            "kind": self.kind,
            "settings": self.settings,
            "files": self._files,
        }
        document["check"] = _check(document)
        temporary = self.path / f"{_MANIFEST}-{self._token}.tmp"
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(document, file, indent=1, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.path / _MANIFEST)
        _sync_folder(self.path)
        current = {str(entry["file"]) for entry in self._files.values()}
        for old in self.path.glob("*.bin"):
            if old.name not in current:
                old.unlink(missing_ok=True)

    def abandon(self) -> None:
        """Drop what was written."""
        for old in self.path.glob(f"*-{self._token}.*"):
            old.unlink(missing_ok=True)

    def _note(self, name: str, digest: str | None) -> None:
        place = self.place(name)
        self._files[name] = {"file": place.name, "size_bytes": place.stat().st_size, "sha256": digest}


@contextlib.contextmanager
def save_folder(path: Path, kind: str) -> Iterator[SavingFolder]:
    """Write a folder all or nothing: whoever opens it finds the old content or the new, at any moment.

    Args:
        path: The folder, made where it is absent.
        kind: The index kind, written down and checked by ``open_folder``.
    """
    path.mkdir(parents=True, exist_ok=True)
    folder = SavingFolder(path, kind)
    try:
        yield folder
        folder.finish()
    except BaseException:
        folder.abandon()
        raise


class OpenFolder:
    """A folder whose files were all found whole; see ``open_folder``."""

    def __init__(self, path: Path, settings: dict[str, Any], files: dict[str, Path]) -> None:
        self.path = path
        self.settings = settings
        self._files = files

    def __contains__(self, name: str) -> bool:
        return name in self._files

    def file(self, name: str) -> Path:
        """Path of a file."""
        if name not in self._files:
            raise IndexFormatError(f"The index in {self.path} is damaged: it has no {name!r}.")
        return self._files[name]

    def array(self, name: str, dtype: np.dtype[Any], *, mapped: bool = False) -> NDArray[Any]:
        """Read or memory-map a file as an array of one axis."""
        try:
            return _read_array(self.file(name), dtype, mapped=mapped)
        except (OSError, ValueError) as error:
            raise IndexFormatError(f"The index in {self.path} cannot be read: {error}.") from error

    def whole_number(self, name: str) -> int:
        """A setting that is a whole number, not negative."""
        value = self.settings.get(name)
        if not isinstance(value, int) or value < 0:
            raise IndexFormatError(f"The index in {self.path} is damaged: {name} is {value!r}.")
        return value

    def text(self, name: str) -> str:
        """A setting that is a text."""
        value = self.settings.get(name)
        if not isinstance(value, str):
            raise IndexFormatError(f"The index in {self.path} is damaged: {name} is {value!r}.")
        return value


def open_folder(path: Path, kind: str) -> OpenFolder:
    """Open what ``save_folder`` wrote, after checking that every file is whole.

    Raises:
        IndexFormatError: Not there, damaged, cut short, of another kind or a newer version.
    """
    document = _read_manifest(path)
    if document["kind"] != kind:
        raise IndexFormatError(f"Expected an index of kind {kind!r} in {path}; found {document['kind']!r}.")
    files: dict[str, Path] = {}
    for name, entry in document["files"].items():
        file = path / Path(str(entry["file"])).name
        try:
            with file.open("rb") as opened:
                size = os.fstat(opened.fileno()).st_size
                whole = size == entry["size_bytes"]
                if whole and entry["sha256"] is not None:
                    whole = _digest(opened) == entry["sha256"]
        except OSError as error:
            raise IndexFormatError(f"The index in {path} cannot be read: {error}.") from error
        if not whole:
            found = f"{size} bytes" if size != entry["size_bytes"] else "others"
            raise IndexFormatError(
                f"The index file {file} is damaged: expected the {entry['size_bytes']} bytes that were "
                f"written; found {found}."
            )
        files[name] = file
    return OpenFolder(path, document["settings"], files)


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        document = json.loads((path / _MANIFEST).read_text(encoding="utf-8"))
        version = document["format"]
        if version == FORMAT_VERSION and document.pop("check") != _check(document):
            raise IndexFormatError(f"The index in {path} is damaged: {_MANIFEST} does not match its digest.")
    except OSError as error:
        raise IndexFormatError(f"There is no index in {path}: {error}.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise IndexFormatError(f"The index in {path} is damaged: {_MANIFEST} cannot be read.") from error
    if version != FORMAT_VERSION:
        raise IndexFormatError(
            f"The index in {path} has format {version!r}; this version reads {FORMAT_VERSION}."
        )
    assert isinstance(document, dict)
    return document


def _check(document: dict[str, Any]) -> str:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _digest(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    while piece := file.read(_PIECE_BYTES):
        digest.update(piece)
    return digest.hexdigest()


def let_go(array: NDArray[Any]) -> None:
    """Give back the memory that a memory-mapped array's pages take; they are read again when needed."""
    base: Any = array
    while isinstance(base, np.ndarray | memoryview):
        base = base.obj if isinstance(base, memoryview) else base.base
    if isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)


def _read_array(path: Path, dtype: np.dtype[Any], *, mapped: bool) -> NDArray[Any]:
    if mapped and path.stat().st_size >= dtype.itemsize:
        with path.open("rb") as file:
            return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), dtype)
    return np.fromfile(path, dtype=dtype)


def _sync_folder(path: Path) -> None:
    if os.name != "posix":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
