"""`/trends`: what was written about a company, step by step; as known now, or as it was known at a moment."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from alerts.api import cursors
from alerts.api.access import Reader
from alerts.api.etags import TaggedRoute
from alerts.api.parts import TheParts
from alerts.api.problems import ProblemError
from alerts.api.wire import Cursor, MaybeInstant, Page, Parameters, Short
from alerts.reading.trend_points import STEPS, Step, TrendPoint, newest, trend_points
from storage.records import ANY_ENTITY, ANY_TOPIC

__all__ = ["router"]

router = APIRouter(prefix="/trends", tags=["trends"], route_class=TaggedRoute)

_MOST_POINTS: Final = 1500
_DEFAULT_STEPS: Final = 288
_LONGEST_AS_OF: Final = timedelta(days=31)
_NOBODY: Final = UUID(int=0)


class TrendQuery(Parameters):
    """Whose trend, in which steps, when, and known when."""

    entity_id: Short = Field(default=ANY_ENTITY, description="`*` is the whole market.")
    topic: Short = Field(default=ANY_TOPIC, description="`*` is any topic.")
    step: Step = "5m"
    since: MaybeInstant = Field(default=None, description="Left out: 288 steps before `until`.")
    until: MaybeInstant = Field(default=None, description="Left out: the newest minute that is stored.")
    as_of: MaybeInstant = Field(default=None, description="As it was known then; at most 31 days at a time.")
    cursor: Cursor = ""


class TrendPage(Page):
    """Points, oldest first; a step without documents has none."""

    items: list[TrendPoint]


@router.get("")
def get_trend(parts: TheParts, _: Reader, query: Annotated[TrendQuery, Query()]) -> TrendPage:
    """The trend of a company, at most 1,500 points a page."""
    step = STEPS[query.step]
    after = cursors.unpack(query.cursor)
    with parts.reading() as connection:
        last = newest(connection)
        until = query.until or ((last or parts.clock()) + timedelta(minutes=1))
        since = query.since or until - _DEFAULT_STEPS * step
        if after is not None:
            since = max(since, after.at + step)
        if query.as_of is not None and until - since > _LONGEST_AS_OF:
            detail = "As of a moment, documents are counted again: ask for at most 31 days from `since` to `until`."
            raise ProblemError(400, "Too long a time", detail)
        found = trend_points(
            connection,
            query.entity_id,
            query.step,
            since,
            until,
            most=_MOST_POINTS + 1,
            topic=query.topic,
            as_of=query.as_of,
        )
    items = found[:_MOST_POINTS]
    more = len(found) > _MOST_POINTS
    return TrendPage(items=items, next=cursors.pack(items[-1].bucket, _NOBODY) if more else None)
