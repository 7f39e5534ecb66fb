"""Connections for downloads: to public addresses only, and never beyond a deadline.

A name is resolved once, what it resolves to is checked, and the connection goes to the very address that was
checked: a server of names that answers otherwise the second time (DNS rebinding) gains nothing. Host header,
server name indication and certificate check keep the name. Redirects open new connections and pass here too.
Proxies set in the environment are not used, because what lies behind a proxy cannot be checked.
"""

from __future__ import annotations

import ipaddress
import queue
import ssl
import threading
import time
from collections.abc import Iterable
from socket import SOCK_STREAM, getaddrinfo
from typing import Any

import httpcore

from soundalike.core.errors import DownloadError

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# One address of several may be dead: half a minute on it leaves time for the others.
_CONNECT_S = 30.0


class Deadline:
    """A moment by which everything has to be done.

    Args:
        seconds: Seconds from now.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._at = time.monotonic() + seconds

    def left_s(self) -> float:
        """Seconds that are left, more than zero.

        Raises:
            DownloadError: The moment has passed.
        """
        left = self._at - time.monotonic()
        if left <= 0.0:
            raise DownloadError(
                f"The download took longer than the {self.seconds:g} seconds that it may take."
            )
        return left


def is_public_address(address: str) -> bool:
    """Whether an IP address belongs to the public internet.

    Args:
        address: An IPv4 or IPv6 address, with or without a zone. IPv4 addresses inside IPv6 ones (mapped,
            6to4, Teredo, NAT64) are looked at as what they lead to.

    Example:
        >>> is_public_address("93.184.216.34"), is_public_address("::ffff:127.0.0.1")
        (True, False)
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = [ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())]
        if ip in _NAT64:
            inner.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
        embedded = [v4 for v4 in inner if v4 is not None]
        if embedded:
            return all(is_public_address(str(v4)) for v4 in embedded)
        if ip.is_site_local:
            return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified or ip.is_loopback)


def resolve(host: str, port: int, deadline: Deadline, *, allow_private: bool) -> list[str]:
    """Find the addresses of a host, and refuse it if any of them is not public.

    Args:
        host: A name or an address in any notation that the system understands (``0x7f.1``, ``2130706433``).
        port: TCP port.
        deadline: By when; a resolver that hangs is left behind.
        allow_private: Whether addresses that are not public are let through.

    Returns:
        The addresses in the system's order of preference.

    Raises:
        DownloadError: No address, none in time, or one that is not public.
    """
    answers: queue.Queue[list[str] | Exception] = queue.Queue()

    def ask() -> None:
        try:
            found = getaddrinfo(host, port, type=SOCK_STREAM)
            answers.put(list(dict.fromkeys(str(entry[4][0]) for entry in found)))
        except (OSError, ValueError) as error:
            answers.put(error)

    # The system's resolver takes no timeout; a thread can be left waiting.
    threading.Thread(target=ask, name="soundalike-resolve", daemon=True).start()
    try:
        answer = answers.get(timeout=deadline.left_s())
    except queue.Empty:
        raise DownloadError(
            f"The address of {host} was not found within {deadline.seconds:g} seconds."
        ) from None
    if isinstance(answer, Exception) or not answer:
        raise DownloadError(f"There is no address for the host {host!r}.")
    if not allow_private:
        for address in answer:
            if not is_public_address(address):
                raise DownloadError(
                    f"The host {host!r} has the address {address}, which is not on the public internet; "
                    "it is not asked."
                )
    return answer


class PublicBackend(httpcore.NetworkBackend):
    """Makes httpcore's connections: resolves, checks, connects to what was checked.

    Args:
        deadline: By when all reading and writing has to be done.
        allow_private: Whether addresses that are not public are let through.
    """

    def __init__(self, deadline: Deadline, *, allow_private: bool) -> None:
        self._deadline = deadline
        self._allow_private = allow_private
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 (the deadline takes its place)
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of the host that answers."""
        refused: Exception | None = None
        for address in resolve(host, port, self._deadline, allow_private=self._allow_private):
            try:
                stream = self._plain.connect_tcp(
                    address,
                    port,
                    timeout=min(_CONNECT_S, self._deadline.left_s()),
                    local_address=local_address,
                    socket_options=socket_options,
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                refused = error
            else:
                return _TimedStream(stream, self._deadline)
        raise refused or httpcore.ConnectError(f"no address of {host} answered")


class _TimedStream(httpcore.NetworkStream):
    """A connection on which no wait goes beyond the deadline, however often bytes trickle in."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        return self._stream.read(max_bytes, self._deadline.left_s())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self._stream.write(buffer, self._deadline.left_s())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        secured = self._stream.start_tls(ssl_context, server_hostname, self._deadline.left_s())
        return _TimedStream(secured, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
