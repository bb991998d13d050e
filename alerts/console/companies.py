"""The watch list, and the page of one company: its trend, topics, stories, alerts and peers."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from alerts.api import cursors
from alerts.api.wire import Cursor, Parameters, Short
from alerts.console.charts import bar_chart
from alerts.console.comparison import comparison_charts
from alerts.console.visit import RefusedPageError, TheVisit
from alerts.console.wording import wording
from alerts.reading import companies
from alerts.reading.alert_list import AlertFilter, list_alerts
from alerts.reading.group_trends import comparison, groups_of
from alerts.reading.stories import stories
from alerts.reading.trend_points import newest, trend_points
from storage.document_search import Wanted

__all__ = ["router"]

router = APIRouter()

_ROWS: Final = 100
_WEEK: Final = timedelta(days=7)


class WatchListQuery(Parameters):
    """Which companies."""

    q: Short = ""
    group: Short = ""
    cursor: Cursor = ""


@router.get("/companies")
def watch_list(visit: TheVisit, query: Annotated[WatchListQuery, Query()]) -> HTMLResponse:
    """The watch list in force, by id."""
    after = cursors.unpack_text(query.cursor)
    with visit.parts.reading() as connection:
        found = companies.companies(connection, most=_ROWS + 1, after=after, words=query.q.strip(), group=query.group)
    rows = found[:_ROWS]
    following = cursors.pack_text(rows[-1].entity_id) if len(found) > _ROWS else ""
    return visit.page("companies.html", companies=rows, query=query, following=following)


class CompanyPageQuery(Parameters):
    """Beside which group; the smallest one of the company where it is left out."""

    group: Short = ""


@router.get("/companies/{entity_id:path}")
def company_page(visit: TheVisit, entity_id: Short, query: Annotated[CompanyPageQuery, Query()]) -> HTMLResponse:
    """One company; "now" is the newest minute of the stream."""
    with visit.parts.reading() as connection:
        company = companies.find_company(connection, entity_id)
        if company is None:
            raise RefusedPageError(404)
        until = (newest(connection) or visit.parts.clock()) + timedelta(minutes=1)
        points = trend_points(connection, entity_id, "1h", until - _WEEK, until, most=200)
        values: dict[str, Any] = {
            "day": companies.day_of(connection, entity_id, until - timedelta(days=1), until),
            "topics": companies.topics(connection, entity_id, until - _WEEK, until),
            "peers": companies.peers(connection, entity_id, until),
            "alerts": list_alerts(connection, AlertFilter(entity_id=entity_id), most=20),
            "stories": stories(connection, Wanted(entity_id=entity_id, novelty="new"), most=20),
        }
        groups = [name for name, _ in groups_of(connection, entity_id)]
        group = query.group if query.group in groups else next(iter(groups), "")
        beside = comparison(connection, entity_id, group, until) if group else None
    told = wording(visit.language, "trend_told", name=company.name)
    chart = bar_chart(points, told=told, since=until - _WEEK, until=until)
    charts = comparison_charts(beside, company.name, visit.language) if beside else []
    return visit.page(
        "company.html",
        company=company,
        points=points,
        chart=chart,
        groups=groups,
        beside=beside,
        charts=charts,
        **values,
    )
