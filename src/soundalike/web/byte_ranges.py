"""Bytes of a file, whole or a range of them, in chunks: what an audio element asks for when it seeks."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from typing import BinaryIO
from urllib.parse import quote

from anyio import to_thread
from starlette.datastructures import Headers
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from soundalike.web.problems import problem

CHUNK_BYTES = 1 << 18  # a quarter of a second of 192 kHz stereo floats: seeking stays prompt

_ONE_RANGE = re.compile(r"^bytes=(\d{0,18})-(\d{0,18})$")


class UnsatisfiableRangeError(ValueError):
    """A range that lies wholly outside the file."""


def parse_range(header: str | None, size_bytes: int) -> tuple[int, int] | None:
    """Read a Range header.

    Args:
        header: The header's text, or None.
        size_bytes: Size of the whole file.

    Returns:
        First byte and the byte after the last, or None where the whole file is to be sent: no header, several
        ranges, or a header that is not understood, which RFC 9110 says to ignore.

    Raises:
        UnsatisfiableRangeError: No byte of the file lies in the range.

    Source: RFC 9110, section 14.

    Example:
        >>> parse_range("bytes=-100", 1000)
        (900, 1000)
    """
    match = _ONE_RANGE.match((header or "").strip().replace(" ", ""))
    if match is None or match.group(1) == match.group(2) == "":
        return None
    first_text, last_text = match.groups()
    if first_text == "":
        first, stop = max(0, size_bytes - int(last_text)), size_bytes
    else:
        first = int(first_text)
        stop = min(size_bytes, int(last_text) + 1) if last_text else size_bytes
        if last_text and int(last_text) < first:
            return None
    if first >= stop:
        raise UnsatisfiableRangeError(f"{header} lies outside a file of {size_bytes} bytes")
    return first, stop


def file_response(
    file: BinaryIO, size_bytes: int, *, name: str, media_type: str, etag: str, request: Headers, method: str
) -> Response:
    """Answer a GET or HEAD request for a file; the file is closed when the answer is over.

    Args:
        file: Seekable, open; taken over.
        size_bytes: Its size.
        name: The file's own name, for "save as".
        media_type: What it holds. Anything but audio and video leaves as plain bytes, so that no file of the
            library is ever taken for a page or a script.
        etag: What changes when the content does, without quotes.
        request: The request's headers.
        method: ``"GET"`` or ``"HEAD"``.

    Returns:
        200, 206 (a range), 304 (unchanged) or 416 (a range outside the file).
    """
    safe_type = media_type if media_type.startswith(("audio/", "video/")) else "application/octet-stream"
    quoted = f'"{etag}"'
    headers = {
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Content-Disposition": f"inline; filename*=UTF-8''{quote(name, safe='')}",
        "Content-Type": safe_type,
        "ETag": quoted,
    }
    try:
        if quoted in (tag.strip() for tag in request.get("if-none-match", "").split(",")):
            file.close()
            return Response(status_code=304, headers=headers)
        same = request.get("if-range", quoted) == quoted
        part = parse_range(request.get("range"), size_bytes) if same and method == "GET" else None
        first, stop = part or (0, size_bytes)
        headers["Content-Length"] = str(stop - first)
        if part is not None:
            headers["Content-Range"] = f"bytes {first}-{stop - 1}/{size_bytes}"
        if method == "HEAD":
            file.close()
            return Response(headers=headers)
        file.seek(first)
        return _FileResponse(file, stop - first, status_code=206 if part else 200, headers=headers)
    except UnsatisfiableRangeError as error:
        file.close()
        return problem(416, f"{error}.", headers={"Content-Range": f"bytes */{size_bytes}"})
    except BaseException:
        file.close()
        raise


class _FileResponse(StreamingResponse):
    """Streams part of an open file, and closes it also where the listener leaves halfway."""

    def __init__(
        self, file: BinaryIO, length_bytes: int, *, status_code: int, headers: Mapping[str, str]
    ) -> None:
        self._file = file
        super().__init__(_chunks(file, length_bytes), status_code=status_code, headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._file.close()


async def _chunks(file: BinaryIO, length_bytes: int) -> AsyncIterator[bytes]:
    left = length_bytes
    while left > 0:
        chunk = await to_thread.run_sync(file.read, min(CHUNK_BYTES, left))
        if not chunk:
            return  # the file became shorter meanwhile: the connection ends short of its announced length
        left -= len(chunk)
        yield chunk
