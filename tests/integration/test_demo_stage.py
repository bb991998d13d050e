"""What a demonstration prepares and reads, on the real broker, database and cache."""

from __future__ import annotations

import io
import threading
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
import redis
from confluent_kafka.admin import AdminClient
from eventually import eventually
from rich.console import Console
from sqlalchemy import Engine, text

from deploy.demo.books import Books, Counted, read_books, tipped_at, trend_lines
from deploy.demo.feed import feed
from deploy.demo.items import Item
from deploy.demo.opening import own_settings, sole_run
from deploy.demo.progress import Board
from deploy.demo.stage import Stage, clear_earlier, create_database
from deploy.demo.watching import StalledError, Watch
from deploy.embedded import StackAddresses
from deploy.errors import UsageError
from storage.ingest import Ingest, ReadTo
from storage.records import DeadLetter, Mention, Origin, ScoredDocument
from stream.publisher import Publisher
from stream.topics import Topics, ensure_topics

MINUTE = datetime(2026, 5, 6, 13, 40, tzinfo=UTC)
BANK = "DEMO:HRBL"


def scored(offset: int, *, at: datetime = MINUTE, document_id: UUID | None = None) -> ScoredDocument:
    """A bad document about the bank."""
    return ScoredDocument(
        document_id=document_id or uuid4(),
        origin=Origin(topic="raw", partition=0, offset=offset),
        source="coastwire",
        title="Queues at the bank",
        language="en",
        published_at=at,
        arrived_at=at,
        story_id=uuid4(),
        novelty="new",
        sentiment="negative",
        negative=0.9,
        neutral=0.1,
        positive=0.0,
        score_micro=-900_000,
        mentions=(Mention(entity_id=BANK, surface="Harbourline", sentiment="negative", score_micro=-900_000),),
        model_version="small-1",
    )


@pytest.fixture
def books(database: Engine) -> Engine:
    """Three documents about the bank, one of them twice, and a dead letter."""
    ingest = Ingest(database, allowed_lateness=timedelta(hours=1), clock=lambda: MINUTE + timedelta(minutes=5))
    first = scored(0)
    batch = [first, scored(1), scored(2, at=MINUTE + timedelta(minutes=1)), scored(3, document_id=first.document_id)]
    ingest.scored(batch, [ReadTo("scored", 0, 4)])
    letter = DeadLetter(
        origin=Origin(topic="raw", partition=0, offset=4),
        reason="not_json",
        detail="the text ends",
        key=None,
        value=b"{",
        arrived_at=MINUTE,
    )
    ingest.dead([letter], [ReadTo("dead", 0, 1)])
    return database


def test_the_books_are_read_as_they_are(books: Engine) -> None:
    with books.connect() as connection:
        assert read_books(connection, crisis_entity=BANK) == Books(
            counted=Counted(stored=3, repeated=1, dead=1),
            documents=3,
            dead={"not_json": 1},
            trend_rows=4,  # two minutes, of the bank and of the market
            crisis_documents=3,
            engines=("small-1",),
        )
        lines = trend_lines(connection, entity=BANK)
        assert [(line.bucket, line.documents, line.negative) for line in lines] == [
            (MINUTE, 2, 2),
            (MINUTE + timedelta(minutes=1), 1, 1),
        ]
        assert [line.bucket for line in trend_lines(connection, entity=BANK, limit=1)] == [MINUTE]


def test_an_alarm_was_tipped_by_the_last_bad_document_that_was_visible(books: Engine) -> None:
    with books.connect() as connection:
        committed = connection.execute(
            text("SELECT max(pg_xact_commit_timestamp(xmin)) FROM document_keys")
        ).scalar_one()
        assert tipped_at(connection, entity=BANK, opened_at=committed) == MINUTE + timedelta(minutes=1)
        assert tipped_at(connection, entity=BANK, opened_at=committed - timedelta(hours=1)) is None
        assert tipped_at(connection, entity="DE:SAP", opened_at=committed) is None


@pytest.fixture
def stage(stack: StackAddresses) -> Iterator[Stage]:
    stage = Stage(uuid4().hex[:8], stack)
    yield stage
    clear_earlier(stack)


