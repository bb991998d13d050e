"""Ten thousand alerts, a hundred kills: `make storm`, about half an hour; ALERTS and KILLS make it shorter.

Three processes, each with an alert engine, timers and a deliverer, share a database. Ten thousand companies get into
trouble while, again and again, one of the three is killed at a random moment and another one started, and an analyst
answers alerts at random. A kill waits until something was written since the last one, so that each strikes at work.
In the end each alert was delivered at least once, nothing that the outbox ever held was
lost, and every history is a chain from its opening to the status that the alert has.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "integration"))

from alert_stage import SECRET, Stage, Story
from alert_storm import answering, broken_histories, open_deliveries, openings, start, unheard, written
from eventually import eventually
from lifecycle_machine import Lifecycle, search
from sqlalchemy import Engine

from alerts.delivery.receiver import WebhookReceiver

COMPANIES = [f"company-{number:05}" for number in range(int(os.environ.get("ALERTS", "10000")))]
KILLS = int(os.environ.get("KILLS", "100"))
AT_ONCE = 3
STORIES = 4


def test_a_hundred_kills_in_a_storm_of_ten_thousand_alerts(
    database: Engine, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(23)
    began = time.monotonic()
    stage = Stage(database)
    stage.calm()
    waves = [COMPANIES[first::KILLS] for first in range(KILLS)]
    with WebhookReceiver(SECRET) as receiver:
        children = [start(database_url, receiver, jobs_at_once=50) for _ in range(AT_ONCE)]
        with answering(database, receiver, seed=23) as answers:
            for wave in waves:
                before = written(database)
                stage.publish(*(Story(2 * step, company) for company in wave for step in range(STORIES)))
                eventually(lambda before=before: written(database) > before, 120, what="something is written")
                time.sleep(chance.uniform(0, 1))  # not to wait for anything: to be killed anywhere
                victim = children.pop(chance.randrange(AT_ONCE))
                victim.kill()
                victim.wait(30)
                children.append(start(database_url, receiver, jobs_at_once=50))
        try:
            eventually(lambda: len(openings(database)) == len(COMPANIES), 600, every_s=2, what="an alert for each")
            eventually(lambda: open_deliveries(database) == 0, 900, every_s=2, what="all delivered")
        finally:
            for child in children:
                child.kill()
                child.wait(30)
        lost = unheard(database, receiver)
        opened = [each for each in receiver.received if each.type == "alert.opened"]
        requests = len(receiver.requests)
    named = [each.payload["data"]["company"]["entity_id"] for each in opened]
    figures = {
        "alerts": len(openings(database)),
        "kills": KILLS,
        "answers": len(answers),
        "requests": requests,
        "webhooks": len(receiver.received),
        "lost": len(lost),
        "seconds": round(time.monotonic() - began),
    }
    with capsys.disabled():
        print("\n" + json.dumps(figures))
    assert lost == set()
    assert sorted(named) == COMPANIES, "each opening under exactly one id"
    assert openings(database) == dict.fromkeys(COMPANIES, 1)
    assert broken_histories(database) == []


def test_status_and_history_agree_over_thousands_of_steps(database: Engine) -> None:
    Lifecycle.database = database
    search(examples=200, steps=50)
