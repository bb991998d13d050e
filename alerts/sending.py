"""One attempt: sign, look up, post, read the status. Nothing of the answer but its status and Retry-After is read."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from types import TracebackType

import httpx
from standardwebhooks import Webhook

from alerts.endpoints import Endpoint, resolve
from alerts.errors import RefusedError, UnreachableError
from alerts.outbox import Claimed
from alerts.retries import retry_after

__all__ = ["Sender"]

_USER_AGENT = "yuqing-alerts/1"


class Sender:
    """Posts deliveries. An attempt ends after `timeout` at the latest, whatever the other side does.

    Redirects are answers, not instructions: whoever moved an endpoint tells its owner. Proxies of the environment
    are not used: the address that was checked is the address that is called.
    """

    def __init__(self, *, timeout: timedelta, at_once: int) -> None:
        self._timeout_s = timeout.total_seconds()
        limits = httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once // 4)
        patience = httpx.Timeout(self._timeout_s, connect=min(5.0, self._timeout_s))
        self._client = httpx.AsyncClient(timeout=patience, limits=limits, trust_env=False, follow_redirects=False)

    async def __aenter__(self) -> Sender:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def post(self, endpoint: Endpoint, claimed: Claimed, now: datetime) -> int:
        """The status, 200 to 299. Raises RefusedError, UnreachableError or EndpointError otherwise."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._post(endpoint, claimed, now)
        except TimeoutError as error:
            raise UnreachableError(f"no answer within {self._timeout_s:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            raise UnreachableError(f"{type(error).__name__}: {error}".rstrip(": ")) from error

    async def _post(self, endpoint: Endpoint, claimed: Claimed, now: datetime) -> int:
        target = await resolve(endpoint)
        headers = {
            "content-type": "application/json",
            "host": target.host,
            "user-agent": _USER_AGENT,
            "webhook-id": claimed.webhook_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(endpoint.secret).sign(claimed.webhook_id, now, claimed.body),
        }
        request = self._client.build_request(
            "POST",
            target.url,
            content=claimed.body.encode(),
            headers=headers,
            extensions={"sni_hostname": target.server_name},
        )
        response = await self._client.send(request, stream=True)
        try:
            if response.is_success:
                return response.status_code
            raise RefusedError(response.status_code, retry_after(response.headers.get("retry-after"), now))
        finally:
            await response.aclose()
