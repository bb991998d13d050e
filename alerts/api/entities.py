"""`/entities`: the watch list in force, and what is known of each company on it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from alerts.api import cursors
from alerts.api.access import Reader
from alerts.api.etags import TaggedRoute
from alerts.api.parts import Parts, TheParts
from alerts.api.problems import ProblemError
from alerts.api.wire import Cursor, Limit, Page, Parameters, Short
from alerts.reading import companies
from alerts.reading.companies import Company, CompanyDay, Peer, TopicCount
from alerts.reading.group_trends import Comparison, comparison, groups_of
from alerts.reading.trend_points import newest

__all__ = ["router"]

router = APIRouter(prefix="/entities", tags=["entities"], route_class=TaggedRoute)

EntityId = Annotated[str, Path(max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class CompanyQuery(Parameters):
    """Which companies."""

    q: Short = Field(default="", description="A part of the id, a name, an alias or a ticker.")
    group: Short = ""
    cursor: Cursor = ""
    limit: Limit = 50


class CompanyPage(Page):
    """Companies in the order of their ids."""

    items: list[Company]


class ComparisonQuery(Parameters):
    """Beside whom."""

    group: Short = Field(default="", description="One of the company's groups; the smallest one where it is left out.")


class CompanyOut(BaseModel):
    """A company and its last day: the 24 hours that end with the newest minute of the stream."""

    company: Company
    day: CompanyDay
    until: datetime = Field(description="The end of the day.")


@router.get("")
def list_entities(parts: TheParts, _: Reader, query: Annotated[CompanyQuery, Query()]) -> CompanyPage:
    """The watch list, by id."""
    after = cursors.unpack_text(query.cursor)
    with parts.reading() as connection:
        found = companies.companies(
            connection, most=query.limit + 1, after=after, words=query.q.strip(), group=query.group
        )
    items = found[: query.limit]
    more = len(found) > query.limit
    return CompanyPage(items=items, next=cursors.pack_text(items[-1].entity_id) if more else None)


@router.get("/{entity_id}")
def get_entity(parts: TheParts, _: Reader, entity_id: EntityId) -> CompanyOut:
    """One company and its last day."""
    with parts.reading() as connection:
        company = _company(connection, entity_id)
        until = _now(connection, parts)
        day = companies.day_of(connection, entity_id, until - timedelta(days=1), until)
    return CompanyOut(company=company, day=day, until=until)


@router.get("/{entity_id}/topics")
def get_topics(parts: TheParts, _: Reader, entity_id: EntityId) -> list[TopicCount]:
    """What its last day was about, most first."""
    with parts.reading() as connection:
        _company(connection, entity_id)
        until = _now(connection, parts)
        return companies.topics(connection, entity_id, until - timedelta(days=1), until)


@router.get("/{entity_id}/peers")
def get_peers(parts: TheParts, _: Reader, entity_id: EntityId) -> list[Peer]:
    """Whom the documents of its last seven days name beside it, most often first."""
    with parts.reading() as connection:
        _company(connection, entity_id)
        return companies.peers(connection, entity_id, _now(connection, parts))


@router.get("/{entity_id}/comparison")
def get_comparison(
    parts: TheParts, _: Reader, entity_id: EntityId, query: Annotated[ComparisonQuery, Query()]
) -> Comparison:
    """Its last seven days beside those of a group, in steps of six hours."""
    with parts.reading() as connection:
        _company(connection, entity_id)
        group = query.group or next((name for name, _ in groups_of(connection, entity_id)), "")
        found = comparison(connection, entity_id, group, _now(connection, parts))
    if found is None:
        raise ProblemError(
            404, "No such group", "It is in no such group with others; GET /entities/ID lists its groups."
        )
    return found


def _company(connection: Connection, entity_id: str) -> Company:
    found = companies.find_company(connection, entity_id)
    if found is None:
        raise ProblemError(404, "No such company", "The watch list does not have it; GET /entities lists it.")
    return found


def _now(connection: Connection, parts: Parts) -> datetime:
    return (newest(connection) or parts.clock()) + timedelta(minutes=1)
