"""The door to PostgreSQL: one engine per process, and the wait for a database that is away."""

from __future__ import annotations

import threading

import structlog
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, OperationalError
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_when_event_set,
    wait_exponential,
    wait_random,
)
from tenacity.nap import sleep_using_event

from storage.errors import AddressError

__all__ = ["connect", "wait_for_database"]

_log = structlog.get_logger()

_EXAMPLE = "postgresql://user:password@host:5432/yuqing"
_CONNECT_TIMEOUT_S = 5
_LONGEST_WAIT_S = 10.0


def connect(
    url: str, *, pool_size: int = 4, statement_timeout_s: float | None = None, read_only: bool = False
) -> Engine:
    """An engine for `url`; nothing is connected yet.

    Takes postgresql://, postgres:// and postgresql+psycopg://. Sessions speak UTC, and a connection that died
    while it lay idle is replaced before use. `pool_size` is how many connections stay open; twice as many may be
    open for a moment. A statement that takes longer than `statement_timeout_s` is ended, and with `read_only` one that
    writes is refused. Raises AddressError where the URL is not one of PostgreSQL.
    """
    return create_engine(
        _address(url),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": _CONNECT_TIMEOUT_S,
            "application_name": "yuqing",
            "options": _options(statement_timeout_s, read_only),
        },
    )


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
            _log.warning("database_unreachable", address=_shown(engine.url), error=str(error).splitlines()[0])
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
                _log.info("database_reachable", address=_shown(engine.url))
            return True
    return False


def _options(statement_timeout_s: float | None, read_only: bool) -> str:
    # Minutes and days are cut in UTC everywhere; the zone of the server must not leak into a sum.
    options = ["timezone=UTC"]
    if statement_timeout_s is not None:
        options.append(f"statement_timeout={statement_timeout_s * 1000:.0f}")
    if read_only:
        options.append("default_transaction_read_only=on")
    return " ".join(f"-c {option}" for option in options)


def _address(url: str) -> URL:
    try:
        address = make_url(url)
    except ArgumentError as error:
        raise AddressError(f"not a database URL; one looks like {_EXAMPLE}") from error
    if address.drivername not in ("postgresql", "postgres", "postgresql+psycopg"):
        raise AddressError(f"{_shown(address)} is not a PostgreSQL URL; one looks like {_EXAMPLE}")
    return address.set(drivername="postgresql+psycopg")


def _shown(address: URL) -> str:
    return address.render_as_string(hide_password=True)
