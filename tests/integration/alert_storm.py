"""A storm of alerts while processes are killed and analysts answer, and what must hold in the end."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from alert_stage import SECRET, wall_clock
from sqlalchemy import Engine, func, select, text

from alerts.delivery.endpoints import EVENTS, Endpoint
from alerts.delivery.receiver import WebhookReceiver
from alerts.desk import Desk
from alerts.errors import TransitionError
from storage.tables import alert_history, alerts, deliveries

__all__ = ["answering", "broken_histories", "open_deliveries", "openings", "start", "unheard", "written"]

_BROKEN = text(
    """
    with chain as (
        select alert_id, entry_id, from_status, to_status,
               lag(to_status) over of_alert as before,
               lead(entry_id) over of_alert is null as last
        from alert_history window of_alert as (partition by alert_id order by entry_id)
    )
    select c.alert_id from chain c left join alerts a using (alert_id)
    where c.from_status is distinct from c.before or (c.last and c.to_status is distinct from a.status)
    union
    select alert_id from alerts where not exists (select from alert_history h where h.alert_id = alerts.alert_id)
    """
)


def start(database_url: str, receiver: WebhookReceiver, jobs_at_once: int = 7) -> subprocess.Popen[bytes]:
    """A process with engine, timers and deliverer."""
    here = Path(__file__).parent
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(here), str(here.parents[1])])}
    return subprocess.Popen(
        [sys.executable, str(here / "alert_child.py"), database_url, receiver.url, str(jobs_at_once)],
        env=environment,
        stdout=subprocess.DEVNULL,
    )


@contextmanager
def answering(database: Engine, receiver: WebhookReceiver, seed: int, every_s: float = 0.02) -> Iterator[list[int]]:
    """An analyst answers alerts at random meanwhile; yields a list whose length is how many answers were given."""
    desk = Desk(database, [Endpoint("desk", receiver.url, SECRET, allow_private=True, events=EVENTS)], wall_clock)
    stop, chance, given = threading.Event(), random.Random(seed), list[int]()

    def answer() -> None:
        while not stop.wait(every_s):
            with database.connect() as connection:
                query = select(alerts.c.alert_id).order_by(func.random()).limit(1)
                alert_id: UUID | None = connection.execute(query).scalar()
            if alert_id is None:
                continue
            choice = chance.choice((desk.acknowledge, desk.resolve, desk.reopen))
            try:
                choice(alert_id, actor="li", reason="a storm")
                given.append(1)
            except TransitionError:
                continue

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield given
    finally:
        stop.set()
        thread.join(30)


def written(database: Engine) -> int:
    """How often engine and clock have written something: what analysts do is not counted."""
    with database.connect() as connection:
        query = select(func.count()).select_from(alert_history).where(alert_history.c.actor != "li")
        count: int = connection.execute(query).scalar_one()
    return count


def openings(database: Engine) -> dict[str, int]:
    """By company, how often the history says that its alerts were opened."""
    query = (
        select(alerts.c.entity_id, func.count())
        .join(alert_history, alert_history.c.alert_id == alerts.c.alert_id)
        .where(alert_history.c.from_status.is_(None))
        .group_by(alerts.c.entity_id)
    )
    with database.connect() as connection:
        return {row[0]: row[1] for row in connection.execute(query)}


def open_deliveries(database: Engine) -> int:
    """How many deliveries are not taken yet."""
    with database.connect() as connection:
        query = select(func.count()).select_from(deliveries).where(deliveries.c.state != "delivered")
        count: int = connection.execute(query).scalar_one()
    return count


def broken_histories(database: Engine) -> list[UUID]:
    """Alerts whose history is no chain from the beginning to their status."""
    with database.connect() as connection:
        return list(connection.execute(_BROKEN).scalars())


def unheard(database: Engine, receiver: WebhookReceiver) -> set[str]:
    """Webhook ids that the outbox holds and the receiver never took."""
    with database.connect() as connection:
        written = set(connection.execute(select(deliveries.c.webhook_id)).scalars())
    return written - {each.webhook_id for each in receiver.received}
