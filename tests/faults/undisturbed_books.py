"""The same scored documents, booked and judged undisturbed: what trends and alerts must be, whatever went wrong.

Which of two near duplicates counts as the new story depends on which of two scorers placed it first. So two runs differ
in novelty without anybody being wrong, and the alerts that must be equal are those of the very documents that the
disturbed run has in its books.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from uuid import UUID

from confluent_kafka import Producer
from installation_under_test import ALONE, InstallationUnderTest
from sqlalchemy import Engine, text

from storage.records import Mention, Origin, ScoredDocument
from stream.dead_records import origin_headers
from stream.documents import encode
from stream.publisher import producer_settings

__all__ = ["book_again", "stored_documents"]

_COLUMNS = (
    "document_id, source, url, title, body, language, published_at, arrived_at, story_id, novelty, sentiment, "
    "negative, neutral, positive, score_micro, topics, flags, model_version, names"
)
_DOCUMENTS = f"SELECT {_COLUMNS}, raw_partition FROM documents ORDER BY published_at, document_id"
_MENTIONS = "SELECT document_id, entity_id, surface, sentiment, score_micro FROM mentions ORDER BY entity_id"


def stored_documents(engine: Engine, raw_topic: str) -> Iterator[ScoredDocument]:
    """The documents in the books by publication time, as the scorer would send them, each from an offset of its own."""
    with engine.connect() as connection:
        mentions: defaultdict[UUID, list[Mention]] = defaultdict(list)
        for document_id, entity_id, surface, sentiment, score in connection.execute(text(_MENTIONS)):
            mention = Mention(entity_id=entity_id, surface=surface, sentiment=sentiment, score_micro=score)
            mentions[document_id].append(mention)
        offsets: defaultdict[int, int] = defaultdict(int)
        for row in connection.execute(text(_DOCUMENTS)).mappings():
            fields = dict(row)
            partition = fields.pop("raw_partition")
            origin = Origin(topic=raw_topic, partition=partition, offset=offsets[partition])
            offsets[partition] += 1
            named = tuple(mentions[fields["document_id"]])
            sequences = {name: tuple(fields.pop(name)) for name in ("topics", "flags", "names")}
            yield ScoredDocument(**fields, **sequences, origin=origin, mentions=named)


def book_again(source: Engine, target: InstallationUnderTest, timeout_s: float) -> None:
    """Puts the documents of `source` on the scored topic of `target` and lets one worker of each kind finish them."""
    # All of them fit: nothing else is in work, and what a full queue does is the business of the publisher.
    roomy = {"queue.buffering.max.messages": 1_000_000, "queue.buffering.max.kbytes": 1_048_576}
    producer = Producer(producer_settings(target.stack.kafka) | roomy)
    for document in stored_documents(source, target.topics.raw):
        producer.produce(
            target.topics.scored,
            encode(document),
            document.document_id.bytes,
            document.origin.partition,
            headers=list(origin_headers(document.origin, document.arrived_at)),
        )
        producer.poll(0)
    assert producer.flush(timeout_s) == 0, "the broker did not take the documents"
    target.open(ALONE[1:])
    target.settle(timeout_s)
