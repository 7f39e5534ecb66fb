from __future__ import annotations

import socket
from typing import Any

import pytest

from soundalike.core.errors import DownloadError
from soundalike.sources import Item, Limits, Unreadable, network, source_for
from soundalike.sources.network import Deadline, is_public_address, resolve

PRIVATE = [
    "127.0.0.1", "127.8.9.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "198.18.0.1", "203.0.113.5",
    "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:7f00:1", "fe80::1", "fe80::1%eth0", "fc00::1",
    "fd12:3456::1", "fec0::1", "ff02::1", "2001:db8::1", "64:ff9b::10.0.0.1", "64:ff9b::7f00:1",
    "2002:7f00:1::", "2002:c0a8:101::1", "::127.0.0.1",
]  # fmt: skip
PUBLIC = [
    "93.184.216.34",
    "8.8.8.8",
    "2606:2800:220:1:248:1893:25c8:1946",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_told(address: str) -> None:
    assert not is_public_address(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_told(address: str) -> None:
    assert is_public_address(address)


@pytest.mark.parametrize(
    "host",
    ["localhost", "127.0.0.1", "2130706433", "0x7f000001", "0x7f.1", "017700000001", "127.1", "[::1]",
     "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0"],
)  # fmt: skip
def test_this_machine_is_not_asked_however_it_is_written(server: Any, answers: Any, host: str) -> None:
    server.routes["/a.wav"] = answers(b"secret")
    source = source_for(f"http://{host}:{server.port}/a.wav")
    (fault,) = source.scan()
    assert isinstance(fault, Unreadable)
    assert "not on the public internet" in fault.reason
    assert server.asked == []
    assert not source.complete


def answering(*answers_in_turn: list[str]) -> Any:
    """A resolver that gives other answers every time, as a rebinding server of names does."""
    turns = iter(answers_in_turn)

    def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in next(turns)]

    return getaddrinfo


def test_one_private_address_among_public_ones_is_enough_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "getaddrinfo", answering(["8.8.8.8", "10.0.0.1"]))
    with pytest.raises(DownloadError, match=r"has the address 10\.0\.0\.1"):
        resolve("example.org", 80, Deadline(5), allow_private=False)


def test_the_connection_goes_to_the_address_that_was_checked(
    server: Any, answers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.routes["/a.wav"] = answers(b"sound")
    monkeypatch.setattr(network, "getaddrinfo", answering(["127.0.0.1"]))
    with source_for(
        f"http://sounds.example:{server.port}/a.wav", limits=Limits(allow_private_addresses=True)
    ) as source:
        (item,) = source.scan()
    assert isinstance(item, Item)
    ((_, headers),) = server.asked
    assert headers["host"] == f"sounds.example:{server.port}"  # the name was kept, and asked for once only


def test_the_next_address_is_tried_where_one_is_dead(
    server: Any, answers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.routes["/a.wav"] = answers(b"sound")
    monkeypatch.setattr(network, "getaddrinfo", answering(["127.0.0.2", "127.0.0.1"]))
    with source_for(
        f"http://sounds.example:{server.port}/a.wav", limits=Limits(allow_private_addresses=True)
    ) as source:
        assert isinstance(next(source.scan()), Item)


def test_a_resolver_that_hangs_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    woken = threading.Event()
    monkeypatch.setattr(network, "getaddrinfo", lambda *a, **k: woken.wait(30) and [])
    try:
        with pytest.raises(DownloadError, match=r"not found within 0\.05 seconds"):
            resolve("example.org", 80, Deadline(0.05), allow_private=False)
    finally:
        woken.set()


def test_a_name_that_does_not_exist() -> None:
    (fault,) = source_for("http://no-such-host.invalid/a.wav").scan()
    assert isinstance(fault, Unreadable)
    assert fault.reason == "There is no address for the host 'no-such-host.invalid'."
