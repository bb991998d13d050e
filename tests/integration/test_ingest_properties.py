"""Whatever the broker does, the sums are those of the set of distinct documents.

Records are lost on the way to the acknowledgement, delivered again, cut into other batches, read by two workers at
once and in any order; the same document is crawled several times; some records are dead. After all of it was
delivered at least once, trends equal the sums of the distinct documents, and the audit has nothing to say.
"""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from book_records import SCORED, a_document, a_letter, a_mention
from books import an_ingest, differences, expected, sums, trend_rows, wipe
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from storage.ingest import Ingest, ReadTo
from storage.records import DeadLetter, ScoredDocument

SENTIMENTS = ("negative", "neutral", "positive")


@dataclass
class Stream:
    """Two raw partitions, and for each of two workers the batches that it gets, in order."""

    records: list[ScoredDocument | DeadLetter]
    deliveries: list[list[list[ScoredDocument | DeadLetter]]]

    @property
    def documents(self) -> list[ScoredDocument]:
        return [record for record in self.records if isinstance(record, ScoredDocument)]

    @property
    def ends(self) -> dict[int, int]:
        numbers = [record.origin.partition for record in self.records]
        return {number: numbers.count(number) for number in set(numbers)}


@st.composite
def streams(draw: st.DrawFn) -> Stream:
    chosen = draw(st.lists(st.tuples(st.integers(-1, 6), st.integers(0, 1)), min_size=1, max_size=14))
    ends, records = [0, 0], []
    for name, partition in chosen:
        offset = ends[partition]
        ends[partition] += 1
        records.append(a_letter(offset, partition=partition) if name < 0 else item(name, partition, offset))
    dice = draw(st.randoms(use_true_random=False))
    return Stream(records, [batches(dice, records) for _ in range(2)])


def item(name: int, partition: int, offset: int) -> ScoredDocument:
    """The same name always has the same content: one document, however often it is crawled."""
    dice = random.Random(name)
    sentiment = dice.choice(SENTIMENTS)
    return a_document(
        name,
        offset,
        partition=partition,
        minute=dice.choice((0, 0.5, 1, 1441)),
        sentiment=sentiment,
        novelty=dice.choice(("new", "reprint", "same")),
        score_micro=dice.randrange(-(10**6), 10**6),
        topics=tuple(dice.sample(("legal", "credit"), dice.randrange(3))),
        mentions=tuple(a_mention(e, sentiment, dice.randrange(9)) for e in dice.sample("abc", dice.randrange(3))),
    )


def batches(dice: random.Random, records: list[ScoredDocument | DeadLetter]) -> list:
    """Everything at least once, some of it more often, in any order and cut anywhere."""
    order = records + dice.choices(records, k=dice.randrange(len(records) + 1))
    dice.shuffle(order)
    cuts = sorted(dice.choices(range(len(order) + 1), k=dice.randrange(5)))
    return [order[start:end] for start, end in zip([0, *cuts], [*cuts, len(order)], strict=True)]


def deliver(ingest: Ingest, batch: list[ScoredDocument | DeadLetter]) -> int:
    documents = [record for record in batch if isinstance(record, ScoredDocument)]
    letters = [record for record in batch if isinstance(record, DeadLetter)]
    scored = ingest.scored(documents, [ReadTo(SCORED, 0, 1)])
    dead = ingest.dead(letters, [])
    assert scored.fresh + scored.repeated + scored.redelivered == len(documents)
    assert dead.dead + dead.redelivered == len(letters)
    return scored.fresh


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(streams())
def test_any_delivery_adds_up_to_the_set_of_distinct_documents(database: Engine, stream: Stream):
    wipe(database)
    ingest = an_ingest(database)

    fresh = sum(deliver(ingest, batch) for batch in stream.deliveries[0])

    assert sums(trend_rows(database)) == expected(stream.documents)
    assert fresh == len({document.document_id for document in stream.documents})
    assert differences(database, stream.ends) == []


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(streams())
def test_two_workers_that_get_the_same_records_at_once_count_them_once(database: Engine, stream: Stream):
    wipe(database)
    ingests = [an_ingest(database), an_ingest(database)]

    def work(worker: int) -> int:
        return sum(deliver(ingests[worker], batch) for batch in stream.deliveries[worker])

    with ThreadPoolExecutor(2) as pool:
        fresh = sum(pool.map(work, range(2)))

    assert sums(trend_rows(database)) == expected(stream.documents)
    assert fresh == len({document.document_id for document in stream.documents})
    assert differences(database, stream.ends) == []
