"""The tensors of a PyTorch archive (``.pt``), read without PyTorch and without running anything in it."""

from __future__ import annotations

import io
import math
import re
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import numpy as np
from numpy.typing import NDArray

from soundalike.core.errors import EncoderError
from soundalike.encoders.pt_archive_pickle import Global, Ordered, read_pickle

MAX_ARCHIVE_BYTES = 1 << 30
"""Larger archives are refused: four times the largest published network of its family."""

_MAX_AT_ONCE = 4 << 20  # bytes of one read; 20,000 entries have a table of contents of 2 MB
_MAX_PICKLE_BYTES = 2 << 20  # a state dict of ten thousand tensors has about 1 MB
_MAX_ENTRIES = 20_000
_MAX_TENSORS = 10_000
_MAX_AXES = 32
_DTYPES = {
    "torch.DoubleStorage": "<f8",
    "torch.FloatStorage": "<f4",
    "torch.HalfStorage": "<f2",
    "torch.LongStorage": "<i8",
    "torch.IntStorage": "<i4",
    "torch.ShortStorage": "<i2",
    "torch.CharStorage": "i1",
    "torch.ByteStorage": "u1",
    "torch.BoolStorage": "?",
}
_ORDERED_DICT = "collections.OrderedDict"
_TENSOR = "torch._utils._rebuild_tensor_v2"
_PARAMETER = "torch._utils._rebuild_parameter"
_KNOWN = {_ORDERED_DICT, _TENSOR, _PARAMETER, *_DTYPES}
# What zipfile may raise on damaged archives, besides its own error.
_ZIP_ERRORS = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, KeyError, LookupError, NotImplementedError,
    OverflowError, RuntimeError, ValueError,
)  # fmt: skip


def read_state_dict(archive: str | Path | bytes) -> dict[str, NDArray[Any]]:
    """Read the tensors of a state dict that ``torch.save`` wrote.

    Nothing in the file is run: its pickle goes through a reader of its own, which knows tensors and plain
    containers and refuses everything else. Counts and sizes are bounded and compressed entries are refused,
    so that memory stays within a few times the archive's size.

    Args:
        archive: Path of the file, or its bytes: the zip format of PyTorch 1.6 and later, little-endian.

    Returns:
        Arrays by name, in the file's order, of the dtype that they have in the file.

    Raises:
        EncoderError: The file cannot be read, is damaged, out of bounds, or holds anything but tensors by
            name; the message names the opcode, function or entry.

    Source:
        PyTorch, torch/serialization.py and caffe2/serialize/inline_container.h (the archive);
        Python, Lib/pickletools.py (the opcodes).
    """
    if isinstance(archive, bytes):
        return _read(io.BytesIO(archive), len(archive))
    path = Path(archive)
    if path.exists() and not path.is_file():  # opening a pipe would wait for its other end
        raise EncoderError(f"The archive {path} is not a file.")
    try:
        with path.open("rb") as file:
            return _read(file, path.stat().st_size)
    except OSError as error:
        raise EncoderError(f"The archive {path} cannot be read: {error.strerror or error}.") from error


def _read(file: BinaryIO, size_bytes: int) -> dict[str, NDArray[Any]]:
    if size_bytes > MAX_ARCHIVE_BYTES:
        raise EncoderError(f"The archive has {size_bytes:,} bytes; at most {MAX_ARCHIVE_BYTES:,} are read.")
    try:
        with zipfile.ZipFile(_BoundedReads(file)) as opened:
            entries = _Entries(opened, size_bytes)
            return _named_tensors(_Tensors(entries, 2 * size_bytes).read())
    except _ZIP_ERRORS as error:
        raise EncoderError(f"The file is not a PyTorch archive, or it is damaged: {error}.") from error


def _named_tensors(value: object) -> dict[str, NDArray[Any]]:
    if not isinstance(value, dict):
        raise EncoderError(f"The archive holds a {type(value).__name__}; expected a state dict.")
    for name, tensor in value.items():
        if not isinstance(tensor, np.ndarray):
            raise EncoderError(
                f"The archive's {name[:200]!r} is a {type(tensor).__name__}; a state dict holds tensors only."
            )
    return dict(value)


class _BoundedReads:
    """A file that refuses large reads: zipfile would read a table of contents of any size in one piece."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        content = self._file.read(_MAX_AT_ONCE + 1 if size < 0 else min(size, _MAX_AT_ONCE + 1))
        if len(content) > _MAX_AT_ONCE:
            raise EncoderError("The archive's table of contents is far larger than that of a state dict.")
        return content


class _Entries:
    """The files in the archive, by their names without the archive's own folder."""

    def __init__(self, opened: zipfile.ZipFile, size_bytes: int) -> None:
        self._opened = opened
        listed = opened.infolist()
        if len(listed) > _MAX_ENTRIES:
            raise EncoderError(f"The archive has {len(listed):,} entries; at most {_MAX_ENTRIES:,} are read.")
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in listed):
            raise EncoderError("The archive has compressed entries, which PyTorch does not write.")
        # Entries that overlap can together be far larger than the file that holds them.
        if sum(max(entry.file_size, entry.compress_size) for entry in listed) > size_bytes:
            raise EncoderError("The archive's entries are together larger than the archive.")
        self._by_name = {entry.filename.partition("/")[2]: entry for entry in listed}
        if len(self._by_name) != len(listed):
            raise EncoderError("The archive has two entries of the same name.")

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def read(self, name: str, max_bytes: int) -> bytes:
        entry = self._by_name.get(name)
        if entry is None:
            raise EncoderError(f"The archive has no entry {name!r}; expected a file written by torch.save.")
        if entry.file_size > max_bytes:
            raise EncoderError(
                f"The archive's {name!r} has {entry.file_size:,} bytes; at most {max_bytes:,} fit there."
            )
        content = bytearray()
        with self._opened.open(entry) as file:
            while chunk := file.read(_MAX_AT_ONCE):
                content += chunk
        return bytes(content)


