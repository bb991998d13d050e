"""ETags: what a client has already is not sent again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

__all__ = ["TaggedRoute"]

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class TaggedRoute(APIRoute):
    """A route whose answers to GET carry an ETag, of their content unless they have one, and are 304 where
    If-None-Match names it.

    The query is run all the same: what is spared is the way to the client, and its work.
    """

    def get_route_handler(self) -> Handler:
        inner = super().get_route_handler()

        async def tagged(request: Request) -> Response:
            response = await inner(request)
            body = getattr(response, "body", None)
            if request.method != "GET" or response.status_code != 200 or not isinstance(body, bytes):
                return response
            tag = response.headers.get("etag") or f'"{hashlib.sha256(body).hexdigest()[:32]}"'
            response.headers["ETag"] = tag
            response.headers["Cache-Control"] = "private, no-cache"
            if tag in _tags(request.headers.get("if-none-match", "")):
                kept = {name: response.headers[name] for name in ("ETag", "Cache-Control")}
                return Response(status_code=304, headers=kept)
            return response

        return tagged


def _tags(header: str) -> set[str]:
    """The tags of an If-None-Match; weak ones are compared as if they were strong, as RFC 9110 has it for GET."""
    return {tag.strip().removeprefix("W/") for tag in header.split(",")}
