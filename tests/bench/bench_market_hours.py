"""What a round of the alert engine waits for a month of the market: summed from minutes, and from `market_hours`.

`python tests/bench/bench_market_hours.py [--days 40]`, the median of ten readings in turn. In every minute the market
has a row for any topic, and on each of eleven topics one in three minutes.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.types import DateTime

from alerts.detection.counts import StoredCounts
from alerts.detection.grave_topics import GRAVE
from alerts.detection.series import MINUTES_A_DAY, time_of
from deploy.scratch import scratch_services
from storage.connection import connect
from storage.driver import transaction
from storage.schema import migrate

_NOW = 28_000_000 // 60 * 60
_READ_DAYS = 30
_ROUNDS = 10
_COPY = (
    "COPY trend_counts (entity_id, topic, bucket, model_version, documents, stories, negative, neutral, positive, "
    "negative_stories, score_micro, revision, revised_at) FROM STDIN"
)
_MINUTES = text(
    """
    select date_trunc('hour', bucket, 'UTC'), coalesce(sum(negative_stories) filter (where topic = any(:topics)), 0),
           sum(documents) filter (where topic = '*')
    from trend_counts
    where entity_id = '*' and topic = any(array_append(cast(:topics as text[]), '*')) and bucket >= :since
    group by 1
    """
).bindparams(bindparam("since", type_=DateTime(timezone=True)))


def main() -> None:
    """Fills a database of its own, reads, and prints milliseconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=40)
    days = parser.parse_args().days
    with scratch_services() as services:
        engine = connect(services.database_url, pool_size=1)
        migrate(engine)
        began = time.perf_counter()
        with transaction(engine) as (_, driver), driver.cursor() as cursor, cursor.copy(_COPY) as copy:
            written = 0
            for row in _rows(days):
                copy.write_row(row)
                written += 1
        print(
            f"{written:,} rows written, {(time.perf_counter() - began) / written * 1e6:.0f} us each, trigger included"
        )
        with engine.connect() as connection:
            connection.exec_driver_sql("analyze trend_counts")
            _compare(connection)
        engine.dispose()


def _rows(days: int) -> Iterator[tuple[Any, ...]]:
    draw = random.Random(1)
    topics = ("*", *(f"topic-{number}" for number in range(8)), *GRAVE[:3])
    for minute in range(_NOW - days * MINUTES_A_DAY, _NOW):
        at = time_of(minute)
        for topic in topics:
            if topic == "*" or draw.random() < 1 / 3:
                yield ("*", topic, at, "m", 7, 6, 2, 3, 2, 2, -5, 1, at)


def _compare(connection: Connection) -> None:
    since = _NOW - _READ_DAYS * MINUTES_A_DAY
    for name, topics in (("all news", ()), ("grave topics", GRAVE)):
        given = {"topics": list(topics), "since": time_of(since)}
        ways: dict[str, Callable[[], object]] = {
            "minutes": lambda given=given: connection.execute(_MINUTES, given).all(),  # type: ignore[misc]
            "market_hours": lambda topics=topics: StoredCounts(connection).market(since, _NOW, topics),  # type: ignore[misc]
        }
        took: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(_ROUNDS):
            for way, read in ways.items():
                began = time.perf_counter()
                read()
                took[way].append((time.perf_counter() - began) * 1000)
        print(
            f"{name}, {_READ_DAYS} days: "
            + ", ".join(f"{way} {statistics.median(ms):.1f} ms" for way, ms in took.items())
        )


if __name__ == "__main__":
    main()
