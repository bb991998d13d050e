"""`/live`: what happens to alerts, as it happens (server-sent events)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.sse import EventSourceResponse, ServerSentEvent

from alerts.api.access import Reader
from alerts.api.parts import Parts, TheParts
from alerts.api.problems import ProblemError
from alerts.live import TooManyWatchersError
from alerts.reading.alert_events import AlertEvent, events_after

__all__ = ["alert_feed", "router"]

router = APIRouter(prefix="/live", tags=["alerts"])

_LONGEST_S = 900.0
"""Then the client comes again, with its token looked at again: a revoked one hears no more than this."""
_MOST_MISSED = 500

EntryNumber = Annotated[str, Header(pattern=r"^[0-9]{1,18}$")]


@router.get("", response_class=EventSourceResponse)
async def live_alerts(
    parts: TheParts, _: Reader, last_event_id: EntryNumber | None = None
) -> AsyncIterator[ServerSentEvent]:
    """Every change of every alert: event `alert`, its data an entry of the history with the alert's company.

    With `Last-Event-ID`, which browsers send by themselves, what was missed comes first. A stream ends after a quarter
    of an hour at the latest; clients come again.
    """
    async for event in alert_feed(parts, last_event_id):
        yield event


async def alert_feed(parts: Parts, last_event_id: str | None) -> AsyncIterator[ServerSentEvent]:
    """The events of one client. Raises ProblemError (503) where too many watch already."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + _LONGEST_S
    try:
        with parts.live.watching() as queue:
            yield ServerSentEvent(comment="listening", retry=2000)
            last = int(last_event_id) if last_event_id is not None else None
            if last is not None:
                for missed in await asyncio.to_thread(_missed, parts, last):
                    last = max(last, missed.entry_id)
                    yield _sent(missed)
            while (left := ends - loop.time()) > 0:
                try:
                    event = await asyncio.wait_for(queue.get(), left)
                except TimeoutError:
                    return
                if event is None:
                    return
                if last is None or event.entry_id > last:
                    yield _sent(event)
    except TooManyWatchersError as error:
        raise ProblemError(503, "Too many watch already", "Come back later.", headers={"Retry-After": "60"}) from error


def _missed(parts: Parts, entry_id: int) -> list[AlertEvent]:
    with parts.reading() as connection:
        return events_after(connection, entry_id, most=_MOST_MISSED)


def _sent(event: AlertEvent) -> ServerSentEvent:
    return ServerSentEvent(event="alert", id=str(event.entry_id), data=asdict(event))
