"""How many documents a second enter the books: python tests/bench/bench_ingest.py --help

Starts an embedded PostgreSQL in a temporary folder unless --database names one (a new database is made there and
dropped again). Documents are like those of a replay: 1.2 companies and 1.1 topics each, 1.5 kB of text, 7 a minute.
Each worker has a partition of its own, all write the same minutes, so they meet on the market-wide rows. On a busy
machine look at the CPU that a document takes rather than at the rate.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import psutil
import psycopg
from msgspec.structs import replace

from deploy.embedded.ports import remembered_ports
from deploy.embedded.postgres import EmbeddedPostgres
from storage.connection import connect
from storage.ingest import Ingest, ReadTo
from storage.records import Mention, Origin, Retraction, ScoredDocument
from storage.schema import migrate

START = datetime(2024, 5, 6, tzinfo=UTC)
COMPANIES = [f"company-{number}" for number in range(1800)]
TOPICS = ["earnings", "legal", "mergers", "credit", "management", "products", "macro", "markets"]
WORDS = [f"word{number}" for number in range(5000)]
SENTIMENTS = ("negative", "neutral", "neutral", "positive")


def document(random_: random.Random, partition: int, offset: int) -> ScoredDocument:
    companies = random_.sample(COMPANIES, random_.choice((0, 1, 1, 1, 1, 2, 3)))
    sentiment = random_.choice(SENTIMENTS)
    return ScoredDocument(
        document_id=UUID(int=random_.getrandbits(128)),
        origin=Origin(topic="documents.raw", partition=partition, offset=offset),
        source=f"feed-{random_.randrange(30)}",
        url=f"https://news.example/{random_.getrandbits(40):x}",
        title=" ".join(random_.choices(WORDS, k=10)),
        body=" ".join(random_.choices(WORDS, k=170)),
        language="en",
        published_at=START + timedelta(seconds=offset * 60 / 7, microseconds=random_.randrange(10**6)),
        arrived_at=START + timedelta(seconds=offset),
        story_id=UUID(int=random_.getrandbits(128)),
        novelty=random_.choice(("new", "new", "reprint")),
        sentiment=sentiment,
        negative=0.3,
        neutral=0.4,
        positive=0.3,
        score_micro=random_.randrange(-(10**6), 10**6),
        topics=tuple(random_.sample(TOPICS, random_.choice((0, 1, 1, 2)))),
        mentions=tuple(Mention(entity_id=c, surface=c, sentiment=sentiment, score_micro=-5) for c in companies),
        model_version="bench",
    )


def made(count: int, partition: int) -> list[ScoredDocument]:
    random_ = random.Random(partition)
    return [document(random_, partition, offset) for offset in range(count)]


def with_revisions(documents: list[ScoredDocument], share: float) -> list[ScoredDocument | Retraction]:
    """The same records, a share of which correct or take down, by turns, a document that came before them."""
    random_ = random.Random(7)
    records: list[ScoredDocument | Retraction] = []
    for number, one in enumerate(documents):
        if not number or random_.random() >= share:
            records.append(one)
            continue
        known = documents[random_.randrange(number)]
        at = one.arrived_at
        if len(records) % 2:
            records.append(replace(one, document_id=known.document_id, published_at=known.published_at, revised_at=at))
        else:
            records.append(
                Retraction(
                    document_id=known.document_id,
                    origin=one.origin,
                    published_at=at,
                    arrived_at=at,
                    revised_at=at,
                )
            )
    return records


def work(ingest: Ingest, documents: Sequence[ScoredDocument | Retraction], batch: int) -> None:
    for start in range(0, len(documents), batch):
        part = documents[start : start + batch]
        last = part[-1].origin
        ingest.scored(part, [ReadTo("documents.scored", last.partition, last.offset + 1)])


def measure(server: str, documents: int, batch: int, workers: int, revised: float) -> str:
    with fresh_database(server) as url:
        engine = connect(url, pool_size=workers)
        migrate(engine)
        ingest = Ingest(engine, allowed_lateness=timedelta(minutes=5), clock=lambda: datetime.now(UTC))
        parts = [with_revisions(made(documents // workers, partition), revised) for partition in range(workers)]
        started, own = time.perf_counter(), time.process_time()
        with ThreadPoolExecutor(workers) as pool:
            for done in [pool.submit(work, ingest, part, batch) for part in parts]:
                done.result()
        seconds, own = time.perf_counter() - started, time.process_time() - own
        theirs = backends_cpu_s(url)
        with engine.connect() as connection:
            stored = connection.exec_driver_sql(
                "SELECT sum(upper(r) - lower(r))::bigint FROM ledger, unnest(accounted) r"
            ).scalar_one()
            rows = connection.exec_driver_sql("SELECT count(*) FROM trend_counts").scalar_one()
        engine.dispose()
    return (
        f"{workers} worker(s), batches of {batch}: {stored / seconds:,.0f} documents/s "
        f"({stored} documents, {rows} trend rows, {seconds:.2f} s; CPU a document: "
        f"{own / stored * 1e6:.0f} us here, {theirs / stored * 1e6:.0f} us in PostgreSQL)"
    )


def backends_cpu_s(url: str) -> float:
    """CPU seconds of the sessions that are open in this database; 0 where the server runs elsewhere."""
    with psycopg.connect(url) as session:
        pids = session.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchall()
    times = [psutil.Process(pid).cpu_times() for (pid,) in pids if psutil.pid_exists(pid)]
    return sum(spent.user + spent.system for spent in times)


@contextmanager
def fresh_database(server: str) -> Iterator[str]:
    name = f"bench{uuid4().hex[:8]}"
    with psycopg.connect(server, autocommit=True) as session:
        session.execute(f"CREATE DATABASE {name}")
        yield server.rsplit("/", 1)[0] + f"/{name}"
        session.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def embedded() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        port = remembered_ports(Path(folder) / "ports.json", ("postgres",))["postgres"]
        server = EmbeddedPostgres(Path(folder), port=port, secret=uuid4().hex)
        server.start()
        try:
            yield server.url
        finally:
            server.process.stop()
            server.wipe()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--database", help="postgresql:// URL of a server; default: an embedded one")
    arguments.add_argument("--documents", type=int, default=30_000)
    arguments.add_argument("--batch", type=int, nargs="+", default=[200, 1000, 2000])
    arguments.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    arguments.add_argument("--revised", type=float, default=0.0, help="share of records that correct or take down")
    given = arguments.parse_args()
    with embedded() if not given.database else _given(given.database) as server:
        for workers in given.workers:
            for batch in given.batch:
                print(measure(server, given.documents, batch, workers, given.revised), flush=True)


@contextmanager
def _given(url: str) -> Iterator[str]:
    yield url


if __name__ == "__main__":
    main()
