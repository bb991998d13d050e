"""A copy of the books of a run, as plain rows, to compare with another run's and to count again."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from operator import eq
from typing import Any

from sqlalchemy import Engine, text

__all__ = ["SUMS", "BookCopy", "Row", "differing", "recounted", "scored_alike"]

Row = tuple[Any, ...]
Alike = Callable[[Row, Row], bool]

_LAST_DIGIT = 1e-6
"""The same text in other batches: 5e-8 apart at most, over 300 texts of the replay."""

SUMS = ("documents", "stories", "negative", "neutral", "positive", "negative_stories", "score_micro")

# What is not compared: wall-clock times, and the offset by which a document came in (the source repeats some).
_DOCUMENTS = """
SELECT document_id, published_at, source, url, title, language, sentiment, negative, neutral, positive, score_micro,
       topics, flags, model_version
FROM documents
"""
_MENTIONS = "SELECT document_id, entity_id, published_at, surface, sentiment, score_micro FROM mentions"
_NOVELTY = "SELECT document_id, novelty FROM documents"
_TRENDS = f"SELECT entity_id, topic, bucket, model_version, {', '.join(SUMS)} FROM trend_counts"
_AS_OF = f"SELECT entity_id, topic, bucket, model_version, {', '.join(SUMS)} FROM trends_as_of('infinity')"
_ALERTS = """
SELECT entity_id, detector, first_bucket, last_bucket, severity, episode, horizon_s, observed, expected,
       p_value, topics
FROM alerts
"""
_DEAD = "SELECT value, reason FROM dead_letters"


@dataclass(frozen=True)
class BookCopy:
    """Rows by what they are about. Documents by id, mentions by (document, company), trends by (company, topic,
    minute, model version), alerts by (company, detector, first bucket)."""

    documents: dict[Row, Row]
    mentions: dict[Row, Row]
    novelty: dict[Row, Row]
    trends: dict[Row, Row]
    trends_as_of: dict[Row, Row]
    """The same by the product's own SQL function, which counts the documents again."""
    alerts: dict[Row, Row]
    dead: dict[Row, Row]
    """Reasons by value: a record that was sent twice is dead twice, and says the same."""

    @classmethod
    def of(cls, engine: Engine) -> BookCopy:
        """Reads everything, in one snapshot."""
        reader = engine.execution_options(isolation_level="REPEATABLE READ")
        with reader.connect() as connection:

            def read(query: str, key: int) -> dict[Row, Row]:
                rows = (tuple(_plain(value) for value in row) for row in connection.execute(text(query)))
                return {row[:key]: row[key:] for row in rows}

            return cls(
                documents=read(_DOCUMENTS, 1),
                mentions=read(_MENTIONS, 2),
                novelty=read(_NOVELTY, 1),
                trends=read(_TRENDS, 4),
                trends_as_of=read(_AS_OF, 4),
                alerts=read(_ALERTS, 3),
                dead={(_timeless(value),): (reason,) for value, reason in connection.execute(text(_DEAD))},
            )


def recounted(books: BookCopy) -> dict[Row, Row]:
    """The trends as a plain reading of documents and mentions gives them; shares no code with the product."""
    sums: defaultdict[Row, list[int]] = defaultdict(lambda: [0] * len(SUMS))

    def count(key: Row, novelty: str, sentiment: str, score_micro: int) -> None:
        new, held = novelty == "new", sums[key]
        counted = {sentiment: 1, "documents": 1, "stories": int(new), "score_micro": score_micro}
        counted["negative_stories"] = int(new and sentiment == "negative")
        for place, name in enumerate(SUMS):
            held[place] += counted.get(name, 0)

    named: defaultdict[Row, list[Row]] = defaultdict(list)
    for (document_id, entity_id), (_, _, sentiment, score_micro) in books.mentions.items():
        named[(document_id,)].append((entity_id, sentiment, score_micro))
    for document_id, row in books.documents.items():
        published_at, sentiment, score_micro, topics, version = row[0], row[5], row[9], row[10], row[12]
        minute = _minute(published_at)
        for topic in {"*", *topics}:
            for entity_id, toward, score in [("*", sentiment, score_micro), *named[document_id]]:
                count((entity_id, topic, minute, version), books.novelty[document_id][0], toward, score)
    return {key: tuple(values) for key, values in sums.items()}


def differing(ours: dict[Row, Row], theirs: dict[Row, Row], *, alike: Alike = eq) -> list[str]:
    """A line for every row that only one side has, or that they have otherwise."""
    lines = []
    for key in sorted(ours.keys() | theirs.keys(), key=str):
        here, there = ours.get(key), theirs.get(key)
        if here is None or there is None or not alike(here, there):
            lines.append(f"{key}: {here} here, {there} there")
    return lines


def scored_alike(here: Row, there: Row) -> bool:
    """Equal but for the last digit of what the model says: its sums of floats depend on what shares its batch."""
    return all(map(_scored_alike, here, there))


def _scored_alike(here: Any, there: Any) -> bool:
    if isinstance(here, float):
        return math.isclose(here, there, abs_tol=_LAST_DIGIT)
    if isinstance(here, int):  # a score in millionths, rounded
        return abs(here - there) <= 1
    return bool(here == there)


def _plain(value: Any) -> Any:
    """Comparable: lists as tuples, and floats to nine digits, since sums of floats depend on where they begin."""
    if isinstance(value, list):
        return tuple(value)
    return float(f"{value:.9g}") if isinstance(value, float) else value


def _timeless(value: bytes) -> str:
    """A dead record without the time at which it was fetched, which is the wall clock's."""
    try:
        record = json.loads(value)
    except ValueError:
        return value.decode(errors="replace")
    return json.dumps({name: held for name, held in record.items() if name != "fetched_at"})


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)
