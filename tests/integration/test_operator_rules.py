"""Rules of the operator on the real database: what they count, that they fire in the engine's own transaction, and that
a dry run over the stored days tells the same alerts as the live engine did, however the stream came in."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest
from alert_stage import NOON, Stage, Story
from sqlalchemy import Engine, func, insert, select, text, update

from alerts.detection.series import minute_of
from alerts.errors import WrongSettingError
from alerts.rules.rule import Rule
from alerts.rules.trying import tried
from deploy.rule_settings import Rule as Written
from storage.tables import alert_history, alerts, deliveries, entities, rule_buckets

DAY = 1440
WHOLE = (minute_of(NOON) - 10 * DAY, minute_of(NOON) + 20 * DAY)

Fired = tuple[str, str, float, float, int]


def rule(name: str = "r", **given: object) -> Rule:
    return Written.model_validate({"name": name, **given}).judge()


@pytest.fixture
def stage(database: Engine) -> Stage:
    stage = Stage(database)
    with database.begin() as connection:
        others = [{"entity_id": one, "name": one.title(), "aliases": [], "tickers": []} for one in ("beta", "gamma")]
        connection.execute(insert(entities), others)
        connection.execute(update(entities).where(entities.c.entity_id != "gamma").values(groups=["banks"]))
    return stage


def live(stage: Stage) -> list[Fired]:
    """(rule, entity, first minute, last minute, at most observed) of every alert that a rule raised."""
    query = select(alerts).where(alerts.c.detector.startswith("rule:"))
    with stage.database.connect() as connection:
        rows = connection.execute(query).all()
    return sorted(
        (row.detector, row.entity_id, minutes(row.first_bucket), minutes(row.last_bucket), row.observed) for row in rows
    )


def dry(stage: Stage, *rules: Rule) -> list[Fired]:
    """The same of a dry run over everything that is stored."""
    with stage.database.connect() as connection:
        connection.execute(text("set transaction read only"))
        found = [one.episode for each in rules for one in tried(connection, each, *WHOLE)]
    first = minute_of(NOON)
    return sorted(
        (one.detector, one.entity_id, one.first - first, one.last - first, one.peak.observed) for one in found
    )


def minutes(at: Any) -> float:
    return float((at - NOON).total_seconds() / 60)


def fires(stage: Stage, given: Rule, *stories: Story) -> list[Fired]:
    """What the live engine makes of the stories; the dry run must say the same."""
    stage.publish(*stories)
    stage.later(400)
    stage.engine(rules=[given]).once()
    assert live(stage) == dry(stage, given)
    return live(stage)


def test_so_many_negative_stories_within_so_many_minutes(stage: Stage) -> None:
    given = rule(negative_stories=3, within_min=30)
    stories = [Story(0), Story(10, novelty="reprint"), Story(20), Story(31), Story(45, "beta"), Story(49)]
    assert fires(stage, given, *stories) == [("rule:r", "acme", 49, 49, 3)]


def test_of_companies_of_a_group_or_by_name(stage: Stage) -> None:
    given = rule(groups=["banks"], entities=["other"], documents=1)
    stories = [Story(0, "gamma"), Story(1, "beta"), Story(2, "other", "neutral", score=0.0)]
    assert fires(stage, given, *stories) == [("rule:r", "beta", 1, 1, 1), ("rule:r", "other", 2, 400, 1)]


def test_of_all_documents_together(stage: Stage) -> None:
    given = rule(entities=["*"], negative_documents=3, within_min=5)
    assert fires(stage, given, Story(0), Story(1, "beta"), Story(2, "gamma")) == [("rule:r", "*", 2, 2, 3)]


@pytest.mark.parametrize(
    ("given", "minute"),
    [
        ({"pattern": "default(ed|s)?"}, 1),
        ({"pattern": "(?i)^acme.*bonds$"}, 2),
        ({"words": ["违约"]}, 3),
        ({"words": ["DEFAULTED", "nothing"]}, 1),
        ({"words": ["in the lead"]}, 4),
        ({"sources": ["wire"]} | {"documents": 1}, 5),
        ({"topics": ["ipo", "legal_regulation"]}, 6),
        ({"pattern": "bonds", "words": ["Acme"], "sources": ["news.example"]}, 2),
    ],
)
def test_what_counts_is_told_by_text_source_and_topic(stage: Stage, given: dict[str, object], minute: int) -> None:
    stories = [
        Story(0, title="Faults of Acme"),
        Story(1, title="Acme defaulted"),
        Story(2, title="ACME sells Bonds"),
        Story(3, title="公司债券违约"),
        Story(4, title="A title", body="This is in the lead." + "x" * 2000 + "missed payment"),
        Story(5, title="A wire", source="wire"),
        Story(6, title="A suit", topics=("dividend", "legal_regulation")),
    ]
    if "bonds" in str(given.get("pattern")) and "words" in given:
        given = given | {"pattern": "(?i)bonds"}
    assert [(first, last) for _, _, first, last, _ in fires(stage, rule(**given), *stories)] == [(minute, minute)]


def test_a_correction_that_brings_the_word_is_told_though_no_count_moved(stage: Stage) -> None:
    given = rule(words=["default"])
    first = stage.document(Story(5, title="Acme is late"))
    stage.book([first])
    stage.engine(rules=[given]).once()
    assert live(stage) == []
    corrected = stage.document(Story(5, title="Acme in default"))
    stage.book([msgspec.structs.replace(corrected, document_id=first.document_id, revised_at=NOON)])
    stage.engine(rules=[given]).once()
    assert live(stage) == [("rule:r", "acme", 5, 5, 1)] == dry(stage, given)


def test_a_correction_that_brings_the_word_is_told_though_it_makes_the_news_less_bad(stage: Stage) -> None:
    given = rule(words=["settles"])
    first = stage.document(Story(5, title="Acme is late"))
    stage.book([first])
    stage.engine(rules=[given]).once()
    corrected = stage.document(Story(5, sentiment="neutral", score=0.0, title="Acme settles"))
    stage.book([msgspec.structs.replace(corrected, document_id=first.document_id, revised_at=NOON)])
    stage.engine(rules=[given]).once()
    assert live(stage) == [("rule:r", "acme", 5, 5, 1)] == dry(stage, given)


def test_what_lies_behind_the_lead_is_not_read(stage: Stage) -> None:
    assert fires(stage, rule(words=["fraud"]), Story(0, title="A title", body="x " * 1000 + "fraud")) == []


def test_only_what_was_published_within_its_hours_counts(stage: Stage) -> None:
    # Noon of the stage, a Monday, is eight in the evening in Shanghai.
    given = rule(hours="20:30-21:00", zone="Asia/Shanghai", weekdays=["mon"], documents=2)
    stories = [Story(minute) for minute in (28, 29, 31, 40, 61)] + [Story(DAY + 31), Story(DAY + 32)]
    assert fires(stage, given, *stories) == [("rule:r", "acme", 40, 40, 2)]


def test_a_share_is_judged_when_the_minute_is_complete_since_it_may_fall_again(stage: Stage) -> None:
    given = rule(negative_share=0.6, documents=3)
    engine = stage.engine(rules=[given])
    stage.publish(Story(0), Story(1), Story(2))
    engine.once()
    assert live(stage) == []
    stage.publish(*(Story(2, sentiment="positive", score=0.9) for _ in range(3)))  # of the same minute, later
    stage.later(62)
    engine.once()
    assert live(stage) == [], "minute 2 is not complete before 63"
    stage.later(63)
    engine.once()
    assert live(stage) == [] == dry(stage, given)

    stage.publish(*(Story(100 + step) for step in range(4)))
    stage.later(165)
    engine.once()
    assert live(stage) == [("rule:r", "acme", 102, 103, 4)] == dry(stage, given)


def test_a_mean_fires_when_it_is_as_low(stage: Stage) -> None:
    given = rule(mean_score=-0.5, documents=2, within_min=10)
    stories = [Story(0, score=-0.4), Story(1, score=-0.5), Story(30, score=-0.9), Story(31, score=-0.1)]
    assert fires(stage, given, *stories) == [("rule:r", "acme", 31, 31, 2)]


def test_an_alert_says_which_rule_what_it_asked_for_and_shows_the_documents_that_counted(stage: Stage) -> None:
    given = rule("bank-default", severity="critical", words=["payment"], negative_stories=2, groups=["banks"])
    fires(stage, given, Story(0), Story(1, title="Acme's payment is late"), Story(2, title="Something else"))
    with stage.database.connect() as connection:
        (alert,) = connection.execute(select(alerts).where(alerts.c.detector == "rule:bank-default")).all()
        (entry,) = connection.execute(select(alert_history).where(alert_history.c.alert_id == alert.alert_id)).all()
        (sent,) = connection.execute(select(deliveries).where(deliveries.c.alert_id == alert.alert_id)).all()
    assert (alert.severity, alert.observed, alert.expected, alert.p_value) == ("critical", 2, 0, 1)
    assert {one["title"] for one in alert.evidence["documents"]} == {"Acme misses a payment", "Acme's payment is late"}
    assert "rule bank-default: negative stories 2 (at least 2) within 1 h; words payment" in entry.reason
    assert "to 2024-05-06 12:01 UTC" in entry.reason
    rule_told = sent.payload["data"]["rule"]
    assert rule_told["name"] == "bank-default"
    assert rule_told["bounds"] == [{"measure": "negative_stories", "bound": 2.0, "seen": 2.0}]


def test_its_alert_is_over_after_its_own_quiet_time_and_another_one_follows(stage: Stage) -> None:
    given = rule(words=["payment"], quiet_min=120, entities=["acme"])
    engine = stage.engine(rules=[given])
    stage.publish(Story(0), Story(100))
    engine.once()
    stage.later(300)
    engine.once()
    stage.publish(Story(301))
    engine.once()
    assert live(stage) == [("rule:r", "acme", 0, 100, 1), ("rule:r", "acme", 301, 301, 1)] == dry(stage, given)
    with stage.database.connect() as connection:
        query = select(alerts.c.status).where(alerts.c.detector == "rule:r").order_by(alerts.c.first_bucket)
        assert connection.execute(query).scalars().all() == ["resolved", "firing"]


def test_what_a_rule_found_that_is_there_no_more_ends_like_any_other(stage: Stage) -> None:
    stage.publish(Story(0), Story(1))
    stage.engine(rules=[rule(documents=2, negative_share=0.1), rule("s", documents=1)]).once()
    with stage.database.connect() as connection:
        assert connection.execute(select(func.count()).select_from(rule_buckets)).scalar_one() == 2
    stage.engine().once()
    with stage.database.connect() as connection:
        assert connection.execute(select(func.count()).select_from(rule_buckets)).scalar_one() == 0
    stage.later(3 * DAY)
    stage.engine().once()
    assert [status for *_, status in stage.alerts()] == ["resolved"]


def test_what_waits_for_one_rule_is_kept_when_others_are_taken_out(stage: Stage) -> None:
    stage.publish(Story(0), Story(1))
    share = {"documents": 5, "negative_share": 0.1}
    stage.engine(rules=[rule(name, **share) for name in ("a", "b", "c", "d")]).once()
    stage.engine(rules=[rule("b", **share), rule("d", **share)]).once()
    with stage.database.connect() as connection:
        assert set(connection.execute(select(rule_buckets.c.rule)).scalars()) == {"b", "d"}


def test_a_rule_that_would_wait_for_later_news_is_refused(stage: Stage) -> None:
    with pytest.raises(WrongSettingError, match="quiet_min of rule r"):
        stage.engine(rules=[rule(documents=1, quiet_min=60)])


RULES = (
    rule("counts", negative_stories=2, within_min=20),
    rule("share", negative_share=0.5, documents=3, within_min=45, quiet_min=90),
    rule("mean", mean_score=-0.3, stories=2, within_min=30, groups=["banks"]),
    rule("text", words=["default"], documents=2, within_min=60, quiet_min=61),
    rule("market", entities=["*", "beta"], pattern="default|fraud", negative_documents=2, quiet_min=180),
    rule("night", hours="22:00-02:00", weekdays=["mon"], zone="UTC", documents=2, within_min=90),
)


@pytest.mark.parametrize("seed", range(3))
def test_live_equals_a_dry_run_however_the_stream_came_in(stage: Stage, seed: int) -> None:
    drawn = random.Random(seed)
    stories = [
        Story(
            minute,
            drawn.choice(("acme", "beta", "gamma")),
            sentiment := drawn.choice(("negative", "neutral", "positive")),
            novelty=drawn.choice(("new", "new", "reprint")),
            title=drawn.choice(("Bonds default", "A fraud", "Prices rise")),
            score={"negative": -0.8, "neutral": 0.1, "positive": 0.7}[sentiment],
        )
        for minute in sorted(drawn.randrange(2 * DAY) for _ in range(300))
    ]
    # Late by less than the allowed lateness of an hour, in batches of any size, judged by engines of any patience.
    coming = sorted(stories, key=lambda story: story.minute + drawn.uniform(0, 55))
    while coming:
        size = drawn.choice((1, 3, 20, 80))
        stage.publish(*coming[:size])
        coming = coming[size:]
        if drawn.random() < 0.8:
            stage.engine(rules=RULES, jobs_at_once=drawn.choice((3, 2000))).once()
    stage.later(2 * DAY + 1000)
    stage.engine(rules=RULES).once()
    found = live(stage)
    assert found == dry(stage, *RULES)
    assert len({name for name, *_ in found}) >= 5
