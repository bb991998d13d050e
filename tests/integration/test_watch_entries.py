"""Entries that people edit: one history, one list in all scorers, in force while they run."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from eventually import eventually
from pipeline import WATCHED, Pipeline
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from structlog.testing import capture_logs

from alerts.answers import watch_entries
from alerts.errors import AnswerError, EntryError, OvertakenError, UnknownEntryError
from deploy.watch_lists import Follower
from deploy.watch_matching import FollowedLists
from storage.connection import connect
from storage.watch_entries import Change, Entry, current, find, history, in_force, newest
from stream.documents import RawDocument, decode_scored
from stream.entities import EntityLinker
from stream.intake import Intake
from stream.limits import Limits
from stream.metrics import WAITING
from stream.renewable_intake import RenewableIntake
from stream.topics import Topics
from stream.watchlist import Entity, Row, WatchList

HERE = Path(__file__).parent
NOON = datetime(2026, 5, 6, 12, tzinfo=UTC)
FILES = WatchList(
    default=[Entity(entity_id="APL.X", name="Applewood Inc.", aliases=("Applewood",))],
    rows=[Row(where="ours.csv:2", entity=Entity(entity_id="HBS.X", name="Harbour Steel", tickers=("HBS",)))],
)
LISTS = FollowedLists(FILES)
QUILL = Entry(name="Quillfeather Bank", entity_id="QFB.X", aliases=("Quillfeather",))


def saved(database: Engine, entry: Entry, *, actor: str = "ada", minute: int = 0, **more: Any) -> Change:
    with database.begin() as connection:
        at = NOON + timedelta(minutes=minute)
        return watch_entries.save(connection, LISTS, entry, actor=actor, now=at, **more)


def withdrawn(database: Engine, entity_id: str, *, actor: str = "ada", seen: int | None = None) -> Change:
    with database.begin() as connection:
        return watch_entries.withdraw(connection, entity_id, actor=actor, now=NOON, seen=seen)


def undone(database: Engine, entity_id: str, *, actor: str = "ada", version: int | None = None) -> Change:
    """Takes back the change with the number; without one, the last."""
    with database.begin() as connection:
        seen = newest(connection) if version is None else version
        return watch_entries.undo(connection, LISTS, entity_id, version=seen, actor=actor, now=NOON)


def told(database: Engine, entity_id: str) -> list[tuple[int, str, str]]:
    with database.connect() as connection:
        return [(one.version, one.action, one.actor) for one in history(connection, entity_id)]


def listed(database: Engine) -> dict[str, str]:
    """The names in force by id, entries and files together."""
    with database.connect() as connection:
        linking = LISTS.now(connection)
    names = {"APL.X", "HBS.X", *(entry.entity_id for entry in entries(database))}
    return {one.entity_id: one.name for entity_id in sorted(names) if (one := linking.listed(entity_id))}


def entries(database: Engine) -> list[Entry]:
    with database.connect() as connection:
        return in_force(connection)[1]


def test_an_entry_is_added_changed_and_withdrawn_and_its_history_says_by_whom(database: Engine) -> None:
    first = saved(database, QUILL)
    second = saved(database, Entry(name="Quillfeather Group", entity_id="QFB.X"), actor="li", minute=1)
    assert listed(database)["QFB.X"] == "Quillfeather Group"
    withdrawn(database, "QFB.X")

    assert (first.version, first.action, first.entry) == (1, "added", QUILL)
    assert (second.version, second.at) == (2, NOON + timedelta(minutes=1))
    assert told(database, "QFB.X") == [(3, "withdrawn", "ada"), (2, "changed", "li"), (1, "added", "ada")]
    assert (entries(database), "QFB.X" in listed(database)) == ([], False)
    with pytest.raises(UnknownEntryError, match=r"QFB\.X"):
        withdrawn(database, "QFB.X")


def test_an_entry_with_the_id_of_a_files_row_stands_above_it_until_it_is_withdrawn(database: Engine) -> None:
    saved(database, Entry(name="Harbour Steel & Iron", entity_id="HBS.X"))
    saved(database, Entry(name="Applewood Inc.", entity_id="APL.X", remove=True))
    assert listed(database) == {"HBS.X": "Harbour Steel & Iron"}
    withdrawn(database, "HBS.X")
    withdrawn(database, "APL.X")
    assert listed(database) == {"APL.X": "Applewood Inc.", "HBS.X": "Harbour Steel"}


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        (Entry(name="??"), "entity_id: '': give a short id without spaces, such as AAPL.US"),
        (Entry(name="Moss", aliases=("M",)), "aliases: 'M' is a single character: put a ticker under tickers"),
        (Entry(name="Moss\nGate"), "name: a control character"),
        (Entry(name="Steel", tickers=("HBS",)), "tickers: 'HBS' belongs to Harbour Steel (HBS.X) too: take it off"),
        (
            Entry(name="Quill", aliases=("Quillfeather",)),
            "aliases: 'Quillfeather' belongs to Quillfeather Bank (QFB.X)",
        ),
    ],
)
def test_what_cannot_stand_on_the_list_is_told_by_field_and_nothing_is_written(
    database: Engine, entry: Entry, problem: str
) -> None:
    saved(database, QUILL)
    with pytest.raises(EntryError) as refused:
        saved(database, entry)
    assert [one for one in refused.value.problems if one.startswith(problem)] == list(refused.value.problems)
    assert entries(database) == [QUILL]


def test_what_the_bundled_list_has_may_be_claimed(database: Engine) -> None:
    saved(database, Entry(name="Orchard Fund", aliases=("Applewood",)))
    with database.connect() as connection:
        assert LISTS.now(connection).listed("APL.X") == Entry(name="Applewood Inc.", entity_id="APL.X")


def test_who_looked_at_an_older_version_is_told_whose_change_came_between(database: Engine) -> None:
    seen = saved(database, QUILL).version
    saved(database, QUILL, actor="li", minute=1)
    for late in (lambda: saved(database, QUILL, seen=seen), lambda: withdrawn(database, "QFB.X", seen=seen)):
        with pytest.raises(OvertakenError, match="li changed it at 2026-05-06 12:01 UTC"):
            late()
    with pytest.raises(OvertakenError):
        saved(database, QUILL, seen=0)
    assert len(told(database, "QFB.X")) == 2


def test_what_was_withdrawn_meanwhile_is_not_brought_back_by_a_change(database: Engine) -> None:
    saved(database, QUILL)
    withdrawn(database, "QFB.X")
    with pytest.raises(UnknownEntryError, match="no entry"):
        saved(database, QUILL, only_change=True)
    assert entries(database) == []


def test_an_entry_is_changed_by_its_own_id_alone(database: Engine) -> None:
    saved(database, QUILL)
    with pytest.raises(UnknownEntryError, match="no entry"):
        saved(database, Entry(name="Quill", entity_id="QFB.X\u200b"), only_change=True)
    assert entries(database) == [QUILL]


def test_ones_own_last_change_can_be_taken_back_whatever_it_was(database: Engine) -> None:
    saved(database, QUILL)
    saved(database, Entry(name="Quillfeather Group", entity_id="QFB.X"))
    assert undone(database, "QFB.X").entry == QUILL
    withdrawn(database, "QFB.X")
    assert (undone(database, "QFB.X").action, entries(database)) == ("added", [QUILL])
    assert (undone(database, "QFB.X").action, entries(database)) == ("withdrawn", [])


def test_what_another_did_since_or_what_can_no_longer_stand_is_not_taken_back(database: Engine) -> None:
    saved(database, QUILL)
    with pytest.raises(OvertakenError, match="nothing of yours"):
        undone(database, "QFB.X", actor="li")
    withdrawn(database, "QFB.X")
    saved(database, Entry(name="Quillfeather", entity_id="other"))
    with pytest.raises(EntryError, match="Quillfeather"):
        undone(database, "QFB.X", version=2)
    with pytest.raises(UnknownEntryError):
        undone(database, "nobody")


def test_what_was_taken_back_is_not_taken_back_once_more(database: Engine) -> None:
    version = saved(database, QUILL).version
    undone(database, "QFB.X", version=version)
    with pytest.raises(OvertakenError, match="ada withdrew it"):
        undone(database, "QFB.X", version=version)
    assert entries(database) == []


@pytest.mark.parametrize("actor", ["", " ", "x" * 201, "a\0b"])
def test_a_change_has_an_author(database: Engine, actor: str) -> None:
    with pytest.raises(AnswerError, match="actor"):
        saved(database, QUILL, actor=actor)


def test_the_history_cannot_be_rewritten(database: Engine) -> None:
    saved(database, QUILL)
    for statement in ("UPDATE watchlist_changes SET name = 'x'", "DELETE FROM watchlist_changes"):
        with pytest.raises(DBAPIError, match="append-only"), database.begin() as connection:
            connection.execute(text(statement))


def test_of_two_who_claim_the_same_name_at_once_one_is_refused(database: Engine) -> None:
    failures: list[Exception] = []

    def second() -> None:
        try:
            saved(database, Entry(name="Quillfeather", entity_id="second"))
        except EntryError as error:
            failures.append(error)

    with database.begin() as connection:
        watch_entries.save(connection, LISTS, QUILL, actor="ada", now=NOON)
        thread = threading.Thread(target=second)
        thread.start()
        waiting = text("SELECT count(*) FROM pg_locks WHERE relation = 'watchlist_changes'::regclass AND NOT granted")
        with database.connect() as other:
            eventually(lambda: other.execute(waiting).scalar_one() == 1, what="the second waits")
    thread.join()
    assert len(failures) == 1
    assert entries(database) == [QUILL]


def test_killed_between_any_two_statements_there_is_all_of_a_change_or_nothing(
    database: Engine, database_url: str
) -> None:
    """A process dies behind its first statement, another behind its second, and so on, until one lives."""
    deaths = 0
    while True:
        command = [sys.executable, str(HERE / "watch_child.py"), database_url, str(deaths + 1)]
        ended = subprocess.run(command, check=False, timeout=60).returncode
        if ended == 0:
            break
        assert ended == -signal.SIGKILL
        assert entries(database) == []
        deaths += 1
    assert deaths >= 4, "the lock, the list, the entry as it was, the change"
    assert [(one.entry.name, one.version) for one in changes(database)] == [("Quillfeather Bank", 1)]
    assert saved(database, QUILL).version == 2


def changes(database: Engine) -> Sequence[Change]:
    with database.connect() as connection:
        return current(connection)


def test_entries_are_found_by_id_name_and_ticker_page_by_page(database: Engine) -> None:
    for number in range(5):
        saved(database, Entry(name=f"Moss {number}", entity_id=f"m{number}", tickers=(f"MO{number}",)))
    withdrawn(database, "m4")
    with database.connect() as connection:
        assert [one.entry.entity_id for one in current(connection, most=2, after="m1")] == ["m2", "m3"]
        assert [one.entry.name for one in current(connection, words="mo3")] == ["Moss 3"]
        assert find(connection, "m4") is None


# While scorers run


@pytest.fixture
def pipeline(bootstrap: str, topics: Topics, database: Engine, redis_client: redis.Redis, tmp_path: Path) -> Pipeline:
    return Pipeline(bootstrap, topics, database, redis_client, tmp_path)


def intake(entities: Sequence[Entity]) -> Intake:
    return Intake(EntityLinker(entities), Limits())


@contextmanager
def following(engine: Engine, take: Callable[[Sequence[Entity]], object]) -> Iterator[None]:
    stop = threading.Event()
    follower = Follower(engine, WatchList(rows=[Row(where="ours", entity=one) for one in WATCHED]), stop, every_s=0.05)
    take(follower.entities)
    thread = threading.Thread(target=follower.follow, args=(take,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@contextmanager
def scorers(pipeline: Pipeline, lists: list[list[str]]) -> Iterator[None]:
    """As many scorers as there are `lists`, each with a follower of its own that writes down the names it has."""
    with ExitStack() as running:
        for names in lists:
            reading = running.enter_context(RenewableIntake(intake, WATCHED))

            def take(entities: Sequence[Entity], reading: RenewableIntake = reading, names: list[str] = names) -> None:
                reading.renew(entities)
                names[:] = [one.name for one in entities]

            running.enter_context(following(pipeline.engine, take))
            running.enter_context(pipeline.scoring(pipeline.scorer(intake=reading)))
        yield


def news(*numbers: int) -> list[RawDocument]:
    return [
        RawDocument(
            source="wire",
            url=f"https://news.example/quill/{number}",
            title=f"Quillfeather faces a fraud inquiry, item {number}",
            body=f"Word from desk {number * 7919}.",
            published_at="2024-05-02T09:00:00Z",
        )
        for number in numbers
    ]


def linked(pipeline: Pipeline) -> list[int]:
    """The numbers of the items that were linked."""
    scored = [decode_scored(one.value() or b"") for one in pipeline.records(pipeline.topics.scored)]
    return sorted({int(one.url.rsplit("/", 1)[1]) for one in scored if one.mentions})  # type: ignore[union-attr]


def test_an_entry_is_in_force_in_every_scorer_without_a_restart_and_one_withdrawn_stops(pipeline: Pipeline) -> None:
    """Two scorers run. What comes before the entry is not linked, what comes behind it is, until it is withdrawn."""
    lists: list[list[str]] = [[], []]
    done = 0

    def publish(first: int) -> None:
        nonlocal done
        pipeline.publish(news(*range(first, first + 24)))
        done += 24
        eventually(lambda: pipeline.count(pipeline.topics.scored) == done, 60, what="all scored")

    with scorers(pipeline, lists), pipeline.windows():
        publish(0)
        saved(pipeline.engine, QUILL)
        eventually(lambda: all("Quillfeather Bank" in names for names in lists), what="both have the entry")
        publish(100)
        withdrawn(pipeline.engine, "QFB.X")
        eventually(lambda: not any("Quillfeather Bank" in names for names in lists), what="neither has the entry")
        publish(200)
        pipeline.settle()

    assert linked(pipeline) == list(range(100, 124))
    assert pipeline.scalar("SELECT count(*) FROM mentions WHERE entity_id = 'QFB.X'") == 24


def test_what_is_read_again_by_another_list_counts_once_as_it_counted_first(pipeline: Pipeline) -> None:
    """The broker gives everything a second time, after the entry came: books and sums stay, the audit is clean."""
    with scorers(pipeline, [[]]), pipeline.windows():
        pipeline.publish(news(*range(20)))
        pipeline.settle()
    before = pipeline.sums()
    saved(pipeline.engine, QUILL)
    pipeline.set_back("scorer")
    with scorers(pipeline, [[]]), pipeline.windows():
        eventually(lambda: pipeline.count(pipeline.topics.scored) == 40, 60, what="all scored again")
        pipeline.settle()

    assert linked(pipeline) == list(range(20)), "the second time they were linked"
    assert pipeline.scalar("SELECT count(*) FROM mentions") == 0
    assert pipeline.sums() == before


def test_without_the_database_the_list_stays_and_the_metric_and_the_log_say_so(
    database: Engine, database_url: str
) -> None:
    name = make_url(database_url).database
    admin = create_engine(database.url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    lists: list[list[str]] = []

    def waiting() -> bool:
        return any(
            sample.value == 1 for sample in WAITING.collect()[0].samples if sample.labels["service"] == "database"
        )

    engine = connect(database_url, pool_size=1)
    with capture_logs() as logs, following(engine, lambda taken: lists.append(names(taken))):
        saved(database, QUILL)
        eventually(lambda: len(lists) == 2)
        with admin.connect() as outside:
            outside.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false"))
            ended = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name")
            outside.execute(ended, {"name": name})
            eventually(waiting, what="the metric")
            assert len(lists) == 2
            outside.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true"))
        withdrawn(database, "QFB.X")
        eventually(lambda: len(lists) == 3)
    for one in (engine, admin):
        one.dispose()

    assert [("Quillfeather Bank" in one) for one in lists] == [False, True, False]
    assert not waiting()
    happened = [entry["event"] for entry in logs]
    assert "database_unreachable" in happened
    assert happened.index("database_unreachable") < happened.index("database_reachable")
    assert [entry["version"] for entry in logs if entry["event"] == "watch_list_taken_over"] == [1, 2]


def names(entities: Sequence[Entity]) -> list[str]:
    return [one.name for one in entities]
