"""Endpoints about the library itself: what it holds, its tags, what could not be used."""

from __future__ import annotations

from fastapi import APIRouter

from soundalike.web import models
from soundalike.web.parameters import CurrentLibrary
from soundalike.web.problems import ALL_PROBLEMS

router = APIRouter(prefix="/api", tags=["library"], responses=ALL_PROBLEMS)


@router.get("/library", operation_id="get_library")
def get_library(library: CurrentLibrary) -> models.LibraryInfo:
    """What the library holds."""
    return models.LibraryInfo.of(library.info())


@router.get("/tags", operation_id="list_tags")
def list_tags(library: CurrentLibrary) -> list[models.TagCount]:
    """All tags, the most frequent first."""
    counts = sorted(library.tags(), key=lambda pair: (-pair[1], pair[0]))
    return [models.TagCount(tag=tag, sounds=count) for tag, count in counts]


@router.get("/errors", operation_id="list_errors")
def list_errors(library: CurrentLibrary) -> list[models.FailedFile]:
    """The files that could not be used, and why."""
    return [models.FailedFile(path=failure.uri, reason=failure.reason) for failure in library.errors()]
