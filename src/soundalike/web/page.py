"""The built page: a fixed set of files, read once, so that no request can name any other."""

from __future__ import annotations

import hashlib
import mimetypes
import secrets
from pathlib import Path

from fastapi import FastAPI, Request, Response

STATIC_FOLDER = Path(__file__).parent / "static"

_NONCE_MARK = b"__STYLE_NONCE__"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".html": "text/html"}


def install(app: FastAPI, folder: Path = STATIC_FOLDER) -> None:
    """Serve the built page at ``/`` and its files beside it.

    Args:
        app: The application; routes are added.
        folder: What the front end's build wrote.
    """
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in {"index.html", "build.json"}:
            _add_file(app, "/" + path.relative_to(folder).as_posix(), path)
    index = (folder / "index.html").read_bytes()

    @app.get("/", include_in_schema=False)
    @app.head("/", include_in_schema=False)
    def _() -> Response:
        nonce = secrets.token_urlsafe(16)
        return Response(
            index.replace(_NONCE_MARK, nonce.encode()),
            media_type="text/html",
            headers={"Cache-Control": "no-store", "Content-Security-Policy": page_policy(nonce)},
        )


def page_policy(nonce: str) -> str:
    """The page's content security policy: everything from this server, nothing from anywhere else.

    Args:
        nonce: Lets through the style sheet that the waveform display writes into its shadow tree.
    """
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            f"style-src 'self' 'nonce-{nonce}'",
            "img-src 'self'",
            "connect-src 'self' blob:",
            "media-src 'self' blob:",  # a file that the user dropped is played from memory
            "form-action 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )


def _add_file(app: FastAPI, route: str, path: Path) -> None:
    content = path.read_bytes()
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    media_type = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    headers = {"Cache-Control": "no-cache", "ETag": etag}

    @app.get(route, include_in_schema=False)
    @app.head(route, include_in_schema=False)
    def _(request: Request) -> Response:
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        return Response(content, media_type=media_type, headers=headers)
