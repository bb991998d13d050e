"""The scorer's consumer: what it pauses, gives up and gets back is read to the end."""

from __future__ import annotations

from contextlib import closing

from eventually import eventually
from pipeline import stories

from stream.commits import InWork
from stream.intake import RawRecord
from stream.publisher import Publisher
from stream.raw_reader import RawReader
from stream.topics import Topics, spans

MOST = 8


class Desk:
    """A reader and what it has read. Everything read is in work until `finish`."""

    def __init__(self, bootstrap: str, topics: Topics) -> None:
        self.read: set[tuple[int, int]] = set()
        self._in_work = InWork()
        self._open: list[RawRecord] = []
        most = dict.fromkeys(topics.incoming, MOST)
        self.reader = RawReader(bootstrap, most, f"{topics.raw}-desk", self._in_work, settle=self.finish)

    def look(self, *, finish: bool) -> None:
        """Reads once more, and finishes it where wanted."""
        found = self.reader.read(MOST, 0.05)
        self._open += found
        self.read |= {(one.partition, one.offset) for one in found}
        if finish:
            self.finish()

    def finish(self) -> None:
        for one in self._open:
            self._in_work.done(one.topic, one.partition, one.offset)
        self._open.clear()

    @property
    def full(self) -> bool:
        return len(self._open) >= MOST


def test_a_partition_given_up_while_paused_is_read_when_it_comes_back(bootstrap: str, topics: Topics) -> None:
    """One worker has its hands full, so that it pauses; another joins, takes half of the partitions, and leaves."""
    with Publisher(bootstrap, topics) as publisher:
        for document in stories(400):
            publisher.publish(document)
    ends = {partition: end for (_, partition), (_, end) in spans(bootstrap, topics.raw).items()}
    everything = {(partition, offset) for partition, end in ends.items() for offset in range(end)}
    assert all(end > 4 * MOST for end in ends.values()), "each partition outlasts what may be in work"
    steady = Desk(bootstrap, topics)
    with closing(steady.reader):

        def hands_full() -> bool:
            steady.look(finish=False)
            return steady.full

        eventually(hands_full, what="the worker has enough in work")
        steady.look(finish=False)  # pauses
        guest = Desk(bootstrap, topics)
        with closing(guest.reader):

            def shared() -> bool:
                steady.look(finish=False)
                guest.look(finish=False)
                return guest.full

            eventually(shared, 60, what="the guest has its half")

        def all_read() -> bool:
            steady.look(finish=True)
            return steady.read >= everything - guest.read

        eventually(all_read, 60, what="everything is read")
