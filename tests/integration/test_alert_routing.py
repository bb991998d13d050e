"""Who is told, when, and together with what: groups, subscriptions, quiet hours, tiers, inhibition, flapping."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from alert_stage import wall_clock
from answer_stage import EAR, NOON, AnswerStage
from sqlalchemy import Engine, insert, select, text, update

from alerts.answers.grouping import News, together
from alerts.answers.holding import Flapping, Holding, Inhibition
from alerts.answers.matchers import parse
from alerts.answers.standing import read
from alerts.delivery import subscriptions
from alerts.delivery.endpoints import Endpoint
from alerts.delivery.quiet_hours import QuietHours
from alerts.delivery.subscriptions import Subscription
from alerts.errors import AnswerError
from alerts.timers import Timers
from deploy import doctor_books
from deploy.examination import Patient, WrongError
from deploy.services import Services
from deploy.settings import load_settings
from storage.partitions import ensure_days
from storage.tables import deliveries, delivery_alerts, documents, market_sessions, mentions, silences
from storage.tables import subscriptions as stored_subscriptions

NIGHT = Endpoint("night", EAR.url, EAR.secret, allow_private=True, events=EAR.events)
BANKS = tuple(f"bank-{number:02}" for number in range(12))


@pytest.fixture
def stage(database: Engine) -> AnswerStage:
    stage = AnswerStage(database, [EAR, NIGHT])
    stage.companies("acme", "corp")
    stage.companies(*BANKS, groups=["banks"])
    return stage


def subscribe(stage: AnswerStage, endpoint: str = "night", **what: Any) -> Subscription:
    with stage.database.begin() as connection:
        given = Subscription("li", endpoint, created_by="li", created_at=stage.now, **what)
        return subscriptions.add(connection, given)


def sent(stage: AnswerStage, endpoint: str = "night") -> list[Any]:
    with stage.database.connect() as connection:
        query = select(deliveries).where(deliveries.c.endpoint == endpoint).order_by(deliveries.c.seq)
        return list(connection.execute(query).all())


def one_story_about(stage: AnswerStage, *companies: str, bucket: int = 1000) -> None:
    """A document that says something bad about each of them, within the horizon of `bucket`."""
    at = datetime.fromtimestamp((bucket - 5) * 60, UTC)
    with stage.database.begin() as connection:
        ensure_days(connection, [at.date()])
        connection.execute(
            insert(documents).values(
                document_id=UUID(int=bucket), published_at=at, arrived_at=at, source="news", url="https://news.example/",
                title="Banks in trouble", body="", language="en", story_id=UUID(int=1), novelty="new",
                sentiment="negative", negative=0.9, neutral=0.1, positive=0.0, score_micro=-900000,
                topics=["credit"], flags=[], model_version="test", raw_topic="raw", raw_partition=0, raw_offset=bucket,
            )
        )  # fmt: skip
        rows = [
            {"document_id": UUID(int=bucket), "published_at": at, "entity_id": company, "surface": company,
             "sentiment": "negative", "score_micro": -900000}
            for company in companies
        ]  # fmt: skip
        connection.execute(insert(mentions), rows)


def test_one_story_that_hits_twelve_banks_is_one_notification_with_twelve_names(stage: AnswerStage) -> None:
    one_story_about(stage, *BANKS)
    stage.find(*BANKS, "acme")
    alone, banks = sorted(sent(stage), key=lambda row: len(row.payload["data"]["also"]))
    assert alone.payload["data"]["company"]["entity_id"] == "acme"
    data = banks.payload["data"]
    names = [data["company"]["name"], *(each["company"]["name"] for each in data["also"])]
    assert sorted(names) == [bank.title() for bank in BANKS]
    assert data["topics"] == ["credit"]
    with stage.database.connect() as connection:
        links = select(delivery_alerts).where(delivery_alerts.c.webhook_id == banks.webhook_id)
        assert len(connection.execute(links).all()) == 12


def test_what_shares_nothing_is_told_apart(stage: AnswerStage) -> None:
    stage.find("acme", "corp")
    assert len(sent(stage)) == 2


def test_the_gravest_of_a_group_comes_first(stage: AnswerStage) -> None:
    one_story_about(stage, "acme", "corp")
    stage.find("acme", severity="watch")
    stage.find("corp", severity="critical")
    with stage.database.connect() as connection:
        found = read(connection, connection.execute(text("select alert_id from alerts")).scalars())
    from alerts.answers.transition_rows import Taken
    from alerts.answers.transitions import step

    news = [News(Taken(key, step(None, "open", "engine"), 1, "engine", ""), each) for key, each in found.items()]
    (group,) = together(news)
    assert [each.standing.episode.entity_id for each in group] == ["corp", "acme"]


def test_an_endpoint_hears_of_what_was_subscribed_and_one_without_subscriptions_of_all(stage: AnswerStage) -> None:
    subscribe(stage, matchers=(parse("group=banks"),), min_severity="warning")
    stage.find("acme", severity="critical")
    stage.find("bank-01", severity="watch")
    stage.find("bank-02", severity="warning")
    told = [row.payload["data"]["company"]["entity_id"] for row in sent(stage)]
    assert told == ["bank-02"]
    assert len(sent(stage, "desk")) == 3


def test_a_stored_matcher_that_cannot_be_run_stops_no_engine_and_leaves_nobody_untold(
    stage: AnswerStage, database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    stage.now = wall_clock()  # the doctor's
    subscribe(stage, matchers=(parse("name=~Bank.*"),))
    stage.desk.silence([parse("name=~Acme")], actor="li", reason="a drill", ends_at=stage.now + timedelta(days=1))
    patient = Patient(load_settings(), Services(kafka="", database_url=database_url, redis_url=""))
    assert doctor_books.matchers(patient) == "those of 1 silences and 1 subscriptions can be run"
    with stage.database.begin() as connection:
        look_around = [{"label": "name", "operator": "=~", "value": "(?!Corp).*"}]
        for table in (silences, stored_subscriptions):
            connection.execute(update(table).values(matchers=look_around))

    stage.find("acme", "corp")
    assert [len(sent(stage, endpoint)) for endpoint in ("desk", "night")] == [2, 2]
    with pytest.raises(WrongError, match=r"silence \S+: matcher .*; subscription \S+: .*\n  Fix: `yuqing silences"):
        doctor_books.matchers(patient)


def test_by_night_an_alert_waits_for_the_morning_and_a_critical_one_does_not(stage: AnswerStage) -> None:
    subscribe(stage, quiet=QuietHours(time(11), time(14), "UTC"))
    stage.find("acme", severity="warning")
    stage.find("corp", severity="critical")
    waiting, at_once = sent(stage)
    assert waiting.next_attempt_at == NOON + timedelta(hours=2)
    assert at_once.next_attempt_at == NOON


def test_what_a_night_brings_is_one_notification_in_the_morning(stage: AnswerStage) -> None:
    subscribe(stage, quiet=QuietHours(time(11), time(14), "UTC"))
    for company in ("acme", "corp", "bank-01"):
        stage.find(company)
        stage.now += timedelta(minutes=10)
    (morning,) = sent(stage)
    data = morning.payload["data"]
    assert [data["company"]["entity_id"], *(each["company"]["entity_id"] for each in data["also"])] == [
        "acme",
        "corp",
        "bank-01",
    ]
    with stage.database.connect() as connection:
        assert len(connection.execute(select(delivery_alerts).where(
            delivery_alerts.c.webhook_id == morning.webhook_id)).all()) == 3  # fmt: skip


def test_on_a_day_without_trading_an_alert_waits_for_the_next_session(stage: AnswerStage) -> None:
    with stage.database.begin() as connection:
        for day in (3, 8):
            at = datetime(2024, 5, day, 9, tzinfo=UTC)
            connection.execute(
                insert(market_sessions).values(
                    calendar="XTST", session=at.date(), counts_from=at, opens_at=at, closes_at=at + timedelta(hours=6),
                    shortened=False,
                )
            )  # fmt: skip
    subscribe(stage, calendar="XTST", quiet=QuietHours(zone="UTC"))
    stage.find("acme")
    assert sent(stage)[0].next_attempt_at == datetime(2024, 5, 8, tzinfo=UTC)


def test_a_subscription_to_a_calendar_that_nobody_keeps_is_refused(stage: AnswerStage) -> None:
    with pytest.raises(AnswerError, match=r"markets\.calendars"):
        subscribe(stage, calendar="XNONE")
    with pytest.raises(AnswerError, match="analyst"):
        subscribe(stage, endpoint=" ")


def test_the_second_tier_hears_of_what_the_first_does_not_answer(stage: AnswerStage) -> None:
    subscribe(stage, tier=1)
    stage.find("acme")
    assert sent(stage) == []
    stage.now += timedelta(hours=1)
    stage.timers.once()
    assert [row.event_type for row in sent(stage)] == ["alert.reminded"]
    stage.fall_quiet(2000)
    assert [row.event_type for row in sent(stage)] == ["alert.reminded", "alert.resolved"]


def test_an_answer_in_time_spares_the_second_tier(stage: AnswerStage) -> None:
    subscribe(stage, tier=1)
    stage.find("acme")
    stage.desk.acknowledge(stage.only(), actor="li")
    stage.now += timedelta(hours=9)
    stage.timers.once()
    stage.fall_quiet(2000)
    assert sent(stage) == []


def test_a_removed_subscription_is_one_no_more(stage: AnswerStage) -> None:
    given = subscribe(stage, matchers=(parse("entity=corp"),))
    with stage.database.begin() as connection:
        assert subscriptions.find(connection, str(given.subscription_id)[:8]) == given
        subscriptions.remove(connection, given.subscription_id)
        with pytest.raises(AnswerError, match="subscriptions list"):
            subscriptions.find(connection, str(given.subscription_id)[:8])
    stage.find("acme")
    assert len(sent(stage)) == 1


def test_an_alarm_about_the_market_quiets_its_members_until_it_is_over(stage: AnswerStage) -> None:
    stage.find("*", "acme", "corp")
    stage.find("bank-01", severity="critical")
    told = {row.payload["data"]["company"]["entity_id"] for row in sent(stage)}
    assert told == {"*", "bank-01"}
    with stage.database.connect() as connection:
        held = connection.execute(text("select held_by from alerts where status = 'pending'")).scalars().all()
    assert len(held) == 2
    assert all("of *" in why for why in held)
    assert stage.timers.release() == 0
    with stage.database.connect() as connection:
        market = connection.execute(text("select alert_id from alerts where entity_id = '*'")).scalar_one()
    stage.desk.resolve(market, actor="li")
    assert stage.timers.release() == 2


def test_what_other_detectors_find_of_a_company_waits_until_it_is_graver(stage: AnswerStage) -> None:
    stage = AnswerStage(stage.database, stage.endpoints, Holding(one_a_company=True))
    stage.find("acme", severity="warning", detector="negative_surge")
    stage.find("acme", detector="first_bad_news")
    stage.find("acme", severity="warning", detector="risk_event")
    stage.find("acme", detector="rule:fraud")
    stage.find("corp", detector="first_bad_news")
    opened = [(row.payload["data"]["company"]["entity_id"], row.payload["data"]["detector"]) for row in sent(stage)]
    assert sorted(opened) == [("acme", "negative_surge"), ("acme", "rule:fraud"), ("corp", "first_bad_news")]
    assert stage.timers.release() == 0
    stage.find("acme", bucket=1001, severity="critical", detector="risk_event")
    assert stage.timers.release() == 1
    assert sent(stage)[-1].payload["data"]["detector"] == "risk_event"


def test_each_detector_speaks_for_itself_by_default(stage: AnswerStage) -> None:
    stage.find("acme", severity="warning", detector="negative_surge")
    stage.find("acme", detector="first_bad_news")
    assert len(sent(stage)) == 2


def test_inhibition_needs_the_labels_that_are_to_be_equal() -> None:
    rule = Inhibition((parse("severity=critical"),), (parse("severity=watch"),), equal=("group",))
    grave = {"severity": ("critical",), "group": ("banks", "uk")}
    assert rule.holds(grave, {"severity": ("watch",), "group": ("banks",)})
    assert not rule.holds(grave, {"severity": ("watch",), "group": ("oil",)})
    assert not rule.holds(grave, {"severity": ("watch",)})
    assert not rule.holds({"severity": ("watch",)}, grave)


def test_an_alert_that_keeps_coming_back_is_held_until_it_is_graver(stage: AnswerStage) -> None:
    for round_ in range(3):
        stage.find("acme", bucket=1000 + 300 * round_, complete=1000 + 300 * round_)
        stage.fall_quiet(1000 + 300 * round_ + 101)
    assert [row.event_type for row in sent(stage)].count("alert.opened") == 3
    stage.find("acme", bucket=2000, complete=2000)
    with stage.database.connect() as connection:
        held = connection.execute(text("select held_by from alerts where status = 'pending'")).scalar_one()
    assert held == "flapping: 3 alerts in 14 days"
    assert stage.timers.once() == 0
    stage.find("acme", bucket=2001, severity="warning")
    assert stage.timers.once() == 1
    assert [row.event_type for row in sent(stage)].count("alert.opened") == 4


def test_an_alert_that_was_silenced_and_flaps_as_well_says_what_holds_it_when_the_silence_is_over(
    stage: AnswerStage,
) -> None:
    for round_ in range(3):
        stage.find("acme", bucket=1000 + 300 * round_, complete=1000 + 300 * round_)
        stage.fall_quiet(1000 + 300 * round_ + 101)
    until = stage.now + timedelta(minutes=5)
    stage.desk.silence([parse("entity=acme")], actor="li", reason="drill", ends_at=until)
    stage.find("acme", bucket=2000, complete=2000)
    held_by = text("select held_by from alerts where status = 'pending'")
    with stage.database.connect() as connection:
        assert connection.execute(held_by).scalar_one().startswith("silence")

    stage.now = until
    assert stage.timers.once() == 0
    with stage.database.connect() as connection:
        assert connection.execute(held_by).scalar_one() == "flapping: 3 alerts in 14 days"


def test_flap_damping_can_be_turned_off(stage: AnswerStage) -> None:
    off = Holding(flapping=Flapping(openings=0), inhibitions=())
    for round_ in range(4):
        stage.find("acme", bucket=1000 + 300 * round_, complete=1000 + 300 * round_)
        stage.fall_quiet(1000 + 300 * round_ + 101)
    Timers(stage.database, [EAR], lambda: stage.now, holding=off).once()
    with stage.database.connect() as connection:
        assert connection.execute(text("select count(*) from alerts where status = 'pending'")).scalar_one() == 0
