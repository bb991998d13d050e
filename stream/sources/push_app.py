"""The HTTP face of pushing: one route that takes documents, two that tell how things are."""

from __future__ import annotations

import asyncio
import hmac
from typing import Any

import msgspec
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from stream.documents import RawDocument, document_id
from stream.sources.errors import RequestRefusedError
from stream.sources.metrics import REFUSED
from stream.sources.push_body import BodyLimits, read_body
from stream.sources.push_documents import JSON, JSON_LINES, parse_documents
from stream.sources.push_intake import PushIntake
from stream.sources.source import Clock

__all__ = ["push_app"]


def push_app(
    intake: PushIntake, *, name: str, token: str, limits: BodyLimits, max_documents: int, clock: Clock
) -> FastAPI:
    """The application. Every refusal is a problem (RFC 9457) that says where and how to mend it."""
    # The built-in pages load scripts from elsewhere; the description itself stays.
    app = FastAPI(title="Yuqing push", docs_url=None, redoc_url=None)
    expected = f"Bearer {token}".encode()

    @app.exception_handler(RequestRefusedError)
    async def refused(_request: Request, refusal: RequestRefusedError) -> JSONResponse:
        REFUSED.labels(source=name, status=refusal.status).inc()
        return _problem(refusal)

    @app.exception_handler(HTTPException)
    async def not_here(_request: Request, error: HTTPException) -> JSONResponse:
        detail = f"{error.detail}. Documents go to POST /documents."
        return _problem(RequestRefusedError(error.status_code, str(error.detail), detail, headers=error.headers))

    @app.post("/documents", status_code=202, openapi_extra=_description())
    async def documents(request: Request) -> JSONResponse:
        given = request.headers.get("authorization", "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, expected):
            raise RequestRefusedError(
                401, "Not authorised", "Send the token of this source: Authorization: Bearer <token>.",
                headers={"WWW-Authenticate": "Bearer", "Connection": "close"},
            )  # fmt: skip
        with intake.admitted():
            body = await read_body(request, limits)
            # Off the event loop: a full body takes a quarter of a second to read.
            found = await asyncio.to_thread(
                parse_documents,
                body,
                request.headers.get("content-type", ""),
                max_documents=max_documents,
                fetched_at=clock(),
            )
            await intake.publish(found)
        return JSONResponse({"accepted": len(found), "ids": [str(document_id(each)) for each in found]}, 202)

    @app.get("/healthz")
    async def healthz() -> JSONResponse:
        """Whether this process works; the broker is none of its business."""
        return JSONResponse({"status": "ok", "broker": "away" if intake.broker_away else "reachable"})

    @app.get("/readyz")
    async def readyz() -> JSONResponse:
        """Whether documents are taken just now."""
        with intake.admitted():
            return JSONResponse({"status": "ok"})

    return app


def _problem(refusal: RequestRefusedError) -> JSONResponse:
    content: dict[str, Any] = {
        "type": "about:blank",
        "title": refusal.title,
        "status": refusal.status,
        "detail": refusal.detail,
    }
    if refusal.problems:
        content["errors"] = list(refusal.problems)
    return JSONResponse(content, refusal.status, headers=refusal.headers, media_type="application/problem+json")


def _description() -> dict[str, Any]:
    (schema,), parts = msgspec.json.schema_components([RawDocument], ref_template="#/components/schemas/{name}")
    document = parts.get("RawDocument", schema)
    return {
        "requestBody": {
            "required": True,
            "content": {
                JSON[0]: {"schema": {"oneOf": [document, {"type": "array", "items": document}]}},
                JSON_LINES[0]: {"schema": {"type": "string", "description": "One document on each line."}},
            },
        }
    }
