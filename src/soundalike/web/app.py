"""The application: the endpoints over one library, behind their guards."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import version

from fastapi import FastAPI

from soundalike.library import Library
from soundalike.web import about, page, problems, search, sounds
from soundalike.web.guards import LOOPBACK_HOSTS, BodyLimit, Guard

MAX_UPLOAD_BYTES = 200_000_000  # 19 minutes of 16-bit stereo WAV at 44.1 kHz


def create_app(
    library: Library,
    *,
    hosts: Iterable[str] = (),
    any_address: bool = False,
    max_upload_bytes: int = MAX_UPLOAD_BYTES,
) -> FastAPI:
    """Make the web application over a library.

    Args:
        library: What it shows; only read from.
        hosts: Host names, beside those of this machine's loopback, that requests may name.
        any_address: Whether requests may name the server by any IP address.
        max_upload_bytes: The largest file that may be sent to search by.

    Returns:
        The application; its interface is described at ``/api/openapi.json``.
    """
    app = FastAPI(
        title="soundalike",
        summary="Find the sounds that sound alike.",
        version=version("soundalike"),
        openapi_url="/api/openapi.json",
        docs_url=None,  # the stock documentation page loads scripts from another site
        redoc_url=None,
    )
    library.count()  # read it before the first request: the page begins by asking several things at once
    app.state.library = library
    problems.install(app)
    for router in (about.router, sounds.router, search.router):
        app.include_router(router)
    page.install(app)
    app.add_middleware(BodyLimit, max_bytes=max_upload_bytes)
    app.add_middleware(Guard, hosts=[*LOOPBACK_HOSTS, *hosts], any_address=any_address)
    return app
