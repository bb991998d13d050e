"""One attempt: sign, look up, post, read the status. Nothing of the answer but its status and Retry-After is read."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from types import TracebackType

import aiohttp
from yarl import URL

from alerts.delivery.endpoints import Endpoint, resolve
from alerts.delivery.outbox import Claimed
from alerts.delivery.retries import retry_after
from alerts.errors import RefusedError, UnreachableError

__all__ = ["Sender"]

_USER_AGENT = "yuqing-alerts/1"


class Sender:
    """Posts deliveries. An attempt ends after `timeout` at the latest, whatever the other side does.

    Redirects are answers, not instructions: whoever moved an endpoint tells its owner. Proxies of the environment
    are not used: the address that was checked is the address that is called. The number of connections is bounded by
    who claims: one that hangs takes none from the others. (aiohttp, as an attempt costs it a third of what it costs
    httpx, whose shared pool also looks through all its connections for each of a thousand endpoints.)
    """

    def __init__(self, *, timeout: timedelta) -> None:
        self._timeout_s = timeout.total_seconds()
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Sender:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=30.0),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=self._timeout_s, sock_connect=min(5.0, self._timeout_s)),
            auto_decompress=False,
            trust_env=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def post(self, endpoint: Endpoint, claimed: Claimed, now: datetime) -> int:
        """The status, 200 to 299. Raises RefusedError, UnreachableError or EndpointError otherwise."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._post(endpoint, claimed, now)
        except TimeoutError as error:
            raise UnreachableError(f"no answer within {self._timeout_s:g} s") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise UnreachableError(f"{type(error).__name__}: {error}".rstrip(": ")) from error

    async def _post(self, endpoint: Endpoint, claimed: Claimed, now: datetime) -> int:
        if self._session is None:
            raise RuntimeError("the sender is not open")
        target = await resolve(endpoint)
        body = claimed.body if endpoint.form == "standard" else _in_form(endpoint, claimed)
        headers = {
            "content-type": "application/json",
            "host": target.host,
            "user-agent": _USER_AGENT,
            "webhook-id": claimed.webhook_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": endpoint.signature(claimed.webhook_id, now, body),
        }
        request = self._session.post(
            URL(target.url, encoded=True),
            data=body.encode(),
            headers=headers,
            allow_redirects=False,
            server_hostname=target.server_name,
        )
        async with request as response:
            response.close()  # nothing of the body is read, however long it says it is
            if 200 <= response.status < 300:
                return response.status
            raise RefusedError(response.status, retry_after(response.headers.get("retry-after"), now))


def _in_form(endpoint: Endpoint, claimed: Claimed) -> str:
    from alerts.delivery.formats import body_in  # it reads payloads, which most deliverers never need to

    return body_in(endpoint.form, claimed.body, endpoint.name)
