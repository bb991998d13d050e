"""`/watchlist`: the entries that people have put on the watch list, and what one would match before it is there."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Path, Query, Response
from pydantic import BaseModel, Field, WithJsonSchema

from alerts.answers import watch_entries
from alerts.api import cursors
from alerts.api.access import Actor, Reader
from alerts.api.etags import TaggedRoute
from alerts.api.parts import Parts, TheParts
from alerts.api.problems import PROBLEM_JSON, ProblemError
from alerts.api.wire import Body, Cursor, Instant, Limit, Page, Parameters, Short
from alerts.errors import BusyError, OvertakenError, UnknownEntryError
from alerts.reading.trend_points import newest
from alerts.reading.watch_preview import Entry, Preview, preview
from storage.watch_entries import Action, Change, current, find, history
from storage.watch_entries import newest as newest_version

__all__ = ["previewed", "router"]

router = APIRouter(prefix="/watchlist", tags=["entities"], route_class=TaggedRoute)

_READING: Final = threading.Lock()
"""One at a time: it keeps a core busy for a second."""

_PATIENCE_S: Final = 1.0
"""So long a thread of the server waits for its turn: others are for other pages."""

_OVERTAKEN: Final[dict[int | str, dict[str, Any]]] = {
    412: {
        "description": "The entry is no longer what If-Match names.",
        "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}

Name = Annotated[Short, Field(min_length=1)]
Names = Annotated[tuple[Name, ...], Field(max_length=50, strict=False)]
EntityId = Annotated[str, Path(max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
IfMatch = Annotated[
    str | None,
    Header(pattern=r'^(\*|"[0-9]{1,18}")$', description="The ETag of the entry that is to be changed."),
    WithJsonSchema({"type": "string", "pattern": r'^(\*|"[0-9]{1,18}")$'}),
]


class EntryBody(Body):
    """A company as a watch list's file has it. `ambiguous` are those of its names that mean something else too."""

    name: Name
    aliases: Names = ()
    tickers: Names = ()
    groups: Names = ()
    ambiguous: Names = ()
    remove: bool = Field(default=False, description="Take the company of this id off the list.")


class NewEntry(EntryBody):
    """The same with its id."""

    entity_id: Short = Field(default="", description="Made from the name where it is empty.")


class EntryOut(BaseModel):
    """An entry as it was changed last. Documents that are scored some seconds after `changed_at` are linked by it;
    what was scored before is not linked again."""

    entity_id: str
    name: str
    aliases: list[str]
    tickers: list[str]
    groups: list[str]
    ambiguous: list[str]
    remove: bool
    version: int = Field(description="Its ETag, and the version of the list that it came with.")
    changed_by: str
    changed_at: Instant


class ChangeOut(EntryOut):
    """One change of an entry; of one that was withdrawn, what it had been."""

    action: Action


class EntryPage(Page):
    """Entries in the order of their ids, and the version of the whole list."""

    items: list[EntryOut]
    version: int


class EntryQuery(Parameters):
    """Which entries."""

    q: Short = Field(default="", description="A part of the id, a name, an alias or a ticker.")
    cursor: Cursor = ""
    limit: Limit = 50


@router.get("")
def list_entries(parts: TheParts, _: Reader, query: Annotated[EntryQuery, Query()]) -> EntryPage:
    """What people have put on the watch list, by id. The whole list in force is `/entities`."""
    after = cursors.unpack_text(query.cursor)
    with parts.reading() as connection:
        found = current(connection, most=query.limit + 1, after=after, words=query.q.strip())
        version = newest_version(connection)
    items = [_out(change) for change in found[: query.limit]]
    more = len(found) > query.limit
    return EntryPage(items=items, version=version, next=cursors.pack_text(items[-1].entity_id) if more else None)


@router.post("", status_code=201)
def add_entry(parts: TheParts, actor: Actor, entry: NewEntry, response: Response) -> EntryOut:
    """Puts an entry on the list. With the id of a company that a file has, it takes the place of that row."""
    return _saved(parts, Entry(**entry.model_dump()), actor.name, 0, response)


