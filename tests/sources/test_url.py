from __future__ import annotations

import gzip
import itertools
import socket
import ssl
import subprocess
import threading
import time
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from soundalike.core.errors import DownloadError, InvalidInputError, SourceError
from soundalike.sources import Found, Item, Limits, Source, Unreadable, open_item, source_for
from soundalike.sources.download import _decoded


def url_source(address: str, **bounds: Any) -> Source:
    return source_for(address, limits=Limits(allow_private_addresses=True, **bounds))


def fetched(address: str, **bounds: Any) -> Found:
    (found,) = url_source(address, **bounds).scan()
    return found


def reason(address: str, **bounds: Any) -> str:
    found = fetched(address, **bounds)
    assert isinstance(found, Unreadable)
    return found.reason


def test_a_sound_is_fetched_and_offered(server: Any, answers: Any, kick: bytes, tmp_path: Path) -> None:
    server.routes["/sounds/kick%201.flac"] = answers(kick, Last_Modified="Wed, 21 Oct 2015 07:28:00 GMT")
    address = f"{server.address}/sounds/kick 1.flac?x=1#here"
    source = source_for(
        address,
        metadata={"recordist": "Ann"},
        limits=Limits(allow_private_addresses=True),
        spool_dir=tmp_path,
    )
    (item,) = source.scan()
    assert isinstance(item, Item)
    assert item.uri == item.root == f"{server.address}/sounds/kick%201.flac?x=1"
    assert (item.name, item.kind, item.size_bytes) == ("kick 1.flac", "download", len(kick))
    assert item.modified_ns == 1445412480 * 10**9
    assert item.metadata == {"recordist": "Ann"}
    assert source.complete
    assert source.covers(item.uri)
    assert not source.covers(server.address)
    assert Path(item.location).is_relative_to(tmp_path)
    with open_item(item) as file:
        assert file.read() == kick
    source.close()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(SourceError, match=r"temporary copy of http.* is gone"):
        open_item(item)


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('attachment; filename="kick one.wav"', "kick one.wav"),
        ("attachment; filename*=UTF-8''%C3%A9t%C3%A9.wav", "été.wav"),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ('attachment; filename="C:\\\\sounds\\\\kick.wav"', "kick.wav"),
        ('attachment; filename="..."', "plain.wav"),
        ("attachment; filename*=UTF-8''a%0Ab%00.wav", "ab.wav"),
        ("nonsense;;;=", "plain.wav"),
        (f'attachment; filename="{"x" * 400}.wav"', "x" * 251 + ".wav"),
    ],
)
def test_names_are_made_fit(server: Any, answers: Any, disposition: str, name: str) -> None:
    server.routes["/plain.wav"] = answers(b"x", Content_Disposition=disposition)
    found = fetched(f"{server.address}/plain.wav")
    assert isinstance(found, Item)
    assert found.name == name


def test_an_address_without_a_path_is_named_by_its_host(server: Any, answers: Any) -> None:
    server.routes["/"] = answers(b"x")
    found = fetched(server.address)
    assert isinstance(found, Item)
    assert found.name == "127.0.0.1"


def test_a_login_is_used_but_not_kept_nor_passed_on(server: Any, answers: Any) -> None:
    server.routes["/a"] = answers(b"", status=302, Location=f"http://localhost:{server.port}/b")
    server.routes["/b"] = answers(b"sound")
    found = fetched(f"http://ann:s%40crt@127.0.0.1:{server.port}/a")
    assert isinstance(found, Item)
    assert found.uri == f"{server.address}/a"
    (_, first), (_, second) = server.asked
    assert first["authorization"] == "Basic YW5uOnNAY3J0"
    assert "authorization" not in second


def test_redirects_are_followed_up_to_a_number(server: Any, answers: Any) -> None:
    for step in range(4):
        server.routes[f"/{step}"] = answers(b"", status=301 + step % 2, Location=f"/{step + 1}")
    server.routes["/4"] = answers(b"sound")
    assert isinstance(fetched(f"{server.address}/0", max_redirects=4), Item)
    assert reason(f"{server.address}/0", max_redirects=3) == "There were more than 3 redirects."


