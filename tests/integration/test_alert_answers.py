"""Analysts answer alerts: acknowledge, snooze, resolve, reopen, silence, judge. All on the real database."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from answer_stage import EAR, NOON, AnswerStage
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import DBAPIError

from alerts.answers.matchers import parse
from alerts.errors import AnswerError, SilenceError, TransitionError, UnknownAlertError
from storage.tables import deliveries

HOUR = timedelta(hours=1)


@pytest.fixture
def stage(database: Engine) -> AnswerStage:
    stage = AnswerStage(database)
    stage.companies("acme", "bank", groups=["banks"])
    return stage


@pytest.fixture
def firing(stage: AnswerStage) -> AnswerStage:
    """Acme's alert is firing."""
    stage.find("acme")
    return stage


def test_who_acknowledges_is_kept_and_told(firing: AnswerStage) -> None:
    answered = firing.desk.acknowledge(firing.only(), actor="li", reason="calling the bank")
    assert (answered.before, answered.status, answered.deliveries) == ("firing", "acknowledged", 1)
    assert answered.possible == ("snooze", "resolve", "retract", "comment")
    row = firing.row()
    assert (row.status, row.acknowledged_by, row.acknowledged_at) == ("acknowledged", "li", NOON)
    assert firing.history()[-1] == ("acknowledge", "firing", "acknowledged", "li")
    with firing.database.connect() as connection:
        payload = connection.execute(
            select(deliveries.c.payload).where(deliveries.c.event_type == "alert.acknowledged")
        ).scalar_one()
    data = payload["data"]
    assert (data["status"], data["actor"], data["reason"]) == ("acknowledged", "li", "calling the bank")


def test_an_acknowledged_alert_goes_on_and_ends_in_silence_of_reminders(firing: AnswerStage) -> None:
    firing.desk.acknowledge(firing.only(), actor="li")
    firing.find("acme", bucket=1050)
    assert (firing.row().status, firing.row().episode) == ("acknowledged", "open")
    firing.now += 5 * HOUR
    assert firing.timers.once() == 0
    firing.fall_quiet(2000)
    assert (firing.row().status, firing.row().episode) == ("resolved", "over")


def test_a_snoozed_alert_wakes_when_its_time_is_over(firing: AnswerStage) -> None:
    firing.desk.snooze(firing.only(), actor="li", until=NOON + HOUR)
    firing.now += HOUR - timedelta(seconds=1)
    assert firing.timers.once() == 0
    firing.now += timedelta(seconds=1)
    assert firing.timers.once() == 1
    assert (firing.row().status, firing.row().snoozed_until) == ("firing", None)
    assert firing.told() == ["alert.opened", "alert.reminded"]


def test_a_snoozed_alert_wakes_when_it_grows_worse(firing: AnswerStage) -> None:
    firing.desk.snooze(firing.only(), actor="li", until=NOON + HOUR)
    firing.find("acme", bucket=1001, severity="critical")
    assert firing.row().status == "firing"
    assert sorted(firing.told()) == ["alert.escalated", "alert.opened"]


def test_what_was_resolved_by_hand_stays_resolved_while_the_episode_goes_on(firing: AnswerStage) -> None:
    firing.desk.resolve(firing.only(), actor="li", reason="known")
    firing.find("acme", bucket=1050)
    assert (firing.row().status, firing.row().episode) == ("resolved", "open")
    firing.fall_quiet(2000)
    assert (firing.row().status, firing.row().episode) == ("resolved", "over")
    assert sorted(firing.told()) == ["alert.opened", "alert.resolved"]


def test_what_was_resolved_by_hand_is_reopened_when_it_grows_worse(firing: AnswerStage) -> None:
    firing.desk.resolve(firing.only(), actor="li")
    firing.find("acme", bucket=1001, severity="critical")
    assert (firing.row().status, firing.row().resolved_at) == ("reopened", None)
    assert "alert.reopened" in firing.told()


