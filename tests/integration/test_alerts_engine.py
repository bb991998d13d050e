"""The alert engine on the real database.

Acme is calm for five days. At noon bad news comes every other minute. The alert opens with the third story or soon
after, is one alert while it lasts, and is resolved a day of event time after its last firing bucket.
"""

from __future__ import annotations

import random
import threading
from datetime import timedelta

import pytest
from alert_stage import DESK, LATENESS, NOON, Stage, Story, surge_detector, wall_clock
from eventually import eventually
from sqlalchemy import Connection, Engine, func, select, text

from alerts.delivery.endpoints import Endpoint
from alerts.detection.counts import StoredCounts
from alerts.detection.detectors import History
from alerts.detection.series import minute_of
from alerts.engine import AlertEngine, Timing
from alerts.errors import WrongSettingError
from storage.connection import connect
from storage.ingest import Ingest
from storage.tables import alerts, deliveries

DAY = 1440


@pytest.fixture
def stage(database: Engine) -> Stage:
    stage = Stage(database)
    stage.calm()
    return stage


def stored(stage: Stage, column: str) -> object:
    with stage.database.connect() as connection:
        return connection.execute(select(alerts.c[column])).scalar_one()


def test_a_surge_opens_one_alert_with_history_and_delivery(stage: Stage) -> None:
    stage.surge()
    assert stage.engine().once() > 0
    ((entity, first, last, severity, status),) = stage.alerts()
    assert (entity, last, status) == ("acme", 8, "firing")
    assert first in (4, 6)
    ((before, after, reason),) = stage.history()
    assert (before, after) == (None, "firing")
    assert reason.startswith(f"{severity}: 5 negative stories in 1 h to 2024-05-06 12:08 UTC")
    assert stage.events() == ["alert.opened"]
    assert stage.work_left() == 0


def test_an_alert_that_was_raised_is_not_taken_back_when_its_documents_are_taken_down(stage: Stage) -> None:
    """It says what was known then, and its evidence stays; the view alert_documents says what has become of each."""
    stage.surge()
    stage.engine().once()
    before = stage.alerts(), stage.history(), stored(stage, "evidence"), stage.events()

    assert stage.take_down("acme") == 5
    stage.engine().once()

    assert (stage.alerts(), stage.history(), stored(stage, "evidence"), stage.events()) == before
    assert stage.work_left() == 0
    stage.later(3 * DAY)
    stage.engine().once()
    assert [status for *_, status in stage.alerts()] == ["resolved"], "it ends like any other"


def test_what_was_taken_down_before_anybody_looked_raises_nothing(stage: Stage) -> None:
    stage.surge()
    stage.take_down("acme")
    stage.engine().once()
    assert stage.alerts() == []


def test_good_news_and_reprints_open_nothing(stage: Stage) -> None:
    stage.publish(*(Story(minute, sentiment="positive", score=0.9) for minute in range(9)))
    stage.publish(Story(10), *(Story(minute, novelty="reprint") for minute in range(11, 40)))
    stage.engine().once()
    assert stage.alerts() == []


def test_the_evidence_is_the_most_novel_and_most_negative_first_and_ten_at_most(stage: Stage) -> None:
    stage.publish(
        Story(0, novelty="reprint", score=-1.0, title="a reprint"),
        Story(0, score=-0.6, title="mild", url="javascript:alert(1)"),
        Story(1, score=-0.99, title="grave"),
        Story(1, sentiment="neutral", score=0.0, title="not evidence"),
        *(Story(2 + step, score=-0.7, title=f"story {step:02}") for step in range(12)),
    )
    stage.engine().once()
    evidence = stored(stage, "evidence")
    assert isinstance(evidence, dict)
    titles = [document["title"] for document in evidence["documents"]]
    assert titles == ["grave", *(f"story {step:02}" for step in range(9))]
    assert evidence["documents"][0]["score"] == -0.99
    assert evidence["peak"]["observed_documents"] == 15
    assert evidence["baseline_per_day"] < 0.1


