"""Adding: what is new, known, moved, gone; from folders, archives, open files and addresses."""

from __future__ import annotations

import functools
import io
import shutil
import threading
import zipfile
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from soundalike.core.errors import InvalidInputError, SourceError
from soundalike.library import Library, Limits, Progress


@pytest.fixture
def server(kicks: Path) -> Iterator[str]:
    """The address of a web server over the folder of kicks."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(kicks)))
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{httpd.server_port}"
    httpd.shutdown()
    httpd.server_close()
    thread.join()


def names(uris: list[str]) -> list[str]:
    return sorted(Path(uri).name for uri in uris)


def test_a_folder_is_added_once(empty: Library, kicks: Path) -> None:
    first = empty.add(kicks)
    assert len(first.added) == 4
    assert first.audio_s == pytest.approx(sum(sound.duration_s for sound in empty.sounds()))
    again = empty.add(kicks)
    assert (again.added, len(again.unchanged), again.audio_s) == ([], 4, 0.0)


def test_several_places_at_once(empty: Library, kicks: Path, tmp_path: Path, samples: Path) -> None:
    snare = next((samples / "snares").glob("*.flac"))
    report = empty.add(kicks, str(snare), samples / "pack.zip")
    assert len(report.added) == 4 + 1 + 2
    assert empty.info().roots == tuple(sorted([str(kicks), str(snare), str(samples / "pack.zip")]))


def test_members_of_an_archive_have_the_folders_as_tags(library: Library) -> None:
    packed = [s for s in library.sounds() if "!/" in s.path]
    assert len(packed) == 2
    assert all({"samples", "pack", "hits"} <= set(s.tags) for s in packed)


def test_an_open_file_is_kept_with_its_metadata(empty: Library, kicks: Path) -> None:
    path = min(kicks.iterdir())
    with path.open("rb") as file:
        report = empty.add(file, name="from a box.flac", metadata={"recordist": "Ann", "take": "3"})
    assert report.added == ["stream:from a box.flac"]
    (sound,) = empty.sounds()
    assert sound.name.endswith("from a box.flac")
    assert sound.fields["recordist"] == "Ann"
    assert sound.fields["take"] == "3"
    assert [hit.sound for hit in empty.search(path)] == [sound]


def test_an_address_is_fetched_and_kept_with_its_metadata(empty: Library, server: str, kicks: Path) -> None:
    path = min(kicks.iterdir())
    address = f"{server}/{path.name}"
    report = empty.add(address, metadata={"licence": "CC0"}, limits=Limits(allow_private_addresses=True))
    assert report.added == [address]
    (sound,) = empty.sounds()
    assert (sound.path, sound.fields["licence"]) == (address, "CC0")
    assert empty.search(path)[0].same_file
    empty.add(kicks)
    assert set(empty.sound(sound.id).paths) == {address, str(path)}


def test_an_address_of_this_machine_is_refused_unless_allowed(empty: Library, server: str) -> None:
    report = empty.add(f"{server}/kick.flac")
    assert report.added == []
    assert "not on the public internet" in report.failed[0].reason
    assert empty.errors() == report.failed


def test_an_address_with_nothing_there_is_a_failure(empty: Library, server: str) -> None:
    report = empty.add(f"{server}/absent.flac", limits=Limits(allow_private_addresses=True))
    assert "404" in report.failed[0].reason


def test_without_a_place_all_places_are_looked_at_again(
    empty: Library, kicks: Path, tmp_path: Path, samples: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    snares = sorted((samples / "snares").glob("*.flac"))
    shutil.copyfile(snares[0], other / "first.flac")
    empty.add(kicks, other)
    with (other / "first.flac").open("rb") as file:
        empty.add(file, name="box.flac")  # cannot be looked at again, and is not
    shutil.copyfile(snares[1], other / "second.flac")
    report = empty.add()
    assert names(report.added) == ["second.flac"]
    assert len(report.unchanged) == 5
    assert report.missing == []


def test_without_a_place_and_without_known_places(empty: Library) -> None:
    with pytest.raises(InvalidInputError, match="no places to look at again; name a folder or file"):
        empty.add()


def test_a_place_that_is_not_there_adds_nothing(empty: Library, kicks: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="absent' cannot be read: it is not there"):
        empty.add(kicks, tmp_path / "absent")
    assert empty.count() == 0


def test_links_are_followed_and_a_file_is_listed_where_it_lies(empty: Library, kicks: Path) -> None:
    (kicks / "loop").symlink_to(kicks, target_is_directory=True)
    first = min(kicks.glob("*.flac"))
    (kicks / "alias.flac").symlink_to(first)
    report = empty.add(kicks)
    assert len(report.added) + len(report.duplicates) == 5
    assert empty.count() == 4
    assert set(empty.sound(first).paths) == {str(first), str(kicks / "alias.flac")}


def test_a_moved_file_is_found_at_its_new_place(empty: Library, kicks: Path) -> None:
    empty.add(kicks)
    path = min(kicks.iterdir())
    before = empty.sound(path)
    path.rename(kicks / "moved.flac")
    report = empty.add(kicks)
    assert names(report.moved) == ["moved.flac"]
    assert report.audio_s == 0.0
    hit = empty.search(kicks / "moved.flac")[0]
    assert (hit.sound.id, hit.sound.path, hit.same_file) == (before.id, str(kicks / "moved.flac"), True)


def test_a_vanished_file_is_still_found_and_said_to_be_missing(empty: Library, kicks: Path) -> None:
    empty.add(kicks)
    path = min(kicks.iterdir())
    kept = path.read_bytes()
    path.unlink()
    assert names(empty.add(kicks).missing) == [path.name]
    hit = empty.search(io.BytesIO(kept))[0]
    assert (hit.sound.path, hit.sound.missing, hit.same_file) == (str(path), True, True)
    assert empty.info().missing == 1
    path.write_bytes(kept)
    assert empty.add().audio_s == 0.0
    assert not empty.sound(path).missing


def test_a_drive_that_is_away_deletes_nothing(
    empty: Library, kicks: Path, tmp_path: Path, samples: Path
) -> None:
    snare = tmp_path / "snare.flac"
    shutil.copyfile(min((samples / "snares").iterdir()), snare)
    empty.add(kicks, snare)
    kicks.rename(tmp_path / "away")
    report = empty.add()
    assert (len(report.missing), report.unchanged, report.failed) == (4, [str(snare)], [])
    assert empty.count() == 5
    assert sum(sound.missing for sound in empty.sounds()) == 4
    (tmp_path / "away").rename(kicks)
    back = empty.add()
    assert (len(back.unchanged), back.audio_s) == (5, 0.0)
    assert not any(sound.missing for sound in empty.sounds())


def test_a_file_that_was_added_by_itself_and_deleted_stops_nothing(empty: Library, kicks: Path) -> None:
    first, second = sorted(kicks.iterdir())[:2]
    empty.add(first, second)
    first.unlink()
    report = empty.add()
    assert (report.missing, report.unchanged) == ([str(first)], [str(second)])


def test_an_archive_that_was_mended_is_no_error_any_more(
    empty: Library, samples: Path, tmp_path: Path
) -> None:
    pack = tmp_path / "pack.zip"
    whole = (samples / "pack.zip").read_bytes()
    pack.write_bytes(whole[:-40])
    assert len(empty.add(pack).failed) == 1
    pack.write_bytes(whole)
    assert len(empty.add(pack).added) == 2
    assert empty.errors() == []


def test_the_same_bytes_in_an_archive_are_one_sound(empty: Library, kicks: Path, tmp_path: Path) -> None:
    path = min(kicks.iterdir())
    with zipfile.ZipFile(tmp_path / "pack.zip", "w") as pack:
        pack.write(path, "kick.flac")
    empty.add(kicks, tmp_path / "pack.zip")
    assert empty.count() == 4
    assert empty.sound(path).paths == (str(path), f"{tmp_path}/pack.zip!/kick.flac")


def test_progress_ends_with_everything_done(empty: Library, kicks: Path) -> None:
    told: list[Progress] = []
    empty.add(kicks, on_progress=told.append)
    assert (told[-1].files_done, told[-1].files_total, told[-1].failed) == (4, 4, 0)


def test_a_library_open_elsewhere_sees_what_was_added(empty: Library, kicks: Path) -> None:
    reader = Library.open(empty.path)
    assert reader.count() == 0
    empty.add(kicks)
    reader.refresh()
    assert reader.count() == 4


def test_metadata_must_be_texts(empty: Library, kicks: Path) -> None:
    with pytest.raises(InvalidInputError, match="Metadata takes texts only"):
        empty.add(kicks, metadata={"take": 3})  # type: ignore[dict-item]


def test_a_folder_that_moved_is_found_at_its_new_place_only(
    empty: Library, kicks: Path, tmp_path: Path
) -> None:
    empty.add(kicks)
    count = empty.count()
    there = tmp_path / "elsewhere" / "renamed"
    there.parent.mkdir()
    kicks.rename(there)
    report = empty.add(there)
    assert (len(report.moved), report.duplicates, report.missing, report.audio_s) == (count, [], [], 0.0)
    assert empty.count() == count
    assert all(sound.path.startswith(f"{there}/") and not sound.missing for sound in empty.sounds())
    there.rename(kicks)  # as a drive that is there again
    assert len(empty.add(kicks).unchanged) == count
    assert all(sound.path.startswith(f"{kicks}/") for sound in empty.sounds())
