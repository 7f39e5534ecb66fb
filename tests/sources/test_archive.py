from __future__ import annotations

import dataclasses
import multiprocessing
import os
import struct
import warnings
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from soundalike.core.errors import ArchiveError
from soundalike.sources import Found, Item, Limits, Unreadable, members, open_archives, open_item, source_for
from soundalike.sources.members import SPOOL_BYTES


def scan(path: Path, **bounds: float) -> tuple[list[Found], bool]:
    source = source_for(path, limits=dataclasses.replace(Limits(), **bounds))  # type: ignore[arg-type]
    return list(source.scan()), source.complete


def only_item(path: Path) -> Item:
    (found,) = scan(path)[0]
    assert isinstance(found, Item)
    return found


def only_fault(path: Path, **bounds: float) -> Unreadable:
    (found,), _ = scan(path, **bounds)
    assert isinstance(found, Unreadable)
    return found


def make(path: Path, *members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that come twice
        for name, content in members:
            archive.writestr(name, content)
    return path


def patched(path: Path, signature: bytes, offset: int, value: bytes) -> Path:
    """Overwrite bytes behind every header of one kind."""
    data = bytearray(path.read_bytes())
    at = data.find(signature)
    assert at >= 0
    while at >= 0:
        data[at + offset : at + offset + len(value)] = value
        at = data.find(signature, at + 4)
    path.write_bytes(data)
    return path


LOCAL, CENTRAL = b"PK\x03\x04", b"PK\x01\x02"


def test_members_are_offered_by_name_and_read_as_they_were(pack: Path, kick: bytes) -> None:
    found, complete = scan(pack)
    assert complete
    first, second = found
    assert isinstance(first, Item)
    assert isinstance(second, Item)
    assert first.uri == f"{pack}!/drums/808/kick.flac"
    assert (first.root, first.name, first.kind, first.location) == (str(pack), "kick.flac", "zip", str(pack))
    assert first.tags == ("pack", "drums", "808")
    assert first.size_bytes == len(kick)
    assert second.uri == f"{pack}!/snare.wav"
    with open_item(first) as file:
        assert file.read(4) == b"fLaC"
        assert file.seek(0, os.SEEK_END) == len(kick)
        file.seek(0)
        assert file.read() == kick


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_every_method_is_read(tmp_path: Path, kick: bytes, method: int) -> None:
    with open_item(only_item(make(tmp_path / "a.ZIP", ("kick.flac", kick), method=method))) as file:
        assert file.read() == kick


def test_a_changed_member_is_noticed_though_size_and_time_stay(tmp_path: Path, kick: bytes) -> None:
    changed = kick[:-1] + bytes([kick[-1] ^ 1])
    path = make(tmp_path / "a.zip", ("kick.flac", kick), method=zipfile.ZIP_STORED)
    os.utime(path, ns=(0, 1_700_000_000_000_000_000))
    before = only_item(path)
    make(path, ("kick.flac", changed), method=zipfile.ZIP_STORED)
    os.utime(path, ns=(0, 1_700_000_000_000_000_000))
    open_archives.close_archives()
    after = only_item(path)
    assert before.size_bytes == after.size_bytes
    assert before.modified_ns != after.modified_ns
    for item in (before, after):
        assert abs((item.modified_ns or 0) - 1_700_000_000_000_000_000) < 4_400_000_000
    os.utime(path, ns=(0, 1_800_000_000_000_000_000))
    assert abs((only_item(path).modified_ns or 0) - 1_800_000_000_000_000_000) < 4_400_000_000


def test_a_member_that_is_replaced_after_the_scan_is_read_anew(tmp_path: Path, kick: bytes) -> None:
    path = make(tmp_path / "a.zip", ("kick.flac", kick))
    item = only_item(path)
    make(path, ("kick.flac", b"other"))
    with open_item(item) as file:
        assert file.read() == b"other"
    make(path, ("else.flac", kick))
    with pytest.raises(ArchiveError, match="no longer in its archive"):
        open_item(item)
    path.unlink()
    with pytest.raises(ArchiveError, match="it is not there"):
        open_item(item)


def test_the_table_of_contents_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kick: bytes
) -> None:
    path = make(tmp_path / "a.zip", *((f"{i:03}.flac", kick[:2000]) for i in range(100)))
    opened: list[str] = []

    class Counted(zipfile.ZipFile):
        def __init__(self, file: str, *, metadata_encoding: str) -> None:
            opened.append(file)
            super().__init__(file, metadata_encoding=metadata_encoding)

    monkeypatch.setattr(zipfile, "ZipFile", Counted)
    for found in scan(path)[0]:
        assert isinstance(found, Item)
        open_item(found).close()
    assert len(opened) == 1


