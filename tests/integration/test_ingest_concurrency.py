"""Several windows workers at once: they meet on the market's rows and on reprinted ids, never deadlock, and add up."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor

from book_records import NOON, SCORED, a_correction, a_document, a_mention, a_retraction, in_batches
from books import an_ingest, counted, differences, expected, in_force, scalar, sums, trend_rows
from eventually import eventually
from sqlalchemy import Engine, text

from alerts.detection.series import minute_of
from alerts.detection.work import cross_off, look_at
from storage import ledger
from storage.driver import transaction
from storage.erasure import erase
from storage.ingest import ReadTo
from storage.partitions import ensure_days, stored_days
from storage.records import Origin

WORKERS = 4
EACH = 300


def records_of(partition: int):
    """Half of the names are shared by all partitions; companies and minutes come in another order in each."""
    dice = random.Random(partition)
    names = [f"shared-{n}" for n in range(EACH // 2)] + [f"own-{partition}-{n}" for n in range(EACH // 2)]
    dice.shuffle(names)
    records = []
    for offset, name in enumerate(names):
        content = random.Random(name)
        companies = content.sample([f"company-{n}" for n in range(30)], 3)
        dice.shuffle(companies)
        records.append(
            a_document(
                name,
                offset,
                partition=partition,
                minute=content.randrange(3),
                topics=tuple(dice.sample(("credit", "legal"), 2)),
                mentions=tuple(a_mention(company, score_micro=content.randrange(9)) for company in sorted(companies)),
            )
        )
    return records


def run_together(work, count: int = WORKERS):
    gate = threading.Barrier(count)

    def start(number: int):
        gate.wait()
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return [done.result(timeout=120) for done in [pool.submit(start, number) for number in range(count)]]


def test_workers_with_partitions_of_their_own_add_up(database: Engine):
    streams = [records_of(partition) for partition in range(WORKERS)]

    def work(partition: int) -> int:
        ingest = an_ingest(database)
        return sum(
            ingest.scored(batch, [ReadTo(SCORED, partition, batch[-1].origin.offset + 1)]).fresh
            for batch in in_batches(streams[partition], 25)
        )

    fresh = run_together(work)

    everything = [document for stream in streams for document in stream]
    assert sum(fresh) == len({document.document_id for document in everything})
    assert sums(trend_rows(database)) == expected(everything)
    assert differences(database, dict.fromkeys(range(WORKERS), EACH)) == []


def test_zombies_that_write_the_same_partitions_as_their_successors_count_nothing_twice(database: Engine):
    """Four workers believe that they own partitions 0 and 1, and each batch holds records of both."""
    everything = [document for pair in zip(records_of(0), records_of(1), strict=True) for document in pair]

    def work(worker: int) -> int:
        ingest = an_ingest(database)
        order = in_batches(everything, 20 + worker)
        random.Random(worker).shuffle(order)
        return sum(ingest.scored(batch[:: 1 if worker % 2 else -1], []).fresh for batch in order)

    fresh = run_together(work)

    assert sum(fresh) == len({document.document_id for document in everything})
    assert sums(trend_rows(database)) == expected(everything)
    assert differences(database, {0: EACH, 1: EACH}) == []


def test_workers_that_revise_the_same_documents_at_once_wait_but_never_in_a_circle(database: Engine):
    """Each partition brings the first form, two corrections and a takedown of every shared document, in any order."""
    streams = [revisions_of(partition) for partition in range(WORKERS)]

    def work(partition: int) -> int:
        ingest, counting = an_ingest(database), 0
        for batch in in_batches(streams[partition], 17):
            told = ingest.scored(batch, [])
            counting += told.fresh - told.retracted
        return counting

    counting = run_together(work)

    everything = [record for stream in streams for record in stream]
    assert sum(counting) == len(in_force(everything))
    assert counted(trend_rows(database)) == expected(everything)
    assert differences(database, {number: len(stream) for number, stream in enumerate(streams)}) == []


def revisions_of(partition: int):
    dice = random.Random(partition)
    names = [f"shared-{n}" for n in range(60)]
    kinds = [(name, kind) for name in names for kind in range(5)]
    dice.shuffle(kinds)
    records = []
    for offset, (name, kind) in enumerate(kinds):
        content = random.Random(f"{name} {kind}")
        fields = {
            "partition": partition,
            "minute": content.randrange(3),
            "mentions": tuple(a_mention(f"company-{n}") for n in content.sample(range(9), 3)),
            "title": f"{name} {kind}",
        }
        if kind == 0:
            records.append(a_document(name, offset, **fields))
        elif kind < 4:
            records.append(a_correction(name, offset, revised=kind, **fields))
        else:
            records.append(a_retraction(name, offset, partition=partition, revised=content.choice((2.5, 9))))
    return records


def test_a_correction_that_meets_an_erasure_waits_for_it_and_stores_no_text(database: Engine):
    an_ingest(database).scored([a_document("a", 0)], [])
    document_id = a_document("a", 0).document_id
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"

    with ThreadPoolExecutor(1) as pool:
        with database.begin() as connection:
            erase(connection, document_id, now=NOON)
            correcting = pool.submit(an_ingest(database).scored, [a_correction("a", 1, title="A name")], [])
            eventually(lambda: scalar(database, waiting) == 1, what="the correction waits")
        told = correcting.result(timeout=60)

    assert (told.superseded, told.corrected) == (1, 0)
    assert scalar(database, "SELECT title || body || url FROM documents") == ""
    assert differences(database, {0: 2}) == []


def test_the_alert_engine_may_take_changed_buckets_while_they_are_written(database: Engine):
    """It crosses off what nobody has touched since it looked; no change of a sum goes unseen."""
    done = threading.Event()
    seen: dict[str, int] = {}

    def work(worker: int) -> None:
        if worker:
            try:
                ingest = an_ingest(database)
                for batch in in_batches(records_of(0), 10):
                    ingest.scored(batch, [])
            finally:
                done.set()
            return
        while True:
            last_round = done.is_set()
            take(database, seen)
            if last_round:
                return

    run_together(work, 2)

    with database.connect() as connection:
        counted = connection.execute(
            text("SELECT entity_id, sum(documents) FROM trend_counts WHERE topic = '*' GROUP BY 1")
        ).all()
    assert seen == {entity_id: int(documents) for entity_id, documents in counted}
    assert scalar(database, "SELECT count(*) FROM changed_buckets") == 0


def take(database: Engine, seen: dict[str, int]) -> None:
    with database.begin() as connection:
        forever = minute_of(NOON) + 1_000_000
        work = look_at(connection, ready=forever, waited=forever, after=(0, ""), most=1_000_000)
        for entity_id in {entity_id for _, entity_id in work.jobs}:
            query = text("SELECT sum(documents) FROM trend_counts WHERE topic = '*' AND entity_id = :entity_id")
            seen[entity_id] = int(connection.execute(query, {"entity_id": entity_id}).scalar_one())
        cross_off(connection, work, later=frozenset(), waiting=frozenset())


def test_processes_that_need_the_same_days_make_them_once(database: Engine):
    days = {a_document(n, n, minute=n * 1440).published_at.date() for n in range(6)}

    def work(worker: int) -> None:
        with database.begin() as connection:
            ensure_days(connection, days)

    run_together(work)

    with database.connect() as connection:
        assert stored_days(connection) == sorted(days)


def test_workers_that_open_the_same_partitions_at_once_never_wait_in_a_circle(database: Engine):
    def work(number: int) -> None:
        dice = random.Random(number)
        for round_ in range(150):
            partitions = dice.sample(range(6), dice.randint(1, 5))
            with transaction(database) as (_, driver):
                ledger.lock(
                    driver.cursor(), [Origin(topic=f"t{round_}", partition=each, offset=0) for each in partitions]
                )

    run_together(work)
    assert scalar(database, "SELECT count(*) FROM ledger") > 150
