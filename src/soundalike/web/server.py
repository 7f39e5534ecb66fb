"""The server: takes a port, opens a library, serves the page until it is told to stop."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import socket
import threading
import webbrowser
from collections.abc import Callable

import uvicorn

from soundalike.core.errors import InvalidInputError
from soundalike.library import Library
from soundalike.web.app import create_app

DEFAULT_PORT = 8765

_GRACE_S = 2  # an audio element keeps its connection open: Ctrl-C does not wait for it


def _announce(url: str) -> None:
    print(f"The page is at {url} (Ctrl-C stops)", flush=True)


def serve(
    library: Library | str | os.PathLike[str],
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    *,
    open_browser: bool = False,
    on_start: Callable[[str], None] = _announce,
) -> None:
    """Serve the page over a library until interrupted.

    Args:
        library: The library, or its folder.
        host: The address to listen on: the default reaches this machine only, ``0.0.0.0`` every network
            that it is part of.
        port: The port to listen on; 0 takes any free one.
        open_browser: Whether to show the page in the user's browser.
        on_start: Told the page's address once the server takes connections; prints it by default.

    Raises:
        InvalidInputError: The port is in use or not allowed, or the host is not one of this machine's.
        LibraryError: The library cannot be used.
    """
    listener = listen(host, port)
    with contextlib.closing(listener):
        opened = library if isinstance(library, Library) else Library.open(library)
        app = create_app(opened, hosts=[host, socket.gethostname()], any_address=_is_wildcard(host))
        config = uvicorn.Config(
            app,
            ws="none",
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=_GRACE_S,
            server_header=False,
        )
        url = page_url(host, listener.getsockname()[1])
        on_start(url)
        if open_browser:
            # A browser can take seconds to come up; the listener queues its first request meanwhile.
            threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listener])


def listen(host: str, port: int) -> socket.socket:
    """Take a port, so that a port in use is known before anything else is done.

    Args:
        host: The address to listen on.
        port: The port, or 0 for any free one.

    Returns:
        A socket that listens.

    Raises:
        InvalidInputError: The port is in use or not allowed, or the host is not one of this machine's.
    """
    if not 0 <= port <= 65535:
        raise InvalidInputError(f"A port is a number from 0 to 65535; got {port}.")
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise InvalidInputError(
            f"The host {host!r} cannot be found ({error.strerror}); use 127.0.0.1 for this machine only."
        ) from error
    # Named as TCP, because asyncio sends small answers at once (TCP_NODELAY) only on sockets that say so.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # elsewhere it would let two servers share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise InvalidInputError(_why_not(error, host, port)) from error
    return listener


def page_url(host: str, port: int) -> str:
    """The address to type into a browser on this machine."""
    name = host
    if _is_wildcard(host):
        name = "::1" if ":" in host else "127.0.0.1"
    return f"http://[{name}]:{port}/" if ":" in name else f"http://{name}:{port}/"


def _why_not(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        free = _free_port(host, port)
        advice = f"for example --port {free}" if free else "or --port 0 for any free one"
        return f"Port {port} on {host} is in use by another program; choose another with --port, {advice}."
    if error.errno in {errno.EACCES, errno.EPERM}:
        return f"Port {port} may not be used by this user; choose one above 1023 with --port."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is not an address of this machine; use 127.0.0.1 for this machine only."
    return f"Cannot listen on {host}, port {port}: {error.strerror}."


def _free_port(host: str, port: int) -> int | None:
    """Find a free port a little above one that is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in range(port + 1, min(port + 20, 65536)):
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind((host, candidate))
            return candidate
    return None


def _is_wildcard(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_unspecified
    return host == ""
