"""The application: every resource below `/api/v1`, its description, and the headers that all answers carry."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, FastAPI

from alerts.api import alerts, answers, documents, entities, live, silences, subscriptions, system, trends, watchlist
from alerts.api.parts import Parts
from alerts.api.problems import PROBLEM_JSON, Problem, handle_problems

__all__ = ["PREFIX", "api_app", "describe", "mount_api"]

PREFIX = "/api/v1"

_MOST_BYTES = 64 * 1024
"""Of a request's body: the largest that makes sense is a silence with 20 matchers."""

_ROUTERS = (
    alerts.router,
    answers.router,
    silences.router,
    subscriptions.router,
    trends.router,
    documents.router,
    entities.router,
    watchlist.router,
    live.router,
    system.router,
)

_PROBLEMS: dict[int | str, dict[str, Any]] = {
    code: {"description": told, "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    for code, told in {
        400: "What is asked for makes no sense.",
        401: "No token, or one that opens nothing.",
        403: "The token lacks a scope.",
        404: "There is no such thing.",
        409: "The state of the thing does not allow it.",
        422: "The request does not fit the description.",
        429: "Too many requests; see Retry-After.",
        503: "The database is away, or the query took too long.",
    }.items()
}


def mount_api(app: FastAPI) -> None:
    """Puts the API below `PREFIX` of an application whose `state.parts` is set."""
    api = APIRouter(prefix=PREFIX)
    for router in _ROUTERS:
        api.include_router(router, responses=_PROBLEMS)
    app.include_router(api)
    handle_problems(app)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]


def api_app(parts: Parts) -> FastAPI:
    """The API alone, as tests and the description need it."""
    # The built-in pages load scripts from elsewhere; the description itself stays.
    app = FastAPI(
        title="Yuqing",
        version="1",
        description="Alerts on surges of bad news, and everything behind them. Times are UTC.",
        max_body_size=_MOST_BYTES,
        docs_url=None,
        redoc_url=None,
        openapi_url=f"{PREFIX}/openapi.json",
    )
    app.state.parts = parts
    mount_api(app)
    return app


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI description, in which every refusal is a problem."""
    if app.openapi_schema is None:
        schema = FastAPI.openapi(app)
        parts = schema["components"]["schemas"]
        for unused in ("HTTPValidationError", "ValidationError"):
            parts.pop(unused, None)
        problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        parts |= problem.pop("$defs") | {"Problem": problem}
        app.openapi_schema = schema
    return app.openapi_schema
