"""One download over http or https into a file, within bounds on size, time, redirects and addresses."""

from __future__ import annotations

import base64
import email.message
import email.utils
import http
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias
from urllib.parse import unquote

import httpcore
import httpx

from soundalike.core.errors import DownloadError, InvalidInputError
from soundalike.core.units import human_size
from soundalike.sources.limits import Limits
from soundalike.sources.network import Deadline, PublicBackend

_CHUNK_BYTES = 1 << 16
_REDIRECTS = {301, 302, 303, 307, 308}
_MAX_NAME_CHARACTERS = 255
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_CONTENT_RANGE = re.compile(r"bytes (?:(\d{1,18})-\d{1,18}|\*)/(\d{1,18}|\*)")

OnBytes: TypeAlias = Callable[[int, int | None], object]
"""Called with how many bytes lie in the file, and how many there will be, None where nobody says."""


@dataclass(frozen=True, slots=True)
class Downloaded:
    """What a download gave.

    Attributes:
        name: The file name that the server gave, or the last part of the address; fit for a file system.
        size_bytes: Size of the file, after content encoding was undone.
        modified_ns: When the server says that it changed, None where it does not say.
    """

    name: str
    size_bytes: int
    modified_ns: int | None


def parse_url(address: str) -> httpx.URL:
    """Parse an address.

    Raises:
        InvalidInputError: Not a complete http or https address.
    """
    try:
        url = httpx.URL(address)
        port_is_fine = url.port is None or 0 < url.port < 1 << 16
    except (httpx.InvalidURL, ValueError) as error:
        raise InvalidInputError(f"{address!r} is not an address: {error}.") from error
    if url.scheme not in ("http", "https") or not url.raw_host or not port_is_fine:
        raise InvalidInputError(f"An address has the form https://host/path; got {address!r}.")
    return url


@dataclass(slots=True)
class _Target:
    """The file that is written, and how much of it is there already and is to be kept."""

    path: Path
    limits: Limits
    start_bytes: int
    on_bytes: OnBytes | None


def download(
    url: httpx.URL,
    target: Path,
    limits: Limits,
    *,
    resume: bool = False,
    on_bytes: OnBytes | None = None,
) -> Downloaded:
    """Fetch an address into a file.

    Args:
        url: What `parse_url` gave; a user name and password in it go to its own host only.
        target: The file to write; what was there is replaced.
        limits: The bounds.
        resume: Ask only for what comes behind the bytes that lie in the file already. Where the server
            sends everything all the same, they are replaced. Whether both parts belong together is for the
            caller to check, by size and checksum.
        on_bytes: Told how far it is.

    Returns:
        Name, size and time of what lies in the file now.

    Raises:
        DownloadError: Refused, too large, too slow, too many redirects, gone, or cut short.
    """
    deadline = Deadline(limits.max_download_s)
    backend = PublicBackend(deadline, allow_private=limits.allow_private_addresses)
    origin = (url.scheme, url.raw_host, url.port)
    login = url.userinfo
    try:
        there = target.stat().st_size if resume and target.exists() else 0
        place = _Target(target, limits, there, on_bytes)
        with httpcore.ConnectionPool(httpx.create_ssl_context(), network_backend=backend) as pool:
            for _ in range(limits.max_redirects + 1):
                same_origin = (url.scheme, url.raw_host, url.port) == origin
                answer = _ask(pool, url, login if same_origin else b"", place)
                if isinstance(answer, Downloaded):
                    return answer
                url = answer
    except httpcore.TimeoutException as error:
        raise DownloadError(f"{url.host} did not answer in time.") from error
    except (httpcore.NetworkError, httpcore.ProtocolError) as error:
        detail = str(error) or type(error).__name__
        raise DownloadError(f"The connection to {url.host} failed: {detail}.") from error
    except OSError as error:
        raise DownloadError(f"The download cannot be kept: {error}.") from error
    raise DownloadError(f"There were more than {limits.max_redirects} redirects.")


def _ask(
    pool: httpcore.ConnectionPool, url: httpx.URL, login: bytes, target: _Target
) -> Downloaded | httpx.URL:
    """Send one request; keep the answer, or say where it redirects to."""
    headers = [(b"Host", url.netloc), (b"User-Agent", b"soundalike"), (b"Accept", b"*/*")]
    headers.append((b"Accept-Encoding", b"identity"))
    if target.start_bytes:
        headers.append((b"Range", b"bytes=%d-" % target.start_bytes))
    if login:
        name, _, password = login.partition(b":")
        pair = unquote(name.decode()) + ":" + unquote(password.decode())
        headers.append((b"Authorization", b"Basic " + base64.b64encode(pair.encode())))
    place = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
    with pool.stream("GET", place, headers=headers) as response:
        given = httpx.Headers(response.headers)
        if response.status in _REDIRECTS and "location" in given:
            return _redirect(url, given["location"])
        if response.status == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and target.start_bytes:
            whole_bytes = _range_of(given)[1]
            if whole_bytes == target.start_bytes:  # nothing is missing
                return Downloaded(_name_of(given, url), target.start_bytes, _modified_ns(given))
            target.start_bytes = 0  # what lies there is no part of this file
            return url
        if response.status == http.HTTPStatus.OK:
            target.start_bytes = 0
        elif response.status != http.HTTPStatus.PARTIAL_CONTENT or not target.start_bytes:
            raise DownloadError(f"{url.host} answered {_status_text(response.status)}.")
        elif _range_of(given)[0] != target.start_bytes:
            raise DownloadError(f"{url.host} answered with another part of the file than was asked for.")
        size_bytes = _keep(response.iter_stream(), given, target)
        return Downloaded(_name_of(given, url), size_bytes, _modified_ns(given))


