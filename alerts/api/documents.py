"""`/documents` and `/stories`: what was read, found by its words, by company, by verdict; and corrections of it."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from alerts.api import cursors
from alerts.api.access import Actor, Reader
from alerts.api.etags import TaggedRoute
from alerts.api.parts import TheParts
from alerts.api.problems import ProblemError
from alerts.api.wire import Body, Cursor, Limit, MaybeInstant, Page, Parameters, Short, Words
from alerts.reading.stories import Story, stories
from storage.corrections import correct
from storage.document_search import FoundDocument, Place, Wanted, find_document, search
from storage.errors import CorrectionError
from storage.records import Sentiment

__all__ = ["router"]

router = APIRouter(tags=["documents"], route_class=TaggedRoute)


class StoryQuery(Parameters):
    """Which stories."""

    q: Words = Field(default="", description='Words, "phrases", OR, -not; English by stem, Chinese by characters.')
    entity_id: Short = ""
    sentiment: Literal["negative", "neutral", "positive", ""] = ""
    language: Short = ""
    source: Short = ""
    since: MaybeInstant = Field(default=None, description="Published at or after this.")
    until: MaybeInstant = Field(default=None, description="Published before this.")
    cursor: Cursor = ""
    limit: Limit = 50


class DocumentQuery(StoryQuery):
    """Which documents."""

    novelty: Literal["new", "reprint", "same", ""] = ""


class DocumentPage(Page):
    """Documents, newest first; their text is cut to 600 characters."""

    items: list[FoundDocument]


class StoryPage(Page):
    """Stories, newest first."""

    items: list[Story]


class Correction(Body):
    """What an analyst says a document's sentiment is. Agreement with the model is worth noting too."""

    sentiment: Sentiment
    note: Annotated[str, Field(max_length=1000, pattern=r"^[^\x00]*$")] = ""


class Corrected(BaseModel):
    """The correction's number. Trends keep what the model said; the next training sees this."""

    correction_id: int


@router.get("/documents")
def list_documents(parts: TheParts, _: Reader, query: Annotated[DocumentQuery, Query()]) -> DocumentPage:
    """Documents, newest first. Words find a document some seconds after it was stored, other conditions at once."""
    with parts.reading() as connection:
        wanted = _wanted(query, query.novelty)
        found = search(connection, wanted, most=query.limit + 1, after=_after(query.cursor))
    items = found[: query.limit]
    return DocumentPage(items=items, next=_next(items) if len(found) > query.limit else None)


@router.get("/documents/{document_id}")
def get_document(parts: TheParts, _: Reader, document_id: UUID) -> FoundDocument:
    """One document with its whole text. It is from the web: escape it."""
    with parts.reading() as connection:
        found = find_document(connection, document_id)
    if found is None:
        raise _unknown(document_id)
    return found


@router.post("/documents/{document_id}/corrections", status_code=201, tags=["feedback"])
def correct_document(parts: TheParts, actor: Actor, document_id: UUID, correction: Correction) -> Corrected:
    """Says what the sentiment of a document is."""
    with parts.writing() as connection:
        try:
            number = correct(
                connection,
                document_id,
                correction.sentiment,
                actor=actor.name,
                note=correction.note,
                now=parts.clock(),
            )
        except CorrectionError as error:
            raise _unknown(document_id) from error
    return Corrected(correction_id=number)


@router.get("/stories")
def list_stories(parts: TheParts, _: Reader, query: Annotated[StoryQuery, Query()]) -> StoryPage:
    """Stories, newest first: each with the reprints that repeat it within a week."""
    with parts.reading() as connection:
        found = stories(connection, _wanted(query, "new"), most=query.limit + 1, after=_after(query.cursor))
    items = found[: query.limit]
    return StoryPage(items=items, next=_next([each.first for each in items]) if len(found) > query.limit else None)


def _wanted(query: StoryQuery, novelty: str) -> Wanted:
    return Wanted(
        words=query.q.strip(),
        entity_id=query.entity_id,
        sentiment=query.sentiment,
        language=query.language,
        source=query.source,
        novelty=novelty,
        since=query.since,
        until=query.until,
    )


def _after(cursor: str) -> Place | None:
    key = cursors.unpack(cursor)
    return Place(*key) if key else None


def _next(items: list[FoundDocument]) -> str:
    return cursors.pack(items[-1].published_at, items[-1].document_id)


def _unknown(document_id: UUID) -> ProblemError:
    detail = f"There is no document {document_id}, or retention has dropped it."
    return ProblemError(404, "No such document", detail)
