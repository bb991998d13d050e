"""Whatever the broker does, the sums are those of the set of distinct documents in force.

Records are lost on the way to the acknowledgement, delivered again, cut into other batches, read by two workers at
once and in any order; the same document is crawled several times, corrected and taken down, corrections of one time
among them; a takedown may come before what it takes down; some records are dead. After all of it was delivered at
least once, trends equal the sums of the latest versions, the audit has nothing to say, and the trends as of any moment
between two batches are those that were read then.
"""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from book_records import SCORED, SteppingClock, a_correction, a_document, a_letter, a_mention, a_retraction
from books import LATENESS, an_ingest, as_of, counted, differences, expected, in_force, trend_rows, wipe
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from storage.ingest import Ingest, ReadTo
from storage.records import DeadLetter, Retraction, ScoredDocument

SENTIMENTS = ("negative", "neutral", "positive")
EXAMPLES = 10 if settings.get_current_profile_name() == "mutants" else 60
Record = ScoredDocument | Retraction | DeadLetter


@dataclass
class Stream:
    """Two raw partitions, and for each of two workers the batches that it gets, in order."""

    records: list[Record]
    deliveries: list[list[list[Record]]]

    @property
    def versions(self) -> list[ScoredDocument | Retraction]:
        return [record for record in self.records if not isinstance(record, DeadLetter)]

    @property
    def ends(self) -> dict[int, int]:
        numbers = [record.origin.partition for record in self.records]
        return {number: numbers.count(number) for number in set(numbers)}


@st.composite
def streams(draw: st.DrawFn) -> Stream:
    kinds = st.tuples(st.integers(-1, 4), st.integers(0, 1), st.integers(0, 2), st.sampled_from((0, 1, "down")))
    ends, records = [0, 0], []
    for name, partition, revised, content in draw(st.lists(kinds, min_size=1, max_size=14)):
        offset = ends[partition]
        ends[partition] += 1
        records.append(item(name, partition, offset, revised, content))
    dice = draw(st.randoms(use_true_random=False))
    return Stream(records, [batches(dice, records) for _ in range(2)])


def item(name: int, partition: int, offset: int, revised: int, content: int | str) -> Record:
    """One version of one document, with one content however often it is crawled; of name -1 a dead letter."""
    if name < 0:
        return a_letter(offset, partition=partition)
    if content == "down":
        return a_retraction(name, offset, partition=partition, revised=revised)
    dice = random.Random(f"{name} {revised} {content}" if revised else name)
    make = {"revised": revised} if revised else {}
    sentiment = dice.choice(SENTIMENTS)
    return (a_correction if revised else a_document)(
        name,
        offset,
        partition=partition,
        minute=dice.choice((0, 0.5, 1, 1441)),
        sentiment=sentiment,
        novelty=dice.choice(("new", "reprint", "same")),
        score_micro=dice.randrange(-(10**6), 10**6),
        topics=tuple(dice.sample(("legal", "credit"), dice.randrange(3))),
        mentions=tuple(a_mention(e, sentiment, dice.randrange(9)) for e in dice.sample("abc", dice.randrange(3))),
        model_version=dice.choice(("m1", "m2")),
        title=f"Version {dice.random()}",
        **make,
    )


def batches(dice: random.Random, records: list[Record]) -> list[list[Record]]:
    """Everything at least once, some of it more often, in any order and cut anywhere."""
    order = records + dice.choices(records, k=dice.randrange(len(records) + 1))
    dice.shuffle(order)
    cuts = sorted(dice.choices(range(len(order) + 1), k=dice.randrange(5)))
    return [order[start:end] for start, end in zip([0, *cuts], [*cuts, len(order)], strict=True)]


def deliver(ingest: Ingest, batch: list[Record]) -> int:
    """Books a batch; returns by how much it changed the number of documents in force."""
    versions = [record for record in batch if not isinstance(record, DeadLetter)]
    letters = [record for record in batch if isinstance(record, DeadLetter)]
    scored = ingest.scored(versions, [ReadTo(SCORED, 0, 1)])
    dead = ingest.dead(letters, [])
    told = (scored.fresh, scored.corrected, scored.retracted, scored.superseded, scored.repeated, scored.redelivered)
    assert sum(told) == len(versions)
    assert dead.dead + dead.redelivered == len(letters)
    return scored.fresh - scored.retracted


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(streams())
def test_any_delivery_adds_up_to_the_set_of_distinct_documents(database: Engine, stream: Stream):
    wipe(database)
    clock = SteppingClock()
    ingest = Ingest(database, allowed_lateness=LATENESS, clock=clock)
    read, counting = {}, 0

    for batch in stream.deliveries[0]:
        counting += deliver(ingest, batch)
        read[clock.now] = counted(trend_rows(database))

    assert counted(trend_rows(database)) == expected(stream.versions)
    assert counting == len(in_force(stream.versions))
    assert differences(database, stream.ends) == []
    assert {moment: as_of(database, moment) for moment in read} == read


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(streams())
def test_two_workers_that_get_the_same_records_at_once_count_them_once(database: Engine, stream: Stream):
    wipe(database)
    ingests = [an_ingest(database), an_ingest(database)]

    def work(worker: int) -> int:
        return sum(deliver(ingests[worker], batch) for batch in stream.deliveries[worker])

    with ThreadPoolExecutor(2) as pool:
        counting = sum(pool.map(work, range(2)))

    assert counted(trend_rows(database)) == expected(stream.versions)
    assert counting == len(in_force(stream.versions))
    assert differences(database, stream.ends) == []
