"""The digest: a UTC day's or a week's alerts and the companies with most bad news, one delivery per endpoint."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.types import DateTime

from alerts.delivery import outbox
from alerts.delivery.payload import Company, DigestAlert, DigestCompany, DigestData, DigestPayload
from storage.records import ANY_ENTITY, ANY_TOPIC

__all__ = ["WEEK", "digest", "write_digest"]

WEEK = 7

_MOST_COMPANIES = 20
_MOST_ALERTS = 200

_DAY = (bindparam("since", type_=DateTime(timezone=True)), bindparam("until", type_=DateTime(timezone=True)))

_ALERTS = text(
    """
    select a.alert_id, a.entity_id, coalesce(e.name, a.entity_id) as name, a.status, a.severity,
           a.first_bucket, a.last_bucket, a.observed, a.expected, a.detector
    from alerts a left join entities e using (entity_id)
    where a.first_bucket < :until and a.last_bucket >= :since
    order by case a.severity when 'critical' then 0 when 'warning' then 1 else 2 end, a.p_value, a.alert_id
    limit :most
    """
).bindparams(*_DAY)

_COMPANIES = text(
    """
    select t.entity_id, coalesce(max(e.name), t.entity_id) as name, sum(t.documents)::bigint as documents,
           sum(t.negative)::bigint as negative, sum(t.negative_stories)::bigint as negative_stories,
           sum(t.score_micro)::bigint as score_micro
    from trend_counts t left join entities e using (entity_id)
    where t.topic = :topic and t.bucket >= :since and t.bucket < :until
    group by t.entity_id
    having sum(t.negative) > 0 or t.entity_id = :market
    order by t.entity_id = :market desc, sum(t.negative_stories) desc, sum(t.negative) desc, t.entity_id
    limit :most
    """
).bindparams(*_DAY)


def digest(connection: Connection, day: date, now: datetime, days: int = 1) -> DigestPayload:
    """The digest of one UTC day, or of the seven from `day` on, from what the database holds now."""
    since = datetime.combine(day, time(), UTC)
    span = {"since": since, "until": since + timedelta(days=days)}
    alerts = connection.execute(_ALERTS, span | {"most": _MOST_ALERTS}).all()
    about = {"topic": ANY_TOPIC, "market": ANY_ENTITY, "most": _MOST_COMPANIES + 1}
    sums = connection.execute(_COMPANIES, span | about).all()
    market = [row for row in sums if row.entity_id == ANY_ENTITY]
    data = DigestData(
        day=day.isoformat(),
        documents=market[0].documents if market else 0,
        negative=market[0].negative if market else 0,
        alerts=tuple(_alert(row) for row in alerts),
        companies=tuple(_company(row) for row in sums if row.entity_id != ANY_ENTITY)[:_MOST_COMPANIES],
        days=days,
    )
    return DigestPayload(type="digest.weekly" if days == WEEK else "digest.daily", version=1, timestamp=now, data=data)


def write_digest(connection: Connection, day: date, endpoints: Iterable[str], now: datetime, days: int = 1) -> int:
    """Puts the digest into the outbox for each endpoint name; returns how many deliveries are new.

    A day's or a week's digest has one webhook id per endpoint, so two replicas, or two runs, send it once.
    """
    payload = digest(connection, day, now, days)
    return outbox.put(
        connection, endpoints=endpoints, event_type=payload.type, about=day.isoformat(), payload=payload, now=now
    )


def _alert(row: Any) -> DigestAlert:
    return DigestAlert(
        alert_id=row.alert_id,
        company=Company(entity_id=row.entity_id, name=row.name),
        status=row.status,
        severity=row.severity,
        first_bucket=row.first_bucket,
        last_bucket=row.last_bucket,
        observed=row.observed,
        expected=row.expected,
        detector=row.detector,
    )


def _company(row: Any) -> DigestCompany:
    return DigestCompany(
        company=Company(entity_id=row.entity_id, name=row.name),
        documents=row.documents,
        negative=row.negative,
        negative_stories=row.negative_stories,
        score=row.score_micro / 1e6 / max(row.documents, 1),
    )
