"""Installing a published pretrained encoder: fetch, verify, convert, add to the user's own."""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias
from urllib.parse import quote, urljoin

from soundalike.core.errors import DownloadError, EncoderError, InvalidInputError
from soundalike.core.units import human_size
from soundalike.encoders import add_encoder, load_encoder, own_encoder
from soundalike.encoders.onnx_session import sha256_of
from soundalike.encoders.published import PublishedEncoder, published_encoder, published_encoders
from soundalike.sources.download import OnBytes
from soundalike.studies.installing_fetch import (
    Wanted,
    check_file,
    downloads_folder,
    fetch_small,
    fetched,
)

Stage: TypeAlias = Literal["fetching", "converting", "trying"]

Checksum: TypeAlias = Literal["pinned", "given", "manifest"]
"""Where a checksum came from: this package, the caller, or a manifest that came from where the file did."""

_MAX_ARCHIVE_BYTES = 512 << 20
_MAX_MANIFEST_BYTES = 1_000_000
_ADDRESS = ("http://", "https://")


@dataclass(frozen=True, slots=True)
class InstallProgress:
    """How far an installation is.

    Attributes:
        stage: What is being done.
        done_bytes: Bytes of the file that are there, those of an earlier attempt included.
        whole_bytes: Bytes of the whole file; None where nobody says.
        fetched_bytes: Bytes that came in this attempt.
        elapsed_s: Seconds since it began.
    """

    stage: Stage
    done_bytes: int = 0
    whole_bytes: int | None = None
    fetched_bytes: int = 0
    elapsed_s: float = 0.0

    @property
    def left_s(self) -> float | None:
        """Estimate of the seconds left to fetch; None while it cannot be told."""
        if self.whole_bytes is None or self.fetched_bytes <= 0 or self.elapsed_s <= 0.0:
            return None
        return self.elapsed_s * (self.whole_bytes - self.done_bytes) / self.fetched_bytes


@dataclass(frozen=True, slots=True)
class Installed:
    """What an installation gave.

    Attributes:
        name: What the encoder is known by.
        fingerprint: Its fingerprint.
        dims: Size D of its vectors.
        sha256: SHA-256 of the file that was fetched, of the model where a manifest was; None where nothing
            was fetched.
        checked_against: Which checksum that was compared with; None where with none, or nothing was fetched.
        licence: Of the weights; "" where it is not known.
        was_there: Whether it was installed already, and nothing was done.
    """

    name: str
    fingerprint: str
    dims: int
    sha256: str | None
    checked_against: Checksum | None
    licence: str
    was_there: bool = False

    @property
    def verified(self) -> bool:
        """Whether the checksum came from elsewhere than the file: only then it says whose that is."""
        return self.checked_against in ("pinned", "given")


OnInstall: TypeAlias = Callable[[InstallProgress], object]


def install_encoder(
    name_or_address: str,
    *,
    source: str | Path | None = None,
    sha256: str | None = None,
    unverified: bool = False,
    force: bool = False,
    on_progress: OnInstall | None = None,
) -> Installed:
    """Install a published encoder for all libraries of this user.

    Args:
        name_or_address: A name of the table of published encoders, or the http(s) address of the manifest of
            an ONNX model, whose files lie beside it.
        source: A local copy of the published file, or the address of a mirror; None for the authors' own.
        sha256: Checksum that the file has to have, 64 hexadecimal digits, where the table knows none.
        unverified: Whether a file whose checksum is not known may be used as it comes.
        force: Whether to fetch it anew where it is installed, and to replace another encoder of its name.
        on_progress: Told how far it is.

    Returns:
        What was installed.

    Raises:
        NotFoundError: There is no published encoder of that name.
        InvalidInputError: A checksum that is none, or that is needed and missing, or settings that do not go
            together.
        DownloadError: The file cannot be fetched; what came is kept for the next attempt.
        EncoderError: The file is not the published one (it is deleted where it was fetched), or its network
            cannot be converted or used.
    """
    if sha256 is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise InvalidInputError(f"A SHA-256 has 64 hexadecimal digits; got {sha256[:100]!r}.")
    report = _Reporter(on_progress)
    folder = downloads_folder()
    if name_or_address.startswith(_ADDRESS):
        if source is not None or sha256 is not None or unverified:
            raise InvalidInputError(
                "A manifest says itself which model belongs to it: it takes no other source and no checksum."
            )
        return _install_by_manifest(name_or_address, folder, report, force=force)
    published = published_encoder(name_or_address)
    if own_encoder(published.name) is not None and not force:
        there = _already(published)
        if there is not None:
            return there
        force = True  # what is there cannot be used
    known = (sha256 or "").lower() or published.sha256
    if published.sha256 not in (None, known):
        raise InvalidInputError(
            f"The published file of {published.name} has the SHA-256 {published.sha256}; got {known}."
        )
    if known is None and not unverified:
        raise InvalidInputError(_no_checksum(published))
    against: Checksum | None = "pinned" if published.sha256 else "given" if known else None
    wanted = Wanted(published.url, published.size_bytes, known, published.size_bytes or _MAX_ARCHIVE_BYTES)
    with _archive(published, wanted, source, folder, report) as path:
        return _convert(published, path, report, against=against, force=force)


