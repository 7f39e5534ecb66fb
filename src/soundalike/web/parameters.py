"""What several endpoints take alike: the library, filters, a region, how many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path, Query, Request
from pydantic import AwareDatetime

from soundalike.library import Filters, Library

MAX_LIMIT = 1000


def current_library(request: Request) -> Library:
    """Hand out the application's library, as it is now: other processes may have added to it."""
    library: Library = request.app.state.library
    library.refresh()
    return library


def read_filters(
    *,
    text: Annotated[
        str, Query(max_length=200, description="Words that must all occur in names, tags or descriptions.")
    ] = "",
    tag: Annotated[
        list[str] | None, Query(max_length=20, description="Tags that a sound must all have.")
    ] = None,
    under: Annotated[
        str, Query(max_length=4096, description="A file, folder or archive that it must lie in.")
    ] = "",
    path_glob: Annotated[
        str, Query(max_length=4096, description="A pattern for whole paths, with * and ?.")
    ] = "",
    min_duration_s: Annotated[float | None, Query(ge=0, allow_inf_nan=False)] = None,
    max_duration_s: Annotated[float | None, Query(ge=0, allow_inf_nan=False)] = None,
    modified_after: AwareDatetime | None = None,
    modified_before: AwareDatetime | None = None,
    include_missing: Annotated[bool, Query(description="Also sounds whose files are gone.")] = True,
) -> Filters:
    """Read which sounds take part."""
    return Filters(
        text=text.strip() or None,
        tags=tuple(tag or ()),
        under=under.strip() or None,
        path_glob=path_glob or None,
        min_duration_s=min_duration_s,
        max_duration_s=max_duration_s,
        modified_after=modified_after,
        modified_before=modified_before,
        include_missing=include_missing,
    )


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """How to search: how many, which region of the query, what is found, which sounds take part."""

    limit: int
    start_s: float | None
    duration_s: float | None
    segments: bool
    filters: Filters


def read_options(
    filters: Annotated[Filters, Depends(read_filters)],
    *,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="How many hits at most.")] = 50,
    start_s: Annotated[
        float | None,
        Query(ge=0, allow_inf_nan=False, description="Where a region of it starts, in s."),
    ] = None,
    duration_s: Annotated[
        float | None, Query(gt=0, allow_inf_nan=False, description="How long that region is, in s.")
    ] = None,
    segments: Annotated[bool, Query(description="Find stretches of sounds, not whole sounds.")] = False,
) -> SearchOptions:
    """Read how to search."""
    return SearchOptions(limit, start_s, duration_s, segments, filters)


CurrentLibrary = Annotated[Library, Depends(current_library)]
SoundId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="The sound's 32 hexadecimal digits.")]
SoundFilters = Annotated[Filters, Depends(read_filters)]
Options = Annotated[SearchOptions, Depends(read_options)]
