"""What stands between the network and the application: hosts, origins, sizes, headers.

The server listens on this machine, but any page in the user's browser can send requests to this machine. So a
request must name a host that is ours (a hostile domain may resolve to 127.0.0.1), a browser must say that it
comes from our own page, and no answer may be framed, sniffed or read by another site.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from soundalike.core.units import human_size
from soundalike.web.problems import problem

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Guard:
    """Middleware that lets through only what our own page, or a program on purpose, would send.

    Args:
        app: The application behind it.
        hosts: Host names, without port, that a request may name.
        any_address: Allow every literal IP address too: for a server that listens on all interfaces. An
            attacker can point a name at this machine, never an address.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str], *, any_address: bool = False) -> None:
        self._app = app
        self._hosts = {host.lower().strip("[]") for host in hosts}
        self._any_address = any_address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 403 to a request that has no business here; add the security headers to every answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, send_with_headers)
        else:
            await problem(403, refusal)(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> str | None:
        """Say why a request is refused, or None."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._is_ours(host):
            return f"This server does not answer to the host name {host!r}."
        reads = scope["method"] in {"GET", "HEAD", "OPTIONS"}
        origin = headers.get("origin")
        if origin is not None and not reads and origin.lower() not in _origins_of(host):
            return f"Requests of this kind are not taken from {origin!r}."
        site = headers.get("sec-fetch-site", "none")
        inside = not reads or scope["path"].startswith("/api/")
        if inside and site not in {"same-origin", "none"}:
            return "Requests from other sites are not taken."
        return None

    def _is_ours(self, host: str) -> bool:
        name = _host_name(host)
        if name in self._hosts:
            return True
        if not self._any_address:
            return False
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


class BodyLimit:
    """Middleware that stops reading a request's body when it grows too large.

    Args:
        app: The application behind it.
        max_bytes: The largest body that is taken.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 413 at once to a body that is announced as too large, or as soon as it proves to be."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sentence = f"A file to search by may have up to {human_size(self._max_bytes)}; this one is larger."
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced) > self._max_bytes:
            await problem(413, sentence)(scope, receive, send)
            return
        seen = 0

        async def counted_receive() -> Message:
            nonlocal seen
            message = await receive()
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                if seen > self._max_bytes:
                    raise HTTPException(413, sentence, headers={"Connection": "close"})
            return message

        await self._app(scope, counted_receive, send)


def _host_name(host: str) -> str:
    """Take the port off a Host header: ``[::1]:8765`` names ``::1``."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def _origins_of(host: str) -> set[str]:
    return {f"{scheme}://{host.lower()}" for scheme in ("http", "https")}
