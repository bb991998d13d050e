"""Where the windows stage stands, for all to see, and the one way to take it back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, select, update

from storage.tables import positions

__all__ = ["standing", "take_back"]

Partition = tuple[str, int]


def standing(connection: Connection, topics: Iterable[str]) -> dict[Partition, int]:
    """The next offset of each partition of these topics that was read."""
    query = select(positions.c.topic, positions.c.partition, positions.c.next_offset)
    found = connection.execute(query.where(positions.c.topic.in_(list(topics))))
    return {(topic, partition): offset for topic, partition, offset in found}


def take_back(connection: Connection, places: Mapping[Partition, int]) -> None:
    """Sets these partitions back to an offset, in key order; one that stands before it stays.

    What is read again changes no sum: the ledger has its outcome. What was called final stays final. A worker that
    reads on meanwhile finds the books before what it read, and reads again from there.
    """
    for (topic, partition), offset in sorted(places.items()):
        connection.execute(
            update(positions)
            .where(positions.c.topic == topic, positions.c.partition == partition, positions.c.next_offset > offset)
            .values(next_offset=offset)
        )
