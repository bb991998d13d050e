"""A filled database is upgraded while a worker of the first revision goes on: nothing is lost, the audit is clean."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from alembic.script import ScriptDirectory
from book_records import NOON, a_correction
from books import an_ingest, differences, expected, sums, trend_rows
from eventually import eventually
from old_writer import OldWriter
from sqlalchemy import Engine, text

from storage import schema
from storage.connection import connect
from storage.retention import drop_before
from storage.schema import head, migrate, revision

ALERTS = """
INSERT INTO alerts (alert_id, entity_id, detector, status, severity, first_bucket, last_bucket, horizon_s, observed,
                    expected, p_value, evidence, opened_at, updated_at, resolved_at)
VALUES ('00000000-0000-0000-0000-000000000001', 'acme', 'surge', 'open', 'critical', :at, :at, 900, 9, 0.5, 1e-9, '[]',
        :at, :at, NULL),
       ('00000000-0000-0000-0000-000000000002', 'acme', 'surge', 'resolved', 'warning', :at, :at, 900, 4, 0.5, 1e-4,
        '[]', :at, :at, :at);
INSERT INTO alert_history (alert_id, at, from_status, to_status, actor, reason)
VALUES ('00000000-0000-0000-0000-000000000001', :at, NULL, 'open', 'engine', 'a surge');
INSERT INTO deliveries (webhook_id, alert_id, endpoint, event_type, payload, created_at, next_attempt_at)
VALUES ('msg_1', '00000000-0000-0000-0000-000000000001', 'desk', 'alert.opened', '{}', :at, :at)
"""


@pytest.fixture
def oldest(empty_database_url: str) -> Iterator[Engine]:
    """A database at the first revision, with alerts of that time."""
    engine = connect(empty_database_url)
    migrate(engine, to=revisions()[0])
    with engine.begin() as connection:
        for statement in ALERTS.split(";"):
            connection.execute(text(statement), {"at": NOON})
    yield engine
    engine.dispose()


@pytest.fixture
def writer(oldest: Engine, empty_database_url: str) -> OldWriter:
    """It has filled the database."""
    writer = OldWriter(empty_database_url)
    writer.book(100)
    return writer


def revisions() -> list[str]:
    """All of them, from the first on."""
    scripts = ScriptDirectory.from_config(schema._config()).walk_revisions()
    return [script.revision for script in scripts][::-1]


def goes_on(writer: OldWriter) -> None:
    before = len(writer.documents)
    eventually(lambda: len(writer.documents) > before + 2, what="the old worker books on")


def check(engine: Engine, writer: OldWriter) -> None:
    """What the old worker booked is counted to the unit, and so is what a new one books beside it."""
    assert sums(trend_rows(engine)) == expected(writer.documents)
    assert differences(engine, {0: len(writer.documents)}) == []

    mended = a_correction("old 0", len(writer.documents), title="It is mended", sentiment="neutral")
    assert an_ingest(engine).scored([mended], []).corrected == 1
    counting = {key: amount for key, amount in sums(trend_rows(engine)).items() if amount.documents}
    assert counting == expected([mended, *writer.documents[1:]])
    assert differences(engine, {0: len(writer.documents) + 1}) == []


def test_to_the_newest_revision_at_once(oldest: Engine, writer: OldWriter):
    with writer.going_on():
        goes_on(writer)
        assert migrate(oldest) == head()
        goes_on(writer)

    check(oldest, writer)


def test_step_by_step(oldest: Engine, writer: OldWriter):
    with writer.going_on():
        for step in revisions()[1:]:
            assert migrate(oldest, to=step) == step
            goes_on(writer)

    assert revision(oldest) == head()
    check(oldest, writer)


def test_what_waits_for_the_upgrade_and_holds_what_it_needs_costs_another_try(oldest: Engine, writer: OldWriter):
    """Somebody has locked deliveries and then wants the ledger: one of the two gives way, and both come through."""
    with ThreadPoolExecutor(1) as pool, oldest.begin() as connection:
        connection.execute(text("SET LOCAL deadlock_timeout = '30s'"))  # the upgrade is the one to notice
        connection.execute(text("LOCK TABLE deliveries IN SHARE ROW EXCLUSIVE MODE"))
        upgrading = pool.submit(migrate, oldest)
        eventually(lambda: _waits_for_deliveries(oldest), what="the upgrade has come to deliveries")
        connection.execute(text("UPDATE ledger SET stored = stored WHERE partition = 0"))
        connection.commit()
        assert upgrading.result(60) == head()

    check(oldest, writer)


def _waits_for_deliveries(engine: Engine) -> bool:
    query = "SELECT count(*) FROM pg_locks WHERE relation = 'deliveries'::regclass AND NOT granted"
    with engine.connect() as connection:
        return bool(connection.execute(text(query)).scalar_one())


def test_alerts_and_what_was_to_be_delivered_come_along(oldest: Engine):
    migrate(oldest)

    with oldest.connect() as connection:
        alerts = connection.execute(text("SELECT status, episode FROM alerts ORDER BY alert_id")).all()
        waiting = connection.execute(
            text("SELECT webhook_id, state FROM deliveries JOIN delivery_alerts USING (webhook_id)")
        )
        history = connection.execute(text("SELECT to_status, actor FROM alert_history")).all()
        assert [tuple(row) for row in alerts] == [("open", "open"), ("resolved", "over")]
        assert [tuple(row) for row in waiting] == [("msg_1", "pending")]
        assert [tuple(row) for row in history] == [("open", "engine")]


def test_an_upgrade_that_fails_leaves_the_database_as_it_was_and_the_worker_at_work(
    oldest: Engine, writer: OldWriter, monkeypatch: pytest.MonkeyPatch
):
    """It fails at its very end, after all steps: a view of the operator's own uses a name that a step gives away."""
    with oldest.begin() as connection:
        connection.execute(text("CREATE VIEW shown_counts AS SELECT 1 AS ours"))
    with writer.going_on():
        with pytest.raises(Exception, match="shown_counts"):
            migrate(oldest)
        goes_on(writer)

    assert revision(oldest) == revisions()[0]
    with oldest.begin() as connection:
        connection.execute(text("DROP VIEW shown_counts"))
    migrate(oldest)
    check(oldest, writer)


def test_the_day_of_the_old_worker_is_kept_by_the_new_retention(oldest: Engine, writer: OldWriter):
    migrate(oldest)

    assert drop_before(oldest, (NOON + timedelta(days=1)).date()) == len(writer.documents)
    assert differences(oldest, {0: len(writer.documents)}) == []