@pytest.mark.parametrize(
    "location",
    ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://a:99999/", "http://[::1/"],
)
def test_a_redirect_to_something_else_is_refused(server: Any, answers: Any, location: str) -> None:
    server.routes["/a"] = answers(b"", status=302, Location=location)
    assert "which is not fetched" in reason(f"{server.address}/a")


def test_a_redirect_to_a_private_address_is_refused(
    server: Any, answers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from soundalike.sources import network

    # The server's own address counts as public here, every other as what it is.
    real = network.is_public_address
    monkeypatch.setattr(network, "is_public_address", lambda a: a == "127.0.0.1" or real(a))
    server.routes["/a"] = answers(b"", status=302, Location="http://169.254.169.254/latest/meta-data")
    (found,) = source_for(f"{server.address}/a").scan()
    assert isinstance(found, Unreadable)
    assert "has the address 169.254.169.254, which is not on the public internet" in found.reason


@pytest.mark.parametrize(
    ("status", "text"), [(404, "404 Not Found"), (500, "500 Internal"), (204, "204 No Content")]
)
def test_other_answers_are_reported(server: Any, answers: Any, status: int, text: str) -> None:
    server.routes["/a"] = answers(b"", status=status)
    assert f"127.0.0.1 answered {text}" in reason(f"{server.address}/a")


def test_too_much_is_refused_from_what_is_declared(server: Any, answers: Any) -> None:
    server.routes["/a"] = answers(b"x", declared=2000)
    assert (
        reason(f"{server.address}/a", max_download_bytes=1000)
        == "The download is over 1.0 kB; that is not kept."
    )


def chunked(handler: BaseHTTPRequestHandler, pieces: Iterator[bytes], **headers: str) -> None:
    """Answer without a length, until the connection closes."""
    handler.send_response(200)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    try:
        for piece in pieces:
            handler.wfile.write(piece)
    except OSError:
        return


def test_too_much_is_refused_while_it_comes(server: Any, tmp_path: Path) -> None:
    sent: list[int] = []

    def endless() -> Iterator[bytes]:
        while True:
            sent.append(1)
            yield bytes(1 << 16)

    server.routes["/a"] = lambda handler: chunked(handler, endless())
    source = source_for(
        f"{server.address}/a",
        limits=Limits(allow_private_addresses=True, max_download_bytes=1 << 20),
        spool_dir=tmp_path,
    )
    (found,) = source.scan()
    assert isinstance(found, Unreadable)
    assert "over 1.0 MB" in found.reason
    assert len(sent) < 1000
    assert list(tmp_path.iterdir()) == []


def test_a_length_that_is_not_reached_is_an_error(server: Any, answers: Any) -> None:
    server.routes["/a"] = answers(b"short", declared=1000)
    assert "The connection to 127.0.0.1 failed" in reason(f"{server.address}/a")


def test_no_length_is_fine(server: Any, kick: bytes) -> None:
    server.routes["/a"] = lambda handler: chunked(handler, iter([kick]))
    found = fetched(f"{server.address}/a")
    assert isinstance(found, Item)
    assert found.size_bytes == len(kick)


@pytest.mark.parametrize("part", ["headers", "body"])
def test_trickling_bytes_do_not_outlast_the_deadline(server: Any, part: str) -> None:
    over = threading.Event()

    def trickle(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n" + (b"\r\n" if part == "body" else b"X-Long: "))
        try:
            while not over.wait(0.02):
                handler.wfile.write(b"x")
        except OSError:
            return

    server.routes["/a"] = trickle
    begun = time.monotonic()
    assert "took longer than the 0.5 seconds" in (
        why := reason(f"{server.address}/a", max_download_s=0.5)
    ) or ("did not answer in time" in why)
    over.set()
    assert time.monotonic() - begun < 20  # it would go on for ever


def test_a_server_that_says_nothing(server: Any) -> None:
    over = threading.Event()
    server.routes["/a"] = lambda handler: over.wait(60)
    why = ""
    for seconds in (0.2, 2.0, 20.0):  # on a busy machine the time may be over before anything was asked
        why = reason(f"{server.address}/a", max_download_s=seconds)
        if "did not answer" in why:
            break
    over.set()
    assert why == "127.0.0.1 did not answer in time."


def test_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        assert "The connection to 127.0.0.1 failed" in reason(f"http://127.0.0.1:{taken.getsockname()[1]}/a")


def test_what_does_not_speak_http() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def speak() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"220 smtp ready\r\n\r\n")

        thread = threading.Thread(target=speak)
        thread.start()
        assert "The connection to 127.0.0.1 failed" in reason(
            f"http://127.0.0.1:{listener.getsockname()[1]}/"
        )
        thread.join()


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_an_encoding_that_was_not_asked_for_is_undone(
    server: Any, answers: Any, kick: bytes, encoding: str, pack: Any
) -> None:
    server.routes["/a"] = answers(pack(kick), Content_Encoding=encoding)
    source = url_source(f"{server.address}/a")
    (found,) = source.scan()
    assert isinstance(found, Item)
    with open_item(found) as file:
        assert file.read() == kick
    assert server.asked[0][1]["accept-encoding"] == "identity"


def test_an_encoding_bomb_is_bounded(server: Any, answers: Any) -> None:
    bomb = gzip.compress(bytes(64 << 20))
    assert len(bomb) < 100_000
    server.routes["/a"] = answers(bomb, Content_Encoding="gzip")
    assert "over 1.0 MB" in reason(f"{server.address}/a", max_download_bytes=1 << 20)


def test_an_encoding_is_undone_in_small_pieces() -> None:
    bomb = gzip.compress(bytes(8 << 20))
    pieces = [len(piece) for piece in _decoded(iter([bomb]), "gzip", Limits())]
    assert sum(pieces) == 8 << 20
    assert max(pieces) <= 1 << 16


def test_bytes_that_decode_to_nothing_are_bounded_too() -> None:
    empty_block = b"\x00\x00\x00\xff\xff"
    stream = itertools.chain([b"\x78\x9c"], itertools.repeat(empty_block))
    with pytest.raises(DownloadError, match=r"over 1\.0 kB"):
        list(_decoded(stream, "deflate", Limits(max_download_bytes=1000)))


@pytest.mark.parametrize(
    ("encoding", "cut", "message"),
    [("gzip", slice(0, 50), "ends early"), ("gzip", slice(5, None), "damaged"), ("br", slice(None), "'br'")],
)
def test_a_bad_encoding_is_reported(
    server: Any, answers: Any, kick: bytes, encoding: str, cut: slice, message: str
) -> None:
    server.routes["/a"] = answers(gzip.compress(kick)[cut], Content_Encoding=encoding)
    assert message in reason(f"{server.address}/a")


@pytest.mark.parametrize(
    "address", ["http://", "https:///x", "http://a:99999/", "http://[::1/", "http://a b/\n"]
)
def test_what_is_no_address_is_refused_at_once(address: str) -> None:
    with pytest.raises(InvalidInputError, match="address"):
        source_for(address)


def test_a_mark_of_archives_in_an_address_is_encoded(server: Any, answers: Any) -> None:
    server.routes["/a%21/b.wav"] = answers(b"x")
    source = url_source(f"{server.address}/a!/b.wav")
    assert source.root == f"{server.address}/a%21/b.wav"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for the name sounds.example, with its key in the same file."""
    path = tmp_path / "certificate.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=sounds.example",
    ]
    command += [
        "-addext",
        "subjectAltName=DNS:sounds.example",
        "-keyout",
        str(path),
        "-out",
        str(tmp_path / "c.pem"),
    ]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl, which makes the certificate, is not installed")
    path.write_bytes(path.read_bytes() + (tmp_path / "c.pem").read_bytes())
    return path


def test_certificates_are_checked_against_the_name(
    server: Any, answers: Any, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    asked_for: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: asked_for.append(name)
    server.httpd.socket = context.wrap_socket(server.httpd.socket, server_side=True)
    server.routes["/a.wav"] = answers(b"sound")
    address = f"https://sounds.example:{server.port}/a.wav"
    monkeypatch.setattr(
        "soundalike.sources.network.getaddrinfo",
        lambda host, port, **_: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))],
    )
    assert "CERTIFICATE_VERIFY_FAILED" in reason(address)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert isinstance(fetched(address), Item)
    assert asked_for[-1] == "sounds.example"
    assert "CERTIFICATE_VERIFY_FAILED" in reason(address.replace("sounds.example", "other.example"))
