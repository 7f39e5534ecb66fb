"""Endpoints that search: by a sound of the library, by a file that is sent along."""

from __future__ import annotations

from typing import Annotated, BinaryIO

import numpy as np
from fastapi import APIRouter, File, UploadFile

from soundalike.core.errors import InvalidInputError
from soundalike.library import Library, Sound
from soundalike.web import models
from soundalike.web.parameters import CurrentLibrary, Options, SearchOptions, SoundId
from soundalike.web.problems import ALL_PROBLEMS

router = APIRouter(prefix="/api", tags=["search"], responses=ALL_PROBLEMS)


@router.get("/sounds/{sound_id}/similar", operation_id="find_similar")
def find_similar(library: CurrentLibrary, sound_id: SoundId, options: Options) -> models.SearchResult:
    """What sounds like a sound of the library, or like a region of it."""
    return _search(library, library.sound(sound_id), options)


@router.post(
    "/search",
    operation_id="search_by_file",
    responses={413: {"model": models.Problem, "description": "The file is too large."}},
)
def search_by_file(
    library: CurrentLibrary,
    options: Options,
    file: Annotated[UploadFile, File(description="Audio in any format that can be decoded.")],
) -> models.SearchResult:
    """What sounds like a file that is sent along, or like a region of it."""
    if not file.size:
        raise InvalidInputError("A file to search by must hold audio; the one that came is empty.")
    return _search(library, file.file, options)


@router.post("/search/vector", operation_id="search_by_vector")
def search_by_vector(
    library: CurrentLibrary, options: Options, query: models.VectorQuery
) -> models.SearchResult:
    """What lies near a vector of the library's encoder: a mean of sounds, or arithmetic on them."""
    hits = library.search_vector(
        np.array(query.vector, np.float64),
        limit=options.limit,
        segments=options.segments,
        filters=options.filters,
    )
    return models.SearchResult.of(hits)


def _search(library: Library, query: Sound | BinaryIO, options: SearchOptions) -> models.SearchResult:
    hits = library.search(
        query,
        limit=options.limit,
        start_s=options.start_s,
        duration_s=options.duration_s,
        segments=options.segments,
        filters=options.filters,
    )
    return models.SearchResult.of(hits)
