"""Corrections and takedowns through the whole pipeline: raw records, scorer, log, windows, database, cache."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
import redis
from keyword_classifier import KeywordClassifier
from pipeline import WATCHED, Pipeline, stories
from sqlalchemy import Engine

from stream.documents import RawDocument, document_id
from stream.topics import Topics

NORTHWIND = WATCHED[0].entity_id


@pytest.fixture
def pipeline(bootstrap: str, topics: Topics, database: Engine, redis_client: redis.Redis, tmp_path: Path) -> Pipeline:
    return Pipeline(bootstrap, topics, database, redis_client, tmp_path)


def corrected(document: RawDocument, **fields: str) -> RawDocument:
    return msgspec.structs.replace(document, revised_at="2024-05-03T08:00:00Z", **fields)


def taken_down(document: RawDocument, revised_at: str = "2024-05-04T08:00:00Z") -> RawDocument:
    return RawDocument(source=document.source, url=document.url, revised_at=revised_at, retracted=True)


def test_what_was_corrected_counts_as_corrected_and_what_was_taken_down_not_at_all(pipeline: Pipeline):
    """Of thirty items one is made good news, one is taken down, and one whose takedown comes first never counts."""
    first = stories(30)
    fraud, gone, never = first[0], first[5], first[10]
    assert "fraud" in fraud.title

    with pipeline.scoring(), pipeline.windows():
        pipeline.publish([taken_down(never), *first])
        pipeline.settle()
        known_before = datetime.now(UTC)
        before = pipeline.scalar(f"SELECT sum(negative) FROM trends WHERE entity_id = '{NORTHWIND}' AND topic = '*'")
        pipeline.publish(
            [
                corrected(fraud, title="Northwind Bank reports record profit after all"),
                taken_down(gone),
                gone,
                fraud,
                corrected(fraud, title="Northwind Bank reports record profit after all"),
            ]
        )
        pipeline.settle()

    counts = pipeline.audit().figures
    assert (counts["stored"], counts["corrected"], counts["retracted"]) == (29, 1, 1)
    assert (counts["superseded"], counts["repeated"], counts["dead"]) == (1, 4, 0)
    assert (counts["documents"], counts["withdrawn_documents"]) == (28, 2)
    negative = f"SELECT sum(negative) FROM {{}} WHERE entity_id = '{NORTHWIND}' AND topic = '*'"
    assert pipeline.scalar(negative.format("trends")) == before - 1
    assert pipeline.scalar(negative.format(f"trends_as_of('{known_before}')")) == before
    assert pipeline.scalar(f"SELECT count(*) FROM bad_news WHERE document_id = '{document_id(fraud)}'") == 0
    stored = pipeline.scalar(f"SELECT title FROM documents WHERE document_id = '{document_id(fraud)}'")
    assert stored == "Northwind Bank reports record profit after all"
    assert pipeline.scalar("SELECT sum(stories) FROM trends WHERE entity_id = '*' AND topic = '*'") == pipeline.scalar(
        "SELECT count(*) FROM documents WHERE novelty = 'new'"
    )


def test_a_corrected_story_stays_the_first_of_its_story(pipeline: Pipeline):
    """The index knows the item already; a later version is not a second telling of it."""
    story = stories(1)[0]
    reprint = msgspec.structs.replace(story, url="https://mirror.example/0")

    with pipeline.scoring(), pipeline.windows():
        pipeline.publish([story])
        pipeline.settle()
        pipeline.publish([reprint, corrected(story, body=story.body + " Corrected: the desk was another.")])
        pipeline.settle()

    novelty = "SELECT novelty FROM documents WHERE document_id = '{}'"
    assert pipeline.scalar(novelty.format(document_id(story))) == "new"
    assert pipeline.scalar(novelty.format(document_id(reprint))) == "reprint"


def test_a_takedown_waits_for_no_model(pipeline: Pipeline):
    """The model is broken, so that its document dies; the takedown is booked all the same."""
    story = stories(1)[0]

    with pipeline.scoring(pipeline.scorer(KeywordClassifier(broken=True))), pipeline.windows():
        pipeline.publish([story, taken_down(story)])
        pipeline.settle()

    counts = pipeline.audit().figures
    assert (counts["dead"], counts["superseded"], counts["stored"]) == (1, 1, 0)
