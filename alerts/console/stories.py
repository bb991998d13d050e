"""Stories: what is told, each once, its reprints folded away."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from alerts.api import cursors
from alerts.api.wire import Cursor, Parameters, Words
from alerts.console.visit import TheVisit
from alerts.reading.stories import stories
from storage.document_search import Place, Wanted

__all__ = ["router"]

router = APIRouter()

_ROWS: Final = 30


class StoriesQuery(Parameters):
    """Which stories."""

    q: Words = ""
    sentiment: Literal["", "negative", "neutral", "positive"] = ""
    cursor: Cursor = ""


@router.get("/stories")
def stories_page(visit: TheVisit, query: Annotated[StoriesQuery, Query()]) -> HTMLResponse:
    """Newest first; words of the search are marked."""
    key = cursors.unpack(query.cursor)
    wanted = Wanted(words=query.q.strip(), sentiment=query.sentiment, novelty="new")
    with visit.parts.reading() as connection:
        found = stories(connection, wanted, most=_ROWS + 1, after=Place(*key) if key else None)
    rows = found[:_ROWS]
    following = cursors.pack(rows[-1].first.published_at, rows[-1].first.document_id) if len(found) > _ROWS else ""
    marks = [word for word in query.q.replace('"', " ").split() if not word.startswith("-") and word != "OR"]
    return visit.page("stories.html", stories=rows, query=query, following=following, marks=marks)
