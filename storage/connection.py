"""The door to PostgreSQL: one engine per process, and the wait for a database that is away."""

from __future__ import annotations

import threading

import structlog
from psycopg.errors import IdleInTransactionSessionTimeout, ReadOnlySqlTransaction
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import OperationalError
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_when_event_set,
    wait_exponential,
    wait_random,
)
from tenacity.nap import sleep_using_event

from storage.address import address, shown

__all__ = ["connect", "wait_for_database"]

_log = structlog.get_logger()

_CONNECT_TIMEOUT_S = 5
_NOTICE_SILENCE = {
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,  # milliseconds
}
"""A server whose machine is gone sends no farewell: without these a session would wait for it for hours."""
_IDLE_TRANSACTION_S = 30.0
"""How long a transaction may wait for its owner's next statement. A worker whose machine is gone, or that is stopped,
holds its locks so long, and nobody else gets on; ours pause for milliseconds, an audit for a second."""
_LONGEST_WAIT_S = 10.0


def connect(
    url: str,
    *,
    pool_size: int = 4,
    statement_timeout_s: float | None = None,
    idle_transaction_s: float = _IDLE_TRANSACTION_S,
    read_only: bool = False,
) -> Engine:
    """An engine for `url`; nothing is connected yet.

    Takes the URLs that `storage.address` describes, of several hosts too. Sessions speak UTC, and a connection that
    died while it lay idle, or whose server turned from primary to standby, is replaced. `pool_size` is how many
    connections stay open; twice as many may be open for a moment. A statement that takes longer than
    `statement_timeout_s` is ended, with `read_only` one that writes is refused, and a transaction whose owner says
    nothing for `idle_transaction_s` is rolled back and its session closed, which the owner hears as OperationalError.
    Raises AddressError where the URL is not one of PostgreSQL.
    """
    engine = create_engine(
        address(url),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": _CONNECT_TIMEOUT_S,
            **_NOTICE_SILENCE,
            "application_name": "yuqing",
            "options": _options(statement_timeout_s, idle_transaction_s, read_only),
        },
    )
    event.listen(engine, "handle_error", _closed_for_silence, retval=True)
    if not read_only:
        event.listen(engine, "handle_error", _leave_a_standby, retval=True)
    return engine


def wait_for_database(engine: Engine, stop: threading.Event | None = None) -> bool:
    """Returns True once the database answers, False when `stop` is set first.

    Waits between tries grow from 0.2 s to 10 s, with jitter, so that many workers do not knock at once. Logs once
    when the database is away and once when it is back. Any error but absence (a wrong password, say) is raised by
    PostgreSQL as absence too, so the log line carries its message.
    """
    stop = stop or threading.Event()
    away = False

    def note(state: RetryCallState) -> None:
        nonlocal away
        if not away:
            error = state.outcome.exception() if state.outcome else None
            _log.warning("database_unreachable", address=shown(engine.url), error=str(error).splitlines()[0])
        away = True

    for attempt in Retrying(
        retry=retry_if_exception_type(OperationalError),
        wait=wait_exponential(multiplier=0.2, max=_LONGEST_WAIT_S) + wait_random(0, 0.5),
        stop=stop_when_event_set(stop),
        sleep=sleep_using_event(stop),
        after=note,
        retry_error_callback=lambda _: None,
    ):
        with attempt:
            if stop.is_set():
                return False
            with engine.connect() as connection:
                connection.execute(text("SELECT 1"))
            if away:
                _log.info("database_reachable", address=shown(engine.url))
            return True
    return False


def _closed_for_silence(context: ExceptionContext) -> OperationalError | None:
    """PostgreSQL calls it an internal error that it closed our session; to us it was away, and the work is not done."""
    if not isinstance(context.original_exception, IdleInTransactionSessionTimeout):
        return None
    context.is_disconnect = True
    return OperationalError(context.statement, {}, context.original_exception, connection_invalidated=True)


def _leave_a_standby(context: ExceptionContext) -> OperationalError | None:
    """A server that was primary and is no longer: to whoever writes it is away, and a new session finds the next."""
    if not isinstance(context.original_exception, ReadOnlySqlTransaction):
        return None
    context.is_disconnect = True
    return OperationalError(context.statement, {}, context.original_exception, connection_invalidated=True)


def _options(statement_timeout_s: float | None, idle_transaction_s: float, read_only: bool) -> str:
    # Minutes and days are cut in UTC everywhere; the zone of the server must not leak into a sum.
    options = ["timezone=UTC", f"idle_in_transaction_session_timeout={idle_transaction_s * 1000:.0f}"]
    if statement_timeout_s is not None:
        options.append(f"statement_timeout={statement_timeout_s * 1000:.0f}")
    if read_only:
        options.append("default_transaction_read_only=on")
    return " ".join(f"-c {option}" for option in options)
