"""What analysts see: the views add up, the documented queries run as their role, and that role sees no more."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from book_records import NOON, SCORED, SteppingClock, a_document, a_letter, a_mention
from books import LATENESS, an_ingest, trend_rows
from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError

from storage import watchlist_table
from storage.errors import WatchListRowsError
from storage.ingest import Ingest, ReadTo
from storage.trends import latency_ms, minute_series

ROOT = Path(__file__).parents[2]


class Company:
    def __init__(self, entity_id: str, name: str) -> None:
        self.entity_id, self.name = entity_id, name
        self.aliases, self.tickers, self.groups = (name,), ("ACM",), ("banks",)


@pytest.fixture
def books(database: Engine) -> Engine:
    """Two hours of Acme: calm, then a bad quarter of an hour with an alert at 12:30, and one document too late."""
    clock = SteppingClock(NOON)
    ingest = Ingest(database, allowed_lateness=LATENESS, clock=clock)
    acme = (a_mention("acme", score_micro=-800_000),)
    calm = [
        a_document(
            n, n, minute=n * 5, sentiment="positive", score_micro=500_000, mentions=(a_mention("acme", "positive", 1),)
        )
        for n in range(6)
    ]
    crisis = [a_document(10 + n, 6 + n, minute=30 + n, mentions=acme, topics=("credit",)) for n in range(15)]
    ingest.scored([*calm, *crisis], [ReadTo(SCORED, 0, 21)])
    opened_at = clock.now
    ingest.scored([a_document("late", 21, minute=31, mentions=acme, flags=("html_removed",))], [ReadTo(SCORED, 0, 22)])
    watchlist_table.sync(database, [Company("acme", "Acme Bank")])
    ingest.dead([a_letter(22)], [])
    with database.begin() as connection:
        connection.execute(
            _ALERT, {"first": NOON + timedelta(minutes=30), "last": NOON + timedelta(minutes=44), "opened": opened_at}
        )
    return database


_ALERT = text(
    """
    INSERT INTO alerts (alert_id, entity_id, detector, status, severity, first_bucket, last_bucket, horizon_s, observed,
                        expected, p_value, evidence, opened_at, updated_at)
    VALUES (gen_random_uuid(), 'acme', 'surge', 'firing', 'high', :first, :last, 900, 15,
            0.5, 1e-9, '[]', :opened, :opened)
    """
)


def as_reader(engine: Engine, query: str) -> list[dict]:
    with engine.connect() as connection:
        connection.execute(text("SET LOCAL ROLE yuqing_reader"))
        return [dict(row) for row in connection.exec_driver_sql(query).mappings()]


def documented_queries() -> list[tuple[str, int, str]]:
    pages = [ROOT / "docs" / "sql.md", ROOT / "README.md"]
    return [
        (page.name, number, query)
        for page in pages
        if page.exists()
        for number, query in enumerate(re.findall(r"```sql\n(.*?)```", page.read_text("utf-8"), re.DOTALL), start=1)
    ]


@pytest.mark.parametrize(("page", "number", "query"), documented_queries())
def test_every_documented_query_answers_the_reader(books: Engine, page: str, number: int, query: str):
    assert as_reader(books, query.replace("%", "%%")), f"query {number} of {page} returned no row"


def test_five_queries_are_documented_and_the_readme_shows_the_same():
    queries = [query for page, _, query in documented_queries() if page == "sql.md"]
    shown = [query for page, _, query in documented_queries() if page == "README.md"]

    assert len(queries) == 5
    assert not shown or set(queries) <= set(shown)


def test_the_documented_answers_are_right(books: Engine):
    worst, steps, stories, then_and_now, feeds = (
        as_reader(books, q) for page, _, q in documented_queries() if page == "sql.md"
    )

    assert worst == [{"name": "Acme Bank", "documents": 22, "negative_stories": 16, "negative_share": Decimal("0.73")}]
    assert [row["negative"] for row in steps] == [0, 0, 0, 0, 0, 0, 6, 5, 5]
    assert len(stories) == 16
    assert stories[0]["score"] == Decimal("-0.80")
    revised = [row for row in then_and_now if row["revised_after_final"]]
    assert [(row["negative_then"], row["negative_now"], row["revision"]) for row in revised] == [(1, 2, 2)]
    assert (feeds[0]["documents"], feeds[0]["mended"], feeds[0]["median_delay"]) == (22, 1, timedelta(seconds=2))


@pytest.mark.parametrize("relation", ["dead_letters", "deliveries", "changed_buckets", "document_keys"])
def test_the_reader_does_not_see_what_is_not_for_it(books: Engine, relation: str):
    with pytest.raises(ProgrammingError, match="permission denied"):
        as_reader(books, f"SELECT * FROM {relation}")


@pytest.mark.parametrize(
    "relation", ["trends", "documents", "documents_20240506", "mentions_20240506", "alert_log", "dead_letter_counts"]
)
def test_the_reader_sees_views_and_tables_and_the_partitions_made_later(books: Engine, relation: str):
    assert as_reader(books, f"SELECT * FROM {relation}")


def test_the_reader_changes_nothing(books: Engine):
    with pytest.raises(ProgrammingError, match="permission denied"):
        as_reader(books, "DELETE FROM documents")


@pytest.mark.parametrize(("view", "step"), [("trends_5m", 300), ("trends_1h", 3600), ("trends_1d", 86400)])
def test_roll_ups_are_the_sums_of_their_minutes_over_model_versions(books: Engine, view: str, step: int):
    an_ingest(books).scored(
        [a_document("other model", 23, minute=31, model_version="m2", mentions=(a_mention("acme"),))], []
    )
    totals: dict[tuple[str, str, int], int] = {}
    for row in trend_rows(books):
        key = (row.entity_id, row.topic, int(row.bucket.timestamp()) // step * step)
        totals[key] = totals.get(key, 0) + row.score_micro

    rows = as_reader(books, f"SELECT * FROM {view}")

    assert {
        (row["entity_id"], row["topic"], int(row["bucket"].timestamp())): row["score_micro"] for row in rows
    } == totals
    mixed = next(r for r in rows if r["entity_id"] == "acme" and r["topic"] == "*" and r["documents"] >= 3)
    assert mixed["model_versions"] == ["m1", "m2"] or view == "trends_5m"


def test_trends_tell_name_mean_share_and_state(books: Engine):
    [row] = as_reader(
        books,
        f"SELECT * FROM trends WHERE entity_id = 'acme' AND topic = '*' AND bucket = '{NOON + timedelta(minutes=31)}'",
    )

    assert (row["name"], row["documents"], row["mean_score"], row["negative_share"]) == ("Acme Bank", 2, -0.8, 1.0)
    assert (row["state"], row["revision"], row["revised_after_final"]) == ("final", 2, True)


def test_as_of_now_equals_the_trends_and_as_of_before_the_first_document_is_empty(books: Engine):
    now = as_reader(
        books, "SELECT entity_id, topic, bucket, model_version, score_micro, stories FROM trends_as_of('infinity')"
    )
    stored = as_reader(books, "SELECT entity_id, topic, bucket, model_version, score_micro, stories FROM trends")

    def key(row):
        return tuple(row.values())

    assert sorted(now, key=key) == sorted(stored, key=key)
    assert as_reader(books, f"SELECT * FROM trends_as_of('{NOON}')") == []


def test_the_minutes_of_an_entity_are_summed_over_model_versions_and_bounded(books: Engine):
    an_ingest(books).scored(
        [a_document("other model", 23, minute=31, model_version="m2", mentions=(a_mention("acme"),))], []
    )
    since, until = NOON + timedelta(minutes=30), NOON + timedelta(minutes=33)
    with books.connect() as connection:
        minutes = minute_series(connection, "acme", since, until)
        assert minute_series(connection, "acme", since, until, topic="legal") == []

    assert [(minute.bucket, minute.documents, minute.negative_stories) for minute in minutes] == [
        (since, 1, 1),
        (since + timedelta(minutes=1), 3, 3),
        (since + timedelta(minutes=2), 1, 1),
    ]


def test_latency_is_measured_to_the_commit(database: Engine):
    with database.connect() as connection:
        assert latency_ms(connection) == {}
        now = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    an_ingest(database).scored([a_document(n, n, arrived_at=now - timedelta(seconds=n)) for n in range(3)], [])

    with database.connect() as connection:
        latency = latency_ms(connection)
        recent = latency_ms(connection, since=now - timedelta(seconds=0.5))

    assert list(latency) == ["p50", "p95", "p99"]
    assert 1000 < latency["p50"] < latency["p99"]
    assert recent["p99"] == pytest.approx(latency["p50"] - 1000, abs=1)


def test_the_watch_list_is_mirrored_and_what_left_it_keeps_its_trends(books: Engine):
    assert watchlist_table.sync(books, [Company("zeta", "Zeta"), Company("beta", "Beta")]) == 2
    assert [row["name"] for row in as_reader(books, "SELECT name FROM entities ORDER BY 1")] == ["Beta", "Zeta"]
    assert as_reader(books, "SELECT DISTINCT name FROM trends WHERE entity_id = 'acme'") == [{"name": "acme"}]
    assert watchlist_table.sync(books, []) == 0
    assert as_reader(books, "SELECT * FROM entities") == []


def test_of_the_mirrored_list_only_what_changed_is_written(database: Engine):
    watchlist_table.sync(database, [Company("acme", "Acme"), Company("beta", "Beta")])
    acme, beta = row_versions(database)
    watchlist_table.sync(database, [Company("acme", "Acme Bank"), Company("beta", "Beta")])
    changed, same = row_versions(database)
    assert (changed != acme, same) == (True, beta)


def row_versions(database: Engine) -> list[str]:
    """Which transaction wrote each row of the mirrored list."""
    with database.connect() as connection:
        return list(connection.execute(text("SELECT xmin::text FROM entities ORDER BY entity_id")).scalars())


@pytest.mark.parametrize(("ids", "complaint"), [(["*"], "reserved"), ([""], "reserved"), (["a", "a"], "comes twice")])
def test_a_watch_list_that_cannot_be_told_apart_is_refused_whole(books: Engine, ids: list[str], complaint: str):
    with pytest.raises(WatchListRowsError, match=complaint):
        watchlist_table.sync(books, [Company(entity_id, "Name") for entity_id in ids])

    assert [row["entity_id"] for row in as_reader(books, "SELECT entity_id FROM entities")] == ["acme"]
