"""The demonstration's own webhook: what arrives is kept, summed up by alert, and shown without being believed."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

from rich.console import Console

from alerts.delivery.receiver import Received
from deploy.demo.inbox import Inbox
from deploy.demo.report import FiredAlert

NOW = datetime(2026, 5, 6, 14, 30, 1, tzinfo=UTC)


def event(kind: str, *, alert_id: str = "a1", severity: str = "watch", observed: int = 5, **data: Any) -> Received:
    """A webhook about an alert, as `alerts/delivery/payload.py` writes it."""
    payload = {
        "type": kind,
        "version": 1,
        "timestamp": "2026-05-06T14:30:00Z",
        "data": {
            "alert_id": alert_id,
            "company": {"entity_id": "DEMO:HRBL", "name": "Harbourline Bank"},
            "severity": severity,
            "first_bucket": "2026-05-06T13:40:00Z",
            "horizon_s": 5400,
            "observed": observed,
            "expected": 0.25,
            "p_value": 3.2e-9,
            "documents": [{"score": -0.91, "title": "Queues [bold]at[/bold] the bank"}] * 5,
            **data,
        },
    }
    return Received("msg_1", payload, 204)


def test_an_alert_is_kept_with_the_moments_of_its_decision_and_its_arrival() -> None:
    inbox = Inbox(Console(file=io.StringIO()), lambda: NOW)
    inbox.take(event("alert.opened"))
    (arrival,) = inbox.arrivals
    assert arrival.received_at == NOW
    assert arrival.decided_at == datetime(2026, 5, 6, 14, 30, tzinfo=UTC)
    assert arrival.alert == FiredAlert("DEMO:HRBL", datetime(2026, 5, 6, 13, 40, tzinfo=UTC), "watch", 5, 0.25)


def test_an_alert_that_escalates_is_one_alert_as_last_heard_of() -> None:
    inbox = Inbox(Console(file=io.StringIO()), lambda: NOW)
    inbox.take(event("alert.opened"))
    inbox.take(event("alert.opened", alert_id="b2", observed=3))
    inbox.take(event("alert.escalated", severity="critical", observed=21))
    assert [(alert.severity, alert.observed) for alert in inbox.alerts()] == [("critical", 21), ("watch", 3)]
    assert len(inbox.arrivals) == 3


def test_a_digest_is_no_alert() -> None:
    inbox = Inbox(Console(file=io.StringIO()), lambda: NOW)
    inbox.take(Received("msg_2", {"type": "digest.daily", "data": {}}, 204))
    assert inbox.arrivals == []


def test_it_is_shown_as_it_comes_and_its_text_stays_text() -> None:
    out = io.StringIO()
    Inbox(Console(file=out, width=110), lambda: NOW).take(event("alert.opened"))
    page = out.getvalue()
    assert "Harbourline Bank  watch  alert.opened" in page
    assert "5 negative stories within 1.5 h, 0.25 expected" in page
    assert page.count("-0.91  Queues [bold]at[/bold] the bank") == 3
    assert "signature verified" in page
