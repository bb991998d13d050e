"""The inbox: what is not resolved, newest first, live."""

from __future__ import annotations

from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse
from pydantic import Field

from alerts.api import cursors
from alerts.api.wire import Cursor, Parameters, Short
from alerts.console.answers import ANSWERS
from alerts.console.visit import TheVisit
from alerts.reading import alert_list
from alerts.reading.alert_list import AlertFilter

__all__ = ["router"]

router = APIRouter()

_ROWS: Final = 50
_ACTIVE: Final = {"active": True, "resolved": False, "all": None}


class InboxQuery(Parameters):
    """What is shown; `done` and `alert` tell what was just done."""

    show: Literal["active", "resolved", "all"] = "active"
    q: Short = ""
    cursor: Cursor = ""
    done: Annotated[str, Field(max_length=30, pattern="^[a-z_]*$")] = ""
    alert: UUID | None = None


@router.get("/")
def inbox(visit: TheVisit, query: Annotated[InboxQuery, Query()]) -> HTMLResponse:
    """The list; the script asks for it again, and takes over the rows, whenever something happened."""
    wanted = AlertFilter(active=_ACTIVE[query.show], words=query.q.strip())
    after = cursors.unpack(query.cursor)
    with visit.parts.reading() as connection:
        found = alert_list.list_alerts(connection, wanted, most=_ROWS + 1, after=after)
        counts = alert_list.counts(connection)
    if query.done not in ANSWERS:
        query = query.model_copy(update={"done": ""})
    rows = found[:_ROWS]
    following = cursors.pack(rows[-1].first_bucket, rows[-1].alert_id) if len(found) > _ROWS else ""
    return visit.page("inbox.html", alerts=rows, counts=counts, query=query, following=following)
