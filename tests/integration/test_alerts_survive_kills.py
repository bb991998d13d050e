"""kill -9 at random moments while twenty companies get into trouble.

Engine and deliverer are one process, killed and started again and again while the stories come in. In the end every
company has one alert, its opening was heard by the endpoint, always under one id, and the history tells one opening
and nothing that contradicts it.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

from alert_stage import SECRET, Stage, Story
from eventually import eventually
from sqlalchemy import Engine, func, select

from alerts.receiver import WebhookReceiver
from storage.tables import alert_history, alerts, deliveries

COMPANIES = [f"company-{number:02}" for number in range(20)]
KILLS = 4


def start(database_url: str, receiver: WebhookReceiver) -> subprocess.Popen[bytes]:
    """A child in a session of its own."""
    here = Path(__file__).parent
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(here), str(here.parents[1])])}
    return subprocess.Popen(
        [sys.executable, str(here / "alert_child.py"), database_url, receiver.url],
        env=environment,
        stdout=subprocess.DEVNULL,
    )


def test_every_alert_is_told_whatever_dies(database: Engine, database_url: str) -> None:
    chance = random.Random(11)
    stage = Stage(database)
    stage.calm()
    stories = [Story(2 * step + chance.random(), company) for company in COMPANIES for step in range(6)]
    stories.sort(key=lambda story: story.minute)
    with WebhookReceiver(SECRET, script=tuple(chance.choice((204, 500)) for _ in range(30))) as receiver:
        for _ in range(KILLS):
            child = start(database_url, receiver)
            heard = len(receiver.requests)
            for _ in range(4):
                stage.publish(*(stories.pop(0) for _ in range(len(stories) // 8 + 1) if stories))
            eventually(lambda seen=heard: len(receiver.requests) > seen or not stage.work_left(), what="it works")
            time.sleep(chance.uniform(0, 0.2))  # not to wait for anything: to be killed anywhere
            child.send_signal(signal.SIGKILL)
            child.wait(10)
        if stories:
            stage.publish(*stories)
        child = start(database_url, receiver)
        try:
            eventually(lambda: set(openings(database)) == set(COMPANIES), what="an alert for each company")
            eventually(lambda: open_deliveries(database) == 0, what="all delivered")
        finally:
            child.send_signal(signal.SIGKILL)
            child.wait(10)
        told = [each for each in receiver.received if each.type == "alert.opened"]
    companies = [each.payload["data"]["company"]["entity_id"] for each in told]
    assert sorted(companies) == COMPANIES, "each company's opening under exactly one id"
    assert openings(database) == dict.fromkeys(COMPANIES, 1)


def openings(database: Engine) -> dict[str, int]:
    """By company, how often the history says that its alerts were opened."""
    query = (
        select(alerts.c.entity_id, alert_history.c.from_status)
        .join(alert_history, alert_history.c.alert_id == alerts.c.alert_id)
        .where(alert_history.c.from_status.is_(None))
    )
    found: dict[str, int] = defaultdict(int)
    with database.connect() as connection:
        for row in connection.execute(query):
            found[row.entity_id] += 1
    return dict(found)


def open_deliveries(database: Engine) -> int:
    """How many deliveries are not taken yet."""
    with database.connect() as connection:
        query = select(func.count()).select_from(deliveries).where(deliveries.c.state != "delivered")
        count: int = connection.execute(query).scalar_one()
    return count