def test_archives_are_let_go_of(tmp_path: Path, kick: bytes) -> None:
    found = [only_item(make(tmp_path / f"{i}.zip", ("kick.flac", kick))) for i in range(20)]
    assert len(open_archives._open) == open_archives.MAX_OPEN_ARCHIVES
    for item in found:
        with open_item(item) as file:
            assert file.read() == kick
    open_archives.close_archives()
    assert not open_archives._open


def test_the_archive_that_was_longest_unused_goes_first(tmp_path: Path, kick: bytes) -> None:
    open_archives.close_archives()
    paths = [make(tmp_path / f"{i}.zip", ("kick.flac", kick)) for i in range(9)]
    for path in [*paths[:8], paths[0], paths[8]]:
        scan(path)
    assert [Path(key[1]).name for key in open_archives._open] == [
        f"{i}.zip" for i in (2, 3, 4, 5, 6, 7, 0, 8)
    ]


def test_a_forked_child_opens_its_own(pack: Path) -> None:
    scan(pack)
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.map(shares_an_archive_with_its_parent, [pack]) == [False]


def shares_an_archive_with_its_parent(path: Path) -> bool:
    inherited = list(open_archives._open.values())
    return open_archives.open_archive(path, Limits())[0] in inherited


def test_large_members_go_to_disk(tmp_path: Path, kick: bytes) -> None:
    content = os.urandom(1 << 16) * (SPOOL_BYTES // (1 << 16)) + kick
    path = make(tmp_path / "a.zip", ("long.wav", content), method=zipfile.ZIP_STORED)
    with open_item(only_item(path)) as file:
        assert isinstance(file.fileno(), int)  # a file in memory has none
        assert file.read() == content


NAMES = ["été.wav", "キック.wav", "two\nlines.wav", "a!/b.wav", "100%.wav"]


def test_names_in_any_script(tmp_path: Path, kick: bytes) -> None:
    path = make(tmp_path / "a.zip", *((name, kick) for name in NAMES))
    found, _ = scan(path)
    assert {item.uri for item in found} == {f"{path}!/{name}" for name in NAMES}
    for item in found:
        assert isinstance(item, Item)
        open_item(item).close()


def test_names_of_macos_that_lack_the_utf8_flag(tmp_path: Path, kick: bytes) -> None:
    path = make(tmp_path / "a.zip", ("été.wav", kick))
    patched(patched(path, LOCAL, 6, b"\0\0"), CENTRAL, 8, b"\0\0")
    item = only_item(path)
    assert item.name == "été.wav"
    with open_item(item) as file:
        assert file.read() == kick


def test_names_of_dos(tmp_path: Path, kick: bytes) -> None:
    path = make(tmp_path / "a.zip", ("tXst.wav", kick))
    path.write_bytes(path.read_bytes().replace(b"tXst", b"t\x82st"))  # code page 437
    item = only_item(path)
    assert item.name == "tést.wav"
    open_item(item).close()


def test_backslashes_of_windows_programs_make_folders(tmp_path: Path, kick: bytes) -> None:
    item = only_item(make(tmp_path / "a.zip", ("drums\\kick.wav", kick)))
    assert (item.name, item.tags) == ("kick.wav", ("a", "drums"))
    open_item(item).close()


def test_of_two_members_of_one_name_the_last_counts(tmp_path: Path, kick: bytes) -> None:
    item = only_item(make(tmp_path / "a.zip", ("kick.wav", b"first"), ("kick.wav", kick)))
    with open_item(item) as file:
        assert file.read() == kick


@pytest.mark.parametrize(
    "name",
    [
        "../evil.wav",
        "a/../../evil.wav",
        "/etc/evil.wav",
        "\\evil.wav",
        "C:\\evil.wav",
        "c:evil.wav",
        "..\\evil.wav",
    ],
)
def test_names_that_lead_out_are_reported_and_touch_nothing(tmp_path: Path, kick: bytes, name: str) -> None:
    folder = tmp_path / "in" / "here"
    folder.mkdir(parents=True)
    path = make(folder / "a.zip", (name, kick), ("good.wav", kick))
    bad, good = sorted(scan(path)[0], key=lambda found: isinstance(found, Item))
    assert isinstance(bad, Unreadable)
    assert isinstance(good, Item)
    assert "leads out of the archive" in bad.reason
    with pytest.raises(ArchiveError, match="leads out"):
        open_item(dataclasses.replace(good, member=name))
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [path]


def test_a_name_with_a_nul_is_reported(tmp_path: Path, kick: bytes) -> None:
    path = make(tmp_path / "a.zip", ("kick.wavX.txt", kick))
    path.write_bytes(path.read_bytes().replace(b"wavX", b"wav\0"))
    fault = only_fault(path)
    assert "leads out of the archive" in fault.reason
    assert "\0" not in fault.uri


def test_an_archive_in_an_archive_is_reported(tmp_path: Path, pack: Path) -> None:
    fault = only_fault(make(tmp_path / "a.zip", ("packs/inner.zip", pack.read_bytes())))
    assert fault.uri.endswith("a.zip!/packs/inner.zip")
    assert "unpack it first" in fault.reason


def test_an_encrypted_member_is_reported(tmp_path: Path, kick: bytes) -> None:
    path = make(tmp_path / "a.zip", ("kick.wav", kick))
    item = only_item(path)
    patched(patched(path, LOCAL, 6, b"\1"), CENTRAL, 8, b"\1")
    open_archives.close_archives()
    assert "encrypted" in only_fault(path).reason
    with pytest.raises(ArchiveError, match="encrypted"):
        open_item(item)


def test_an_unknown_method_is_reported(tmp_path: Path, kick: bytes) -> None:
    path = patched(make(tmp_path / "a.zip", ("kick.wav", kick)), CENTRAL, 10, struct.pack("<H", 98))
    assert "number 98" in only_fault(path).reason


def test_a_bomb_of_a_gigabyte_of_zeros_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("boom.wav", "w", force_zip64=True) as member,
    ):
        for _ in range(1024):
            member.write(bytes(1 << 20))
    assert path.stat().st_size < 2_000_000
    fault = only_fault(path)
    assert "zip bombs" in fault.reason
    item = Item(uri="x", root="x", name="boom.wav", kind="zip", location=str(path), member="boom.wav")
    with pytest.raises(ArchiveError, match="zip bombs"):
        open_item(item)


