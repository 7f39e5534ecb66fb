"""Installing published encoders from a server of one's own, in its own process, with the real file."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from soundalike.audio import decode
from soundalike.core.errors import DownloadError, EncoderError, InvalidInputError, NotFoundError
from soundalike.encoders import load_encoder, own_encoder_names
from soundalike.encoders import published as table
from soundalike.encoders.onnx import OnnxEncoder
from soundalike.encoders.published_conversion import write_published
from soundalike.studies import InstallProgress, install_encoder, installable_encoders

NAME = "efficientat-mn04"
FILE = "mn04_as_mAP_432.pt"


@dataclasses.dataclass(frozen=True)
class Server:
    """A server of the teacher's folder and of another one, and what it was asked for."""

    port: int
    folder: Path
    log: Path

    def address(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/{path}"

    @property
    def ranges(self) -> list[str | None]:
        return [json.loads(line)["range"] for line in self.log.read_text().splitlines()]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    log = folder / "log"
    script = Path(__file__).with_name("range_server.py")
    command = [sys.executable, str(script), str(folder), str(log)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield Server(int(process.stdout.readline()), folder, log)
        process.kill()


@pytest.fixture
def server(running: Server) -> Server:
    running.log.write_text("")
    return running


@pytest.fixture
def teacher(server: Server, shared_data: Path) -> Path:
    """The real file, as the server has it."""
    path = server.folder / FILE
    if not path.exists():
        shutil.copyfile(shared_data / "teacher" / FILE, path)
    return path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of added encoders and one of downloads."""
    monkeypatch.setenv("SOUNDALIKE_ENCODERS", str(tmp_path / "encoders"))
    monkeypatch.setattr("soundalike.studies.installing.downloads_folder", lambda: tmp_path / "downloads")
    return tmp_path


def left(home: Path) -> list[int]:
    """Sizes of the parts that are kept for another attempt."""
    return [path.stat().st_size for path in (home / "downloads").glob("*.part")]


def test_the_real_file_is_fetched_verified_converted_and_added(
    home: Path, server: Server, teacher: Path
) -> None:
    seen: list[InstallProgress] = []
    done = install_encoder(NAME, source=server.address(FILE), on_progress=seen.append)
    assert (done.name, done.dims, done.licence, done.checked_against) == (NAME, 576, "MIT", "pinned")
    assert done.verified
    assert done.sha256 == hashlib.sha256(teacher.read_bytes()).hexdigest()
    assert own_encoder_names() == [NAME]
    assert load_encoder(NAME).spec.fingerprint == done.fingerprint
    assert left(home) == []
    assert list(dict.fromkeys(one.stage for one in seen)) == ["fetching", "converting", "trying"]
    fetched = [one for one in seen if one.stage == "fetching"]
    assert fetched[-1].done_bytes == fetched[-1].whole_bytes == teacher.stat().st_size
    assert all(a.done_bytes <= b.done_bytes for a, b in itertools.pairwise(fetched))
    assert fetched[-1].left_s == 0.0
    assert server.ranges == [None]
    again = install_encoder(NAME, source=server.address(FILE))
    assert again.was_there
    assert again.checked_against is None
    assert again.fingerprint == done.fingerprint
    assert server.ranges == [None], "nothing was fetched again"


def test_the_installed_encoder_hears_and_names_real_sounds(home: Path, shared_data: Path) -> None:
    install_encoder(NAME, source=shared_data / "teacher" / FILE)
    encoder = load_encoder(NAME)
    assert isinstance(encoder, OnnxEncoder)
    spec = encoder.spec
    assert len(encoder.tag_names) == 527
    path = min((shared_data / "philharmonia").rglob("flute*.mp3"))
    with path.open("rb") as file:
        samples = decode(file, rate_hz=spec.rate_hz, name=path.name).samples[: spec.window_samples]
    segment = np.zeros((1, spec.window_samples), np.float32)
    segment[0, : len(samples)] = samples
    scores = encoder.tag_scores(segment, np.array([len(samples)]))[0]
    best = [encoder.tag_names[at] for at in np.argsort(-scores)[:5]]
    assert {"Flute", "Music"} <= set(best), best


def test_a_local_copy_needs_no_server(home: Path, shared_data: Path) -> None:
    done = install_encoder(NAME, source=str(shared_data / "teacher" / FILE))
    assert done.verified
    assert (shared_data / "teacher" / FILE).exists()


def test_a_connection_that_breaks_is_taken_up_where_it_broke(
    home: Path, server: Server, teacher: Path
) -> None:
    done = install_encoder(NAME, source=server.address(f"{FILE}?breaks=1500000"))
    assert done.verified
    assert server.ranges == [None, "bytes=1500000-", "bytes=3000000-"]


def test_a_later_attempt_goes_on_where_the_first_one_broke(home: Path, server: Server, teacher: Path) -> None:
    address = server.address(FILE)

    def interrupt(progress: InstallProgress) -> None:
        if progress.done_bytes > 2_000_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        install_encoder(NAME, source=address, on_progress=interrupt)
    (kept,) = left(home)
    assert 2_000_000 < kept < teacher.stat().st_size
    seen: list[InstallProgress] = []
    install_encoder(NAME, source=address, on_progress=seen.append)
    assert server.ranges == [None, f"bytes={kept}-"]
    assert seen[0].done_bytes > kept
    assert left(home) == []


def test_a_server_without_ranges_sends_everything_again(home: Path, server: Server, teacher: Path) -> None:
    address = server.address(f"{FILE}?ranges=no")
    part = home / "downloads" / f"{hashlib.sha256(address.encode()).hexdigest()[:16]}.part"
    part.parent.mkdir()
    part.write_bytes(b"x" * 1000)
    assert install_encoder(NAME, source=address).verified
    assert server.ranges == ["bytes=1000-"]


def test_what_is_kept_is_told_where_a_server_begins_again_and_breaks(
    home: Path, server: Server, teacher: Path
) -> None:
    address = server.address(f"{FILE}?ranges=no&breaks=1000")
    part = home / "downloads" / f"{hashlib.sha256(address.encode()).hexdigest()[:16]}.part"
    part.parent.mkdir()
    part.write_bytes(b"x" * 5000)
    with pytest.raises(DownloadError, match=r"1\.0 kB that came are kept"):
        install_encoder(NAME, source=address)
    assert left(home) == [1000]


def test_a_server_that_sends_another_range_is_not_believed(home: Path, server: Server, teacher: Path) -> None:
    address = server.address(f"{FILE}?ranges=wrong&breaks=1000")
    with pytest.raises(DownloadError, match=r"another part of the file.*1.0 kB that came are kept"):
        install_encoder(NAME, source=address)
    assert left(home) == [1000]


def test_wrong_bytes_are_refused_and_deleted(home: Path, server: Server, teacher: Path) -> None:
    content = bytearray(teacher.read_bytes())
    content[2_000_000] ^= 1
    (server.folder / "wrong.pt").write_bytes(content)
    with pytest.raises(
        EncoderError, match=r"not the file that is expected, and was deleted.*SHA-256 should be"
    ):
        install_encoder(NAME, source=server.address("wrong.pt"))
    assert left(home) == []
    assert own_encoder_names() == []
    (server.folder / "short.pt").write_bytes(content[:1000])
    with pytest.raises(EncoderError, match="should have 4,066,513 bytes; it has 1,000"):
        install_encoder(NAME, source=server.address("short.pt"))
    (server.folder / "long.pt").write_bytes(content + b"x")
    with pytest.raises(DownloadError, match=r"over 4\.1 MB"):
        install_encoder(NAME, source=server.address("long.pt"))
    with pytest.raises(EncoderError, match=r"is not the published file of efficientat-mn04\. It should have"):
        install_encoder(NAME, source=server.folder / "short.pt")
    with pytest.raises(EncoderError, match="cannot be read"):
        install_encoder(NAME, source=server.folder / "absent.pt")


def test_redirects_are_followed_and_404_is_told_with_a_way_out(
    home: Path, server: Server, teacher: Path
) -> None:
    assert install_encoder(NAME, source=server.address(f"x?to=/{FILE}")).verified
    with pytest.raises(
        DownloadError, match=r"answered 404 Not Found. Without a network, fetch .*--from FILE"
    ):
        install_encoder(NAME, source=server.address("absent"), force=True)
    with pytest.raises(DownloadError, match="more than 5 redirects"):
        install_encoder(NAME, source=server.address("x?to=itself"), force=True)


def test_no_network_is_told_with_a_way_out(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = dataclasses.replace(table.published_encoder(NAME), url="https://absent.invalid/mn04.pt")
    monkeypatch.setattr("soundalike.studies.installing.published_encoder", lambda _: row)
    with pytest.raises(DownloadError, match=r"no address.*absent.invalid.*--from FILE"):
        install_encoder(NAME)


def test_the_tables_own_addresses_may_not_lead_into_a_private_network(
    home: Path, server: Server, teacher: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = dataclasses.replace(table.published_encoder(NAME), url=server.address(FILE))
    monkeypatch.setattr("soundalike.studies.installing.published_encoder", lambda _: row)
    with pytest.raises(DownloadError, match="not on the public internet"):
        install_encoder(NAME)


def test_files_without_a_known_checksum_need_a_word(
    home: Path, server: Server, teacher: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = dataclasses.replace(table.published_encoder(NAME), sha256=None, size_bytes=None)
    monkeypatch.setattr("soundalike.studies.installing.published_encoder", lambda _: row)
    address = server.address(FILE)
    with pytest.raises(InvalidInputError, match=r"--sha256 .* --unverified"):
        install_encoder(NAME, source=address)
    done = install_encoder(NAME, source=address, unverified=True)
    assert not done.verified
    assert done.checked_against is None
    assert done.sha256 is not None
    given = install_encoder(NAME, source=address, sha256=done.sha256.upper(), force=True)
    assert (given.checked_against, given.verified) == ("given", True)
    with pytest.raises(EncoderError, match="SHA-256 should be 0000"):
        install_encoder(NAME, source=address, sha256="0" * 64, force=True)
    with pytest.raises(InvalidInputError, match="64 hexadecimal digits"):
        install_encoder(NAME, source=address, sha256="12")


def test_an_unverified_file_that_is_no_network_is_not_kept(
    home: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = dataclasses.replace(table.published_encoder("efficientat-mn10"))
    assert row.sha256 is None, "this test is about files whose checksum is not known"
    (server.folder / "html.pt").write_bytes(b"<html>not found</html>")
    with pytest.raises(EncoderError, match="not a PyTorch archive"):
        install_encoder(row.name, source=server.address("html.pt"), unverified=True)
    assert left(home) == []


def test_another_published_file_under_the_wrong_name_is_refused(
    home: Path, server: Server, teacher: Path
) -> None:
    with pytest.raises(EncoderError, match=r"is not efficientat-mn10: expected 960 channels .* got 384"):
        install_encoder("efficientat-mn10", source=teacher, unverified=True)


def test_a_checksum_that_contradicts_the_table_is_refused(home: Path, teacher: Path) -> None:
    with pytest.raises(InvalidInputError, match="has the SHA-256 899a8c62"):
        install_encoder(NAME, source=teacher, sha256="0" * 64)


def test_two_installations_of_one_file_do_not_meet(home: Path, server: Server, teacher: Path) -> None:
    def meanwhile(progress: InstallProgress) -> None:
        if progress.stage == "converting":
            with pytest.raises(EncoderError, match="Another process is fetching"):
                install_encoder(NAME, source=server.address(FILE))

    install_encoder(NAME, source=server.address(FILE), on_progress=meanwhile)
    assert own_encoder_names() == [NAME]


def test_an_installed_encoder_that_is_damaged_is_replaced(home: Path, teacher: Path) -> None:
    install_encoder(NAME, source=teacher)
    model = home / "encoders" / NAME / "model.onnx"
    model.write_bytes(model.read_bytes()[:-1])
    done = install_encoder(NAME, source=teacher)
    assert not done.was_there
    assert load_encoder(NAME).spec.fingerprint == done.fingerprint


def test_an_encoder_is_installed_by_the_address_of_its_manifest(
    home: Path, server: Server, teacher: Path
) -> None:
    folder = server.folder / "other folder"
    folder.mkdir(exist_ok=True)
    path = write_published(table.published_encoder(NAME), teacher, folder)
    document = json.loads(path.read_text()) | {"name": "mine", "file": "my model.onnx"}
    (folder / "my model.onnx").write_bytes((folder / "model.onnx").read_bytes())
    (folder / "mine.json").write_text(json.dumps(document))
    address = server.address("other%20folder/mine.json")
    done = install_encoder(address)
    assert (done.name, done.checked_against, done.dims) == ("mine", "manifest", 576)
    assert not done.verified, "manifest and model come from the same address"
    assert own_encoder_names() == ["mine"]
    (folder / "my model.onnx").write_bytes((folder / "model.onnx").read_bytes()[:-1] + b"x")
    with pytest.raises(EncoderError, match="not the file that is expected"):
        install_encoder(address, force=True)
    with pytest.raises(DownloadError, match="404"):
        install_encoder(server.address("absent.json"))
    (folder / "html.json").write_text("<html>")
    with pytest.raises(EncoderError, match="not an encoder's file"):
        install_encoder(server.address("other%20folder/html.json"))
    with pytest.raises(InvalidInputError, match="no other source"):
        install_encoder(address, source=teacher)


def test_names_that_are_not_published_are_refused(home: Path) -> None:
    with pytest.raises(NotFoundError, match="efficientat-mn04, efficientat-mn10"):
        install_encoder("efficientat")


def test_the_table_is_whole() -> None:
    for row in installable_encoders():
        assert row.url.startswith("https://github.com/fschmid56/EfficientAT/releases/")
        assert row.licence == "MIT"
        assert row.classes == len(table.audioset_class_names()) == 527
    names = table.audioset_class_names()
    assert len(set(names)) == 527
    assert (names[0], names[137], names[526]) == ("Speech", "Music", "Field recording")
