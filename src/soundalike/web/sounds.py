"""Endpoints about sounds: list them, describe one, draw it, hear it."""

from __future__ import annotations

import io
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Query, Request, Response

from soundalike.library import Library
from soundalike.web import models
from soundalike.web.byte_ranges import file_response
from soundalike.web.parameters import MAX_LIMIT, CurrentLibrary, SoundFilters, SoundId
from soundalike.web.problems import ALL_PROBLEMS

router = APIRouter(prefix="/api/sounds", tags=["sounds"], responses=ALL_PROBLEMS)

_PREVIEW_MAX_S = 60.0  # what a preview is cut to: 46 MB at 192 kHz stereo, made in memory


@router.get("", operation_id="list_sounds")
def list_sounds(
    library: CurrentLibrary,
    filters: SoundFilters,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="How many at most.")] = 200,
    offset: Annotated[int, Query(ge=0, le=1 << 40)] = 0,
) -> models.SoundPage:
    """The sounds that pass the filters, a page at a time."""
    sounds = library.sounds(filters=filters, limit=limit, offset=offset)
    return models.SoundPage(
        total=library.count(filters), offset=offset, sounds=[models.Sound.of(sound) for sound in sounds]
    )


@router.get("/{sound_id}", operation_id="get_sound")
def get_sound(library: CurrentLibrary, sound_id: SoundId) -> models.Sound:
    """One sound."""
    return models.Sound.of(library.sound(sound_id))


@router.get("/{sound_id}/peaks", operation_id="get_peaks")
def get_peaks(
    library: CurrentLibrary,
    sound_id: SoundId,
    response: Response,
    points: Annotated[int, Query(ge=1, le=20_000, description="How many pairs at most.")] = 2000,
) -> models.Peaks:
    """The outline of a sound's waveform."""
    peaks = np.asarray(library.peaks(sound_id))
    duration_s = library.sound(sound_id).duration_s
    if len(peaks) > points:
        starts = np.linspace(0, len(peaks), points, endpoint=False).astype(np.int64)
        peaks = np.stack(
            [np.minimum.reduceat(peaks[:, 0], starts), np.maximum.reduceat(peaks[:, 1], starts)], axis=1
        )
    response.headers["Cache-Control"] = "private, max-age=3600"
    return models.Peaks(duration_s=duration_s, lowest=peaks[:, 0].tolist(), highest=peaks[:, 1].tolist())


_AUDIO: dict[int | str, dict[str, Any]] = {
    200: {"description": "The audio.", "content": {"audio/*": {}}},
    206: {"description": "The range of it that was asked for.", "content": {"audio/*": {}}},
    304: {"description": "Unchanged since the given ETag."},
    416: {"description": "The range lies outside the file.", "model": models.Problem},
    502: {"description": "The file is there and cannot be read.", "model": models.Problem},
}


@router.get("/{sound_id}/audio", operation_id="get_audio", response_class=Response, responses=_AUDIO)
@router.head("/{sound_id}/audio", operation_id="head_audio", response_class=Response, responses=_AUDIO)
def get_audio(
    library: CurrentLibrary,
    sound_id: SoundId,
    request: Request,
    *,
    kind: Annotated[
        Literal["original", "wav"],
        Query(alias="format", description="The file's own bytes, or a WAV preview of a stretch of it."),
    ] = "original",
    start_s: Annotated[float, Query(ge=0, allow_inf_nan=False, description="Preview only.")] = 0.0,
    duration_s: Annotated[
        float, Query(gt=0, le=_PREVIEW_MAX_S, allow_inf_nan=False, description="Preview only.")
    ] = 30.0,
) -> Response:
    """The audio of a sound, in its own channels; takes a Range header."""
    if kind == "wav":
        return _preview(library, sound_id, request, start_s, duration_s)
    opened = library.open_audio_file(sound_id)
    return file_response(
        opened.file,
        opened.size_bytes,
        name=opened.name,
        media_type=opened.media_type,
        etag=sound_id,
        request=request.headers,
        method=request.method,
    )


def _preview(
    library: Library, sound_id: str, request: Request, start_s: float, duration_s: float
) -> Response:
    wav = library.preview(sound_id, start_s=start_s, duration_s=duration_s)
    return file_response(
        io.BytesIO(wav),
        len(wav),
        name=f"{sound_id}.wav",
        media_type="audio/wav",
        etag=f"{sound_id}-{start_s:g}-{duration_s:g}",
        request=request.headers,
        method=request.method,
    )
