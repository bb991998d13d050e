"""The schema comes from the migrations alone, packaged with the program, and agrees with what the program thinks."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import structlog
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import make_url

from storage.connection import connect, wait_for_database
from storage.errors import MigrationError
from storage.schema import head, migrate, revision
from storage.tables import metadata


@pytest.fixture
def empty(empty_database_url: str):
    engine = connect(empty_database_url)
    yield engine
    engine.dispose()


def test_an_empty_database_comes_to_the_newest_revision_and_again_changes_nothing(empty: Engine):
    assert revision(empty) is None
    assert migrate(empty) == head()
    assert migrate(empty) == head()
    assert revision(empty) == head()


def test_processes_that_start_together_migrate_once(empty: Engine):
    with ThreadPoolExecutor(4) as pool:
        revisions = list(pool.map(lambda _: migrate(empty), range(4)))

    assert revisions == [head()] * 4


def test_the_tables_are_those_that_the_program_describes(database: Engine):
    with database.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        differences = compare_metadata(MigrationContext.configure(connection, opts=options), metadata)

    assert differences == []


def test_the_comments_in_the_database_are_those_of_the_program(database: Engine):
    with database.connect() as connection:
        rows = connection.execute(
            text("SELECT relname, obj_description(oid) FROM pg_class WHERE relkind IN ('r', 'p')")
        )
        stored = {name: comment for name, comment in rows if name in metadata.tables}

    assert stored == {table.name: table.comment for table in metadata.tables.values()}


def test_every_view_and_function_for_analysts_says_what_it_is(database: Engine):
    undescribed = text(
        """
        SELECT relname FROM pg_class
        WHERE relkind = 'v' AND relnamespace = 'public'::regnamespace AND obj_description(oid) IS NULL
        UNION ALL
        SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND obj_description(oid) IS NULL
        """
    )
    with database.connect() as connection:
        assert connection.execute(undescribed).all() == []


def test_a_database_newer_than_the_program_is_left_alone(database: Engine):
    with database.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(MigrationError, match=r"9999.*Upgrade the program"):
        migrate(database)


def test_a_server_without_multiranges_is_refused_with_the_version_that_is_needed(empty: Engine, monkeypatch):
    migrate(empty)
    monkeypatch.setattr(empty.dialect, "server_version_info", (13, 14))

    with pytest.raises(MigrationError, match=r"PostgreSQL 13\.14; 14 or newer"):
        migrate(empty)


def test_a_role_that_may_not_migrate_is_told_what_to_do_and_nothing_has_changed(empty: Engine, empty_database_url: str):
    role = f"guest_{make_url(empty_database_url).database}"
    with empty.begin() as connection:
        connection.execute(text(f"CREATE ROLE {role} LOGIN PASSWORD 'guest'"))
    guest = create_engine(empty.url.set(username=role, password="guest"))
    try:
        with pytest.raises(MigrationError, match=f"Make {role} the owner"):
            migrate(guest)
        assert revision(empty) is None
    finally:
        guest.dispose()
        with empty.begin() as connection:
            connection.execute(text(f"DROP ROLE {role}"))


def test_waiting_for_a_database_that_is_there_says_nothing(database: Engine):
    with structlog.testing.capture_logs() as logs:
        assert wait_for_database(database)

    assert logs == []


def test_a_database_that_is_away_is_said_once_and_waiting_ends_when_told():
    stop = threading.Event()
    nowhere = connect("postgresql://user:secret@127.0.0.1:1/none")
    with structlog.testing.capture_logs() as logs:
        threading.Timer(1.0, stop.set).start()
        assert not wait_for_database(nowhere, stop)

    assert [entry["event"] for entry in logs] == ["database_unreachable"]
    assert "secret" not in str(logs)


def test_a_database_that_comes_back_is_said_once(empty: Engine):
    """It is locked to everybody, then opened while somebody waits."""
    name = empty.url.database
    with connect(str(empty.url.set(database="postgres").render_as_string(hide_password=False))).connect() as admin:
        admin = admin.execution_options(isolation_level="AUTOCOMMIT")
        admin.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false"))
        with structlog.testing.capture_logs() as logs, ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(wait_for_database, empty)
            opening = threading.Timer(0.8, admin.execute, [text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")])
            opening.start()
            assert waiting.result(timeout=30)
            opening.join()

    assert [entry["event"] for entry in logs] == ["database_unreachable", "database_reachable"]
