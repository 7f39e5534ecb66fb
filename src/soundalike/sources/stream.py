"""An open binary file as a source: copied once, within a bound, so that it can be opened again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any, BinaryIO, Self

from soundalike.core.errors import InvalidInputError, SourceError
from soundalike.core.units import human_size
from soundalike.sources.addresses import is_unicode, readable, uri_of_path
from soundalike.sources.copies import TemporaryCopy
from soundalike.sources.item import Found, Item
from soundalike.sources.limits import Limits

_CHUNK_BYTES = 1 << 20
_MAX_NAME_CHARACTERS = 255


class StreamSource:
    """What an open binary file holds from where it stands.

    Args:
        file: An open binary file; it is read to its end here and stays open.
        name: The sound's file name; by default the base name of ``file.name``, or ``"unnamed"``.
        metadata: Named texts that are kept with the sound.
        limits: The bound on its size, ``max_download_bytes``.
        spool_dir: Folder for the temporary copy.

    Raises:
        InvalidInputError: The file gives texts, or the name is not one.
        SourceError: The file cannot be read, or is too large.
    """

    def __init__(
        self,
        file: BinaryIO,
        *,
        name: str | None = None,
        metadata: Mapping[str, str] | None = None,
        limits: Limits | None = None,
        spool_dir: Path | None = None,
    ) -> None:
        self._name = _name_of(file, name)
        self._metadata = dict(metadata or {})
        self.root = f"stream:{self._name}"
        self.complete = False
        self._copy = TemporaryCopy(spool_dir)
        try:
            self._size_bytes = _copy(file, self._copy.path, (limits or Limits()).max_download_bytes)
        except BaseException:
            self.close()
            raise

    def scan(self) -> Iterator[Found]:
        """Offer the copy."""
        self.complete = False
        yield Item(
            uri=self.root,
            root=self.root,
            name=self._name,
            kind="stream",
            location=uri_of_path(self._copy.path),
            size_bytes=self._size_bytes,
            metadata=dict(self._metadata),
        )
        self.complete = True

    def covers(self, uri: str) -> bool:
        """Whether a uri is this stream's."""
        return uri == self.root

    def close(self) -> None:
        """Delete the copy."""
        self._copy.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _name_of(file: BinaryIO, name: str | None) -> str:
    if name is None:
        own: Any = getattr(file, "name", None)  # a number for a file made from a descriptor
        return readable(PurePath(own).name) if isinstance(own, str) and PurePath(own).name else "unnamed"
    if not 1 <= len(name) <= _MAX_NAME_CHARACTERS or not is_unicode(name):
        raise InvalidInputError(
            f"A name has 1 to {_MAX_NAME_CHARACTERS} characters of valid Unicode; got {name!r}."
        )
    return name


def _copy(file: BinaryIO, path: Path, max_bytes: int) -> int:
    """Copy a stream to a file; give its size in bytes."""
    size = 0
    try:
        with path.open("wb") as target:
            while chunk := file.read(_CHUNK_BYTES):
                if not isinstance(chunk, bytes | bytearray | memoryview):
                    raise InvalidInputError("The file must be open in binary mode ('rb'); it gives text.")
                size += len(chunk)
                if size > max_bytes:
                    raise SourceError(f"The stream is over {human_size(max_bytes)}; that is not read.")
                target.write(chunk)
    except (OSError, ValueError) as error:
        if isinstance(error, InvalidInputError):
            raise
        raise SourceError(f"The stream cannot be copied: {error}.") from error
    return size
