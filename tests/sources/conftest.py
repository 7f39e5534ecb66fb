"""Real sounds, small trees and archives of them, and a server of one's own."""

from __future__ import annotations

import contextlib
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import soundalike

Route = Callable[[BaseHTTPRequestHandler], None]


@pytest.fixture(scope="session")
def kick() -> bytes:
    """A real FLAC of a kick drum."""
    return (Path(soundalike.__file__).parent / "data/demo/kicks/bd_boom.flac").read_bytes()


@pytest.fixture
def tree(tmp_path: Path, kick: bytes) -> Path:
    """A folder of sounds as people have them."""
    root = tmp_path / "My Sounds"
    for name in ("b.flac", "a.FLAC", "drums/808/kick.flac", "drums/snare.wav", "drums/._snare.wav"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(kick)
    for name in ("notes.txt", ".DS_Store", ".hidden/x.wav", "__MACOSX/y.wav", "drums/no_extension"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"not offered")
    return root


@pytest.fixture
def pack(tmp_path: Path, kick: bytes) -> Path:
    """A zip archive of sounds as people have them."""
    path = tmp_path / "pack.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("drums/808/kick.flac", kick)
        archive.writestr("snare.wav", kick * 2)
        archive.writestr("readme.txt", "text")
        archive.writestr("__MACOSX/drums/._kick.flac", "text")
        archive.writestr("drums/.hidden.wav", "text")
        archive.mkdir("empty.wav")
    return path


class Server:
    """An HTTP server in a thread; ``routes`` say what each path answers."""

    def __init__(self) -> None:
        self.routes: dict[str, Route] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                server.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
                server.routes[path](self)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self.httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.httpd.daemon_threads = True
        self.port = self.httpd.server_address[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self.httpd.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def close(self) -> None:
        self.httpd.shutdown()
        self._thread.join()
        self.httpd.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


def answer(body: bytes, *, status: int = 200, declared: int | None = None, **headers: str) -> Route:
    """A route that answers with a body; ``declared`` is a Content-Length that may lie."""

    def route(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body) if declared is None else declared))
        handler.end_headers()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the client has seen enough
            handler.wfile.write(body)

    return route


@pytest.fixture
def answers() -> Callable[..., Route]:
    return answer
