"""The page that tries an entry for the watch list: what it would have matched, what to look at, and its line."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse
from pydantic import Field

from alerts.api.watchlist import previewed
from alerts.api.wire import Parameters, Short
from alerts.console.visit import RefusedPageError, TheVisit
from alerts.errors import BusyError, EntryError
from alerts.reading.watch_preview import Entry, Preview

__all__ = ["router"]

router = APIRouter()

_LISTS: Final = ("aliases", "tickers", "groups", "ambiguous")

Listed = Annotated[str, Field(max_length=2000, pattern=r"^[^\x00-\x1f\x7f]*$")]


class EntryQuery(Parameters):
    """A row of a watch list's file: several names in a cell are separated by "|"."""

    name: Short = ""
    entity_id: Short = ""
    aliases: Listed = ""
    tickers: Listed = ""
    groups: Listed = ""
    ambiguous: Listed = ""


@router.get("/watchlist")
def try_entry(visit: TheVisit, query: Annotated[EntryQuery, Query()]) -> HTMLResponse:
    """A form, filled with the entry that has the id; once it names somebody, what that would have matched."""
    found: Preview | None = None
    problems: tuple[str, ...] = ()
    if not query.name.strip():
        query = _listed(visit, query)
    else:
        try:
            found = previewed(visit.parts, _entry(query))
        except EntryError as error:
            problems = error.problems
        except BusyError as error:
            raise RefusedPageError(429) from error
    return visit.page("watchlist.html", query=query, found=found, problems=problems)


def _listed(visit: TheVisit, query: EntryQuery) -> EntryQuery:
    listed = visit.parts.linking.listed(query.entity_id)
    if listed is None:
        return query
    lists = {name: "|".join(getattr(listed, name)) for name in _LISTS}
    return EntryQuery(name=listed.name, entity_id=listed.entity_id, **lists)


def _entry(query: EntryQuery) -> Entry:
    lists = {name: _parts(getattr(query, name)) for name in _LISTS}
    return Entry(name=query.name.strip(), entity_id=query.entity_id.strip(), **lists)


def _parts(cell: str) -> tuple[str, ...]:
    return tuple(part for part in map(str.strip, cell.split("|")) if part)
