"""What an operator does with dead letters: send the original bytes back once their cause is mended, or give them up.

Listing and showing are reads of the table: see `storage/dead_letter_rows.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from confluent_kafka import Consumer, TopicPartition
from sqlalchemy import Connection, Engine, select, tuple_

from storage.dead_letter_rows import find, set_state
from storage.records import DeadLetter, Origin
from storage.tables import dead_letters
from stream.dead_records import Headers, plain_headers
from stream.errors import DeadReason, StreamError
from stream.publisher import Publisher, PublishError
from stream.topics import Topics

__all__ = ["REPLAYED_FROM", "DeadLetterError", "drop", "replay"]

REPLAYED_FROM = "yuqing-replayed-from"
"""The header that says which dead letter a raw record was: topic/partition/offset."""

_AT_ONCE = 20
"""Letters in memory together: each holds up to 16 MiB."""

_ANSWER_S = 30.0


class DeadLetterError(StreamError):
    """A letter was not sent: its original is gone from the log, or the broker does not take it. It stays open."""


def replay(engine: Engine, bootstrap: str, topics: Topics, origins: Sequence[Origin]) -> int:
    """Sends these letters to documents.raw again and marks them as replayed; returns how many it sent.

    Only open letters are sent, so a second call sends nothing, and of two calls at once one. After a crash in
    between a letter may go twice; a document that comes twice is counted once. Raises DeadLetterError where a
    letter cannot be sent; those before it are sent and marked.
    """
    sent = 0
    with Publisher(bootstrap, topics) as publisher:
        for part in _parts(origins):
            with engine.begin() as connection:
                letters = _open_letters(connection, part)
                _send(publisher, bootstrap, letters)
                sent += set_state(connection, [letter.origin for letter in letters], "replayed") if letters else 0
    return sent


def drop(engine: Engine, origins: Sequence[Origin]) -> int:
    """Marks these open letters as not worth mending; returns how many there were. Their bytes stay."""
    dropped = 0
    for part in _parts(origins):
        with engine.begin() as connection:
            chosen = [letter.origin for letter in _open_letters(connection, part)]
            dropped += set_state(connection, chosen, "dropped") if chosen else 0
    return dropped


def _parts(origins: Sequence[Origin]) -> Iterator[Sequence[Origin]]:
    for start in range(0, len(origins), _AT_ONCE):
        yield origins[start : start + _AT_ONCE]


def _open_letters(connection: Connection, origins: Sequence[Origin]) -> list[DeadLetter]:
    """Locks the rows until the end of the transaction; rows that another replay has locked are its own."""
    place = (dead_letters.c.topic, dead_letters.c.partition, dead_letters.c.offset)
    wanted = [(one.topic, one.partition, one.offset) for one in origins]
    query = (
        select(*place)
        .where(tuple_(*place).in_(wanted), dead_letters.c.state == "open")
        .order_by(*place)
        .with_for_update(skip_locked=True)
    )
    locked = [
        Origin(topic=topic, partition=number, offset=offset) for topic, number, offset in connection.execute(query)
    ]
    return [stored.letter for stored in find(connection, origins=locked)] if locked else []


def _send(publisher: Publisher, bootstrap: str, letters: Sequence[DeadLetter]) -> None:
    failures: list[Exception] = []

    def told(error: Exception | None) -> None:
        if error is not None:
            failures.append(error)

    for letter in letters:
        key, value, headers = _original(bootstrap, letter)
        place = f"{letter.origin.topic}/{letter.origin.partition}/{letter.origin.offset}"
        kept = tuple(header for header in headers if header[0] != REPLAYED_FROM)
        try:
            publisher.publish_record(key, value, headers=(*kept, (REPLAYED_FROM, place.encode())), on_ack=told)
        except PublishError as error:
            raise DeadLetterError(f"{place} was not sent again: {error}") from error
    if publisher.flush(_ANSWER_S) or failures:
        why = failures[0] if failures else f"the broker did not answer within {_ANSWER_S:.0f} s"
        raise DeadLetterError(f"letters were not sent again: {why}")


def _original(bootstrap: str, letter: DeadLetter) -> tuple[bytes | None, bytes | None, Headers]:
    """The raw record that the letter is about.

    A letter written before scoring holds it. One written after holds its scored form, and the raw record is read
    from the log again.
    """
    after_scoring = letter.reason == DeadReason.CORRUPT_SCORED or dict(letter.headers).get("yuqing-stage") == b"scored"
    return _from_log(bootstrap, letter.origin) if after_scoring else (letter.key, letter.value, letter.headers)


def _from_log(bootstrap: str, origin: Origin) -> tuple[bytes | None, bytes | None, Headers]:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "yuqing-originals",
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "log_level": 0,
        }
    )
    try:
        consumer.assign([TopicPartition(origin.topic, origin.partition, origin.offset)])
        message = consumer.poll(_ANSWER_S)
        if message is None or message.error() is not None or message.offset() != origin.offset:
            place = f"{origin.topic}/{origin.partition}/{origin.offset}"
            raise DeadLetterError(f"the raw record of {place} is no longer in the log: drop the letter")
        return message.key(), message.value(), plain_headers(message.headers())
    finally:
        consumer.close()
