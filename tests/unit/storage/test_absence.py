"""Why a database could not be used is one word of a closed list, whatever the server says."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy.exc import OperationalError

from storage.absence import ADVICE, reason_of


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (psycopg.errors.DiskFull("could not extend file"), "disk_full"),
        (psycopg.errors.AdminShutdown("terminating connection"), "shut_down"),
        (psycopg.errors.ReadOnlySqlTransaction("cannot execute INSERT"), "read_only"),
        (psycopg.OperationalError("FATAL:  sorry, too many clients already"), "too_many_connections"),
        (psycopg.OperationalError("FATAL:  the database system is starting up"), "starting_up"),
        (psycopg.OperationalError("FATAL:  the database system is shutting down"), "shut_down"),
        (psycopg.OperationalError("failed: session is read-only"), "read_only"),
        (psycopg.OperationalError('FATAL:  password authentication failed for user "me"'), "refused"),
        (psycopg.OperationalError("Connection refused"), "unreachable"),
        (psycopg.errors.DeadlockDetected("deadlock detected"), "deadlock"),
        (ValueError("a defect"), "unreachable"),
        (None, "unreachable"),
    ],
)
def test_the_reason_is_found_in_the_code_or_in_the_words(error: BaseException | None, reason: str) -> None:
    assert reason_of(error) == reason
    assert reason_of(OperationalError("statement", {}, error)) == reason  # type: ignore[arg-type]
    assert ADVICE[reason]