def test_the_payload_says_whom_what_and_why(stage: Stage) -> None:
    stage.surge()
    stage.engine().once()
    with stage.database.connect() as connection:
        row = connection.execute(select(deliveries)).one()
    assert (row.endpoint, row.event_type, row.state) == ("desk", "alert.opened", "pending")
    assert row.webhook_id.startswith("msg_")
    data = row.payload["data"]
    assert data["company"] == {"entity_id": "acme", "name": "Acme Ltd"}
    assert (data["observed"], data["horizon_s"], data["status"]) == (5, 3600, "firing")
    assert data["since"] == "2024-05-06T12:00:00Z"
    assert len(data["documents"]) == 5


def test_while_it_lasts_it_is_one_alert_and_a_rise_of_severity_is_told_once(stage: Stage) -> None:
    engine = stage.engine()
    stage.surge(0, 4)
    engine.once()
    assert stage.alerts()[0][3] in ("watch", "warning")
    stage.surge(10, 30)
    engine.once()
    stage.surge(120, 3)
    engine.once()
    ((_, _, last, severity, status),) = stage.alerts()
    assert (last, severity, status) == (124, "critical", "firing")
    assert stage.events().count("alert.opened") == 1
    assert 1 <= stage.events().count("alert.escalated") <= 2
    assert "alert.resolved" not in stage.events()


def test_it_is_resolved_when_the_watermark_has_passed_its_quiet_time(stage: Stage) -> None:
    engine = stage.engine()
    stage.surge()
    engine.once()
    lateness_min = LATENESS.total_seconds() / 60
    stage.later(8 + DAY + lateness_min)
    engine.once()
    assert stage.alerts()[0][4] == "firing"
    stage.later(8 + DAY + lateness_min + 1)
    engine.once()
    assert stage.alerts()[0][4] == "resolved"
    assert stage.history()[-1] == ("firing", "resolved", "quiet since 2024-05-06 12:08 UTC")
    assert stage.events() == ["alert.opened", "alert.resolved"]
    assert stored(stage, "resolved_at") is not None


