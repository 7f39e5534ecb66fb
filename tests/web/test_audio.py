"""Audio over HTTP: the original bytes, ranges of them, previews as WAV."""

from __future__ import annotations

import io
from collections.abc import Callable

import av
import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from tests.web.conftest import LOST, Audio, World, decode

from soundalike.library import demo_sounds

LOOP = demo_sounds() / "loops" / "loop_amen.flac"


def test_the_whole_file_comes_as_it_is(get_audio: Audio, world: World) -> None:
    answer = get_audio("loop_amen.flac")
    assert answer.status_code == 200
    assert answer.content == LOOP.read_bytes()
    assert answer.headers["content-type"] == "audio/flac"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["etag"] == f'"{world.sound("loop_amen.flac").id}"'


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes=0-9", slice(0, 10)),
        ("bytes=1000-", slice(1000, None)),
        ("bytes=-77", slice(-77, None)),
        ("bytes=5-300000000", slice(5, None)),
    ],
)
def test_a_range_comes_alone(get_audio: Audio, header: str, part: slice) -> None:
    whole = LOOP.read_bytes()
    answer = get_audio("loop_amen.flac", Range=header)
    first, stop, _ = part.indices(len(whole))
    assert answer.status_code == 206
    assert answer.content == whole[part]
    assert answer.headers["content-range"] == f"bytes {first}-{stop - 1}/{len(whole)}"
    assert answer.headers["content-length"] == str(stop - first)


def test_a_range_outside_is_416_with_the_size(get_audio: Audio) -> None:
    answer = get_audio("loop_amen.flac", Range="bytes=99999999-")
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{LOOP.stat().st_size}"
    assert answer.json()["kind"] == "range_not_satisfiable"


def test_several_ranges_get_the_whole_file(get_audio: Audio) -> None:
    assert get_audio("loop_amen.flac", Range="bytes=0-1,4-5").status_code == 200


def test_head_tells_the_size_and_sends_nothing(get_audio: Audio) -> None:
    answer = get_audio("loop_amen.flac", "HEAD")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(LOOP.stat().st_size)


def test_an_unchanged_file_is_not_sent_again(get_audio: Audio) -> None:
    etag = get_audio("loop_amen.flac", "HEAD").headers["etag"]
    assert get_audio("loop_amen.flac", If_None_Match=f'"other", {etag}').status_code == 304
    assert get_audio("loop_amen.flac", If_None_Match='"other"').status_code == 200


def test_a_range_of_another_version_is_not_spliced_in(get_audio: Audio) -> None:
    etag = get_audio("loop_amen.flac", "HEAD").headers["etag"]
    assert get_audio("loop_amen.flac", Range="bytes=0-9", If_Range=etag).status_code == 206
    assert get_audio("loop_amen.flac", Range="bytes=0-9", If_Range='"other"').status_code == 200


def test_a_member_of_an_archive_can_be_heard(get_audio: Audio) -> None:
    whole = next((demo_sounds() / "tabla").glob("*.flac")).read_bytes()
    assert get_audio("zipped tabla.flac").content == whole
    assert get_audio("zipped tabla.flac", Range="bytes=100-199").content == whole[100:200]


def test_a_sound_in_two_places_is_one_that_survives_the_loss_of_one(
    client: httpx.Client, world: World
) -> None:
    sound = world.sound("bass_hit_c.flac")
    assert [p.rsplit("/", 1)[1] for p in sound.paths] == ["bass_hit_c.flac", "same bytes ’n’ ünïcode.flac"]
    name = client.get(f"/api/sounds/{sound.id}/audio").headers["content-disposition"]
    assert name == "inline; filename*=UTF-8''bass_hit_c.flac"


def test_a_vanished_file_is_404_with_the_reason(get_audio: Audio) -> None:
    answer = get_audio(LOST)
    assert answer.status_code == 404
    assert LOST in answer.json()["detail"]


def wav(answer: httpx.Response) -> tuple[NDArray[np.int16], int, str]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "audio/wav"
    with av.open(io.BytesIO(answer.content), "r") as container:
        rate_hz = container.streams.audio[0].rate
        codec = container.streams.audio[0].codec_context.name
        return np.concatenate([f.to_ndarray() for f in container.decode(audio=0)], axis=1), rate_hz, codec


def test_a_preview_keeps_channels_and_samples(client: httpx.Client, world: World) -> None:
    path = f"/api/sounds/{world.sound('amen.aiff').id}/audio"
    interleaved, rate_hz, codec = wav(client.get(path, params={"format": "wav"}))
    original, original_rate_hz = decode(LOOP)
    assert (rate_hz, codec) == (original_rate_hz, "pcm_s16le")
    heard = interleaved.reshape(-1, 2).T / 32768
    assert heard.shape == original.shape
    np.testing.assert_allclose(heard, original, atol=2 / 32768)


def test_a_preview_of_a_stretch_has_its_length(client: httpx.Client, world: World) -> None:
    path = f"/api/sounds/{world.sound('amen.aiff').id}/audio"
    params: dict[str, str | float] = {"format": "wav", "start_s": 0.5, "duration_s": 0.25}
    interleaved, rate_hz, _ = wav(client.get(path, params=params))
    assert interleaved.size / 2 == pytest.approx(0.25 * rate_hz, abs=2)
    original, _ = decode(LOOP)
    first = round(0.5 * rate_hz)
    heard = interleaved.reshape(-1, 2).T[:, :1000] / 32768
    np.testing.assert_allclose(heard, original[:, first : first + 1000], atol=2 / 32768)


@pytest.mark.parametrize(
    "params", [{"duration_s": 0}, {"duration_s": 60.5}, {"start_s": -1}, {"start_s": "nan"}]
)
def test_a_preview_is_bounded(client: httpx.Client, world: World, params: dict[str, str]) -> None:
    path = f"/api/sounds/{world.sound('amen.aiff').id}/audio"
    assert client.get(path, params={"format": "wav", **params}).status_code == 422


def test_files_are_closed_when_the_listener_leaves(
    client: httpx.Client, world: World, monkeypatch: pytest.MonkeyPatch, wait_for: Callable[..., None]
) -> None:
    opened = []
    real = world.library.open_audio_file

    def recording(what: str) -> object:
        audio = real(what)
        opened.append(audio.file)
        return audio

    monkeypatch.setattr(world.library, "open_audio_file", recording)
    path = f"/api/sounds/{world.sound('loop_amen.flac').id}/audio"
    with client.stream("GET", path) as answer:
        next(answer.iter_raw(10))
    client.head(path)
    client.get(path, headers={"Range": "bytes=999999999-"})
    assert len(opened) == 3
    wait_for(lambda: all(file.closed for file in opened))
