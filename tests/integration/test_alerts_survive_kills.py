"""kill -9 at random moments while twenty companies get into trouble and an analyst answers.

Engine, timers and deliverer are one process, killed and started again and again while the stories come in. In the end
every company has one alert, its opening was heard by the endpoint, always under one id, and every history is a chain
from its opening to the status that the alert has. `make storm` does the same with ten thousand and a hundred kills.
"""

from __future__ import annotations

import random
import signal
import time

from alert_stage import SECRET, Stage, Story
from alert_storm import answering, broken_histories, open_deliveries, openings, start, unheard
from eventually import eventually
from sqlalchemy import Engine

from alerts.delivery.receiver import WebhookReceiver

COMPANIES = [f"company-{number:02}" for number in range(20)]
KILLS = 4


def test_every_alert_is_told_whatever_dies(database: Engine, database_url: str) -> None:
    chance = random.Random(11)
    stage = Stage(database)
    stage.calm()
    stories = [Story(2 * step + chance.random(), company) for company in COMPANIES for step in range(6)]
    stories.sort(key=lambda story: story.minute)
    refusals = tuple(chance.choice((204, 500)) for _ in range(30))
    with WebhookReceiver(SECRET, script=refusals) as receiver:
        with answering(database, receiver, seed=11) as answers:
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
        assert unheard(database, receiver) == set()
        told = [each for each in receiver.received if each.type == "alert.opened"]
    companies = [each.payload["data"]["company"]["entity_id"] for each in told]
    assert sorted(companies) == COMPANIES, "each company's opening under exactly one id"
    assert openings(database) == dict.fromkeys(COMPANIES, 1)
    assert broken_histories(database) == []
    assert answers, "the analyst answered nothing"