def test_a_surge_after_that_is_another_alert(stage: Stage) -> None:
    engine = stage.engine()
    stage.surge()
    engine.once()
    stage.later(3 * DAY)
    stage.surge(3 * DAY, 20)
    engine.once()
    assert [(first // DAY, status) for _, first, _, _, status in stage.alerts()] == [(0, "resolved"), (3, "firing")]


def test_late_news_moves_the_beginning_and_sends_nothing_new(stage: Stage) -> None:
    engine = stage.engine()
    stage.surge(30)
    engine.once()
    first = stage.alerts()[0][1]
    stage.publish(*(Story(minute) for minute in (0, 1, 2, 3, 4, 5)))
    engine.once()
    assert stage.alerts()[0][1] < first
    assert stage.events().count("alert.opened") == 1


def test_a_second_look_finds_nothing_to_do(stage: Stage) -> None:
    engine = stage.engine()
    stage.surge()
    engine.once()
    assert engine.once() == 0
    assert len(stage.history()) == 1


@pytest.mark.parametrize("seed", range(4))
def test_the_same_stories_in_any_batches_and_order_open_the_same_alerts(database: Engine, seed: int) -> None:
    chance = random.Random(seed)
    stories = [Story(90 * step, "acme" if step % 3 else "bank", title=str(step)) for step in range(60)]
    stories += [Story(2000 + 3 * step, "acme") for step in range(12)]
    stories.sort(key=lambda story: story.minute + chance.uniform(0, LATENESS.total_seconds() / 60))
    stage = Stage(database)
    stage.calm()
    while stories:
        size = chance.randint(1, 12)
        stage.publish(*stories[:size])
        del stories[:size]
        if chance.random() < 0.5:
            stage.engine(jobs_at_once=chance.randint(1, 9)).once()
    stage.later(20 * DAY)
    stage.engine(jobs_at_once=3).once()
    assert stage.work_left() == 0
    assert [(entity, first) for entity, first, *_ in stage.alerts()] == plain_reading(stage)


def plain_reading(stage: Stage) -> list[tuple[str, float]]:
    """(entity, first minute) of every episode, each bucket judged once from the final counts."""
    found = []
    noon = minute_of(NOON)
    span = (noon - 40 * DAY, noon + 40 * DAY)
    with stage.database.connect() as connection:
        counts = StoredCounts(connection)
        for entity, series in counts.entities(["acme", "bank"], *span).items():
            last = -DAY - 1
            for finding in surge_detector().findings(History(series, counts.market(*span)), series.buckets.tolist()):
                if finding.bucket > last + DAY:
                    found.append((float(finding.bucket - noon), entity))
                last = finding.bucket
    assert len(found) >= 2
    return [(entity, first) for first, entity in sorted(found)]


def test_an_engine_that_dies_in_the_middle_leaves_everything_for_the_next(stage: Stage) -> None:
    stage.surge()
    waiting = stage.work_left()

    class KilledError(Exception):
        """Stands for kill -9."""

    class DyingEngine(AlertEngine):
        def _record(self, connection: object, changes: object) -> None:
            super()._record(connection, changes)  # type: ignore[arg-type]
            if changes:
                raise KilledError

    dying = DyingEngine(
        stage.database, [surge_detector()], [DESK], clock=wall_clock, timing=Timing(quiet=timedelta(days=1))
    )
    with pytest.raises(KilledError):
        dying.once()
    assert (stage.alerts(), stage.events(), stage.work_left()) == ([], [], waiting)
    stage.engine().once()
    assert stage.events() == ["alert.opened"]


def test_only_one_engine_is_active(stage: Stage) -> None:
    stage.surge()
    with stage.database.begin() as other:
        other.execute(select(func.pg_advisory_xact_lock(0x797571696E67)))
        assert stage.engine().once() == 0
        assert stage.alerts() == []
    stage.engine().once()
    assert len(stage.alerts()) == 1


def test_a_bucket_that_ingest_is_touching_is_judged_as_it_stood_and_once_more(stage: Stage) -> None:
    stage.surge()
    with stage.database.begin() as ingest:
        ingest.execute(text("update changed_buckets set touched = touched + 1 where entity_id = 'acme'"))
        stage.engine().once()
        assert stage.events() == ["alert.opened"]
    assert stage.work_left() == 5, "what ingest held is still to be judged"
    stage.engine().once()
    assert (stage.work_left(), stage.events()) == (0, ["alert.opened"])


def test_ingest_waits_for_no_engine_that_thinks_and_what_it_counts_meanwhile_is_judged(
    stage: Stage, database_url: str
) -> None:
    """More about Acme is counted in a minute that the engine is judging: both transactions are open at once."""
    stage.surge()
    impatient = Ingest(connect(database_url, statement_timeout_s=10), allowed_lateness=LATENESS, clock=wall_clock)
    more = [stage.document(Story(8, title=f"More trouble {number}")) for number in range(3)]

    class BusyEngine(AlertEngine):
        def _record(self, connection: object, changes: object) -> None:
            super()._record(connection, changes)  # type: ignore[arg-type]
            if changes and more:
                assert impatient.scored(more, []).fresh == 3
                more.clear()

    busy = BusyEngine(
        stage.database,
        [surge_detector()],
        [DESK],
        clock=wall_clock,
        timing=Timing(allowed_lateness=LATENESS, quiet=timedelta(days=1)),
    )
    busy.once()
    assert (stored(stage, "observed"), stage.work_left()) == (5, 2), "the minute that grew, of Acme and of the market"
    busy.once()
    assert (stored(stage, "observed"), stage.work_left()) == (8, 0)


def test_what_is_counted_behind_a_round_belongs_to_the_episode_that_it_would_have_belonged_to(stage: Stage) -> None:
    """Within Acme's quiet time bad news comes behind the round, and a day later bad news ahead of it: still one alert.

    A round that went by the newer watermark would take the later news first, and call the first episode over.
    """
    stage.surge()
    stage.engine().once()
    stage.later(1420)

    class OvertakenEngine(AlertEngine):
        taken = 0

        def _begin(self, connection: Connection, known: int | None) -> int | None:
            if self.taken == 1:
                stage.surge(1405)
                stage.surge(2700)
            self.taken += 1
            return super()._begin(connection, known)

    slow = OvertakenEngine(
        stage.database,
        [surge_detector()],
        [DESK],
        clock=wall_clock,
        timing=Timing(allowed_lateness=LATENESS, quiet=timedelta(days=1)),
        jobs_at_once=1,
    )
    slow.once()
    assert slow.taken > 2
    stage.engine().once()
    assert stage.work_left() == 0
    assert [(last, status) for _, _, last, _, status in stage.alerts()] == [(2708, "firing")]


def test_nothing_is_judged_before_anything_was_read(database: Engine) -> None:
    assert Stage(database).engine().once() == 0


def test_only_endpoints_that_want_an_event_get_it(database: Engine) -> None:
    night = Endpoint("night", "http://127.0.0.1:9/", DESK.secret, allow_private=True, events=("alert.resolved",))
    stage = Stage(database, [DESK, night])
    stage.calm()
    stage.surge()
    engine = stage.engine()
    engine.once()
    stage.later(4 * DAY)
    engine.once()
    with database.connect() as connection:
        sent = {tuple(row) for row in connection.execute(select(deliveries.c.endpoint, deliveries.c.event_type))}
    assert sent == {("desk", "alert.opened"), ("desk", "alert.resolved"), ("night", "alert.resolved")}


def test_two_running_engines_hear_of_a_commit_and_open_one_alert(stage: Stage) -> None:
    stop = threading.Event()
    threads = [threading.Thread(target=stage.engine(poll_s=30).run, args=(stop,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        eventually(lambda: _listeners(stage.database) == 2, what="both engines listen")
        stage.surge()
        eventually(lambda: len(stage.alerts()) == 1, timeout_s=10, what="an alert")
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=10)
    assert not any(thread.is_alive() for thread in threads)
    assert stage.events() == ["alert.opened"]


def test_a_lost_connection_is_waited_out(stage: Stage) -> None:
    stop = threading.Event()
    thread = threading.Thread(target=stage.engine().run, args=(stop,))
    thread.start()
    try:
        eventually(lambda: _listeners(stage.database) == 1, what="the engine listens")
        with stage.database.begin() as connection:
            others = "select pg_terminate_backend(pid) from pg_stat_activity"
            connection.execute(text(f"{others} where datname = current_database() and pid <> pg_backend_pid()"))
        stage.surge()
        eventually(lambda: len(stage.alerts()) == 1, timeout_s=20, what="an alert")
    finally:
        stop.set()
        thread.join(timeout=30)
    assert not thread.is_alive()


@pytest.mark.parametrize(
    ("timing", "setting"),
    [(Timing(allowed_lateness=timedelta(days=1)), "guard_min"), (Timing(quiet=timedelta(hours=1)), "quiet")],
)
def test_times_that_do_not_fit_together_are_refused(database: Engine, timing: Timing, setting: str) -> None:
    with pytest.raises(WrongSettingError, match=setting):
        AlertEngine(database, [surge_detector()], [], clock=wall_clock, timing=timing)


def _listeners(database: Engine) -> int:
    with database.connect() as connection:
        query = text(
            "select count(*) from pg_stat_activity where query ilike 'listen %' and datname = current_database()"
        )
        count: int = connection.execute(query).scalar_one()
        return count
