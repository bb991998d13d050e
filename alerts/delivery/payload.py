"""What a webhook carries. Version 1: fields may be added, none is renamed, removed or given another meaning."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from inspect import cleandoc
from typing import Any, Literal
from uuid import UUID

import msgspec

from alerts.answers.grouping import News
from alerts.delivery.detector_words import detector_words
from alerts.detection.evidence import Document, Moment
from alerts.detection.rule_seen import RuleSeen
from alerts.detection.series import time_of
from alerts.detection.thresholds import Severity
from alerts.detection.unlisted import line_of

__all__ = [
    "AlertData",
    "AlertEvent",
    "AlertPayload",
    "Company",
    "DigestAlert",
    "DigestCompany",
    "DigestData",
    "DigestPayload",
    "GroupMember",
    "PingData",
    "PingPayload",
    "about",
    "member",
    "schemas",
]

AlertEvent = Literal[
    "alert.opened",
    "alert.escalated",
    "alert.reminded",
    "alert.acknowledged",
    "alert.reopened",
    "alert.resolved",
]
"""More may be added: a receiver answers 2xx to those it does not know."""


class Company(msgspec.Struct, frozen=True, kw_only=True):
    """Whom it is about. `name` is the watch list's, or the id where the list no longer has it."""

    entity_id: str
    name: str


class GroupMember(msgspec.Struct, frozen=True, kw_only=True):
    """Another alert that the same event is about: one story that hit several companies, or one morning's.

    It may be about the same company, by another `detector`.
    """

    alert_id: UUID
    company: Company
    status: str
    severity: Severity
    first_bucket: Moment
    last_bucket: Moment
    observed: int
    expected: float
    p_value: float
    detector: str = ""


class AlertData(msgspec.Struct, frozen=True, kw_only=True):
    """The alert as it stands at the time of the event. Times are UTC.

    `observed` negative stories within the `horizon_s` seconds that end with the decisive minute, against `expected`
    from the company's own past; `p_value` is the probability of at least as many. What else than negative stories a
    `detector` counts, and what its finding means, `meaning` says in a sentence: `volume_surge` and
    `unlisted_volume` count stories of any tone and list them, earliest first, and their `p_value`, like the market's,
    is how many findings as improbable calm brings a day, at most 1. `previous` is when the last one before
    `since` was, if one was within its memory. `entity_id` "*" is the whole market. `actor` and `reason` say who
    brought the event about and why: "engine" is detection, "clock" a time that has come, all others are people.
    `also` are others of which the same is to be said: this one is the gravest. `add_to_list` is set where the name is
    on no watch list: the line of CSV that puts it there. `rule` is set where an operator's rule raised the alert: what
    it asked for and saw. Nothing is claimed of how probable that is then: `expected` is 0 and `p_value` 1.
    """

    alert_id: UUID
    company: Company
    detector: str
    status: str
    severity: Severity
    first_bucket: Moment
    last_bucket: Moment
    horizon_s: int
    observed: int
    observed_documents: int
    expected: float
    baseline_per_day: float
    p_value: float
    since: Moment
    documents: tuple[Document, ...]
    topics: tuple[str, ...] = ()
    actor: str = ""
    reason: str = ""
    also: tuple[GroupMember, ...] = ()
    add_to_list: str = ""
    rule: RuleSeen | None = None
    meaning: str = ""
    previous: Moment | None = None


class AlertPayload(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook about one alert. `timestamp` is when the event was decided."""

    type: AlertEvent
    version: Literal[1]
    timestamp: Moment
    data: AlertData


class DigestAlert(msgspec.Struct, frozen=True, kw_only=True):
    """An alert in a digest, without its documents."""

    alert_id: UUID
    company: Company
    status: str
    severity: str
    first_bucket: Moment
    last_bucket: Moment
    observed: int
    expected: float
    detector: str = ""


class DigestCompany(msgspec.Struct, frozen=True, kw_only=True):
    """How a company fared on the day. `score` is the mean of P(positive) - P(negative), -1 to 1."""

    company: Company
    documents: int
    negative: int
    negative_stories: int
    score: float


class DigestData(msgspec.Struct, frozen=True, kw_only=True):
    """`days` UTC days from `day` on: their alerts, and the companies with most bad news."""

    day: str
    documents: int
    negative: int
    alerts: tuple[DigestAlert, ...]
    companies: tuple[DigestCompany, ...]
    days: int = 1


class DigestPayload(msgspec.Struct, frozen=True, kw_only=True):
    """The daily or weekly digest."""

    type: Literal["digest.daily", "digest.weekly"]
    version: Literal[1]
    timestamp: Moment
    data: DigestData


class PingData(msgspec.Struct, frozen=True, kw_only=True):
    """What a test carries."""

    text: str


class PingPayload(msgspec.Struct, frozen=True, kw_only=True):
    """Sent by hand, to see whether an endpoint hears: `yuqing webhooks test`."""

    type: Literal["webhook.test"]
    version: Literal[1]
    timestamp: Moment
    data: PingData


def about(event: AlertEvent, group: Sequence[News], now: datetime) -> AlertPayload:
    """The payload of one event: the first alert of the group in full, the others by name.

    Each as it stands after the step that was taken. `group` has at least one.
    """
    taken, standing = group[0].taken, group[0].standing
    episode, evidence = standing.episode, standing.evidence
    peak = episode.peak
    data = AlertData(
        alert_id=episode.alert_id,
        company=Company(entity_id=episode.entity_id, name=standing.name),
        detector=episode.detector,
        status=taken.step.after,
        severity=episode.severity,
        first_bucket=time_of(episode.first),
        last_bucket=time_of(episode.last),
        horizon_s=peak.horizon_min * 60,
        observed=peak.observed,
        observed_documents=peak.observed_documents,
        expected=peak.expected,
        baseline_per_day=evidence.baseline_per_day,
        p_value=peak.p_value,
        since=evidence.since,
        documents=evidence.documents,
        topics=standing.topics,
        actor=taken.actor,
        reason=taken.reason,
        also=tuple(member(each) for each in group[1:]),
        add_to_list=line_of(episode.entity_id),
        rule=peak.rule,
        meaning=detector_words(episode.detector, "en").meaning,
        previous=None if peak.previous is None else time_of(peak.previous),
    )
    return AlertPayload(type=event, version=1, timestamp=now, data=data)


def member(news: News) -> GroupMember:
    """The same event about another alert, in short."""
    episode = news.standing.episode
    return GroupMember(
        alert_id=episode.alert_id,
        company=Company(entity_id=episode.entity_id, name=news.standing.name),
        status=news.taken.step.after,
        severity=episode.severity,
        first_bucket=time_of(episode.first),
        last_bucket=time_of(episode.last),
        observed=episode.peak.observed,
        expected=episode.peak.expected,
        p_value=episode.peak.p_value,
        detector=episode.detector,
    )


def schemas() -> dict[str, dict[str, Any]]:
    """The JSON Schemas that docs/schemas publishes, by file name."""
    return {
        "alert-v1.json": _schema(AlertPayload, "Yuqing alert webhook, version 1"),
        "digest-v1.json": _schema(DigestPayload, "Yuqing digest webhook, version 1"),
        "test-v1.json": _schema(PingPayload, "Yuqing test webhook, version 1"),
    }


def _schema(kind: type[msgspec.Struct], title: str) -> dict[str, Any]:
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title} | msgspec.json.schema(kind)
    for definition in schema["$defs"].values():
        if "description" in definition:
            definition["description"] = cleandoc(definition["description"])
    return schema