@router.get("/{entity_id}")
def get_entry(parts: TheParts, _: Reader, entity_id: EntityId, response: Response) -> EntryOut:
    """One entry. Its ETag is for If-Match."""
    with parts.reading() as connection:
        found = find(connection, entity_id)
    if found is None:
        raise UnknownEntryError(entity_id)
    return _tagged(found, response)


@router.put("/{entity_id}", responses=_OVERTAKEN)
def change_entry(
    parts: TheParts,
    actor: Actor,
    entity_id: EntityId,
    entry: EntryBody,
    response: Response,
    if_match: IfMatch = None,
) -> EntryOut:
    """Puts this in place of an entry. With If-Match only where it is still what was seen."""
    wanted, seen = Entry(entity_id=entity_id, **entry.model_dump()), _seen(if_match)
    return _unless_overtaken(lambda: _saved(parts, wanted, actor.name, seen, response, only_change=True))


@router.delete("/{entity_id}", responses=_OVERTAKEN)
def withdraw_entry(parts: TheParts, actor: Actor, entity_id: EntityId, if_match: IfMatch = None) -> EntryOut:
    """Takes an entry away: what the files have under its id is in force again. Its history stays."""

    def withdrawn() -> EntryOut:
        with parts.writing() as connection:
            seen = _seen(if_match)
            change = watch_entries.withdraw(connection, entity_id, actor=actor.name, now=parts.clock(), seen=seen)
        return _out(change)

    return _unless_overtaken(withdrawn)


@router.get("/{entity_id}/history")
def get_history(parts: TheParts, _: Reader, entity_id: EntityId) -> list[ChangeOut]:
    """Who changed what when, newest first; the last hundred changes."""
    with parts.reading() as connection:
        changes = history(connection, entity_id)
    if not changes:
        raise UnknownEntryError(entity_id)
    return [ChangeOut(action=change.action, **_out(change).model_dump()) for change in changes]


@router.post("/preview")
def preview_entry(parts: TheParts, _: Reader, entry: NewEntry) -> Preview:
    """What it would have matched in the seven days that end with the newest minute of the stream. Nothing is kept."""
    try:
        return previewed(parts, Entry(**entry.model_dump()))
    except BusyError as error:
        raise ProblemError(429, "Another entry is being tried", str(error), headers={"Retry-After": "1"}) from error


def previewed(parts: Parts, entry: Entry) -> Preview:
    """The same for whoever shows it. Raises EntryError with every mistake in the entry, BusyError where it cannot be
    its turn soon.
    """
    with parts.reading() as connection:
        matcher = parts.lists.now(connection).matcher(entry)
    if not _READING.acquire(timeout=_PATIENCE_S):
        raise BusyError("One entry is tried at a time: come back in a second.")
    try:
        with parts.reading() as connection:
            until = (newest(connection) or parts.clock()) + timedelta(minutes=1)
            return preview(connection, matcher, until)
    finally:
        _READING.release()


def _saved(
    parts: Parts, entry: Entry, actor: str, seen: int | None, response: Response, *, only_change: bool = False
) -> EntryOut:
    lists, now = parts.lists, parts.clock()
    with parts.writing() as connection:
        change = watch_entries.save(connection, lists, entry, actor=actor, now=now, seen=seen, only_change=only_change)
    return _tagged(change, response)


def _unless_overtaken(work: Callable[[], EntryOut]) -> EntryOut:
    try:
        return work()
    except OvertakenError as error:
        raise ProblemError(412, "Somebody was quicker", str(error)) from error


def _seen(if_match: str | None) -> int | None:
    return int(if_match.strip('"')) if if_match and if_match != "*" else None


def _tagged(change: Change, response: Response) -> EntryOut:
    response.headers["ETag"] = f'"{change.version}"'
    return _out(change)


def _out(change: Change) -> EntryOut:
    entry = change.entry
    return EntryOut(
        entity_id=entry.entity_id,
        name=entry.name,
        aliases=list(entry.aliases),
        tickers=list(entry.tickers),
        groups=list(entry.groups),
        ambiguous=list(entry.ambiguous),
        remove=entry.remove,
        version=change.version,
        changed_by=change.actor,
        changed_at=change.at,
    )
