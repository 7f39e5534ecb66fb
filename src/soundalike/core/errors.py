"""Every error that soundalike raises on purpose.

::

    SoundalikeError
    ├── InvalidInputError   an argument, setting or array is not what was expected (also a ValueError)
    ├── NotFoundError       no such sound, file, encoder or library (also a LookupError)
    ├── SourceError         a place that sounds come from cannot be read
    │   ├── ArchiveError    a zip that is damaged, hostile or nested
    │   └── DownloadError   a URL that is refused, too large, too slow or gone
    ├── AudioError          the bytes are not audio that can be decoded
    ├── EncoderError        an encoder cannot be loaded, or does not keep its word
    ├── SpaceMismatchError  vectors of two encoders that may not be compared
    ├── IndexFormatError    an index file that is damaged or does not belong to these vectors
    ├── LibraryError        the library's folder cannot be used
    │   ├── LibraryBusyError     another process is writing to it
    │   ├── LibraryTooNewError   a newer version of soundalike wrote it
    │   └── LibraryCorruptError  its files are damaged
    ├── QueryError          what was searched with cannot be searched with
    ├── TrainingError       training cannot start or go on: too few sounds, a damaged checkpoint, NaN
    └── MissingExtraError   a part of soundalike that is installed by name is not installed

A message says what was expected and what came, in one sentence that a user can act on.
"""

from __future__ import annotations


class SoundalikeError(Exception):
    """The root: catch it to catch everything that soundalike raises on purpose."""


class InvalidInputError(SoundalikeError, ValueError):
    """An argument, setting or array is not what was expected."""


class NotFoundError(SoundalikeError, LookupError):
    """What was asked for by name or id does not exist."""


class SourceError(SoundalikeError):
    """A place that sounds come from cannot be read."""


class ArchiveError(SourceError):
    """A zip archive, or a member of one, is damaged, hostile or nested."""


class DownloadError(SourceError):
    """A URL was refused, too large, too slow, or gave no usable answer."""


class AudioError(SoundalikeError):
    """The bytes are not audio that can be decoded."""


class EncoderError(SoundalikeError):
    """An encoder cannot be loaded, or gave something else than it declared."""


class SpaceMismatchError(SoundalikeError):
    """Vectors of two encoders whose spaces differ were about to be compared."""


class IndexFormatError(SoundalikeError):
    """An index file is damaged, or does not belong to these vectors."""


class LibraryError(SoundalikeError):
    """A library's folder cannot be used."""


class LibraryBusyError(LibraryError):
    """Another process is writing to the library."""


class LibraryTooNewError(LibraryError):
    """A newer version of soundalike wrote the library."""


class LibraryCorruptError(LibraryError):
    """The library's files are damaged."""


class QueryError(SoundalikeError):
    """What was searched with cannot be searched with: too short, silent, outside the sound."""


class TrainingError(SoundalikeError):
    """Training cannot start or go on: too few sounds, a damaged checkpoint, NaN in the loss."""


class MissingExtraError(SoundalikeError):
    """A part of soundalike that is not in the base install is asked for.

    Args:
        extra: Its name, as in ``pip install 'soundalike[train]'``.
        what: What needs it, for the message: ``"Training"``.
    """

    def __init__(self, extra: str, what: str) -> None:
        self.extra = extra
        super().__init__(f"{what} needs the extra {extra!r}: pip install 'soundalike[{extra}]'")
