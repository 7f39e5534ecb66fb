"""Whatever bytes an archive has, it gives items, sentences or an ArchiveError, and nothing else."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from soundalike.core.errors import ArchiveError
from soundalike.sources import Item, Limits, Unreadable, open_item, source_for
from soundalike.sources.open_archives import close_archives

METHODS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
LIMITS = Limits(max_member_bytes=1 << 20, max_directory_bytes=1 << 16)


def archive_bytes(method: int) -> bytes:
    with tempfile.TemporaryFile() as file:
        with zipfile.ZipFile(file, "w", method) as archive:
            archive.writestr("drums/kick.wav", b"RIFF" + bytes(range(256)) * 4)
            archive.writestr("été.flac", b"fLaC" + bytes(500))
            archive.writestr("../out.wav", b"RIFF")
        file.seek(0)
        return file.read()


WHOLE = {method: archive_bytes(method) for method in METHODS}

flips = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=12)


def read_all(data: bytes) -> int:
    """Scan and open everything in an archive of these bytes; give the number of sounds that opened."""
    opened = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.zip")
        path.write_bytes(data)
        for found in source_for(path, limits=LIMITS).scan():
            if isinstance(found, Unreadable):
                assert found.reason.endswith(".")
                found.uri.encode()
                continue
            assert isinstance(found, Item)
            try:
                with open_item(found, LIMITS) as file:
                    assert len(file.read()) == found.size_bytes
                    opened += 1
            except ArchiveError:
                continue
        close_archives()
        assert [p.name for p in Path(folder).rglob("*")] == ["a.zip"]
    return opened


def test_the_whole_archives_open() -> None:
    assert [read_all(data) for data in WHOLE.values()] == [2, 2, 2, 2]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(method=st.sampled_from(METHODS), changes=flips)
def test_changed_bytes(method: int, changes: list[tuple[float, int]]) -> None:
    data = bytearray(WHOLE[method])
    for where, value in changes:
        data[int(where * len(data))] = value
    read_all(bytes(data))


@settings(max_examples=100, deadline=None)
@given(
    method=st.sampled_from(METHODS), start=st.floats(0, 1), end=st.floats(0, 1), extra=st.binary(max_size=30)
)
def test_pieces_cut_out_and_put_in(method: int, start: float, end: float, extra: bytes) -> None:
    data = WHOLE[method]
    low, high = sorted((int(start * len(data)), int(end * len(data))))
    read_all(data[:low] + extra + data[high:])


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=200))
def test_bytes_of_any_kind(data: bytes) -> None:
    assert read_all(data) == 0