def test_honest_silence_is_not_a_bomb(tmp_path: Path) -> None:
    item = only_item(make(tmp_path / "a.zip", ("silence.wav", bytes(10 << 20))))
    with open_item(item) as file:
        assert len(file.read()) == 10 << 20


def test_members_that_share_their_bytes_are_a_bomb(tmp_path: Path, kick: bytes) -> None:
    path = make(tmp_path / "a.zip", ("a.wav", kick), ("b.wav", kick), ("c.wav", kick))
    patched(path, CENTRAL, 42, struct.pack("<L", 0))  # all begin at the first
    fault = only_fault(path)
    assert fault.uri == str(path)
    assert "overlap" in fault.reason


def test_bounds(pack: Path, kick: bytes) -> None:
    found, complete = scan(pack, max_member_bytes=len(kick))
    assert [type(entry) for entry in found] == [Item, Unreadable]
    assert complete
    found, complete = scan(pack, max_total_bytes=len(kick))
    assert [type(entry) for entry in found] == [Item, Unreadable]
    assert found[1].uri == str(pack)
    assert not complete
    assert "6 entries; at most 5" in only_fault(pack, max_members=5).reason
    open_archives.close_archives()  # one that is open has been let in already
    assert "table of contents" in only_fault(pack, max_directory_bytes=100).reason