def _already(published: PublishedEncoder) -> Installed | None:
    """What is installed under that name, if it can be loaded."""
    try:
        spec = load_encoder(published.name).spec
    except EncoderError:
        return None
    return Installed(spec.name, spec.fingerprint, spec.dims, None, None, published.licence, was_there=True)


def installable_encoders() -> list[PublishedEncoder]:
    """The table of published encoders that can be installed by name."""
    return list(published_encoders().values())


def _no_checksum(published: PublishedEncoder) -> str:
    return (
        f"The checksum of {published.url} was not known when this version of soundalike was made. Give it "
        "with --sha256 if you have it from a source that you trust; or say --unverified to take the file as "
        "it comes: nothing in it is run, but nobody has compared it."
    )


class _Reporter:
    """Turns what happens into progress."""

    def __init__(self, on_progress: OnInstall | None) -> None:
        self._on_progress = on_progress
        self._started_s = time.monotonic()
        self._first_bytes: int | None = None

    def stage(self, stage: Stage) -> None:
        if self._on_progress is not None:
            self._on_progress(InstallProgress(stage, elapsed_s=time.monotonic() - self._started_s))

    def bytes_of(self, expected_bytes: int | None) -> OnBytes:
        """What a download is to call."""
        self._first_bytes = None
        self._started_s = time.monotonic()

        def told(done_bytes: int, whole_bytes: int | None) -> None:
            if self._on_progress is None:
                return
            if self._first_bytes is None:  # told after the first piece, which is small
                self._first_bytes = done_bytes
            self._on_progress(
                InstallProgress(
                    "fetching",
                    done_bytes,
                    expected_bytes or whole_bytes,
                    done_bytes - self._first_bytes,
                    time.monotonic() - self._started_s,
                )
            )

        return told


@contextmanager
def _archive(
    published: PublishedEncoder, wanted: Wanted, source: str | Path | None, folder: Path, report: _Reporter
) -> Iterator[Path]:
    """The published file: the local copy that was named, or fetched."""
    if source is not None and not str(source).startswith(_ADDRESS):
        path = Path(source).expanduser()
        try:
            check_file(wanted, path)
        except EncoderError as error:
            raise EncoderError(f"{path} is not the published file of {published.name}. {error}") from error
        yield path
        return
    if source is not None:
        wanted = replace(wanted, address=str(source))
    try:
        on_bytes = report.bytes_of(wanted.size_bytes)
        with fetched(wanted, folder, trusted=source is not None, on_bytes=on_bytes) as path:
            yield path
    except DownloadError as error:
        raise DownloadError(f"{error} {_what_to_do(published)}") from error


def _what_to_do(published: PublishedEncoder) -> str:
    size = f" ({human_size(published.size_bytes)})" if published.size_bytes else ""
    return (
        f"Without a network, fetch {published.url}{size} some other way, and run: "
        f"soundalike encoders install {published.name} --from FILE"
    )


def _convert(
    published: PublishedEncoder, archive: Path, report: _Reporter, *, against: Checksum | None, force: bool
) -> Installed:
    from soundalike.encoders.published_conversion import write_published  # noqa: PLC0415 (loads onnx)

    report.stage("converting")
    with tempfile.TemporaryDirectory(prefix="soundalike-") as scratch:
        manifest_path = write_published(published, archive, Path(scratch))
        report.stage("trying")
        spec = add_encoder(manifest_path, force=force).spec
    digest = sha256_of(archive)
    return Installed(spec.name, spec.fingerprint, spec.dims, digest, against, published.licence)


def _install_by_manifest(address: str, folder: Path, report: _Reporter, *, force: bool) -> Installed:
    """Fetch a manifest and the files that it names, which lie beside it."""
    from soundalike.encoders.onnx_manifest import load_manifest  # noqa: PLC0415 (loads scipy)

    with tempfile.TemporaryDirectory(prefix="soundalike-") as scratch:
        path = Path(scratch) / "encoder.json"
        fetch_small(address, path, _MAX_MANIFEST_BYTES)
        manifest = load_manifest(path)
        checksums = {manifest.file: manifest.sha256}
        if (tower := manifest.text_tower) is not None:
            checksums |= {
                tower.file: tower.sha256,
                tower.vocabulary_file: tower.vocabulary_sha256,
                tower.merges_file: tower.merges_sha256,
            }
        for name, checksum in checksums.items():
            wanted = Wanted(urljoin(address, quote(name)), None, checksum, _MAX_ARCHIVE_BYTES)
            with fetched(wanted, folder, trusted=True, on_bytes=report.bytes_of(None)) as part:
                shutil.copyfile(part, path.with_name(name))
        report.stage("trying")
        spec = add_encoder(path, force=force).spec
    return Installed(spec.name, spec.fingerprint, spec.dims, manifest.sha256, "manifest", manifest.licence)
