"""Searching over HTTP, by sounds of the library and by files that are sent along."""

from __future__ import annotations

import http.client
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
from tests.web.conftest import World, decode, encode, running

from soundalike.library import Library
from soundalike.web import create_app


def hits(answer: httpx.Response) -> list[dict[str, object]]:
    assert answer.status_code == 200, answer.text
    found: list[dict[str, object]] = answer.json()["hits"]
    return found


def found_names(answer: httpx.Response) -> list[str]:
    return [hit["sound"]["name"] for hit in hits(answer)]  # type: ignore[index]


def send(client: httpx.Client, path: Path, **params: object) -> httpx.Response:
    with path.open("rb") as file:
        return client.post("/api/search", files={"file": (path.name, file)}, params=params)  # type: ignore[arg-type]


def test_similar_sounds_are_those_of_the_library(client: httpx.Client, world: World) -> None:
    sound = world.sound("loop_amen.flac")
    sent = hits(client.get(f"/api/sounds/{sound.id}/similar", params={"limit": 12}))
    own = world.library.search(sound, limit=12)
    assert [(h["rank"], h["sound"]["id"]) for h in sent] == [(h.rank, h.sound.id) for h in own]  # type: ignore[index]
    assert [h["distance"] for h in sent] == pytest.approx([h.distance for h in own])
    assert [h["score"] for h in sent] == pytest.approx([h.score for h in own])
    assert sound.id not in {h["sound"]["id"] for h in sent}  # type: ignore[index]
    assert {sent[0]["sound"]["name"], sent[1]["sound"]["name"]} == {"amen.aiff", "loop_amen_full.flac"}  # type: ignore[index]


def test_a_vector_is_searched_as_the_library_does(client: httpx.Client, world: World) -> None:
    _, vectors = world.library.vectors()
    wanted = vectors[0] + vectors[3]
    sent = hits(
        client.post(
            "/api/search/vector", json={"vector": wanted.tolist()}, params={"limit": 5, "segments": True}
        )
    )
    own = world.library.search_vector(wanted, limit=5, segments=True)
    assert [(h["sound"]["id"], h["start_s"]) for h in sent] == [(h.sound.id, h.start_s) for h in own]  # type: ignore[index]


@pytest.mark.parametrize("vector", [[], [0.5, 0.5], ["a"], None])
def test_a_vector_that_does_not_fit_is_refused(client: httpx.Client, vector: object) -> None:
    assert_refused(client, vector)


def test_a_vector_beyond_float32_is_refused(client: httpx.Client, world: World) -> None:
    assert_refused(client, [1e39] * world.library.encoder.spec.dims)


def assert_refused(client: httpx.Client, vector: object) -> None:
    answer = client.post("/api/search/vector", json={"vector": vector})
    assert answer.status_code == 422, answer.text


def test_a_region_is_searched_by_itself(client: httpx.Client, world: World) -> None:
    sound = world.sound("loop_amen.flac")
    params = {"start_s": 0.2, "duration_s": 0.4, "segments": True, "limit": 5}
    sent = hits(client.get(f"/api/sounds/{sound.id}/similar", params=params))
    own = world.library.search(sound, limit=5, start_s=0.2, duration_s=0.4, segments=True)
    assert [(h["start_s"], h["end_s"]) for h in sent] == [(h.start_s, h.end_s) for h in own]
    whole = hits(client.get(f"/api/sounds/{sound.id}/similar", params={"segments": True, "limit": 5}))
    assert [h["distance"] for h in sent] != [h["distance"] for h in whole]


def test_a_region_outside_the_sound_is_422(client: httpx.Client, world: World) -> None:
    path = f"/api/sounds/{world.sound('loop_amen.flac').id}/similar"
    answer = client.get(path, params={"start_s": 500, "duration_s": 1})
    assert (answer.status_code, answer.json()["kind"]) == (422, "query")


def test_filters_hold_in_a_search(client: httpx.Client, world: World) -> None:
    path = f"/api/sounds/{world.sound('loop_amen.flac').id}/similar"
    found = hits(client.get(path, params={"tag": "kicks", "limit": 100}))
    assert len(found) == len(list((world.sounds / "kicks").iterdir()))


def test_a_file_finds_itself_first(client: httpx.Client, world: World) -> None:
    found = hits(send(client, world.sounds / "bass" / "bass_hit_c.flac", limit=3))
    assert found[0]["same_file"]
    assert found[0]["sound"]["id"] == world.sound("bass_hit_c.flac").id  # type: ignore[index]
    assert [hit["same_file"] for hit in found[1:]] == [False, False]


