"""Documents pushed over HTTP: POST /documents, answered when the broker has them."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import msgspec
import structlog
import uvicorn

from stream.sources.acknowledgement import polling
from stream.sources.errors import SourceOptionsError
from stream.sources.push_app import push_app
from stream.sources.push_body import BodyLimits
from stream.sources.push_intake import PushIntake
from stream.sources.source import Clock, Sink

__all__ = ["Options", "PushSource", "build"]

_log = structlog.get_logger()

_GRACE_S = 15
"""For requests in hand at the end; longer than the wait for the broker, so that each gets its answer."""


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to listen, and how much to take."""

    token: Annotated[str, msgspec.Meta(min_length=16, pattern="^[!-~]+$")]
    """Who knows it may push: visible ASCII, 16 characters or more."""
    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 8088
    """0 takes a free one; see `PushSource.address`."""
    max_body_bytes: Annotated[int, msgspec.Meta(ge=1024, le=1 << 28)] = 10 * 1024 * 1024
    """Of one request, as it is sent."""
    max_inflated_bytes: Annotated[int, msgspec.Meta(ge=1024, le=1 << 28)] = 32 * 1024 * 1024
    """Of one request, after gzip."""
    max_documents: Annotated[int, msgspec.Meta(ge=1)] = 10_000
    body_timeout_s: Annotated[float, msgspec.Meta(gt=0)] = 30.0
    ack_timeout_s: Annotated[float, msgspec.Meta(gt=0, le=60)] = 10.0
    """How long a request waits for the broker before it is told to come again."""
    max_requests: Annotated[int, msgspec.Meta(ge=1)] = 32
    """At once. With the limits above it bounds the memory: 32 full requests are 1.3 GiB."""

    def __repr__(self) -> str:
        return f"Options(host={self.host!r}, port={self.port}, token=***)"


class PushSource:
    """A web server that publishes what it is sent."""

    def __init__(self, options: Options, sink: Sink, *, name: str, clock: Clock) -> None:
        """Listens at once, so that a port that is taken is known at the start. Raises SourceOptionsError then."""
        self.name = name
        self._sink = sink
        self._options = options
        try:
            self._socket = socket.create_server((options.host, options.port), backlog=128)
        except OSError as error:
            raise SourceOptionsError(
                f"source {name} cannot listen on {options.host}:{options.port}: {error.strerror}. "
                "Give it another host or port, or end what listens there."
            ) from error
        self._app = push_app(
            PushIntake(sink, name=name, ack_timeout_s=options.ack_timeout_s, max_requests=options.max_requests),
            name=name,
            token=options.token,
            limits=BodyLimits(options.max_body_bytes, options.max_inflated_bytes, options.body_timeout_s),
            max_documents=options.max_documents,
            clock=clock,
        )

    @property
    def address(self) -> str:
        """Where it listens, as a URL."""
        host, port = self._socket.getsockname()[:2]
        return f"http://{host}:{port}"

    def run(self, stop: threading.Event) -> None:
        """Serves until `stop` is set, then answers the requests in hand."""
        _log.info("push_listening", source=self.name, address=self.address)
        with polling(self._sink):
            asyncio.run(self._serve(stop))
        _log.info("push_ended", source=self.name)

    async def _serve(self, stop: threading.Event) -> None:
        server = _Server(
            uvicorn.Config(
                self._app,
                log_config=None,
                access_log=False,
                server_header=False,
                limit_concurrency=self._options.max_requests * 8,  # idle connections count too
                timeout_graceful_shutdown=_GRACE_S,
                lifespan="off",
            )
        )
        serving = asyncio.create_task(server.serve(sockets=[self._socket]))
        while not serving.done():
            server.should_exit = server.should_exit or stop.is_set()
            await asyncio.wait([serving], timeout=0.1)
        await serving


class _Server(uvicorn.Server):
    """Leaves the signals to the process that it runs in."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def build(options: Options, sink: Sink, *, name: str, state: Path, clock: Clock) -> PushSource:
    """Makes the source from its options; it keeps nothing in `state`."""
    return PushSource(options, sink, name=name, clock=clock)
