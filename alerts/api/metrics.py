"""What Prometheus sees of the API and the console: requests by route and status, and how long they took."""

from __future__ import annotations

from time import perf_counter
from typing import Final

from prometheus_client import Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Measured", "live_watchers"]

requests = Counter(
    "yuqing_http_requests_total", "Requests answered, by method, route and status.", ["method", "route", "status"]
)
seconds = Histogram(
    "yuqing_http_seconds",
    "From a request to the end of its answer; live streams are left out.",
    ["route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
live_watchers = Gauge("yuqing_live_watchers", "Open pages and programs that watch live alerts.")

_API: Final = "/api/v1"
_ELSEWHERE: Final = "none"
"""The route of what has none: a label must not grow with whatever somebody asks for."""

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT", "PATCH"})


def _route(scope: Scope) -> str:
    """The pattern that was matched, with the part of it that a router of routers keeps to itself."""
    pattern: str | None = getattr(scope.get("route"), "path", None)
    if pattern is None:
        return _ELSEWHERE
    whole = scope["path"].startswith(_API) and not pattern.startswith(_API)
    return _API + pattern if whole else pattern


class Measured:
    """Counts and times every request, under the pattern of its route: ids do not make labels."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, began = 500, perf_counter()

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            route = _route(scope)
            method = scope["method"] if scope["method"] in _METHODS else "other"
            requests.labels(method, route, str(status)).inc()
            if not route.endswith("/live"):
                seconds.labels(route).observe(perf_counter() - began)