class _Tensors:
    """Makes arrays of what the pickle says about storages and tensors.

    Args:
        entries: The archive's files.
        max_bytes: All tensors together; several may share a storage, as tied weights do.
    """

    def __init__(self, entries: _Entries, max_bytes: int) -> None:
        self._entries = entries
        self._storages: dict[str, NDArray[Any]] = {}
        self._tensors = 0
        self._bytes_left = max_bytes

    def read(self) -> object:
        if "byteorder" in self._entries and self._entries.read("byteorder", 64) != b"little":
            raise EncoderError("The archive is not little-endian; save it on a little-endian machine.")
        return read_pickle(self._entries.read("data.pkl", _MAX_PICKLE_BYTES), self)

    @staticmethod
    def check_global(name: str) -> None:
        """Refuse what a state dict does not need."""
        if name not in _KNOWN:
            raise EncoderError(
                f"The archive's pickle names {name[:200]!r}, which a state dict does not need; it is refused."
            )

    def call(self, name: str, arguments: tuple[Any, ...]) -> object:
        """Make an empty ordered dict, or a tensor."""
        if name == _ORDERED_DICT and not arguments:
            return Ordered()
        if name == _TENSOR and len(arguments) in (6, 7):
            return self._tensor(*arguments[:4])
        if name == _PARAMETER and len(arguments) == 3 and isinstance(arguments[0], np.ndarray):
            return arguments[0]
        raise EncoderError(f"The archive's pickle calls {name!r} with arguments that are not expected.")

    def storage(self, reference: tuple[Any, ...]) -> NDArray[Any]:
        """Read the bytes behind ``("storage", type, key, device, count)``."""
        if len(reference) != 5 or type(reference[4]) is not int:
            _refuse_storage("another form of reference")
        _, kind, key, _, count = reference
        if not isinstance(kind, Global) or kind.name not in _DTYPES:
            _refuse_storage("a type that is not known")
        if not isinstance(key, str) or not re.fullmatch(r"[0-9]{1,9}", key):
            _refuse_storage("a key that is not a number")
        dtype = np.dtype(_DTYPES[kind.name])
        if key not in self._storages:
            content = self._entries.read(f"data/{key}", MAX_ARCHIVE_BYTES)
            if len(content) != count * dtype.itemsize:
                _refuse_storage(f"{count} numbers of {dtype.itemsize} bytes, but {len(content)} bytes")
            self._storages[key] = np.frombuffer(content, dtype)
        found = self._storages[key]
        if found.dtype != dtype or found.size != count:
            _refuse_storage(f"another type or size for {key!r} than before")
        return found

    def _tensor(self, storage: Any, offset: Any, shape: Any, strides: Any) -> NDArray[Any]:
        """Copy the part of a storage that a tensor is, all of which lies inside it."""
        self._tensors += 1
        if self._tensors > _MAX_TENSORS:
            raise EncoderError(f"The archive has more than {_MAX_TENSORS:,} tensors.")
        axes = [offset, *shape, *strides] if isinstance(shape, tuple) and isinstance(strides, tuple) else []
        sound = isinstance(storage, np.ndarray) and storage.ndim == 1 and len(axes) % 2 == 1
        sound = sound and len(shape) == len(strides) <= _MAX_AXES
        sound = sound and all(type(n) is int and 0 <= n < 1 << 48 for n in axes)
        if not sound:
            raise EncoderError("The archive has a tensor whose storage, shape or strides are not such.")
        count = math.prod(shape)
        last = offset + sum((size - 1) * step for size, step in zip(shape, strides, strict=True))
        # More numbers than the storage holds: a view that repeats itself, which a state dict has no use for.
        if count > storage.size or (count and last >= storage.size):
            raise EncoderError(
                f"The archive has a tensor of shape {shape} that reaches beyond its storage "
                f"of {storage.size} numbers."
            )
        self._bytes_left -= count * storage.itemsize
        if self._bytes_left < 0:
            raise EncoderError("The archive's tensors are together far larger than the archive.")
        view = np.lib.stride_tricks.as_strided(
            storage[offset:] if count else storage[:0],
            shape,
            [step * storage.itemsize for step in strides],
            writeable=False,
        )
        return np.array(view, order="C")


def _refuse_storage(why: str) -> NoReturn:
    raise EncoderError(f"The archive's pickle refers to a storage that cannot be used: {why}.")
