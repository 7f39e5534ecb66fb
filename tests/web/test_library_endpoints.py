"""What the server tells of sounds, tags, failures and itself."""

from __future__ import annotations

from pathlib import Path

import httpx
import numpy as np
import pytest
from tests.web.conftest import FOLDERS, LOST, World, running

from soundalike.library import DEFAULT_ENCODER, Library
from soundalike.web import create_app


def names(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [sound["name"] for sound in answer.json()["sounds"]]


def test_the_library_in_figures(client: httpx.Client, world: World) -> None:
    info = client.get("/api/library").json()
    assert info["path"] == str(world.library.path)
    assert info["sounds"] == world.library.count() > 20
    assert info["files"] == info["sounds"] + 1  # one sound lies in two places
    assert (info["missing"], info["errors"]) == (1, 1)
    assert 0 < info["hours"] < 1
    assert [encoder["name"] for encoder in info["encoders"]] == [DEFAULT_ENCODER]
    assert str(world.sounds) in info["roots"]


def test_pages_join_to_the_whole_list(client: httpx.Client, world: World) -> None:
    whole = names(client.get("/api/sounds", params={"limit": 1000}))
    pages = [
        names(client.get("/api/sounds", params={"limit": 7, "offset": o})) for o in range(0, len(whole), 7)
    ]
    assert [name for page in pages for name in page] == whole
    assert (
        client.get("/api/sounds", params={"limit": 1}).json()["total"] == len(whole) == world.library.count()
    )


def test_words_find_names_and_tags(client: httpx.Client) -> None:
    assert names(client.get("/api/sounds", params={"text": "amen full"})) == ["loop_amen_full.flac"]
    by_tag = names(client.get("/api/sounds", params={"text": "snares"}))
    assert by_tag
    assert all(not name.startswith("snares") for name in by_tag)


def test_filters_narrow_the_list(client: httpx.Client, world: World) -> None:
    kicks = client.get("/api/sounds", params={"tag": "kicks"}).json()
    assert kicks["total"] == len(list((world.sounds / "kicks").glob("*.flac")))
    assert all("kicks" in sound["tags"] for sound in kicks["sounds"])
    under = client.get("/api/sounds", params={"under": str(world.sounds / "loops")}).json()["sounds"]
    assert {sound["folder"] for sound in under} == {str(world.sounds / "loops")}
    lengths = [
        s["duration_s"]
        for s in client.get("/api/sounds", params={"min_duration_s": 0.2, "max_duration_s": 1}).json()[
            "sounds"
        ]
    ]
    assert lengths
    assert all(0.2 <= s <= 1 for s in lengths)
    assert names(client.get("/api/sounds", params={"tag": ["kicks", "loops"]})) == []
    assert LOST not in names(client.get("/api/sounds", params={"include_missing": False, "limit": 1000}))
    assert names(client.get("/api/sounds", params={"modified_after": "2100-01-01T00:00:00Z"})) == []


def test_a_vanished_sound_is_listed_as_missing(client: httpx.Client, world: World) -> None:
    sound = client.get(f"/api/sounds/{world.sound(LOST).id}").json()
    assert sound["missing"]
    assert sound["paths"] == [str(world.sounds / "other" / LOST)]


def test_a_member_of_an_archive_names_the_archive_as_its_folder(client: httpx.Client, world: World) -> None:
    sound = client.get(f"/api/sounds/{world.sound('zipped tabla.flac').id}").json()
    assert sound["folder"] == f"{world.sounds}/pack.zip!/hits"


def test_peaks_are_those_of_the_library(client: httpx.Client, world: World) -> None:
    sound = world.sound("loop_amen.flac")
    own = np.asarray(world.library.peaks(sound.id))
    sent = client.get(f"/api/sounds/{sound.id}/peaks", params={"points": 20_000}).json()
    assert sent["duration_s"] == sound.duration_s
    np.testing.assert_array_equal(np.array([sent["lowest"], sent["highest"]]).T, own)


def test_fewer_peaks_keep_every_extreme(client: httpx.Client, world: World) -> None:
    sound = world.sound("loop_amen.flac")
    own = np.asarray(world.library.peaks(sound.id))
    few = client.get(f"/api/sounds/{sound.id}/peaks", params={"points": 7}).json()
    assert len(few["lowest"]) == len(few["highest"]) == 7
    assert (min(few["lowest"]), max(few["highest"])) == (own[:, 0].min(), own[:, 1].max())
    starts = np.linspace(0, len(own), 7, endpoint=False).astype(int)
    stretches = np.split(own, starts[1:])
    assert few["highest"] == [int(stretch[:, 1].max()) for stretch in stretches]


def test_tags_come_most_frequent_first(client: httpx.Client) -> None:
    tags = client.get("/api/tags").json()
    counts = [entry["sounds"] for entry in tags]
    assert counts == sorted(counts, reverse=True)
    assert set(FOLDERS) <= {entry["tag"] for entry in tags}


def test_failures_are_told_with_the_reason(client: httpx.Client, world: World) -> None:
    (failure,) = client.get("/api/errors").json()
    assert failure["path"] == str(world.sounds / "other" / "notes.wav")
    assert failure["reason"]


@pytest.mark.parametrize("path", ["", "/peaks", "/audio", "/similar"])
def test_an_unknown_sound_is_404(client: httpx.Client, path: str) -> None:
    answer = client.get("/api/sounds/" + "0" * 32 + path)
    assert answer.status_code == 404
    assert answer.json()["kind"] == "not_found"
    assert answer.json()["detail"].endswith(".")


@pytest.mark.parametrize(
    "params",
    [
        {"limit": 0},
        {"limit": 1001},
        {"limit": "many"},
        {"offset": -1},
        {"min_duration_s": "nan"},
        {"min_duration_s": -1},
        {"min_duration_s": 2, "max_duration_s": 1},
        {"text": "x" * 201},
        {"tag": ["t"] * 21},
        {"modified_after": "2100-01-01T00:00:00"},
    ],
)
def test_parameters_out_of_range_are_422_with_a_sentence(
    client: httpx.Client, params: dict[str, str]
) -> None:
    answer = client.get("/api/sounds", params=params)
    assert answer.status_code == 422, answer.text
    assert answer.json()["kind"] == "invalid_input"
    assert answer.json()["detail"].endswith(".")


def test_the_interface_describes_itself(client: httpx.Client) -> None:
    described = client.get("/api/openapi.json").json()
    operations = {o["operationId"]: o for path in described["paths"].values() for o in path.values()}
    assert set(operations) == {
        "get_library", "list_tags", "list_errors", "list_sounds", "get_sound", "get_peaks", "get_audio",
        "head_audio", "find_similar", "search_by_file", "search_by_vector",
    }  # fmt: skip
    for operation in operations.values():
        assert operation["summary"]
        assert operation["description"]
        assert operation["responses"]["404"]["content"]["application/json"]["schema"]["$ref"].endswith(
            "/Problem"
        )


def test_what_is_added_elsewhere_shows_up(tmp_path: Path, sound_folder: Path) -> None:
    with running(create_app(Library.open(tmp_path / "growing"))) as url:
        assert httpx.get(url + "/api/sounds").json()["total"] == 0
        Library.open(tmp_path / "growing").add(sound_folder / "snares", jobs=1)
        assert httpx.get(url + "/api/sounds").json()["total"] == len(
            list((sound_folder / "snares").iterdir())
        )
