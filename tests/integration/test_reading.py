"""What pages and API read: folded reprints, topics, peers, and a band that is the detector's own."""

from __future__ import annotations

from datetime import timedelta

import pytest
from book_records import NOON, SCORED, a_document, a_mention
from books import an_ingest
from console_stage import ConsoleStage
from sqlalchemy import Engine

from alerts.detection.evidence import from_json
from alerts.detection.series import time_of
from alerts.reading.alert_list import evidence_of, find_alert
from alerts.reading.companies import Peer, TopicCount, day_of, peers, topics
from alerts.reading.expected_band import expected_band
from alerts.reading.stories import stories
from storage.document_search import Wanted
from storage.ingest import ReadTo


@pytest.fixture
def books(database: Engine) -> Engine:
    """One story about Acme and Beta, two reprints of it, and a story about Acme alone."""
    both = (a_mention("acme"), a_mention("beta"))
    first = a_document("first", 0, mentions=both, topics=("credit",))
    again = {"novelty": "reprint", "story_id": first.story_id, "mentions": both, "topics": ("credit",)}
    documents = [
        first,
        a_document("second", 1, minute=30, source="other", **again),
        a_document("third", 2, minute=2 * 1440, **again),
        a_document("else", 3, minute=60, mentions=(a_mention("acme", "positive", 300_000),), topics=("earnings",)),
    ]
    an_ingest(database).scored(documents, [ReadTo(SCORED, 0, 4)])
    return database


def test_reprints_are_folded_into_their_story_in_the_order_of_time(books: Engine):
    with books.connect() as connection:
        found = stories(connection, Wanted(novelty="new"), most=10)

    assert [(story.first.title, story.reprint_count) for story in found] == [("Item else", 0), ("Item first", 2)]
    assert [reprint.title for reprint in found[1].reprints] == ["Item second", "Item third"]


def test_topics_and_peers_of_a_company_are_counted(books: Engine):
    until = NOON + timedelta(days=3)
    with books.connect() as connection:
        about = topics(connection, "acme", NOON, until)
        beside = peers(connection, "acme", until)
        day = day_of(connection, "acme", NOON, NOON + timedelta(days=1))

    assert about == [TopicCount("credit", 3, 3), TopicCount("earnings", 1, 0)]
    assert beside == [Peer("beta", "beta", 3)]
    assert (day.documents, day.stories, day.negative, day.positive, day.negative_stories) == (3, 2, 2, 1, 1)
    assert day.mean_score == pytest.approx((-0.7 - 0.7 + 0.3) / 3)


def test_the_band_of_a_chart_is_what_the_detector_had_expected(console: ConsoleStage):
    with console.database.connect() as connection:
        alert = find_alert(connection, console.alert_id())
        stored = evidence_of(connection, console.alert_id())
        assert alert is not None
        peak = time_of(from_json(stored).peak.bucket)
        points = expected_band(
            connection,
            "acme",
            console.parts.baseline,
            horizon_s=alert.horizon_s,
            first=alert.first_bucket,
            last=alert.last_bucket,
            peak=peak,
        )
    (decisive,) = [point for point in points if point.at == peak]

    assert decisive.observed == alert.observed
    assert decisive.expected == pytest.approx(alert.expected)
    assert decisive.high < decisive.observed
    assert len(points) <= 500
