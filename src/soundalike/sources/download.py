"""One download over http or https into a file, within bounds on size, time, redirects and addresses."""

from __future__ import annotations

import base64
import email.message
import email.utils
import http
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
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


def download(url: httpx.URL, target: Path, limits: Limits) -> Downloaded:
    """Fetch an address into a file.

    Args:
        url: What `parse_url` gave; a user name and password in it go to its own host only.
        target: The file to write; what was there is replaced.
        limits: The bounds.

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
        with httpcore.ConnectionPool(httpx.create_ssl_context(), network_backend=backend) as pool:
            for _ in range(limits.max_redirects + 1):
                same_origin = (url.scheme, url.raw_host, url.port) == origin
                answer = _ask(pool, url, login if same_origin else b"", target, limits)
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
    pool: httpcore.ConnectionPool, url: httpx.URL, login: bytes, target: Path, limits: Limits
) -> Downloaded | httpx.URL:
    """Send one request; keep the answer, or say where it redirects to."""
    headers = [(b"Host", url.netloc), (b"User-Agent", b"soundalike"), (b"Accept", b"*/*")]
    headers.append((b"Accept-Encoding", b"identity"))
    if login:
        name, _, password = login.partition(b":")
        pair = unquote(name.decode()) + ":" + unquote(password.decode())
        headers.append((b"Authorization", b"Basic " + base64.b64encode(pair.encode())))
    place = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
    with pool.stream("GET", place, headers=headers) as response:
        given = httpx.Headers(response.headers)
        if response.status in _REDIRECTS and "location" in given:
            return _redirect(url, given["location"])
        if response.status != http.HTTPStatus.OK:
            raise DownloadError(f"{url.host} answered {_status_text(response.status)}.")
        declared = given.get("content-length", "")
        if declared.isdecimal() and int(declared) > limits.max_download_bytes:
            raise _too_large(limits)
        chunks = _decoded(response.iter_stream(), given.get("content-encoding", ""), limits)
        size_bytes = _write(chunks, target, limits)
        return Downloaded(_name_of(given, url), size_bytes, _modified_ns(given))


def _redirect(url: httpx.URL, location: str) -> httpx.URL:
    """The address that a redirect leads to; a login written into it is not taken up."""
    try:
        return parse_url(str(url.join(location))).copy_with(username=None, password=None)
    except (InvalidInputError, httpx.InvalidURL) as error:
        raise DownloadError(f"{url.host} redirects to {location[:200]!r}, which is not fetched.") from error


def _write(chunks: Iterable[bytes], target: Path, limits: Limits) -> int:
    size_bytes = 0
    with target.open("wb") as file:
        for chunk in chunks:
            size_bytes += len(chunk)
            if size_bytes > limits.max_download_bytes:
                raise _too_large(limits)
            file.write(chunk)
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
