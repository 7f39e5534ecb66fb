"""An http or https address as a source: one sound, fetched when it is scanned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

from soundalike.core.errors import DownloadError
from soundalike.sources.addresses import MEMBER_MARK, uri_of_path
from soundalike.sources.copies import TemporaryCopy
from soundalike.sources.download import download, parse_url
from soundalike.sources.item import Found, Item, Unreadable
from soundalike.sources.limits import Limits


class UrlSource:
    """The sound at an http or https address.

    Args:
        address: The address; its user name and password are used, but not kept in the uri.
        metadata: Named texts that are kept with the sound.
        limits: Bounds on size, time, redirects and addresses.
        spool_dir: Folder for the temporary copy.

    Raises:
        InvalidInputError: Not a complete http or https address.
    """

    def __init__(
        self,
        address: str,
        *,
        metadata: Mapping[str, str] | None = None,
        limits: Limits | None = None,
        spool_dir: Path | None = None,
    ) -> None:
        self._url = parse_url(address)
        public = str(self._url.copy_with(username=None, password=None, fragment=None))
        # The mark that stands before the member of an archive may not be part of an address.
        self.root = public.replace(MEMBER_MARK, "%21/")
        self.complete = False
        self._metadata = dict(metadata or {})
        self._limits = limits or Limits()
        self._spool_dir = spool_dir
        self._copy: TemporaryCopy | None = None

    def scan(self) -> Iterator[Found]:
        """Fetch the sound and offer the temporary copy; a download that fails is reported."""
        self.close()
        self.complete = False
        self._copy = TemporaryCopy(self._spool_dir)
        try:
            got = download(self._url, self._copy.path, self._limits)
        except DownloadError as error:
            self.close()
            yield Unreadable(self.root, self.root, str(error))
            return
        yield Item(
            uri=self.root,
            root=self.root,
            name=got.name,
            kind="download",
            location=uri_of_path(self._copy.path),
            size_bytes=got.size_bytes,
            modified_ns=got.modified_ns,
            metadata=dict(self._metadata),
        )
        self.complete = True

    def covers(self, uri: str) -> bool:
        """Whether a uri is this address."""
        return uri == self.root

    def close(self) -> None:
        """Delete the copy."""
        if self._copy is not None:
            self._copy.close()
            self._copy = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
