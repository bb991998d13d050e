"""`/alerts`: what fired, why, and what became of it."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from alerts.api import cursors
from alerts.api.access import Reader
from alerts.api.etags import TaggedRoute
from alerts.api.parts import Parts, TheParts
from alerts.api.problems import ProblemError
from alerts.api.wire import Cursor, Instant, Limit, MaybeFlag, MaybeInstant, Page, Parameters, Short
from alerts.detection.evidence import from_json
from alerts.reading import alert_list
from alerts.reading.alert_list import AlertFilter, AlertSummary, Entry, Sent
from alerts.reading.similar_alerts import SimilarAlert, similar_alerts

__all__ = ["EvidenceDocument", "EvidenceOut", "router", "the_alert"]

router = APIRouter(prefix="/alerts", tags=["alerts"], route_class=TaggedRoute)


class AlertPage(Page):
    """Alerts, newest first."""

    items: list[AlertSummary]


class AlertQuery(Parameters):
    """Which alerts."""

    status: Short = ""
    severity: Literal["watch", "warning", "critical", ""] = ""
    entity_id: Short = ""
    detector: Short = ""
    q: Short = Field(default="", description="A part of the company's name or id.")
    active: MaybeFlag = Field(default=None, description="true: only what is not resolved; false: only what is.")
    since: MaybeInstant = Field(default=None, description="First firing minute at or after this.")
    until: MaybeInstant = Field(default=None, description="First firing minute before this.")
    cursor: Cursor = ""
    limit: Limit = 50


class WordOut(BaseModel):
    """A word, or neighbouring ones, that made a document negative. Text is from the web: escape it."""

    text: str
    place: Literal["title", "body"]
    start: int = Field(description="Of its first character in that place, in Unicode code points.")
    end: int = Field(description="Behind its last character.")
    weight: float = Field(description="How far the log-odds of negative fall without it, above 0.")


class EvidenceDocument(BaseModel):
    """A document behind an alert. Text is from the web: escape it. `score` is toward the company, -1 to 1."""

    document_id: UUID
    title: str
    url: str = Field(description="http, https, or empty.")
    source: str
    published_at: Instant
    score: float
    novelty: str
    words: list[WordOut] = Field(description="What made it negative, heaviest first; of the first document only.")
    explained_by: str = Field(description="The model that was asked for the words; empty until it was.")


class BoundOut(BaseModel):
    """One condition of a rule, and what was seen: a mean is to be as low as `bound`, all others as high."""

    measure: str
    bound: float
    seen: float


class RuleOut(BaseModel):
    """What an operator's rule asked for and saw. `pattern` and `words` were looked for in title and lead."""

    name: str
    within_min: int
    bounds: list[BoundOut]
    pattern: str
    words: list[str]


class EvidenceOut(BaseModel):
    """Why an alert fired: its decisive minute, its baseline, and the documents that made it."""

    since: Instant = Field(description="The first story within the horizon that counts.")
    observed_documents: int
    baseline_per_day: float
    documents: list[EvidenceDocument]
    rule: RuleOut | None = Field(description="Set where an operator's rule raised the alert.")


@router.get("")
def list_alerts(parts: TheParts, _: Reader, query: Annotated[AlertQuery, Query()]) -> AlertPage:
    """Alerts, newest first."""
    wanted = AlertFilter(
        status=query.status,
        severity=query.severity,
        entity_id=query.entity_id,
        detector=query.detector,
        words=query.q,
        active=query.active,
        since=query.since,
        until=query.until,
    )
    after = cursors.unpack(query.cursor)
    with parts.reading() as connection:
        found = alert_list.list_alerts(connection, wanted, most=query.limit + 1, after=after)
    items = found[: query.limit]
    more = len(found) > query.limit
    return AlertPage(items=items, next=cursors.pack(items[-1].first_bucket, items[-1].alert_id) if more else None)


@router.get("/{alert_id}")
def get_alert(parts: TheParts, _: Reader, alert_id: UUID) -> AlertSummary:
    """One alert."""
    return the_alert(parts, alert_id)


@router.get("/{alert_id}/evidence")
def get_evidence(parts: TheParts, _: Reader, alert_id: UUID) -> EvidenceOut:
    """Why it fired."""
    with parts.reading() as connection:
        stored = alert_list.evidence_of(connection, alert_id)
    if stored is None:
        raise _unknown(alert_id)
    evidence = from_json(stored)
    documents = [EvidenceDocument.model_validate(each, from_attributes=True) for each in evidence.documents]
    return EvidenceOut(
        since=evidence.since,
        observed_documents=evidence.peak.observed_documents,
        baseline_per_day=evidence.baseline_per_day,
        documents=documents,
        rule=RuleOut.model_validate(evidence.rule, from_attributes=True) if evidence.rule else None,
    )


@router.get("/{alert_id}/history")
def get_history(parts: TheParts, _: Reader, alert_id: UUID) -> list[Entry]:
    """What happened to it, oldest first."""
    the_alert(parts, alert_id)
    with parts.reading() as connection:
        return alert_list.history(connection, alert_id)


@router.get("/{alert_id}/similar")
def get_similar(parts: TheParts, _: Reader, alert_id: UUID) -> list[SimilarAlert]:
    """Earlier alerts that are like it, the likest first, and how they ended; 8 at most."""
    the_alert(parts, alert_id)
    with parts.reading() as connection:
        return similar_alerts(connection, alert_id)


@router.get("/{alert_id}/deliveries")
def get_deliveries(parts: TheParts, _: Reader, alert_id: UUID) -> list[Sent]:
    """Whom it was sent to, and how that went."""
    the_alert(parts, alert_id)
    with parts.reading() as connection:
        return alert_list.sent(connection, alert_id)


def the_alert(parts: Parts, alert_id: UUID) -> AlertSummary:
    """One alert. Raises ProblemError (404)."""
    with parts.reading() as connection:
        found = alert_list.find_alert(connection, alert_id)
    if found is None:
        raise _unknown(alert_id)
    return found


def _unknown(alert_id: UUID) -> ProblemError:
    return ProblemError(404, "No such alert", f"There is no alert {alert_id}; GET /alerts lists them.")
