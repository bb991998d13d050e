"""Documents sent by a timetable that waits for nobody, and when each one's row was there for others to see.

A latency counts from the moment at which a document was *meant* to be sent. Whoever waits for an answer before sending
the next one leaves out just the documents that a stall would have hit (coordinated omission).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from uuid import UUID

import msgspec
import psycopg
from product import Product

from stream.documents import RawDocument, document_id
from stream.publisher import Publisher

__all__ = ["Rows", "Timetable", "rows_watched"]

_LOOK_S = 0.25
"""How long to wait for the books' bell before looking all the same."""

_ASKED = 1_000
"""Of the documents still to come, as many of the oldest are asked for at a look: they come about in order, and a look
that grew with the lag would itself make the lag grow."""


@dataclass
class Timetable:
    """Sends `per_second` documents a second; `meant` holds the monotonic time of each one's turn, by its id."""

    product: Product
    per_second: float
    meant: dict[UUID, float] = field(default_factory=dict)
    late_s: list[float] = field(default_factory=list)
    """How much later than meant each was handed to the producer: what the sender itself adds."""
    pending: deque[UUID] = field(default_factory=deque)
    """For whoever watches: documents whose row is still to come."""

    def run(self, documents: Iterable[RawDocument]) -> None:
        """Sends all of them, each published now, and returns when the broker has them."""
        with Publisher(self.product.settings.kafka.bootstrap, self.product.topics) as publisher:
            began = time.monotonic()
            for number, document in enumerate(documents):
                turn = began + number / self.per_second
                while (left := turn - time.monotonic()) > 0:
                    publisher.poll(min(left, 0.005))
                identity = document_id(document)
                self.meant[identity] = turn
                self.pending.append(identity)
                self.late_s.append(time.monotonic() - turn)
                publisher.publish(msgspec.structs.replace(document, published_at=datetime.now(UTC).isoformat()))


@dataclass
class Rows:
    """When rows were first seen: monotonic seconds by document id. `looks` is how often the books were asked."""

    seen: dict[UUID, float] = field(default_factory=dict)
    looks: int = 0
    seconds: float = 0.0
    """What the asking took, all in all: the watching's own cost."""


@contextmanager
def rows_watched(timetable: Timetable) -> Iterator[Rows]:
    """Watches the books from a session of its own, woken by their bell, for documents of the timetable.

    It asks for the ids that are still to come, by primary key; a row of `document_keys` is committed with the
    document's mentions and sums.
    """
    rows, stop = Rows(), threading.Event()
    waiting: dict[UUID, None] = {}  # in the order in which they were sent

    def watch() -> None:
        with psycopg.connect(timetable.product.database_url, autocommit=True) as session:
            session.execute("LISTEN yuqing_trends")
            while not stop.is_set():
                for _ in session.notifies(timeout=_LOOK_S, stop_after=1):
                    pass
                _look(session, timetable, waiting, rows)

    thread = threading.Thread(target=watch, name="rows", daemon=True)
    thread.start()
    try:
        yield rows
    finally:
        stop.set()
        thread.join()


def _look(
    session: psycopg.Connection[tuple[UUID]], timetable: Timetable, waiting: dict[UUID, None], rows: Rows
) -> None:
    while timetable.pending:
        waiting[timetable.pending.popleft()] = None
    if not waiting:
        return
    began = time.monotonic()
    found = session.execute(
        "SELECT document_id FROM document_keys WHERE document_id = ANY(%s)", [list(islice(waiting, _ASKED))]
    ).fetchall()
    now = time.monotonic()
    for (identity,) in found:
        rows.seen[identity] = now
        del waiting[identity]
    rows.looks += 1
    rows.seconds += now - began
