"""Every failure leaves as JSON: a sentence for people and a word for programs."""

from __future__ import annotations

import re
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from soundalike.core import errors
from soundalike.web.models import Problem

# The first line that fits counts, so that children stand before their parents.
_STATUS: tuple[tuple[type[errors.SoundalikeError], int], ...] = (
    (errors.NotFoundError, 404),
    (errors.InvalidInputError, 422),
    (errors.QueryError, 422),
    (errors.AudioError, 422),
    (errors.SpaceMismatchError, 422),
    (errors.SourceError, 502),
    (errors.LibraryError, 503),
    (errors.IndexFormatError, 503),
    (errors.EncoderError, 503),
)
_KIND_OF_STATUS = {
    400: "bad_request",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    416: "range_not_satisfiable",
}
ALL_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": words}
    for status, words in (
        (403, "The request comes from another site."),
        (404, "There is no such sound."),
        (422, "Something about the request or the query is not as expected."),
        (503, "The library cannot be used just now."),
    )
}
"""For ``responses=`` of a route: what may come instead of an answer."""


def problem(
    status: int, detail: str, kind: str | None = None, headers: dict[str, str] | None = None
) -> JSONResponse:
    """Make the answer to a request that failed."""
    body = Problem(detail=detail, kind=kind or _KIND_OF_STATUS.get(status, "error"))
    return JSONResponse(body.model_dump(), status_code=status, headers=headers)


def status_of(error: errors.SoundalikeError) -> int:
    """The HTTP status that an error of soundalike leaves as."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def kind_of(error: errors.SoundalikeError) -> str:
    """The word for programs: the error's class in small letters, ``NotFoundError`` as ``not_found``."""
    name = type(error).__name__.removesuffix("Error")
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def install(app: FastAPI) -> None:
    """Make every failure of an application leave as a problem.

    Args:
        app: The application; its exception handlers are set.
    """

    @app.exception_handler(errors.SoundalikeError)
    def _(_: Request, error: errors.SoundalikeError) -> JSONResponse:
        return problem(status_of(error), str(error), kind_of(error))

    @app.exception_handler(RequestValidationError)
    def _(_: Request, error: RequestValidationError) -> JSONResponse:
        return problem(422, _sentence(error), "invalid_input")

    @app.exception_handler(HTTPException)
    def _(_: Request, error: HTTPException) -> JSONResponse:
        return problem(error.status_code, str(error.detail), headers=dict(error.headers or {}))

    @app.exception_handler(Exception)
    def _(_: Request, __: Exception) -> JSONResponse:
        # Made outside the guards, which add this header elsewhere; the server itself logs the error.
        headers = {"X-Content-Type-Options": "nosniff"}
        return problem(500, "Something went wrong inside the server; its log says what.", "internal", headers)


def _sentence(error: RequestValidationError) -> str:
    """Say what a request got wrong, one clause per parameter."""
    clauses = []
    for entry in error.errors():
        where = ".".join(str(part) for part in entry["loc"][1:]) or "the request"
        clauses.append(f"{where}: {entry['msg']}")
    return "; ".join(clauses) + "."
