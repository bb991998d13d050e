"""The page of an alert of volume speaks of all stories, shows what its detector saw, and calls nothing bad news."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from alert_stage import DESK, LATENESS, Stage, Story
from console_stage import ConsoleStage, on_database, wall_clock
from sqlalchemy import Engine

from alerts.detection.evidence import from_json
from alerts.detection.series import time_of
from alerts.detection.thresholds import Budget
from alerts.detection.volume_alarm import VolumeAlarm
from alerts.engine import AlertEngine, Timing
from alerts.reading.alert_list import evidence_of, find_alert
from alerts.reading.volume_band import volume_band


@pytest.fixture
def console(database: Engine) -> Iterator[ConsoleStage]:
    """Harmless stories about Acme every quarter of an hour where there is one a day, and a reprint of each."""
    stage = Stage(database)
    stage.calm(20)
    told = [
        Story(15 * step, sentiment="neutral", score=0.0, title=f"the board {step}", novelty=novelty)
        for step in range(9)
        for novelty in ("reprint", "new")
    ]
    daily = [Story(60 - 1440 * day, sentiment="neutral", score=0.0) for day in range(1, 20)]
    stage.publish(*daily, *told)
    timing = Timing(allowed_lateness=LATENESS, quiet=timedelta(days=3))
    AlertEngine(database, [VolumeAlarm(Budget(1, 100))], [DESK], clock=wall_clock, timing=timing).once()
    staged = on_database(database)
    yield staged
    staged.close()


def test_it_speaks_of_stories_of_any_tone_in_both_languages(console: ConsoleStage) -> None:
    browser, path = console.browser(), f"/alerts/{console.alert_id()}"
    english, chinese = (browser.get(path, headers={"Accept-Language": each}).text for each in ("en", "zh"))
    assert "9 stories of any tone in" in browser.get("/").text
    assert "9 stories of any tone in" in english
    assert "at most 9, while" in english
    assert "egative stor" not in english
    assert "9 条报道（不论褒贬）" in chinese
    assert "负面报道" not in chinese


def test_its_chart_has_what_the_detector_saw_and_expected(console: ConsoleStage) -> None:
    with console.database.connect() as connection:
        alert = find_alert(connection, console.alert_id())
        assert alert is not None
        peak = time_of(from_json(evidence_of(connection, alert.alert_id)).peak.bucket)
        about = {"first": alert.first_bucket, "last": alert.last_bucket, "peak": peak}
        points = volume_band(connection, "acme", horizon_s=alert.horizon_s, **about)
    (decisive,) = [point for point in points if point.at == peak]
    assert decisive.observed == alert.observed == 9
    assert decisive.expected == pytest.approx(alert.expected)
    assert 1 <= decisive.high < decisive.observed
    assert points[0].at <= alert.first_bucket - timedelta(days=1)
    assert len(points) <= 600
