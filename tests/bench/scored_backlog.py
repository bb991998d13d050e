"""A backlog of scored records for the benches: documents of the length and make of a replay, on `documents.scored`.

The lengths of titles and bodies are drawn from the quantiles of the two replays (a year of short English items, and
Chinese ones with a long tail), one document in eleven being Chinese. The words are made up.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from confluent_kafka import Producer
from lengths import drawn

from storage.records import Mention, Origin, ScoredDocument
from stream.dead_records import origin_headers
from stream.documents import encode
from stream.topics import Topics, ensure_topics

__all__ = ["PARTITIONS", "publish", "scored_documents"]

PARTITIONS = 4

_SHARES = (0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99)
_TITLES = {"en": (28, 47, 57, 64, 72, 84, 109), "zh": (10, 18, 25, 41, 67, 86, 119)}
_BODIES = {"en": (0, 74, 97, 133, 170, 222, 299), "zh": (0, 38, 83, 163, 2990, 7840, 23197)}
"""Characters at these shares of `../shared/data/replay`."""

_CHINESE = 0.094
_COMPANIES = [f"C{number:04}.US" for number in range(1800)]
_TOPICS = ("earnings", "legal", "mergers", "credit", "management", "products", "macro", "markets")
_SENTIMENTS = ("negative", "neutral", "neutral", "positive")
_PER_MINUTE = 7
_LONGEST = timedelta(days=5)
"""Records carry their event time, and the broker drops what is older than a week."""


def scored_documents(count: int, topics: Topics, *, seed: int = 5) -> Iterator[ScoredDocument]:
    """So many different documents as the scorer makes them, dealt out over the partitions; the same for each seed.

    A document names 1.3 companies and one topic; seven are published a minute, or more where they would not fit into
    five days.
    """
    draw = random.Random(seed)
    text = {
        "en": " ".join(draw.choices([f"word{number}" for number in range(3000)], k=30_000)),
        "zh": "".join(chr(draw.randrange(0x4E00, 0x9FA5)) for _ in range(60_000)),
    }
    step = min(timedelta(minutes=1) / _PER_MINUTE, _LONGEST / count)
    start = datetime.now(UTC).replace(microsecond=0) - step * count
    for number in range(count):
        yield _document(draw, text, topics, number, start + step * number)


def publish(bootstrap: str, topics: Topics, count: int) -> int:
    """Makes the topics and puts the backlog on `topics.scored`; returns how many mentions it has."""
    ensure_topics(bootstrap, topics, partitions=PARTITIONS)
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 20, "enable.idempotence": True})
    mentions = 0
    for document in scored_documents(count, topics):
        mentions += len(document.mentions)
        producer.produce(
            topics.scored,
            encode(document),
            document.document_id.bytes,
            document.origin.partition,
            timestamp=int(document.published_at.timestamp() * 1000),
            headers=list(origin_headers(document.origin, document.arrived_at)),
        )
        producer.poll(0)
    if producer.flush(60):
        raise TimeoutError(f"{bootstrap} did not take the backlog")
    return mentions


def _document(
    draw: random.Random, text: dict[str, str], topics: Topics, number: int, published_at: datetime
) -> ScoredDocument:
    language = "zh" if draw.random() < _CHINESE else "en"
    companies = draw.sample(_COMPANIES, draw.choice((0, 1, 1, 1, 1, 2, 3)))
    sentiment = draw.choice(_SENTIMENTS)
    return ScoredDocument(
        document_id=UUID(int=draw.getrandbits(128)),
        origin=Origin(topic=topics.raw, partition=number % PARTITIONS, offset=number // PARTITIONS),
        source=f"feed-{draw.randrange(30)}",
        url=f"https://news.example/{draw.getrandbits(40):x}",
        title=_cut(draw, text[language], _TITLES[language]),
        body=_cut(draw, text[language], _BODIES[language]),
        language=language,
        published_at=published_at,
        arrived_at=published_at + timedelta(seconds=2),
        story_id=UUID(int=draw.getrandbits(128)),
        novelty=draw.choice(("new", "new", "reprint")),
        sentiment=sentiment,
        negative=0.312345,
        neutral=0.412345,
        positive=0.27531,
        score_micro=draw.randrange(-(10**6), 10**6),
        topics=tuple(draw.sample(_TOPICS, draw.choice((0, 1, 1, 2)))),
        mentions=tuple(
            Mention(entity_id=one, surface=one[:5], sentiment=sentiment, score_micro=-5) for one in companies
        ),
        model_version="bench",
    )


def _cut(draw: random.Random, text: str, quantiles: tuple[int, ...]) -> str:
    """A piece of text whose length is drawn from the quantiles."""
    length = drawn(draw, _SHARES, quantiles)
    begin = draw.randrange(len(text) - length)
    return text[begin : begin + length]
