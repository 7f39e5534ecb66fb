"""What the server must not do: leave the library, answer strangers, let itself be framed."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import httpx
import pytest
from tests.web.conftest import World, running

from soundalike.core import errors
from soundalike.library import Library
from soundalike.web import create_app
from soundalike.web.problems import kind_of, status_of


def raw(world: World, target: str, method: str = "GET", **headers: str) -> tuple[int, bytes, dict[str, str]]:
    """Send a request target as it is: clients tidy up what an attacker would not."""
    connection = http.client.HTTPConnection(urlsplit(world.url).netloc, timeout=30)
    connection.putrequest(method, target, skip_host="host" in {h.lower() for h in headers})
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body, {k.lower(): v for k, v in answer.getheaders()}


ESCAPES = [
    "../../../../etc/passwd",
    "..%2f..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "%252e%252e%252fetc%252fpasswd",
    "..%5c..%5cetc%5cpasswd",
    "....//....//etc/passwd",
    "%00",
    "app.js%00.txt",
    "%2fetc%2fpasswd",
    "//etc/passwd",
    "file:///etc/passwd",
]


@pytest.mark.parametrize("escape", ESCAPES)
@pytest.mark.parametrize("base", ["/", "/assets/", "/api/sounds/", "/static/"])
def test_no_address_leads_out(world: World, base: str, escape: str) -> None:
    status, body, _ = raw(world, base + escape)
    assert status in {404, 422}
    assert b"root:" not in body
    assert json.loads(body)["detail"]


@pytest.mark.parametrize("escape", ESCAPES)
@pytest.mark.parametrize("end", ["audio", "peaks", "similar"])
def test_only_ids_name_sounds(world: World, escape: str, end: str) -> None:
    status, body, _ = raw(world, f"/api/sounds/{escape}/{end}")
    assert status in {404, 422}
    assert b"root:" not in body


def test_a_file_of_the_machine_is_no_sound_id(client: httpx.Client, world: World) -> None:
    """``Library.sound`` takes paths too; over HTTP only ids pass."""
    path = world.sound("loop_amen.flac").path
    answer = client.get("/api/sounds/" + path.replace("/", "%2F"))
    assert answer.status_code in {404, 422}
    for name in ("A" * 32, "0" * 31, "0" * 33, "0" * 31 + "g", "0" * 31 + "%0A", "0" * 32 + "%0A", "０" * 32):
        assert client.get(f"/api/sounds/{name}").status_code in {404, 422}, name


def test_the_build_record_is_not_served(client: httpx.Client) -> None:
    assert client.get("/build.json").status_code == 404


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8765",
        "127.0.0.1.evil.example",
        "",
        "localhost.evil.example",
        "0.0.0.0",
        "192.168.1.7",
    ],
)
@pytest.mark.parametrize("target", ["/", "/api/library", "/assets/app.js"])
def test_another_host_name_is_refused(world: World, host: str, target: str) -> None:
    status, body, headers = raw(world, target, Host=host)
    assert status == 403
    assert json.loads(body)["kind"] == "forbidden"
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:99", "127.0.0.1", "127.0.0.1:8765", "[::1]", "[::1]:8765"]
)
def test_names_of_this_machine_are_answered(world: World, host: str) -> None:
    assert raw(world, "/api/tags", Host=host)[0] == 200


def test_a_server_on_all_interfaces_takes_addresses_but_no_strange_names(library_path: Path) -> None:
    app = create_app(Library.open(library_path), hosts=["studio-pc"], any_address=True)
    with running(app) as url:

        def status(host: str) -> int:
            return httpx.get(url + "/api/tags", headers={"Host": host}).status_code

        assert [status(h) for h in ("192.168.1.7:8765", "[fe80::1]", "studio-pc", "localhost")] == [200] * 4
        assert [status(h) for h in ("evil.example", "192.168.1.7.evil.example")] == [403] * 2


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1", "http://localhost:1", "file://"]
)
def test_a_post_from_another_origin_is_refused(client: httpx.Client, origin: str) -> None:
    answer = client.post("/api/search", files={"file": b"x"}, headers={"Origin": origin})
    assert (answer.status_code, answer.json()["kind"]) == (403, "forbidden")


def test_a_post_from_the_page_itself_is_taken(client: httpx.Client, world: World) -> None:
    headers = {"Origin": world.url, "Sec-Fetch-Site": "same-origin"}
    assert client.post("/api/search", files={"file": b"x"}, headers=headers).status_code == 422


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_other_sites_may_link_to_the_page_and_call_nothing(client: httpx.Client, site: str) -> None:
    headers = {"Sec-Fetch-Site": site}
    assert client.get("/", headers=headers).status_code == 200
    assert client.get("/api/library", headers=headers).status_code == 403
    assert client.post("/api/search", files={"file": b"x"}, headers=headers).status_code == 403


def test_there_is_no_leave_for_other_origins(client: httpx.Client) -> None:
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    assert "access-control-allow-origin" not in client.get("/api/tags", headers=headers).headers
    answer = client.options("/api/search", headers=headers)
    assert answer.status_code == 405
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("target", ["/", "/assets/app.js", "/api/library", "/api/none", "/api/sounds/x"])
def test_every_answer_has_the_security_headers(client: httpx.Client, target: str) -> None:
    headers = client.get(target).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"


def test_the_page_has_a_fresh_nonce_each_time(client: httpx.Client) -> None:
    pages = [client.get("/") for _ in range(2)]
    nonces = [
        page.headers["content-security-policy"].partition("'nonce-")[2].partition("'")[0] for page in pages
    ]
    assert nonces[0] != nonces[1]
    for nonce, page in zip(nonces, pages, strict=True):
        assert len(nonce) >= 16
        assert f'content="{nonce}"' in page.text
        assert "STYLE_NONCE" not in page.text


@pytest.mark.parametrize(
    "media_type", ["text/html", "image/svg+xml", "application/xhtml+xml", "text/javascript"]
)
def test_a_sound_is_never_served_as_a_page(
    client: httpx.Client, world: World, monkeypatch: pytest.MonkeyPatch, media_type: str
) -> None:
    real = world.library.open_audio_file

    def disguised(what: str) -> SimpleNamespace:
        audio = real(what)
        return SimpleNamespace(
            file=audio.file, name=audio.name, size_bytes=audio.size_bytes, media_type=media_type
        )

    monkeypatch.setattr(world.library, "open_audio_file", disguised)
    answer = client.get(f"/api/sounds/{world.sound('loop_amen.flac').id}/audio")
    assert answer.headers["content-type"] == "application/octet-stream"


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (errors.NotFoundError, 404, "not_found"),
        (errors.InvalidInputError, 422, "invalid_input"),
        (errors.QueryError, 422, "query"),
        (errors.AudioError, 422, "audio"),
        (errors.SpaceMismatchError, 422, "space_mismatch"),
        (errors.SourceError, 502, "source"),
        (errors.ArchiveError, 502, "archive"),
        (errors.LibraryError, 503, "library"),
        (errors.LibraryCorruptError, 503, "library_corrupt"),
        (errors.IndexFormatError, 503, "index_format"),
        (errors.EncoderError, 503, "encoder"),
        (errors.SoundalikeError, 500, "soundalike"),
    ],
)
def test_errors_leave_as_problems(
    client: httpx.Client,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    error: type[errors.SoundalikeError],
    status: int,
    kind: str,
) -> None:
    assert (status_of(error("x")), kind_of(error("x"))) == (status, kind)

    def fail() -> None:
        raise error("Because of this.")

    monkeypatch.setattr(world.library, "tags", fail)
    answer = client.get("/api/tags")
    assert answer.status_code == status
    assert answer.json() == {"detail": "Because of this.", "kind": kind}


def test_a_fault_of_the_server_tells_nothing_of_its_inside(
    client: httpx.Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(world.library, "tags", fail)
    answer = client.get("/api/tags")
    assert answer.status_code == 500
    assert answer.json()["kind"] == "internal"
    assert "secret" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