def test_a_reopened_alert_whose_episode_is_over_stays_until_somebody_resolves_it(firing: AnswerStage) -> None:
    firing.fall_quiet(2000)
    firing.desk.reopen(firing.only(), actor="li", reason="it is not over")
    firing.fall_quiet(9000)
    assert (firing.row().status, firing.row().episode) == ("reopened", "over")
    firing.find("acme", bucket=5000)
    with firing.database.connect() as connection:
        assert connection.execute(text("select count(*) from alerts")).scalar_one() == 2


def test_an_unanswered_alert_is_reminded_of_so_many_times(firing: AnswerStage) -> None:
    for _ in range(5):
        firing.now += HOUR
        firing.timers.once()
    assert firing.told() == ["alert.opened", "alert.reminded", "alert.reminded"]
    assert firing.history()[-1] == ("remind", "firing", "firing", "clock")


def test_under_a_silence_an_alert_is_pending_and_told_of_when_it_ends(stage: AnswerStage) -> None:
    silence = stage.desk.silence([parse("group=banks")], actor="li", reason="a drill", ends_at=NOON + HOUR)
    stage.find("acme")
    assert (stage.row().status, stage.row().held_by) == ("pending", f"silence {silence.silence_id}")
    assert stage.told() == []
    assert stage.timers.once() == 0
    stage.now += HOUR
    assert stage.timers.once() == 1
    assert (stage.row().status, stage.row().held_by, stage.told()) == ("firing", "", ["alert.opened"])


def test_what_began_and_ended_under_a_silence_is_never_told(stage: AnswerStage) -> None:
    stage.desk.silence([parse("entity=acme")], actor="li", reason="a drill", ends_at=NOON + HOUR)
    stage.find("acme")
    stage.find("acme", bucket=1001, severity="critical")
    stage.fall_quiet(2000)
    stage.now += HOUR
    stage.timers.once()
    assert (stage.row().status, stage.told()) == ("resolved", [])


def test_a_rise_that_a_silence_kept_quiet_is_told_when_it_ends(firing: AnswerStage) -> None:
    silence = firing.desk.silence([parse("entity=acme")], actor="li", reason="a drill", ends_at=NOON + HOUR)
    firing.find("acme", bucket=1001, severity="critical")
    firing.timers.once()
    assert firing.told() == ["alert.opened"]
    firing.desk.expire(silence.silence_id, actor="li")
    firing.timers.once()
    assert sorted(firing.told()) == ["alert.escalated", "alert.opened"]
    assert firing.timers.once() == 0


def test_an_end_is_told_even_under_a_silence_to_who_heard_of_the_beginning(firing: AnswerStage) -> None:
    firing.desk.silence([parse("entity=acme")], actor="li", reason="a drill", ends_at=NOON + HOUR)
    firing.fall_quiet(2000)
    assert sorted(firing.told()) == ["alert.opened", "alert.resolved"]


def test_a_silence_for_others_changes_nothing(stage: AnswerStage) -> None:
    stage.desk.silence([parse("entity=~.+"), parse("entity!=acme")], actor="li", reason="a drill", ends_at=NOON + HOUR)
    stage.find("acme")
    assert stage.told() == ["alert.opened"]


@pytest.mark.parametrize(
    ("matchers", "reason", "hours", "fix"),
    [
        (["entity=~.*"], "a drill", 1, "every alert"),
        (["entity!=acme"], "a drill", 1, "every alert"),
        ([], "a drill", 1, "every alert"),
        (["entity=acme"], " ", 1, "reason"),
        (["entity=acme"], "a drill", 0, "before it begins"),
        (["entity=acme"], "a drill", 24 * 400, "at most 366 days"),
    ],
)
def test_a_silence_that_makes_no_sense_is_refused(
    stage: AnswerStage, matchers: list[str], reason: str, hours: int, fix: str
) -> None:
    with pytest.raises(SilenceError, match=fix):
        stage.desk.silence([parse(each) for each in matchers], actor="li", reason=reason, ends_at=NOON + hours * HOUR)


def test_a_silence_that_is_over_cannot_be_ended(stage: AnswerStage) -> None:
    silence = stage.desk.silence([parse("entity=acme")], actor="li", reason="a drill", ends_at=NOON + HOUR)
    assert stage.desk.expire(silence.silence_id, actor="wang").expired_by == "wang"
    with pytest.raises(SilenceError, match="silences list"):
        stage.desk.expire(silence.silence_id, actor="wang")


