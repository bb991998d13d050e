"""What must hold after a run with faults, each told as a list of differences; empty lists all round are a pass."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from book_copy import BookCopy, differing, recounted, scored_alike
from installation_under_test import InstallationUnderTest
from sqlalchemy import text

from alerts.delivery.receiver import Received, WebhookReceiver

__all__ = ["deliveries_of", "differences", "told_apart_otherwise", "undelivered"]

_TO_BE_TOLD = "SELECT alert_id::text FROM alerts WHERE status <> 'pending' AND held_by = ''"
"""What an alarm of the whole market quieted for as long as it lasted is told to nobody, and says so in `held_by`."""


def differences(disturbed: InstallationUnderTest, undisturbed: BookCopy, again: BookCopy) -> dict[str, list[str]]:
    """By what is compared, every difference.

    `undisturbed` are the books of the same feed in a run without faults: they must agree in everything but novelty.
    `again` are those of the very documents that `disturbed` holds: they must agree in trends and alerts.
    """
    books = BookCopy.of(disturbed.engine)
    return {
        "audit": disturbed.audit().differences,
        "documents": differing(books.documents, undisturbed.documents, alike=scored_alike),
        "mentions": differing(books.mentions, undisturbed.mentions, alike=scored_alike),
        "dead_letters": differing(books.dead, undisturbed.dead),
        "trends_recounted": differing(books.trends, recounted(books)),
        "trends_as_of": differing(books.trends, books.trends_as_of),
        "trends_again": differing(books.trends, again.trends),
        "alerts": differing(books.alerts, again.alerts),
        "deliveries": undelivered(disturbed),
    }


def told_apart_otherwise(disturbed: BookCopy, undisturbed: BookCopy) -> dict[str, int]:
    """How many documents two runs of one feed gave another novelty, and in how many alerts that shows."""
    return {
        "novelty": len(differing(disturbed.novelty, undisturbed.novelty)),
        "alerts": len(differing(disturbed.alerts, undisturbed.alerts)),
        "alerts_opened_elsewhere": len(disturbed.alerts.keys() ^ undisturbed.alerts.keys()),
    }


def undelivered(installation: InstallationUnderTest) -> list[str]:
    """Every event in the outbox was taken by the receiver, under the id that the outbox gave it, and no other was."""
    with installation.engine.connect() as connection:
        rows = connection.execute(text("SELECT webhook_id, event_type, state FROM deliveries")).all()
        opened = set(connection.execute(text(_TO_BE_TOLD)).scalars())
    taken = {one.webhook_id: one for one in installation.receiver.received}
    lines = [f"{one.webhook_id} ({one.event_type}) is {one.state}" for one in rows if one.state != "delivered"]
    lines += [f"{one.webhook_id} ({one.event_type}) never arrived" for one in rows if one.webhook_id not in taken]
    lines += [f"{webhook_id} is not in the outbox" for webhook_id in taken.keys() - {one.webhook_id for one in rows}]
    groups = [one.payload["data"] for one in taken.values() if one.type == "alert.opened"]
    told = {one["alert_id"] for data in groups for one in (data, *data["also"])}
    lines += [f"alert {alert_id} was never told" for alert_id in opened - told]
    lines += _two_ids(installation.receiver.requests)
    if installation.receiver.unsigned:
        lines.append(f"{installation.receiver.unsigned} requests were not signed rightly")
    return lines


def deliveries_of(receiver: WebhookReceiver) -> dict[str, int]:
    """How many requests came, how many of them were refused on purpose, and how many webhooks they were."""
    requests = receiver.requests
    refused = sum(not 200 <= one.status < 300 for one in requests)
    return {"requests": len(requests), "refused": refused, "webhooks": len(receiver.received)}


def _two_ids(requests: Sequence[Received]) -> list[str]:
    """One event has one id, however often it is sent: an alert opens and ends once and reaches each severity once."""
    ids: defaultdict[tuple[str, ...], set[str]] = defaultdict(set)
    for one in requests:
        data = one.payload["data"]
        severity = data["severity"] if one.type == "alert.escalated" else ""
        ids[one.type, data["alert_id"], severity].add(one.webhook_id)
    return [f"{event} came under the ids {sorted(found)}" for event, found in ids.items() if len(found) > 1]