@pytest.mark.parametrize(
    ("suffix", "codec", "rate_hz"),
    [
        ("webm", "libopus", 48_000),
        ("ogg", "libopus", 48_000),
        ("mp3", "libmp3lame", 44_100),
        ("m4a", "aac", 44_100),
    ],
)
def test_recordings_of_browsers_and_phones_can_be_sent(
    client: httpx.Client, world: World, tmp_path: Path, suffix: str, codec: str, rate_hz: int
) -> None:
    samples, own_rate_hz = decode(world.sounds / "loops" / "loop_tabla.flac")
    path = tmp_path / f"query.{suffix}"
    if rate_hz != own_rate_hz:
        times = np.arange(0, samples.shape[1], own_rate_hz / rate_hz)
        samples = np.stack([np.interp(times, np.arange(len(c)), c) for c in samples])
    encode(path, samples * 0.5, rate_hz, codec)
    assert found_names(send(client, path, limit=3))[0] == "loop_tabla.flac"


def test_a_region_of_a_file_is_searched_by_itself(client: httpx.Client, world: World) -> None:
    path = world.sounds / "loops" / "loop_amen_full.flac"
    part = hits(send(client, path, start_s=0.5, duration_s=0.3, limit=5))
    own = world.library.search(path, start_s=0.5, duration_s=0.3, limit=5)
    assert [h["distance"] for h in part] == pytest.approx([h.distance for h in own], abs=1e-6)


def test_what_is_not_audio_is_422_with_a_sentence(client: httpx.Client, world: World) -> None:
    answer = send(client, world.sounds / "other" / "notes.wav")
    assert (answer.status_code, answer.json()["kind"]) == (422, "audio")
    assert answer.json()["detail"].endswith(".")


def test_an_empty_file_is_422(client: httpx.Client, tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()
    answer = send(client, tmp_path / "empty.wav")
    assert answer.status_code == 422
    assert "empty" in answer.json()["detail"]


def test_a_search_without_a_file_is_422(client: httpx.Client) -> None:
    answer = client.post("/api/search", files={"other": b"x"})
    assert (answer.status_code, answer.json()["kind"]) == (422, "invalid_input")
    assert answer.json()["detail"].startswith("file: ")


def test_broken_multipart_is_400(client: httpx.Client) -> None:
    headers = {"Content-Type": "multipart/form-data"}
    answer = client.post("/api/search", content=b"--b\r\nno boundary is named", headers=headers)
    assert answer.status_code == 400
    assert answer.json()["kind"] == "bad_request"


def test_an_announced_size_over_the_bound_is_refused_unread(client: httpx.Client) -> None:
    answer = client.post("/api/search", files={"file": b"x" * 2_000_001})
    assert (answer.status_code, answer.json()["kind"]) == (413, "too_large")
    assert "2.0 MB" in answer.json()["detail"]


def test_an_unannounced_size_is_counted_while_reading(world: World) -> None:
    connection = http.client.HTTPConnection(urlsplit(world.url).netloc, timeout=30)
    connection.putrequest("POST", "/api/search")
    connection.putheader("Content-Type", "multipart/form-data; boundary=b")
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="endless.wav"\r\n\r\n'
    sent = 0
    try:
        while sent < 50_000_000:  # the bound is 2 million: an unbounded reader would take all of it
            chunk = (head if not sent else b"") + b"\0" * 65_536
            connection.send(b"%x\r\n%b\r\n" % (len(chunk), chunk))
            sent += len(chunk)
    except OSError:
        pass
    assert sent < 50_000_000
    connection.close()


def test_a_small_endless_upload_is_answered_413(library_path: Path) -> None:
    with running(create_app(Library.open(library_path), max_upload_bytes=10_000)) as url:

        def body() -> object:
            yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="f.wav"\r\n\r\n'
            yield b"\0" * 10_000

        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        answer = httpx.post(url + "/api/search", content=body(), headers=headers)  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["kind"]) == (413, "too_large")


def test_a_temporary_file_of_an_upload_is_gone_afterwards(client: httpx.Client, world: World) -> None:
    """An upload over one megabyte goes to disk; nothing may be left open or behind."""
    open_files = Path("/proc/self/fd")
    if not open_files.is_dir():
        pytest.skip("open files can be counted on Linux only")

    def deleted() -> int:
        names = []
        for entry in open_files.iterdir():
            try:
                names.append(str(entry.readlink()))
            except OSError:
                continue
        return sum("(deleted)" in name for name in names)

    before = deleted()
    answer = client.post("/api/search", files={"file": b"RIFF" + b"\0" * 1_500_000})
    assert answer.status_code == 422
    waited_until = time.monotonic() + 10.0  # the server cleans up behind its answer
    while deleted() > before and time.monotonic() < waited_until:
        time.sleep(0.02)
    assert deleted() <= before


def test_a_library_of_the_former_default_is_served_as_it_is(tmp_path: Path, sound_folder: Path) -> None:
    old = Library.open(tmp_path / "old", encoder="spectral")
    old.add(sound_folder / "snares", jobs=1)
    snare = min((sound_folder / "snares").iterdir())
    with (
        running(create_app(Library.open(tmp_path / "old"))) as url,
        httpx.Client(base_url=url, timeout=30) as client,
    ):
        (encoder,) = client.get("/api/library").json()["encoders"]
        assert (encoder["name"], encoder["default"]) == ("spectral", True)
        assert found_names(send(client, snare))[0] == snare.name
