"""What rules of an operator cost the alert engine: a round over the newest minute, and a dry run over five days.

`python tests/bench/bench_rules.py [DOCUMENTS]`: so many documents (50,000) of the usual make are booked into a database
of its own, seven a minute or more. Seconds are of the wall; the database does most of it.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from time import perf_counter

from scored_backlog import scored_documents
from sqlalchemy import Engine, text

from alerts.detection.series import minute_of
from alerts.detection.stored_past import moved_buckets
from alerts.rules.judging import find
from alerts.rules.stored import StoredDocuments
from alerts.rules.trying import tried
from deploy.rule_settings import Rule
from deploy.scratch import scratch_services
from storage.connection import connect
from storage.ingest import Ingest, ReadTo
from storage.schema import migrate
from stream.topics import Topics

RULES = {
    "counts of each company": {"negative_stories": 3},
    "share of each company": {"negative_share": 0.5, "documents": 5, "within_min": 1440},
    "words of each company": {"words": ["word17", "违约"], "documents": 2},
    "pattern in all documents": {"entities": ["*"], "pattern": "word1[0-9] word2", "documents": 2, "within_min": 1440},
}
AT_ONCE = 2000


def book(engine: Engine, count: int) -> None:
    """The documents, as the windows stage books them."""
    ingest = Ingest(engine, allowed_lateness=timedelta(hours=1), clock=lambda: datetime.now(UTC))
    batch = []
    for number, document in enumerate(scored_documents(count, Topics.prefixed("bench."))):
        batch.append(document)
        if len(batch) == AT_ONCE or number == count - 1:
            ingest.scored(batch, [ReadTo("bench.documents.scored", 0, number + 1)])
            batch = []
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("vacuum analyze")


def seconds_of(engine: Engine, given: dict[str, object]) -> dict[str, float]:
    """One rule: the newest minute alone, and the whole."""
    rule = Rule.model_validate({"name": "bench", **given}).judge()
    with engine.connect() as connection:
        newest = minute_of(connection.execute(text("select max(published_at) from documents")).scalar_one())
        (jobs,) = moved_buckets(connection, newest, newest)
        began = perf_counter()
        find(rule, jobs, newest, StoredDocuments(connection))
        newest_s, began = perf_counter() - began, perf_counter()
        alerts = tried(connection, rule, newest - 5 * 1440, newest)
        return {"newest_minute": round(newest_s, 4), "dry_run": round(perf_counter() - began, 2), "alerts": len(alerts)}


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    with scratch_services() as scratch:
        engine = connect(scratch.database_url, pool_size=1)
        migrate(engine)
        book(engine, count)
        told = {name: seconds_of(engine, given) for name, given in RULES.items()}
        engine.dispose()
    print(json.dumps({"documents": count, "seconds": told}, indent=1))


if __name__ == "__main__":
    main()
