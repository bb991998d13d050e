"""What goes wrong in a request, as problem+json (RFC 9457): a status, a title, and how to mend it."""

from __future__ import annotations

from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from psycopg.errors import QueryCanceled
from pydantic import BaseModel, Field
from sqlalchemy.exc import DBAPIError, OperationalError, TimeoutError
from starlette.exceptions import HTTPException

from alerts.errors import (
    AnswerError,
    EntryError,
    OvertakenError,
    TransitionError,
    UnknownAlertError,
    UnknownEntryError,
)
from alerts.security_log import note

__all__ = ["PROBLEM_JSON", "Fault", "Problem", "ProblemError", "handle_problems", "problem_response"]

PROBLEM_JSON = "application/problem+json"

_log = structlog.get_logger()


class Fault(BaseModel):
    """One thing that is wrong with a request: where, and what."""

    where: str = Field(description="The parameter or field, as path/to/field.")
    problem: str


class Problem(BaseModel):
    """A refusal after RFC 9457."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str = ""
    errors: list[Fault] = Field(default_factory=list)


class ProblemError(Exception):
    """Ends a request with this status; `detail` says how to mend it."""

    def __init__(self, status: int, title: str, detail: str = "", *, headers: dict[str, str] | None = None) -> None:
        super().__init__(title)
        self.problem = Problem(title=title, status=status, detail=detail)
        self.headers = headers or {}


def problem_response(problem: Problem, headers: dict[str, str] | None = None) -> JSONResponse:
    """The answer that carries a problem."""
    content = problem.model_dump(exclude_defaults=True) | {"type": problem.type}
    return JSONResponse(content, problem.status, headers=headers, media_type=PROBLEM_JSON)


def handle_problems(app: FastAPI) -> None:
    """Makes problems of everything that can go wrong below `app`."""

    @app.exception_handler(ProblemError)
    async def told(_: Request, error: ProblemError) -> JSONResponse:
        return problem_response(error.problem, error.headers)

    @app.exception_handler(HTTPException)
    async def refused(_: Request, error: HTTPException) -> JSONResponse:
        problem = Problem(title=str(error.detail), status=error.status_code)
        return problem_response(problem, dict(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        faults = [_fault(each) for each in error.errors()[:20]]
        address = request.client.host if request.client else "unknown"
        if request.app.state.parts.limits.worth_noting(address):
            note("request_invalid", path=request.url.path, address=address, where=[each.where[:80] for each in faults])
        return problem_response(Problem(title="The request is not valid", status=422, errors=faults))

    @app.exception_handler(AnswerError)
    async def impossible(_: Request, error: AnswerError) -> JSONResponse:
        unknown = isinstance(error, UnknownAlertError | UnknownEntryError)
        status = 404 if unknown else 409 if isinstance(error, TransitionError | OvertakenError) else 400
        return problem_response(Problem(title="This cannot be done", status=status, detail=str(error)))

    @app.exception_handler(EntryError)
    async def no_entry(_: Request, error: EntryError) -> JSONResponse:
        parts = [each.partition(": ") for each in error.problems[:20]]
        faults = [Fault(where=f"body/{where}", problem=problem[:300]) for where, _, problem in parts]
        return problem_response(Problem(title="Not an entry", status=400, detail=str(error)[:2000], errors=faults))

    @app.exception_handler(TimeoutError)
    async def full(_: Request, error: TimeoutError) -> JSONResponse:
        return problem_response(Problem(title="Too many queries at once", status=503), {"Retry-After": "2"})

    @app.exception_handler(DBAPIError)
    async def database(_: Request, error: DBAPIError) -> JSONResponse:
        if isinstance(error.orig, QueryCanceled):
            detail = "Ask for less: a shorter time span, a company, or rarer words."
            return problem_response(Problem(title="The query took too long", status=503, detail=detail))
        _log.error("api_database_error", error=str(error.orig).splitlines()[0])
        if isinstance(error, OperationalError):
            return problem_response(Problem(title="The database does not answer", status=503), {"Retry-After": "5"})
        return problem_response(Problem(title="Something is broken here", status=500))

    @app.exception_handler(Exception)
    async def broken(_: Request, error: Exception) -> JSONResponse:
        return problem_response(Problem(title="Something is broken here", status=500))


def _fault(error: Any) -> Fault:
    return Fault(where="/".join(str(part) for part in error["loc"]), problem=str(error["msg"])[:300])
