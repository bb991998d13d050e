"""Open loop: from a document's turn to its row, and to the webhook of the alarm it raises. JSON on stdout.

`python tests/bench/bench_latency.py [--short] [--rate 150]`. All roles run on an installation that knows two weeks of
past. Documents are sent by a timetable at 30 % of what the backlog run showed to be possible (`--rate` names another
pace), and latencies count from the moment at which each was meant to be sent:

row_latency_ms        until another database session sees its row, woken by the books' own notification
webhook_latency_ms    of documents that are the third bad story about a company: until the webhook's receiver has it

The first tenth of the timetable warms up and is not counted.
"""

from __future__ import annotations

import secrets
import statistics
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from backlog_run import work_off
from bench_frame import Frame, alone, say
from crises import STORIES, Crisis, crises, named
from figures import percentiles, significant
from open_loop import Rows, Timetable, rows_watched
from product import Product, installed
from texts import sample, synthetic

from alerts.delivery.receiver import Received, WebhookReceiver
from model.classifier import Classifier
from stream.documents import RawDocument, document_id

__all__ = ["capacity", "measure"]

SHARE = 0.3
_PAST, _PAST_DOCUMENTS = timedelta(days=14), 700
_WARM = 0.1
_PATIENCE_S = 60.0


@dataclass(frozen=True)
class _Sizes:
    seconds: float
    crises: int
    capacity_documents: int


_FULL, _SHORT = _Sizes(90, 60, 6_000), _Sizes(20, 30, 1_000)
_ROOM = 12
"""Documents for each crisis, at least: most of the stream is ordinary."""


def measure(frame: Frame) -> dict[str, Any]:
    """`row_latency_ms` and `webhook_latency_ms` with their pace."""
    sizes = _SHORT if frame.short else _FULL
    rate = frame.rate or SHARE * capacity(frame, sizes.capacity_documents)
    background = sample(frame.documents or max(round(rate * sizes.seconds), _ROOM * sizes.crises))
    past = _past()
    raised = crises(sizes.crises, avoid=named([*background.documents, *past]), classifier=Classifier.load())
    timeline = _timeline(background.documents, raised)
    say(f"open loop: {len(timeline):,} documents at {rate:.1f} a second")
    inbox = _Inbox()
    secret = b64encode(secrets.token_bytes(32)).decode()
    with WebhookReceiver(secret, on_taken=inbox.take) as receiver:
        webhook = {"name": "bench", "url": receiver.url, "secret": secret, "allow_private": True}
        with installed(frame.stack, frame.folder, webhook=webhook) as product, product.running():
            _remember(product, past)
            timetable = Timetable(product, rate)
            with rows_watched(timetable) as rows:
                timetable.run(timeline)
                _wait(lambda: len(rows.seen) >= len(timeline))
                _wait(lambda: inbox.holds(raised))
    return _figures(timeline, raised, timetable, rows, inbox) | {"latency_texts": background.origin}


def capacity(frame: Frame, documents: int, *, real: bool = True) -> float:
    """Documents a second under backlog: what this run has measured already, else measured now."""
    if real and "pipeline" in frame.measured:
        return statistics.median(frame.measured["pipeline"]["docs_per_s"]["ours"])
    say(f"measuring what the pipeline can do, with a backlog of {documents:,} documents")
    found = sample(documents, real=real)
    return work_off(frame.stack, frame.folder, found.documents, documents).docs_per_s


class _Inbox:
    """When the webhook of each company's alarm came: monotonic seconds by entity."""

    def __init__(self) -> None:
        self.opened: dict[str, float] = {}

    def take(self, received: Received) -> None:
        """Called from the receiver's threads."""
        if received.type == "alert.opened":
            self.opened.setdefault(received.payload["data"]["company"]["entity_id"], time.monotonic())

    def holds(self, raised: Sequence[Crisis]) -> bool:
        """Whether the alarm of each crisis is here."""
        return all(crisis.entity_id in self.opened for crisis in raised)


def _past() -> list[RawDocument]:
    """Two weeks until yesterday, fifty documents a day: what detectors know when the timetable begins."""
    until = datetime.now(UTC) - timedelta(days=1)
    step = _PAST / _PAST_DOCUMENTS
    return [
        msgspec.structs.replace(document, published_at=(until - step * (_PAST_DOCUMENTS - number)).isoformat())
        for number, document in enumerate(synthetic(_PAST_DOCUMENTS, seed=11))
    ]


def _remember(product: Product, past: Sequence[RawDocument]) -> None:
    """Lets the product read its past, and judge all of it."""
    product.publish(past)
    with psycopg.connect(product.database_url, autocommit=True) as session:
        _wait(lambda: product.accounted(session) >= len(past))
        _wait(lambda: session.execute("SELECT count(*) FROM changed_buckets").fetchone() == (0,))


def _timeline(background: Sequence[RawDocument], raised: Sequence[Crisis]) -> list[RawDocument]:
    """The crises take the place of documents of the background, evenly over the part that counts."""
    timeline = list(background)
    begin = round(_WARM * len(timeline))
    step = (len(timeline) - begin) // len(raised)
    for number, crisis in enumerate(raised):
        at = begin + number * step
        timeline[at : at + STORIES] = crisis.stories
    return timeline


def _figures(
    timeline: Sequence[RawDocument], raised: Sequence[Crisis], timetable: Timetable, rows: Rows, inbox: _Inbox
) -> dict[str, Any]:
    counted = [document_id(document) for document in timeline[round(_WARM * len(timeline)) :]]
    meant = timetable.meant
    tipping = {crisis.entity_id: meant[document_id(crisis.stories[-1])] for crisis in raised}
    return {
        "row_latency_ms": percentiles([(rows.seen[one] - meant[one]) * 1000 for one in counted if one in rows.seen]),
        "webhook_latency_ms": percentiles(
            [(inbox.opened[entity] - at) * 1000 for entity, at in tipping.items() if entity in inbox.opened]
        ),
        "latency": {
            "documents_per_s": significant(timetable.per_second),
            "rows_not_seen": len(meant) - len(rows.seen),
            "webhooks_not_seen": sum(entity not in inbox.opened for entity in tipping),
            "worst_row_ms_by_tenth": _worst(meant, rows),
            "sent_late_ms": percentiles([late * 1000 for late in timetable.late_s]),
            "looks": rows.looks,
            "a_look_ms": significant(rows.seconds / max(rows.looks, 1) * 1000),
        },
    }


def _worst(meant: Mapping[UUID, float], rows: Rows) -> list[float]:
    """The longest wait for a row in each tenth of the timetable, the warming up included: where a stall was."""
    waits = [(rows.seen[one] - at) * 1000 for one, at in sorted(meant.items(), key=itemgetter(1)) if one in rows.seen]
    size = -(-len(waits) // 10)
    return [significant(max(waits[at : at + size])) for at in range(0, len(waits), size or 1)]


def _wait(done: Callable[[], bool]) -> None:
    """Until it is done, a minute at most: what is missing then is told as missing."""
    give_up = time.monotonic() + _PATIENCE_S
    while not done() and time.monotonic() < give_up:
        threading.Event().wait(0.05)


if __name__ == "__main__":
    alone(measure, __doc__)
