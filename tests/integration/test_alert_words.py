"""The words behind an alert come after it, are kept with it, and are erased with the text.

The engine waits for none of this, and an explainer that is slow, broken or not there takes nothing but the words.
"""

from __future__ import annotations

import threading

import pytest
from alert_stage import DESK, Stage, wall_clock
from eventually import eventually
from sqlalchemy import Engine, func, select, text, update
from words_stage import WORD, Knower, explain, first_document, surge

import alerts.erasure
import storage.erasure
from alerts.desk import Desk
from alerts.explaining import Explaining
from storage.tables import alerts as alert_table
from storage.tables import deliveries


@pytest.fixture
def stage(database: Engine) -> Stage:
    stage = Stage(database)
    stage.calm()
    return stage


def test_one_company_is_asked_about_as_the_scorer_asked(stage: Stage):
    knower = Knower()
    surge(stage, "Acme in trouble", body="More of it.", surface="Acme")
    explain(stage, knower)

    assert knower.asked == [("Acme in trouble", "More of it.", None)]


def test_each_alert_is_explained_once_and_its_words_outlive_a_new_look_at_the_evidence(stage: Stage):
    knower = Knower(words=(WORD,))
    surge(stage, "Acme trouble of all")
    assert explain(stage, knower) == 1
    stage.surge(70, count=12)
    stage.later(200)
    stage.engine().once()

    assert stage.events() == ["alert.escalated", "alert.opened"]
    assert first_document(stage).words == (WORD,)
    assert explain(stage, knower) == 0
    assert len(knower.asked) == 1


def test_what_is_told_later_carries_the_words(stage: Stage):
    surge(stage, "Acme trouble of all")
    explain(stage, Knower(words=(WORD,)))
    with stage.database.connect() as connection:
        alert_id = connection.execute(select(alert_table.c.alert_id)).scalar_one()
    desk = stage_desk(stage)
    desk.resolve(alert_id, actor="ada")
    with stage.database.connect() as connection:
        query = select(deliveries.c.event_type, deliveries.c.payload).order_by(deliveries.c.seq)
        told = {row.event_type: row.payload["data"]["documents"][0]["words"] for row in connection.execute(query)}

    assert told["alert.opened"] == []
    assert [word["text"] for word in told["alert.resolved"]] == ["trouble"]


def test_a_slow_explainer_holds_up_neither_engine_nor_answers(stage: Stage):
    asked, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        asked.set()
        assert go_on.wait(60)

    knower = Knower(words=(WORD,), first=wait)
    stop = threading.Event()
    surge(stage, "Acme trouble of all")
    explaining = Explaining(stage.database, lambda: knower, wall_clock, poll_s=0.05)
    thread = threading.Thread(target=explaining.run, args=(stop,))
    thread.start()
    try:
        assert asked.wait(60)
        stage.surge(70, count=12)
        stage.later(200)
        stage.engine().once()
        assert stage.events() == ["alert.escalated", "alert.opened"]
        go_on.set()
        eventually(lambda: first_document(stage).words == (WORD,))
    finally:
        go_on.set()
        stop.set()
        thread.join()


def test_without_an_explainer_the_part_ends_and_alerts_go_on(stage: Stage):
    def broken() -> Knower:
        raise OSError("no weights here")

    surge(stage, "Acme trouble of all")
    Explaining(stage.database, broken, wall_clock, poll_s=0.05).run(threading.Event())

    assert first_document(stage).explained_by == ""
    stage.surge(70, count=12)
    stage.later(200)
    stage.engine().once()
    assert stage.events() == ["alert.escalated", "alert.opened"]


def test_a_document_that_cannot_be_explained_is_left_and_not_tried_again(stage: Stage):
    def fail() -> None:
        raise ValueError("too odd")

    knower = Knower(first=fail)
    surge(stage, "Acme trouble of all")

    assert explain(stage, knower) == 1
    assert explain(stage, knower) == 0
    assert (first_document(stage).words, first_document(stage).explained_by) == ((), "test-model")


def erase(stage: Stage) -> None:
    """Erases the first document as an operator does, wherever it is shown."""
    document_id = first_document(stage).document_id
    with stage.database.begin() as connection:
        storage.erasure.erase(connection, document_id, now=wall_clock())
    with stage.database.begin() as connection:
        alerts.erasure.erase(connection, document_id)


def test_erased_text_takes_its_words_with_it_from_alerts_and_messages(stage: Stage):
    surge(stage, "Acme trouble of all")
    explain(stage, Knower(words=(WORD,)))
    with stage.database.connect() as connection:
        alert_id = connection.execute(select(alert_table.c.alert_id)).scalar_one()
    stage_desk(stage).resolve(alert_id, actor="ada")
    stage.take_down("acme")
    erase(stage)
    with stage.database.connect() as connection:
        told = " ".join(map(str, connection.execute(select(deliveries.c.payload)).scalars()))

    assert (first_document(stage).title, first_document(stage).words) == ("", ())
    assert "'trouble'" not in told


def test_what_is_erased_while_it_is_being_explained_leaves_no_words(stage: Stage):
    surge(stage, "Acme trouble of all")
    knower = Knower(words=(WORD,))
    knower.first = lambda: (stage.take_down("acme"), erase(stage)) if len(knower.asked) == 1 else None
    explain(stage, knower)

    assert len(knower.asked) == 1
    assert (first_document(stage).words, first_document(stage).explained_by) == ((), "none")


def test_a_document_that_is_not_negative_is_not_explained(stage: Stage):
    surge(stage, "Acme trouble of all")
    good = func.jsonb_set(alert_table.c.evidence, text("'{documents,0,score}'"), text("'0.2'"))
    with stage.database.begin() as connection:
        connection.execute(update(alert_table).values(evidence=good))
    knower = Knower()

    assert (explain(stage, knower), knower.asked) == (0, [])


def test_an_alert_that_is_resolved_is_not_explained(stage: Stage):
    surge(stage, "Acme trouble of all")
    with stage.database.connect() as connection:
        alert_id = connection.execute(select(alert_table.c.alert_id)).scalar_one()
    stage_desk(stage).resolve(alert_id, actor="ada")
    knower = Knower()

    assert (explain(stage, knower), knower.asked) == (0, [])


def stage_desk(stage: Stage) -> Desk:
    return Desk(stage.database, [DESK], wall_clock)