def test_a_false_alarm_is_resolved_and_kept_for_evaluation(firing: AnswerStage) -> None:
    alert_id = firing.only()
    firing.desk.judge(alert_id, "true", actor="wang")
    answered = firing.desk.judge(alert_id, "false_alarm", actor="li", reason="another Acme")
    assert (answered.status, answered.reason) == ("resolved", "false alarm: another Acme")
    with firing.database.connect() as connection:
        rows = connection.execute(text("select verdict, why, actor from alert_verdicts")).all()
        assert [tuple(row) for row in rows] == [("false_alarm", "another Acme", "li")]
        assert connection.execute(text("select count(*) from alert_feedback")).scalar_one() == 2


def test_a_verdict_on_what_is_over_is_a_comment(firing: AnswerStage) -> None:
    firing.fall_quiet(2000)
    assert firing.desk.judge(firing.only(), "false_alarm", actor="li").action == "comment"


def test_history_and_verdicts_cannot_be_rewritten(firing: AnswerStage) -> None:
    firing.desk.judge(firing.only(), "true", actor="li")
    for statement in (
        "update alert_history set actor = 'nobody'",
        "delete from alert_history",
        "truncate alert_history",
        "delete from alert_feedback",
    ):
        with pytest.raises(DBAPIError, match="append-only"), firing.database.begin() as connection:
            connection.execute(text(statement))


def test_an_answer_that_is_refused_leaves_nothing_behind(firing: AnswerStage) -> None:
    firing.desk.resolve(firing.only(), actor="li")
    before = (firing.history(), firing.told())
    with pytest.raises(TransitionError, match=r"alert \w{8} is resolved.*reopen, comment"):
        firing.desk.acknowledge(firing.only(), actor="wang")
    assert (firing.history(), firing.told()) == before


@pytest.mark.parametrize("actor", ["", "  ", "engine", "clock", "x" * 201, "a\0b"])
def test_an_answer_says_who_gives_it(firing: AnswerStage, actor: str) -> None:
    with pytest.raises(AnswerError, match="actor"):
        firing.desk.acknowledge(firing.only(), actor=actor)


def test_answers_that_make_no_sense_are_refused(firing: AnswerStage) -> None:
    with pytest.raises(AnswerError, match="a time to come"):
        firing.desk.snooze(firing.only(), actor="li", until=NOON)
    with pytest.raises(AnswerError, match="at most 2,000"):
        firing.desk.comment(firing.only(), actor="li", reason="x" * 2001)
    with pytest.raises(AnswerError, match="needs words"):
        firing.desk.comment(firing.only(), actor="li", reason=" ")


def test_an_alert_is_found_by_the_beginning_of_its_id(stage: AnswerStage) -> None:
    stage.find("acme")
    alert_id = stage.only()
    assert stage.desk.find(str(alert_id)[:8].upper()) == alert_id
    for wrong in ("zzzz", "", str(alert_id)[:2]):
        with pytest.raises(UnknownAlertError, match="alerts list"):
            stage.desk.find(wrong)


def test_of_two_who_acknowledge_at_once_one_is_told_that_it_was_done(firing: AnswerStage) -> None:
    alert_id, together = firing.only(), threading.Barrier(2)
    ends: list[str] = []

    def answer(actor: str) -> None:
        together.wait(10)
        try:
            ends.append(firing.desk.acknowledge(alert_id, actor=actor).status)
        except TransitionError as error:
            ends.append(f"refused: {error.status}")

    threads = [threading.Thread(target=answer, args=(name,)) for name in ("li", "wang")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(ends) == ["acknowledged", "refused: acknowledged"]
    assert [entry[0] for entry in firing.history()] == ["open", "acknowledge"]


def test_only_who_wants_to_hears_of_what_a_colleague_did(database: Engine) -> None:
    usual = type(EAR)("desk", EAR.url, EAR.secret, allow_private=True)
    stage = AnswerStage(database, [usual])
    stage.find("acme")
    assert stage.desk.acknowledge(stage.only(), actor="li").deliveries == 0
