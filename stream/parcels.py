"""What one fetch brought of one partition travels through Faust as one message.

Faust spends some 90 microseconds on every message that it hands to an agent: two tasks, a queue, a stream iterator,
an acknowledgement. Its records are ours to book in hundreds, so it gets to see hundreds as one: flow control, the
group's generation and back-pressure are then looked at once a fetch. See decision 0014.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from faust.types import TP, Message
from faust.types.transports import SchedulingStrategyT

__all__ = ["FetchedRecords", "Parcel", "WholeFetches"]

FetchedRecords = Sequence[Any]
"""aiokafka.ConsumerRecord, ascending offsets of one partition, at least one."""


class Parcel(Message):
    """Records of one partition that came together. Its own offset is that of the last of them.

    Faust does not track it: what is done is what the ledger has booked, see `PositionedConsumer.booked`.
    """

    __slots__ = ("records",)

    def __init__(self, tp: TP, records: FetchedRecords, generation_id: int) -> None:
        last = records[-1]
        super().__init__(
            topic=tp.topic,
            partition=tp.partition,
            offset=last.offset,
            timestamp=last.timestamp / 1000,
            timestamp_type=last.timestamp_type,
            headers=None,
            key=None,
            value=b"",
            checksum=None,
            tp=tp,
            generation_id=generation_id,
        )
        self.records = records


class WholeFetches(SchedulingStrategyT):
    """Faust's consumer scheduler: each partition's records together, where Faust would deal them out one by one."""

    @classmethod
    def map_from_records(cls, records: Mapping[TP, list[Any]]) -> Any:
        """Nothing to map."""
        return records

    def iterate(self, records: Mapping[TP, list[Any]]) -> Iterator[tuple[TP, Any]]:
        """Pairs of partition and its records; none for a partition that brought nothing."""
        return ((tp, fetched) for tp, fetched in records.items() if fetched)

    def records_iterator(self, index: Any) -> Iterator[tuple[TP, Any]]:
        """As `iterate`."""
        return self.iterate(index)