def _range_of(headers: httpx.Headers) -> tuple[int | None, int | None]:
    """Where a part of a file begins, and how many bytes the whole file has; None where that is not said."""
    match = _CONTENT_RANGE.fullmatch(headers.get("content-range", "").strip())
    if match is None:
        return None, None
    return int(match[1]) if match[1] else None, None if match[2] == "*" else int(match[2])


def _redirect(url: httpx.URL, location: str) -> httpx.URL:
    """The address that a redirect leads to; a login written into it is not taken up."""
    try:
        return parse_url(str(url.join(location))).copy_with(username=None, password=None)
    except (InvalidInputError, httpx.InvalidURL) as error:
        raise DownloadError(f"{url.host} redirects to {location[:200]!r}, which is not fetched.") from error


def _keep(stream: Iterable[bytes], headers: httpx.Headers, target: _Target) -> int:
    """Write an answer behind what is kept of the file; give the size of the whole."""
    limits, size_bytes = target.limits, target.start_bytes
    declared = headers.get("content-length", "")
    whole_bytes = size_bytes + int(declared) if declared.isdecimal() else None
    if whole_bytes is not None and whole_bytes > limits.max_download_bytes:
        raise _too_large(limits)
    encoding = headers.get("content-encoding", "")
    with target.path.open("ab" if size_bytes else "wb") as file:
        for chunk in _decoded(stream, encoding, limits):
            size_bytes += len(chunk)
            if size_bytes > limits.max_download_bytes:
                raise _too_large(limits)
            file.write(chunk)
            if target.on_bytes is not None:
                target.on_bytes(size_bytes, None if encoding else whole_bytes)
    return size_bytes


def _decoded(chunks: Iterable[bytes], encoding: str, limits: Limits) -> Iterator[bytes]:
    """Undo a content encoding in pieces of bounded size; bound the bytes on the wire too."""
    encoding = encoding.strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
        raise DownloadError(f"The server sent the content encoding {encoding!r}, which was not asked for.")
    unpacker = zlib.decompressobj(_GZIP_OR_ZLIB) if encoding not in ("", "identity") else None
    wire_bytes = 0
    for chunk in chunks:
        wire_bytes += len(chunk)
        if wire_bytes > limits.max_download_bytes:
            raise _too_large(limits)
        if unpacker is None:
            yield chunk
            continue
        rest = chunk
        while rest and not unpacker.eof:
            try:
                yield unpacker.decompress(rest, _CHUNK_BYTES)
            except zlib.error as error:
                raise DownloadError(f"The server's {encoding} encoding is damaged: {error}.") from error
            rest = unpacker.unconsumed_tail
    if unpacker is not None:
        if not unpacker.eof:
            raise DownloadError(f"The server's {encoding} encoding ends early.")
        yield unpacker.flush()


def _too_large(limits: Limits) -> DownloadError:
    return DownloadError(f"The download is over {human_size(limits.max_download_bytes)}; that is not kept.")


def _status_text(status: int) -> str:
    try:
        return f"{status} {http.HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _name_of(headers: httpx.Headers, url: httpx.URL) -> str:
    """Choose a file name: Content-Disposition, then the path of the address, then the host."""
    message = email.message.Message()
    message["Content-Disposition"] = headers.get("content-disposition", "")
    for candidate in (message.get_filename() or "", url.path, url.host):
        name = _sanitised(candidate)
        if name:
            return name
    return "unnamed"


def _sanitised(name: str) -> str:
    """Reduce a name from outside to a bare file name; empty where nothing is left of it."""
    last = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    kept = "".join(c for c in last if c.isprintable()).strip(" .")
    return kept.encode("utf-8", "replace").decode("utf-8")[-_MAX_NAME_CHARACTERS:]


def _modified_ns(headers: httpx.Headers) -> int | None:
    try:
        moment = email.utils.parsedate_to_datetime(headers.get("last-modified", ""))
        return int(moment.timestamp()) * 1_000_000_000
    except (ValueError, OverflowError, OSError):
        return None
