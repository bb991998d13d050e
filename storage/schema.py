"""Brings the tables to the newest revision, and says which revision they have."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg.errors import DeadlockDetected, InsufficientPrivilege
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import ProgrammingError
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from storage.errors import MigrationError

__all__ = ["head", "migrate", "revision"]

_SCRIPTS = Path(__file__).parent / "migrations"

_LOCK = 0x7975_7169_6E67
"""Advisory lock: of several processes that start together one migrates, the others wait and find it done."""

_ATTEMPTS = 5
"""Whoever else is at work may hold what a step needs and wait for what it holds: then all of it is tried again."""

_OLDEST_SERVER = (14,)
"""The first with multiranges, which the ledger is made of."""


def migrate(engine: Engine, *, to: str | None = None) -> str:
    """Brings the database to `head()`, or to the revision `to`, in one transaction; nothing happens where it is there.

    Returns that revision. Safe to call from every process at start, and while workers of an older program book: they
    wait until it is done, and go on. Raises MigrationError when the role may not create what is needed, when the server
    is too old or when the database is newer than this program; nothing has changed then.
    """
    wanted = to or head()
    for attempt in Retrying(
        retry=retry_if_exception(_is_deadlock),
        wait=wait_random_exponential(multiplier=0.2, max=2),
        stop=stop_after_attempt(_ATTEMPTS),
        reraise=True,
    ):
        with attempt:
            _upgrade(engine, wanted)
    return wanted


def _upgrade(engine: Engine, wanted: str) -> None:
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        _refuse_old_server(connection)
        _refuse_newer(connection)
        config = _config()
        config.attributes["connection"] = connection
        current = MigrationContext.configure(connection).get_current_revision()
        if current not in (None, wanted):
            # What every booking locks first: steps may then lock other tables in an order of their own.
            connection.exec_driver_sql("LOCK TABLE ledger IN EXCLUSIVE MODE")
        try:
            command.upgrade(config, wanted)
        except ProgrammingError as error:
            if not isinstance(error.orig, InsufficientPrivilege):
                raise
            raise MigrationError(_advice(connection, str(error.orig).splitlines()[0])) from error
        except InsufficientPrivilege as error:
            raise MigrationError(_advice(connection, str(error).splitlines()[0])) from error


def revision(engine: Engine) -> str | None:
    """The revision that the database has; None where nothing was ever migrated."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head() -> str:
    """The newest revision that this program knows."""
    newest = ScriptDirectory.from_config(_config()).get_current_head()
    if newest is None:
        raise MigrationError(f"no migration scripts under {_SCRIPTS.name}: the installation is damaged, install again")
    return newest


def _config() -> Config:
    # No ini file: the scripts travel in the package, wherever it is installed.
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    return config


def _is_deadlock(error: BaseException) -> bool:
    return isinstance(getattr(error, "orig", error), DeadlockDetected)


def _refuse_old_server(connection: Connection) -> None:
    version = connection.dialect.server_version_info or (0,)
    if version < _OLDEST_SERVER:
        raise MigrationError(
            f"the server is PostgreSQL {'.'.join(map(str, version))}; {_OLDEST_SERVER[0]} or newer is needed. "
            "Upgrade it, or use the embedded one."
        )


def _refuse_newer(connection: Connection) -> None:
    current = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if current is not None and current not in known:
        raise MigrationError(
            f"the database is at revision {current}, which this program (newest: {head()}) does not know. "
            "Upgrade the program to the version that last ran on this database."
        )


def _advice(connection: Connection, reason: str) -> str:
    user = connection.engine.url.username
    return (
        f"{user} may not do what the migration needs: {reason}. Make {user} the owner of the database, and let a "
        "superuser run once: CREATE ROLE yuqing_reader NOLOGIN; then migrate again."
    )
