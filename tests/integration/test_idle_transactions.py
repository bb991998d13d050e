"""A worker that stops in the middle of a transaction, or whose machine is gone, does not hold the others up for long.

Its locks end with its session, which the database closes; where it wakes again it hears that the database was away,
waits as for any absence, and begins its batch anew.
"""

from __future__ import annotations

from time import monotonic

import pytest
from alert_stage import NOON, Stage, Story
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from alerts.detection.series import minute_of
from alerts.rules.trying import tried
from deploy.rule_settings import Rule
from storage.connection import connect
from storage.driver import transaction

STOP_THE_WORLD = "LOCK TABLE ledger IN ACCESS EXCLUSIVE MODE"
COUNT = "SELECT count(*) FROM ledger"


def test_locks_of_a_transaction_that_says_nothing_are_let_go(database_url: str) -> None:
    sleeper, other = connect(database_url, idle_transaction_s=1), connect(database_url, statement_timeout_s=60)

    def stopped_for_long() -> None:
        with sleeper.begin() as asleep:
            asleep.execute(text(STOP_THE_WORLD))
            with other.connect() as awake:
                assert awake.execute(text(COUNT)).scalar_one() == 0, "answered once the lock is gone"
            asleep.execute(text(COUNT))

    with pytest.raises(OperationalError):
        stopped_for_long()
    with sleeper.connect() as again:
        assert again.execute(text(COUNT)).scalar_one() == 0, "another session takes its place"


def test_ingest_hears_of_it_as_of_a_database_that_was_away(database_url: str) -> None:
    sleeper, other = connect(database_url, idle_transaction_s=1), connect(database_url, statement_timeout_s=60)

    def stopped_for_long() -> None:
        with transaction(sleeper) as (_, driver):
            driver.execute(STOP_THE_WORLD)
            with other.connect() as awake:
                assert awake.execute(text(COUNT)).scalar_one() == 0
            driver.execute(COUNT)

    with pytest.raises(OperationalError):
        stopped_for_long()
    with transaction(sleeper) as (_, driver):
        driver.execute(COUNT)


def test_an_alert_engine_that_thinks_for_longer_goes_on(database: Engine, database_url: str) -> None:
    """A rule with a pattern for which RE2 tries a thousand ways at every letter, and a minute full of documents."""
    rule = Rule.model_validate({"name": "slow", "pattern": ".*(a.{0,900}b.{0,90}x)"}).judge()
    body = "ab" * 500
    began = monotonic()
    assert not rule.finds("", body)
    documents = round(2.5 / (monotonic() - began)) + 1
    stage = Stage(database)
    stage.publish(*(Story(0, body=body) for _ in range(documents)), Story(0, title="a b x"))

    impatient = connect(database_url, idle_transaction_s=1)
    minute = minute_of(NOON)
    with impatient.connect() as connection:
        assert [one.episode.first for one in tried(connection, rule, minute, minute)] == [minute]
    stage.database = impatient
    assert stage.engine(rules=[rule]).once() == 2, "of the market and of the company"
    assert {entity for entity, *_ in stage.alerts()} == {"acme"}
