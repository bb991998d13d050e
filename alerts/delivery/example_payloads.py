"""Made-up webhooks, one of each kind, for whoever writes a receiver:
`python -m alerts.delivery.example_payloads docs/examples`.

The names are invented; the numbers fit together.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

import msgspec

from alerts.delivery.detector_words import detector_words
from alerts.delivery.formats import body_in
from alerts.delivery.payload import (
    AlertData,
    AlertPayload,
    Company,
    DigestAlert,
    DigestCompany,
    DigestData,
    DigestPayload,
    GroupMember,
    PingData,
    PingPayload,
)
from alerts.detection.evidence import Document
from alerts.detection.rule_seen import Bound, RuleSeen
from alerts.detection.words import Word

__all__ = ["rendered", "write"]

_AT: Final = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
_BANK: Final = Company(entity_id="QUILL.X", name="Quillfeather Bank")
_OTHER: Final = Company(entity_id="MOSS.X", name="Mossgate Savings")


def rendered() -> dict[str, str]:
    """The text of each file, by its name."""
    opened, digest = _alert(), _digest()
    body = msgspec.json.encode(opened).decode()
    ping = PingPayload(type="webhook.test", version=1, timestamp=_AT, data=PingData(text="This endpoint hears Yuqing."))
    texts = {
        "alert-v1.json": body,
        "alert-rule-v1.json": msgspec.json.encode(_by_rule(opened)).decode(),
        "alert-reminded-v1.json": msgspec.json.encode(_reminded(opened)).decode(),
        "digest-v1.json": msgspec.json.encode(digest).decode(),
        "test-v1.json": msgspec.json.encode(ping).decode(),
        "alertmanager-webhook.json": body_in("alertmanager", body, "desk"),
        "alertmanager-api.json": body_in("alertmanager_api", body, "desk"),
    }
    return {name: msgspec.json.format(text) + "\n" for name, text in texts.items()}


def write(folder: Path) -> None:
    """Writes every example into `folder`."""
    for name, content in rendered().items():
        (folder / name).write_text(content, encoding="utf-8")


def _alert() -> AlertPayload:
    document = Document(
        document_id=UUID("5f0c1b7e-0000-5000-8000-000000000001"),
        title="Quillfeather and Mossgate stop paying out deposits",
        url="https://news.example/quillfeather",
        source="example wire",
        published_at=_AT - timedelta(minutes=4),
        score=-0.97,
        novelty="new",
    )
    also = GroupMember(
        alert_id=UUID("8d3a1d0f-0000-5000-8000-000000000002"),
        company=_OTHER,
        status="firing",
        severity="watch",
        first_bucket=_AT - timedelta(minutes=4),
        last_bucket=_AT - timedelta(minutes=4),
        observed=3,
        expected=0.05,
        p_value=3.1e-6,
        detector="negative_surge",
    )
    data = AlertData(
        alert_id=UUID("8d3a1d0f-0000-5000-8000-000000000001"),
        company=_BANK,
        detector="negative_surge",
        meaning=detector_words("negative_surge", "en").meaning,
        status="firing",
        severity="warning",
        first_bucket=_AT - timedelta(minutes=9),
        last_bucket=_AT - timedelta(minutes=1),
        horizon_s=3600,
        observed=6,
        observed_documents=11,
        expected=0.03,
        baseline_per_day=0.72,
        p_value=4.2e-10,
        since=_AT - timedelta(minutes=33),
        documents=(document,),
        topics=("credit",),
        actor="engine",
        reason="warning: 6 negative stories in 1 h to 2026-03-02 14:29 UTC, 0.03 expected (p 4.2e-10)",
        also=(also,),
    )
    return AlertPayload(type="alert.opened", version=1, timestamp=_AT, data=data)


def _by_rule(opened: AlertPayload) -> AlertPayload:
    """An alert that an operator's rule raised."""
    bounds = (
        Bound(measure="negative_stories", bound=3, seen=4),
        Bound(measure="negative_share", bound=0.5, seen=0.8),
    )
    rule = RuleSeen(name="bank-default", within_min=120, bounds=bounds, words=("default", "missed payment"))
    data = msgspec.structs.replace(
        opened.data,
        alert_id=UUID("5f0c1d2e-6a55-5d8e-9a39-2f0c1b7c5e12"),
        detector="rule:bank-default",
        horizon_s=7200,
        observed=4,
        observed_documents=5,
        expected=0,
        baseline_per_day=0,
        p_value=1,
        also=(),
        reason=f"{opened.data.severity}: {rule} to 2026-03-02 14:28 UTC",
        rule=rule,
        meaning="",
    )
    return msgspec.structs.replace(opened, data=data)


def _reminded(opened: AlertPayload) -> AlertPayload:
    """The same alert an hour later: by now its first document has the words that made it negative."""
    told = Word(text="stop paying out", place="title", start=26, end=41, weight=1.9)
    (document,) = opened.data.documents
    document = msgspec.structs.replace(document, words=(told,), explained_by="8c5b2f")
    reason = "nobody has acknowledged it for 60 minutes"
    data = msgspec.structs.replace(opened.data, documents=(document,), actor="clock", reason=reason)
    return AlertPayload(type="alert.reminded", version=1, timestamp=_AT + timedelta(hours=1), data=data)


def _digest() -> DigestPayload:
    alert = DigestAlert(
        alert_id=UUID("8d3a1d0f-0000-5000-8000-000000000001"),
        company=_BANK,
        status="resolved",
        severity="warning",
        first_bucket=_AT - timedelta(minutes=9),
        last_bucket=_AT + timedelta(hours=5),
        observed=6,
        expected=0.03,
        detector="negative_surge",
    )
    company = DigestCompany(company=_BANK, documents=48, negative=31, negative_stories=9, score=-0.44)
    data = DigestData(day="2026-03-02", documents=5120, negative=512, alerts=(alert,), companies=(company,), days=7)
    return DigestPayload(type="digest.weekly", version=1, timestamp=_AT + timedelta(days=7), data=data)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
