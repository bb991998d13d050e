"""Outcomes that the broker refuses for their size still become something that is on the books."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from confluent_kafka.admin import AdminClient, NewTopic
from eventually import eventually

from storage.records import DeadLetter, Origin, ScoredDocument
from stream.commits import InWork
from stream.outcomes import OutcomeError, Outcomes
from stream.topics import Topics, ensure_topics, offsets, partition_count

NOON = datetime(2024, 5, 2, 12, 0, tzinfo=UTC)


def limited(bootstrap: str, *, scored: int = 0, dead: int = 0) -> Topics:
    """Topics of which an operator made one with a limit of their own, in bytes."""
    topics = Topics.prefixed(f"t{uuid4().hex[:8]}.")
    made = [
        NewTopic(name, num_partitions=4, replication_factor=1, config={"max.message.bytes": str(largest)})
        for name, largest in ((topics.scored, scored), (topics.dead, dead))
        if largest
    ]
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for done in admin.create_topics(made).values():
        done.result(30)
    ensure_topics(bootstrap, topics)
    for name in topics.names():
        eventually(lambda name=name: partition_count(bootstrap, name), what=f"{name} known to the broker")
    return topics


def begun(topics: Topics) -> InWork:
    work = InWork()
    work.began(topics.raw, 1, 7)
    return work


def letter(topics: Topics, size: int) -> DeadLetter:
    origin = Origin(topic=topics.raw, partition=1, offset=7)
    return DeadLetter(origin=origin, reason="not_json", detail="no", key=None, value=os.urandom(size), arrived_at=NOON)


def settle(outcomes: Outcomes, in_work: InWork) -> None:
    def done() -> bool:
        outcomes.poll(0.05)
        return not in_work.unfinished()

    eventually(done)


def test_a_dead_letter_too_large_for_its_topic_is_cut_and_says_so(bootstrap: str) -> None:
    topics = limited(bootstrap, dead=1_500_000)
    in_work = begun(topics)
    outcomes = Outcomes(bootstrap, topics, in_work)
    outcomes.dead(letter(topics, 4_000_000))
    settle(outcomes, in_work)
    assert offsets(bootstrap, topics.dead)[1] == (0, 1)
    assert outcomes.flush(5) == 0


def test_a_scored_document_too_large_for_its_topic_becomes_a_dead_letter(bootstrap: str) -> None:
    topics = limited(bootstrap, scored=1_000)
    in_work = begun(topics)
    outcomes = Outcomes(bootstrap, topics, in_work)
    document = ScoredDocument(
        document_id=uuid4(),
        origin=Origin(topic=topics.raw, partition=1, offset=7),
        source="wire",
        body=os.urandom(4_000).hex(),
        language="en",
        published_at=NOON,
        arrived_at=NOON,
        story_id=uuid4(),
        novelty="new",
        sentiment="neutral",
        negative=0.0,
        neutral=1.0,
        positive=0.0,
        score_micro=0,
        model_version="m",
    )
    outcomes.scored(document, b"k")
    settle(outcomes, in_work)
    assert offsets(bootstrap, topics.dead)[1] == (0, 1)
    assert offsets(bootstrap, topics.scored)[1] == (0, 0)


def test_an_outcome_that_no_topic_takes_stops_the_scorer(bootstrap: str) -> None:
    topics = limited(bootstrap, dead=1_000)
    in_work = begun(topics)
    outcomes = Outcomes(bootstrap, topics, in_work)
    outcomes.dead(letter(topics, 100_000))
    assert outcomes.flush(30) == 0
    with pytest.raises(OutcomeError, match="refuses"):
        outcomes.poll()
    assert in_work.unfinished() == 1
