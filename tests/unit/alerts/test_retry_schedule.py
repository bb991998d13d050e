"""Whether and when a delivery is tried again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from alerts.delivery.retries import Schedule, retry_after, worth_retrying
from alerts.errors import AlertsError, ForbiddenAddressError, RefusedError, UnreachableError

NOON = datetime(2024, 5, 6, 12, tzinfo=UTC)


def next_attempt(
    attempts: int = 1, now: datetime = NOON, error: AlertsError | None = None, chance: float = 0.5
) -> datetime | None:
    return Schedule().next_attempt(
        attempts=attempts,
        created_at=NOON,
        now=now,
        error=error or UnreachableError("no answer"),
        chance=lambda: chance,
    )


@pytest.mark.parametrize("status", [301, 302, 401, 403, 404, 408, 409, 425, 429, 500, 502, 503, 504])
def test_what_may_be_mended_is_tried_again(status: int) -> None:
    assert worth_retrying(RefusedError(status))


@pytest.mark.parametrize("status", [400, 405, 410, 413, 414, 415, 422, 501])
def test_a_request_that_is_not_wanted_is_not_sent_again(status: int) -> None:
    assert not worth_retrying(RefusedError(status))
    assert next_attempt(error=RefusedError(status)) is None


def test_an_endpoint_that_cannot_be_reached_or_is_forbidden_is_tried_again() -> None:
    assert worth_retrying(UnreachableError("x"))
    assert worth_retrying(ForbiddenAddressError("desk.example", "10.0.0.1"))


def test_waits_grow_from_seconds_to_hours() -> None:
    waits = [at - NOON for attempts in range(1, 10) if (at := next_attempt(attempts))]
    assert waits[:4] == [timedelta(seconds=5), timedelta(seconds=20), timedelta(seconds=80), timedelta(seconds=320)]
    assert waits == sorted(waits)
    assert max(waits) == timedelta(hours=6)
    assert next_attempt(10_000) == NOON + timedelta(hours=6)


def test_chance_spreads_attempts_by_a_fifth_to_both_sides() -> None:
    assert next_attempt(chance=0.0) == NOON + timedelta(seconds=4)
    assert next_attempt(chance=1.0) == NOON + timedelta(seconds=6)


def test_after_a_day_it_is_given_up() -> None:
    assert next_attempt(9, now=NOON + timedelta(hours=17, minutes=59)) is not None
    assert next_attempt(9, now=NOON + timedelta(hours=24)) is None


def test_a_clock_that_was_set_a_day_forwards_gives_nothing_up_after_one_attempt() -> None:
    later = NOON + timedelta(days=1)
    assert [next_attempt(attempts, now=later) is None for attempts in range(1, 7)] == [False] * 4 + [True] * 2


def test_the_schedule_fits_about_ten_attempts_into_a_day() -> None:
    now, attempts = NOON, 0
    while True:
        attempts += 1
        at = next_attempt(attempts, now)
        if at is None:
            break
        now = at
    assert 9 <= attempts <= 12


def test_an_endpoint_is_not_asked_before_it_wants_to() -> None:
    busy = RefusedError(503, retry_after=timedelta(minutes=10))
    assert next_attempt(error=busy) == NOON + timedelta(minutes=10)
    impatient = RefusedError(503, retry_after=timedelta(seconds=0))
    assert next_attempt(error=impatient) == NOON + timedelta(seconds=5)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("", None),
        ("120", timedelta(minutes=2)),
        ("Mon, 06 May 2024 12:05:00 GMT", timedelta(minutes=5)),
        ("Mon, 06 May 2024 11:05:00 GMT", timedelta(0)),
        ("99999999", timedelta(days=1)),
        ("9" * 400, None),
        ("soon", None),
        ("-5", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, expected: timedelta | None) -> None:
    assert retry_after(value, NOON) == expected
