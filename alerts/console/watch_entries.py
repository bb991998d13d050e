"""What people have put on the watch list, and the forms that save, withdraw and take back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query
from fastapi.responses import HTMLResponse, Response
from pydantic import ConfigDict, Field
from sqlalchemy import Connection

from alerts.answers import watch_entries
from alerts.api import cursors
from alerts.api.wire import Cursor, Parameters, Short
from alerts.console.visit import RefusedPageError, TheVisit, Visit, see_other
from alerts.console.watchlist import EntryQuery, entry_of, entry_page
from alerts.errors import AnswerError, EntryError
from storage.watch_entries import Change, current, newest

__all__ = ["Done", "router"]

router = APIRouter(prefix="/watchlist")

_ROWS: Final = 100

Done = Literal["added", "changed", "withdrawn", "undone"]
"""What the list says was just done."""


class EntriesQuery(Parameters):
    """Which entries, and what was just done to one."""

    q: Short = ""
    cursor: Cursor = ""
    done: Done | Literal[""] = ""
    entity_id: Short = ""
    version: Annotated[int, Field(ge=0)] = 0


class EntryForm(EntryQuery):
    """An entry that is to be saved in place of what was seen; with `remove` its company leaves the list."""

    model_config = ConfigDict(extra="ignore")

    remove: Literal["", "yes"] = ""
    proof: str = ""


@router.get("/entries")
def entries(visit: TheVisit, query: Annotated[EntriesQuery, Query()]) -> HTMLResponse:
    """All of them by id, with who made each what it is."""
    after = cursors.unpack_text(query.cursor)
    with visit.parts.reading() as connection:
        found = current(connection, most=_ROWS + 1, after=after, words=query.q.strip())
        version = newest(connection)
    rows = found[:_ROWS]
    following = cursors.pack_text(rows[-1].entry.entity_id) if len(found) > _ROWS else ""
    return visit.page("watch_entries.html", changes=rows, version=version, query=query, following=following)


@router.post("/save")
def save(visit: TheVisit, form: Annotated[EntryForm, Form()]) -> Response:
    """Saves it; what is wrong stands in the fields of the same form."""
    entry = entry_of(form, remove=form.remove == "yes")
    lists, actor, now = visit.parts.lists, visit.session.token.name, visit.parts.clock()
    try:
        return _done(
            visit,
            form.proof,
            lambda connection: watch_entries.save(connection, lists, entry, actor=actor, now=now, seen=form.seen),
        )
    except EntryError:
        query = EntryQuery(**{name: getattr(form, name) for name in EntryQuery.model_fields})
        return entry_page(visit, query, status=400)


@router.post("/withdraw")
def withdraw(
    visit: TheVisit,
    entity_id: Annotated[Short, Form()] = "",
    seen: Annotated[int, Form(ge=0)] = 0,
    proof: Annotated[str, Form()] = "",
) -> Response:
    """What the files have under its id is in force again."""
    actor, now = visit.session.token.name, visit.parts.clock()
    return _done(
        visit,
        proof,
        lambda connection: watch_entries.withdraw(connection, entity_id, actor=actor, now=now, seen=seen),
    )


@router.post("/undo")
def undo(
    visit: TheVisit,
    entity_id: Annotated[Short, Form()] = "",
    version: Annotated[int, Form(ge=0)] = 0,
    proof: Annotated[str, Form()] = "",
) -> Response:
    """Takes back one's own change of an entry, where it is the last."""
    lists, actor, now = visit.parts.lists, visit.session.token.name, visit.parts.clock()
    try:
        return _done(
            visit,
            proof,
            lambda connection: watch_entries.undo(connection, lists, entity_id, version=version, actor=actor, now=now),
            told="undone",
        )
    except EntryError as error:
        raise RefusedPageError(409, str(error)) from error


def _done(visit: Visit, proof: str, work: Callable[[Connection], Change], *, told: Done | None = None) -> Response:
    visit.check_form(proof)
    visit.needs("act")
    try:
        with visit.parts.writing() as connection:
            change = work(connection)
    except AnswerError as error:
        raise RefusedPageError(409, str(error)) from error
    query = {"done": told or change.action, "entity_id": change.entry.entity_id, "version": change.version}
    return see_other(f"/watchlist/entries?{urlencode(query)}")