def test_a_run_has_its_own_database_topics_and_keys_and_the_next_one_removes_them(
    stage: Stage, stack: StackAddresses, topics: Topics, redis_client: redis.Redis
) -> None:
    create_database(stage)
    ensure_topics(stack.kafka, Topics.prefixed(stage.topic_prefix))
    admin = AdminClient({"bootstrap.servers": stack.kafka})

    def of_runs() -> list[str]:
        return [name for name in admin.list_topics(timeout=10).topics if name.startswith("demo-")]

    # The broker shows a new topic, and forgets a deleted one, after a moment.
    eventually(lambda: len(of_runs()) == len(topics.names()))
    with redis.Redis.from_url(stack.redis_url) as cache:
        cache.set(f"{stage.redis_prefix}hot", 1)
        cache.set("yuqing:hot", 1)
        open_session = psycopg.connect(stage.database_url)  # as a console left open would be

        clear_earlier(stack)

        assert cache.get(f"{stage.redis_prefix}hot") is None
        assert cache.get("yuqing:hot") is not None
        cache.delete("yuqing:hot")
    with pytest.raises(psycopg.OperationalError):
        open_session.execute("SELECT 1")
    with psycopg.connect(stack.database_url) as session:
        names = {name for (name,) in session.execute("SELECT datname FROM pg_database")}
    assert stage.database not in names
    assert "yuqing" in names
    eventually(lambda: of_runs() == [])
    assert topics.raw in admin.list_topics(timeout=10).topics


def test_the_watch_follows_what_is_fed_and_counted(books: Engine, bootstrap: str, topics: Topics) -> None:
    board = Board(Console(file=io.StringIO()), 5)
    watch = Watch(books, bootstrap, topics, board, alerts=lambda: 2)
    items = [Item(MINUTE, b"{}", "stored", key=b"k"), Item(MINUTE, b"", "dead", reason="not_json")]
    with Publisher(bootstrap, replace(topics, raw=topics.scored)) as publisher:
        assert feed(publisher, items, stop=threading.Event(), on_sent=watch.read) == 2
    tally = watch.look()
    assert (tally.read, tally.scored, tally.counted, tally.dead, tally.alerts) == (2, 2, 5, 1, 2)
    assert watch.until(lambda seen: seen.counted == 5, stop=threading.Event(), patience_s=1)


def test_waiting_ends_with_an_error_at_a_standstill_and_quietly_when_stopped(
    books: Engine, bootstrap: str, topics: Topics
) -> None:
    watch = Watch(books, bootstrap, topics, Board(Console(file=io.StringIO()), 5), alerts=lambda: 0)
    stop, now = threading.Event(), iter(range(0, 1000, 7))
    with pytest.raises(StalledError, match="nothing has moved for 20 s: read 0"):
        watch.until(lambda _: False, stop=stop, patience_s=20, seconds=lambda: float(next(now)))
    stop.set()
    assert watch.until(lambda _: False, stop=stop, patience_s=20) is False


def test_the_watch_outlives_a_topic_that_is_not_there_yet(books: Engine, bootstrap: str) -> None:
    absent = Topics.prefixed(f"absent{uuid4().hex[:6]}.")
    watch = Watch(books, bootstrap, absent, Board(Console(file=io.StringIO()), 5), alerts=lambda: 0)
    assert watch.look().scored == 0


def test_one_demonstration_at_a_time_in_one_folder(tmp_path: Path) -> None:
    with sole_run(tmp_path / "demo"), pytest.raises(UsageError, match="is running on"), sole_run(tmp_path / "demo"):
        pass
    with sole_run(tmp_path / "demo"):
        pass


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UsageError, match="Cannot write to the state folder"), sole_run(tmp_path / "file" / "demo"):
        pass


def test_an_operators_settings_do_not_reach_a_demonstration() -> None:
    environment = {"YUQING_DATABASE__URL": "x", "YUQING_CONFIG": "y", "YUQING_MODEL__THREADS": "2", "PATH": "z"}
    with own_settings(environment):
        assert environment == {"YUQING_MODEL__THREADS": "2", "PATH": "z"}
    assert environment["YUQING_DATABASE__URL"] == "x"


def test_a_secret_of_a_demonstration_signs() -> None:
    from alerts.delivery.endpoints import Endpoint

    Endpoint(name="demo", url="http://127.0.0.1:1/webhook", secret=b64encode(bytes(32)).decode(), allow_private=True)
