"""Starting and stopping: ports, addresses, the process."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from soundalike.core.errors import InvalidInputError, LibraryError
from soundalike.web import serve
from soundalike.web.server import listen, page_url


def test_a_port_in_use_is_named_with_a_free_one(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            InvalidInputError, match=rf"Port {port} on 127\.0\.0\.1 is in use.*--port"
        ) as caught:
            serve(tmp_path / "library", port=port)
    advised = int(re.findall(r"--port (\d+)", str(caught.value))[0])
    listen("127.0.0.1", advised).close()
    assert not (tmp_path / "library").exists()  # the port is tried before anything is made


def test_small_answers_are_not_held_back() -> None:
    """Without TCP_NODELAY every answer on a kept connection waits 40 ms for the other side's receipt."""
    at_once: list[int] = []

    async def accept_one() -> None:
        accepted = asyncio.Event()

        def look(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            peer = writer.get_extra_info("socket")
            at_once.append(peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()
            accepted.set()

        listener = listen("127.0.0.1", 0)
        async with await asyncio.start_server(look, sock=listener):
            with socket.create_connection(listener.getsockname()):
                await asyncio.wait_for(accepted.wait(), 20)

    with ThreadPoolExecutor(1) as pool:  # the browser tests keep an event loop in this thread
        pool.submit(lambda: asyncio.run(accept_one())).result()
    assert at_once == [1]


def test_a_port_out_of_range_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="0 to 65535; got 70000"):
        listen("127.0.0.1", 70_000)


def test_a_host_of_another_machine_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"192\.0\.2\.1 is not an address of this machine"):
        listen("192.0.2.1", 0)


def test_a_host_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"'no\.such\.host\.invalid' cannot be found"):
        listen("no.such.host.invalid", 0)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80/"),
        ("0.0.0.0", "http://127.0.0.1:80/"),
        ("::", "http://[::1]:80/"),
        ("::1", "http://[::1]:80/"),
        ("studio-pc", "http://studio-pc:80/"),
    ],
)
def test_the_address_to_type(host: str, url: str) -> None:
    assert page_url(host, 80) == url


def test_a_folder_that_is_no_library_is_refused_and_the_port_is_free_again(tmp_path: Path) -> None:
    (tmp_path / "library.json").write_text("{")
    (tmp_path / "files.txt").write_text("holiday photographs")
    with pytest.raises(LibraryError):
        serve(tmp_path, port=0)


def test_the_browser_is_opened_at_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    told: list[str] = []
    done = threading.Event()

    def open_browser(url: str) -> None:
        opened.append(url)
        done.set()

    monkeypatch.setattr("webbrowser.open", open_browser)
    monkeypatch.setattr("uvicorn.Server.run", lambda self, sockets: done.wait(20))
    serve(tmp_path / "library", port=0, open_browser=True, on_start=told.append)
    assert opened == told
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", told[0])


def test_a_server_in_its_own_process_answers_and_stops_at_ctrl_c(library_path: Path) -> None:
    code = "import sys; from soundalike.web import serve; serve(sys.argv[1], port=0)"
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(library_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=environment,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:\d+/", process.stdout.readline())
        assert found
        assert httpx.get(found.group() + "api/library", timeout=30).json()["sounds"] > 0
        with httpx.stream("GET", found.group()):  # a connection that stays open does not hold it up
            process.send_signal(signal.SIGINT)
            _, complaints = process.communicate(timeout=60)
        assert process.returncode == 0
        assert "Traceback" not in complaints
    finally:
        process.kill()
        process.communicate()
