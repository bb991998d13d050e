"""The page of one entry of the watch list: what it would have matched, what to look at, and saving it."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse
from pydantic import Field

from alerts.api.watchlist import previewed
from alerts.api.wire import Parameters, Short
from alerts.console.visit import RefusedPageError, TheVisit, Visit
from alerts.errors import BusyError, EntryError
from alerts.reading.watch_preview import Entry, Preview
from storage.watch_entries import find, history

__all__ = ["EntryQuery", "entry_of", "entry_page", "router"]

router = APIRouter()

_LISTS: Final = ("aliases", "tickers", "groups", "ambiguous")

Listed = Annotated[str, Field(max_length=2000, pattern=r"^[^\x00-\x1f\x7f]*$")]


class EntryQuery(Parameters):
    """A row of a watch list's file: several names in a cell are separated by "|".

    `seen` is the version of the entry `seen_id` that the form was filled from; 0: there was none.
    """

    name: Short = ""
    entity_id: Short = ""
    aliases: Listed = ""
    tickers: Listed = ""
    groups: Listed = ""
    ambiguous: Listed = ""
    seen: Annotated[int, Field(ge=0)] = 0
    seen_id: Short = ""


@router.get("/watchlist")
def try_entry(visit: TheVisit, query: Annotated[EntryQuery, Query()]) -> HTMLResponse:
    """A form, filled with the entry that has the id; once it names somebody, what that would have matched."""
    return entry_page(visit, query)


def entry_page(visit: Visit, query: EntryQuery, *, status: int = 200) -> HTMLResponse:
    """The form with what is wrong in its fields, the preview, and who made the entry what it is."""
    wanted, faults, found = entry_of(query), {}, None
    with visit.parts.reading() as connection:
        linking = visit.parts.lists.now(connection)
        if wanted.name:
            try:
                wanted = linking.checked(wanted)
            except EntryError as error:
                faults = _by_field(error)
        standing = find(connection, wanted.entity_id)
        changes = history(connection, wanted.entity_id) if wanted.entity_id else ()
        listed = linking.listed(wanted.entity_id)
    version = standing.version if standing else 0
    seen = query.seen if query.seen_id and query.seen_id == wanted.entity_id else version
    if wanted.name:
        found = _found(visit, wanted)
    else:
        query = _filled(standing.entry if standing else listed) or query
    return visit.page(
        "watchlist.html",
        status=status,
        query=query,
        seen=seen,
        seen_id=wanted.entity_id,
        overtaken=seen != version,
        found=found,
        faults=faults,
        standing=standing,
        listed=listed,
        changes=changes,
    )


def entry_of(query: EntryQuery, *, remove: bool = False) -> Entry:
    """What the form says."""
    lists = {name: _parts(getattr(query, name)) for name in _LISTS}
    return Entry(name=query.name.strip(), entity_id=query.entity_id.strip(), remove=remove, **lists)


def _found(visit: Visit, entry: Entry) -> Preview | None:
    try:
        return previewed(visit.parts, entry)
    except EntryError:  # its fields say why
        return None
    except BusyError as error:
        raise RefusedPageError(429) from error


def _by_field(error: EntryError) -> dict[str, list[str]]:
    faults: dict[str, list[str]] = {}
    for problem in error.problems:
        field, _, told = problem.partition(": ")
        faults.setdefault(field, []).append(told)
    return faults


def _filled(entry: Entry | None) -> EntryQuery | None:
    if entry is None:
        return None
    lists: dict[str, Any] = {name: "|".join(getattr(entry, name)) for name in _LISTS}
    return EntryQuery(name=entry.name, entity_id=entry.entity_id, **lists)


def _parts(cell: str) -> tuple[str, ...]:
    return tuple(part for part in map(str.strip, cell.split("|")) if part)
