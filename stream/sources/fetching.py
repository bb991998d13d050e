"""One polite request for a feed: conditional, bounded in size, careful about where it is sent on to."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable
from datetime import datetime
from urllib.parse import urljoin, urlsplit

import httpx
import msgspec

from stream.sources.errors import FeedError, InflatedTooLargeError, InflateError
from stream.sources.inflate import Inflater
from stream.sources.politeness import HostGate, retry_after_s

__all__ = ["Fetched", "Fetcher", "host_of", "is_internal"]

_PERMANENT = frozenset({301, 308})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """An answer. `content` is None when nothing changed since the validators were given."""

    content: bytes | None
    content_type: str = ""
    etag: str = ""
    last_modified: str = ""
    moved_to: str = ""
    """Where the feed lives from now on; empty when it did not move for good."""


class Fetcher:
    """Fetches feeds. Raises FeedError, with a reason from a closed list, for whatever goes wrong.

    Reasons: unreachable, timeout, redirect_refused, gone, too_large, damaged, status_NNN.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        gate: HostGate,
        *,
        max_bytes: int,
        timeout_s: float,
        internal: Callable[[str], Awaitable[bool]] | None = None,
    ) -> None:
        """`max_bytes` bounds a feed after inflating; `timeout_s` the whole exchange; `internal` tells which hosts
        a feed out there must not send us to."""
        self._client = client
        self._gate = gate
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s
        self._internal = internal or is_internal

    async def fetch(self, url: str, *, etag: str, last_modified: str, now: datetime) -> Fetched:
        """Asks for a feed, and follows it where it moved. `now` dates a Retry-After."""
        asked, permanent = url, True
        for _ in range(_MOST_REDIRECTS + 1):
            async with self._gate.turn(host_of(asked)):
                answer = await self._ask(asked, etag, last_modified, now)
            if isinstance(answer, Fetched):
                moved = asked if permanent and asked != url else ""
                return msgspec.structs.replace(answer, moved_to=moved)
            status, target = answer
            await self._check(asked, target)
            permanent = permanent and status in _PERMANENT
            asked = target
        raise FeedError("redirect_refused", f"more than {_MOST_REDIRECTS} redirects")

    async def _ask(self, url: str, etag: str, last_modified: str, now: datetime) -> Fetched | tuple[int, str]:
        validators = {"If-None-Match": etag, "If-Modified-Since": last_modified}
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._client.stream("GET", url, headers={k: v for k, v in validators.items() if v}) as response,
            ):
                status = response.status_code
                if status in _REDIRECTS and "location" in response.headers:
                    return status, urljoin(url, response.headers["location"])
                if status == 304:
                    return Fetched(content=None, etag=etag, last_modified=last_modified)
                if status != 200:
                    reason = "gone" if status == 410 else f"status_{status}"
                    asked_s = retry_after_s(response.headers.get("retry-after", ""), now)
                    raise FeedError(reason, url, retry_after_s=asked_s)
                return Fetched(
                    content=await self._content(response),
                    content_type=response.headers.get("content-type", ""),
                    etag=response.headers.get("etag", ""),
                    last_modified=response.headers.get("last-modified", ""),
                )
        except (TimeoutError, httpx.TimeoutException) as error:
            raise FeedError("timeout", f"no whole answer within {self._timeout_s:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, ValueError) as error:
            raise FeedError("unreachable", f"{type(error).__name__}: {error}") from error

    async def _content(self, response: httpx.Response) -> bytes:
        """The body, inflated by us: httpx would inflate a whole chunk before anyone could count it."""
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("identity", "gzip", "x-gzip", ""):
            raise FeedError("damaged", f"the content encoding {encoding[:40]} was not asked for")
        inflater = Inflater(self._max_bytes) if "gzip" in encoding else None
        content = bytearray()
        try:
            async for chunk in response.aiter_raw():
                content += chunk if inflater is None else inflater.feed(chunk)
                if len(content) > self._max_bytes:
                    raise InflatedTooLargeError(f"is larger than {self._max_bytes:,} bytes")
            if inflater is not None:
                inflater.finish()
        except InflatedTooLargeError as error:
            raise FeedError("too_large", str(error)) from error
        except InflateError as error:
            raise FeedError("damaged", str(error)) from error
        return bytes(content)

    async def _check(self, origin: str, target: str) -> None:
        """A feed may move about the web, but not send us to files, other protocols or into our own network."""
        if urlsplit(target).scheme not in ("http", "https") or not host_of(target):
            raise FeedError("redirect_refused", f"to {target[:200]}, which is neither http nor https")
        if host_of(target) == host_of(origin):
            return
        if await self._internal(host_of(target)) and not await self._internal(host_of(origin)):
            raise FeedError("redirect_refused", f"to {host_of(target)}, which is inside this network")


def host_of(url: str) -> str:
    """The host of a URL in lower case; empty where there is none."""
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


async def is_internal(host: str) -> bool:
    """Whether a name leads to an address that the world cannot reach. A name that is unknown does not."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return any(not ipaddress.ip_address(str(address[4][0]).partition("%")[0]).is_global for address in found)