def test_a_declared_size_that_lies_gives_an_error_and_no_more_bytes(tmp_path: Path, kick: bytes) -> None:
    path = make(tmp_path / "a.zip", ("kick.wav", bytes(10 << 20)))
    patched(path, CENTRAL, 24, struct.pack("<L", 1000))
    item = only_item(path)
    assert item.size_bytes == 1000
    with pytest.raises(ArchiveError, match="bad CRC-32"):
        open_item(item)


def test_a_member_that_ends_before_its_declared_size_is_damaged(tmp_path: Path, kick: bytes) -> None:
    path = make(tmp_path / "a.zip", ("kick.wav", kick))
    patched(path, CENTRAL, 24, struct.pack("<L", len(kick) + 1000))
    with pytest.raises(ArchiveError, match=rf"{len(kick):,} of {len(kick) + 1000:,} bytes are there"):
        open_item(only_item(path))


def test_the_bound_on_a_member_is_held_while_it_is_read(pack: Path, kick: bytes) -> None:
    target = BytesIO()
    with zipfile.ZipFile(pack) as archive, pytest.raises(ArchiveError, match="over 10 bytes unpacked"):
        members._unpack(archive, archive.getinfo("snare.wav"), target, Limits(max_member_bytes=10))
    assert target.getvalue() == b""


def test_flipped_bytes_in_a_member_are_noticed(tmp_path: Path, kick: bytes) -> None:
    path = make(tmp_path / "a.zip", ("kick.wav", kick), method=zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    data[1000] ^= 0xFF
    path.write_bytes(data)
    item = only_item(path)
    with pytest.raises(ArchiveError, match=r"kick\.wav is damaged in its archive: bad CRC-32"):
        open_item(item)


@pytest.mark.parametrize("content", [b"", b"text, not a zip", b"PK\x05\x06" + bytes(18), b"PK\x03\x04" * 50])
def test_what_is_no_archive_gives_one_sentence_or_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(content)
    found, complete = scan(path)
    if content.startswith(b"PK\x05\x06"):  # an archive of nothing
        assert found == []
        assert complete
    else:
        assert [entry.uri for entry in found] == [str(path)]
        assert not complete


def test_an_archive_cut_at_half_gives_one_sentence(pack: Path) -> None:
    pack.write_bytes(pack.read_bytes()[: pack.stat().st_size // 2])
    assert "damaged or cut short" in only_fault(pack).reason


def test_a_directory_size_that_lies_is_refused_before_it_is_read(tmp_path: Path, kick: bytes) -> None:
    path = make(tmp_path / "a.zip", ("kick.wav", kick))
    patched(path, b"PK\x05\x06", 12, struct.pack("<L", 0xF0000000))
    assert "at most 100 bytes are read" in only_fault(path, max_directory_bytes=100).reason


def test_what_an_archive_covers(pack: Path) -> None:
    source = source_for(pack)
    assert source.covers(f"{pack}!/gone.wav")
    assert not source.covers(str(pack))
    assert not source.covers(f"{pack}2!/gone.wav")
