"""The stream that wakes open pages: the same events as `/api/v1/live`, for who is logged in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.sse import EventSourceResponse, ServerSentEvent

from alerts.api.live import EntryNumber, alert_feed
from alerts.console.visit import TheVisit

__all__ = ["router"]

router = APIRouter()


@router.get("/live", response_class=EventSourceResponse)
async def live(
    visit: TheVisit, last_event_id: Annotated[EntryNumber | None, Header()] = None
) -> AsyncIterator[ServerSentEvent]:
    """Every change of every alert."""
    async for event in alert_feed(visit.parts, last_event_id):
        yield event
