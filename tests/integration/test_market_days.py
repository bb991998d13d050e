"""Days as markets and people live them: each minute in exactly one, over clock changes, holidays and leap days."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from book_records import a_document, a_mention
from books import an_ingest, wipe
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from deploy.embedded import StackAddresses
from storage.connection import connect
from storage.market_calendars import MarketSession, sessions
from storage.market_sessions import Synced, known_until, sync

MARKETS = ("XNYS", "XSHG", "XHKG", "XLON")
SINCE, UNTIL = date(2010, 1, 1), date(2026, 12, 31)


@cache
def known(market: str) -> list[MarketSession]:
    return sessions(market, SINCE, UNTIL)


@pytest.fixture(scope="module")
def calendars(stack: StackAddresses, _template_database: str) -> Iterator[Engine]:
    """A database that knows the sessions of four markets."""
    with psycopg.connect(stack.database_url, autocommit=True) as session:
        session.execute(f"CREATE DATABASE market_days TEMPLATE {_template_database}")
        engine = connect(stack.database_url.rsplit("/", 1)[0] + "/market_days")
        for market in MARKETS:
            sync(engine, market, known(market))
        yield engine
        engine.dispose()
        session.execute("DROP DATABASE market_days WITH (FORCE)")


@pytest.fixture
def books(calendars: Engine) -> Engine:
    """The same with empty books."""
    wipe(calendars)
    return calendars


def fill(engine: Engine, times: Iterable[datetime]) -> None:
    """A document of Acme at each of these times, all different."""
    an_ingest(engine).scored(
        [
            a_document(number, number, published_at=at, score_micro=number + 1, mentions=(a_mention("acme"),))
            for number, at in enumerate(times)
        ],
        [],
    )


def asked(engine: Engine, query: str, **given: Any) -> list[Any]:
    """What the role of the analysts is told."""
    with engine.connect() as connection:
        connection.execute(text("SET LOCAL ROLE yuqing_reader"))
        return list(connection.execute(text(query), given))


def session_of(engine: Engine, market: str, at: str) -> date | None:
    [[session]] = asked(engine, "SELECT market_session(:market, CAST(:at AS timestamptz))", market=market, at=at)
    return session


@pytest.mark.parametrize(
    ("market", "at", "session"),
    [
        # New York closes at 16:00: 21:00 UTC in winter, 20:00 UTC from Sunday 10 March 2024 on.
        ("XNYS", "2024-03-08 20:59Z", "2024-03-08"),
        ("XNYS", "2024-03-08 21:00Z", "2024-03-11"),
        ("XNYS", "2024-03-10 07:00Z", "2024-03-11"),
        ("XNYS", "2024-03-11 19:59Z", "2024-03-11"),
        ("XNYS", "2024-03-11 20:00Z", "2024-03-12"),
        # and back on 3 November
        ("XNYS", "2024-11-01 20:00Z", "2024-11-04"),
        ("XNYS", "2024-11-04 20:59Z", "2024-11-04"),
        ("XNYS", "2024-11-04 21:00Z", "2024-11-05"),
        # London changes on other Sundays, 31 March and 27 October; Good Friday and Easter Monday are holidays.
        ("XLON", "2024-03-28 16:29Z", "2024-03-28"),
        ("XLON", "2024-03-28 16:30Z", "2024-04-02"),
        ("XLON", "2024-04-02 15:29Z", "2024-04-02"),
        ("XLON", "2024-04-02 15:30Z", "2024-04-03"),
        ("XLON", "2024-10-25 15:30Z", "2024-10-28"),
        ("XLON", "2024-10-28 16:29Z", "2024-10-28"),
        # 29 February was a Thursday in 2024; in 2020 a Saturday, so its news moves Monday; 2023 had none.
        ("XNYS", "2024-02-28 21:00Z", "2024-02-29"),
        ("XNYS", "2024-02-29 21:00Z", "2024-03-01"),
        ("XSHG", "2020-02-29 12:00Z", "2020-03-02"),
        ("XLON", "2023-02-28 16:30Z", "2023-03-01"),
        # Chinese New Year 2024: Shanghai rests from 9 to 18 February, Hong Kong from noon of the 9th to the 13th.
        ("XSHG", "2024-02-08 06:59Z", "2024-02-08"),
        ("XSHG", "2024-02-08 07:00Z", "2024-02-19"),
        ("XSHG", "2024-02-18 23:59Z", "2024-02-19"),
        ("XHKG", "2024-02-09 03:59Z", "2024-02-09"),
        ("XHKG", "2024-02-09 04:00Z", "2024-02-14"),
        # What is written while a market lunches, it trades on in the afternoon.
        ("XHKG", "2024-02-14 04:30Z", "2024-02-14"),
        # Half days: the day after Thanksgiving until 13:00, Christmas Eve in London until 12:30.
        ("XNYS", "2024-11-29 17:59Z", "2024-11-29"),
        ("XNYS", "2024-11-29 18:00Z", "2024-12-02"),
        ("XLON", "2024-12-24 12:29Z", "2024-12-24"),
        ("XLON", "2024-12-24 12:30Z", "2024-12-27"),
        # Beyond what a calendar tells, and for a market that it does not hold, there is no session.
        ("XSHG", "2009-12-01 00:00Z", None),
        ("XSHG", "2026-12-31 07:00Z", None),
        ("XTKS", "2024-03-08 12:00Z", None),
    ],
)
def test_news_belongs_to_the_session_that_it_can_move_first(
    calendars: Engine, market: str, at: str, session: str | None
):
    assert session_of(calendars, market, at) == (date.fromisoformat(session) if session else None)


def test_a_session_tells_its_hours_and_whether_they_were_shortened(books: Engine):
    fill(books, [datetime(2024, 11, day, 15, tzinfo=UTC) for day in (27, 28, 29)])

    rows = asked(
        books,
        "SELECT session, opens_at, closes_at, shortened, documents FROM trends_by_session('XNYS') "
        "WHERE entity_id = 'acme' AND topic = '*' ORDER BY session",
    )

    assert [
        (str(r.session), f"{r.opens_at:%H:%M}", f"{r.closes_at:%H:%M}", r.shortened, r.documents) for r in rows
    ] == [
        ("2024-11-27", "14:30", "21:00", False, 1),
        ("2024-11-29", "14:30", "18:00", True, 2),  # Thanksgiving's news moves the short Friday
    ]


@pytest.mark.parametrize(
    ("since", "until", "days"),
    [
        ("2024-11-27", "2024-11-30", {"2024-11-27": 1, "2024-11-29": 2}),
        ("2024-11-28", "2024-11-29", {}),
        ("2024-11-28", "2024-12-31", {"2024-11-29": 2}),
        ("2030-01-01", "2031-01-01", {}),
        ("2000-01-01", "2001-01-01", {}),
    ],
)
def test_sessions_are_asked_for_from_a_day_up_to_another(books: Engine, since: str, until: str, days: dict[str, int]):
    fill(books, [datetime(2024, 11, day, 15, tzinfo=UTC) for day in (27, 28, 29)])

    rows = asked(
        books,
        "SELECT session, documents FROM trends_by_session('XNYS', CAST(:since AS date), CAST(:until AS date)) "
        "WHERE entity_id = '*' AND topic = '*'",
        since=since,
        until=until,
    )

    assert {str(row.session): row.documents for row in rows} == days


def test_minutes_beyond_a_calendar_are_shown_without_a_session_and_an_unknown_calendar_shows_none(books: Engine):
    fill(
        books, [datetime(2001, 2, 3, tzinfo=UTC), datetime(2024, 11, 27, tzinfo=UTC), datetime(2027, 1, 5, tzinfo=UTC)]
    )
    query = "SELECT session, documents FROM trends_by_session(:market) WHERE entity_id = '*' AND topic = '*' ORDER BY 1"

    assert [(row.session, row.documents) for row in asked(books, query, market="XSHG")] == [
        (date(2024, 11, 27), 1),
        (None, 2),
    ]
    assert asked(books, query, market="XTKS") == []


@pytest.mark.parametrize(
    ("zone", "times", "days"),
    [
        # Sunday 10 March 2024 has 23 hours in New York, from 05:00 UTC to 04:00 UTC of the 11th
        (
            "America/New_York",
            ["2024-03-10 04:59Z", "2024-03-10 05:00Z", "2024-03-11 03:59Z", "2024-03-11 04:00Z"],
            {"2024-03-09": 1, "2024-03-10": 2, "2024-03-11": 1},
        ),
        # Sunday 27 October 2024 has 25 in London, from 23:00 UTC of the 26th
        (
            "Europe/London",
            ["2024-10-26 22:59Z", "2024-10-26 23:00Z", "2024-10-27 23:59Z", "2024-10-28 00:00Z"],
            {"2024-10-26": 1, "2024-10-27": 2, "2024-10-28": 1},
        ),
        # 29 February begins in Shanghai at 16:00 UTC
        (
            "Asia/Shanghai",
            ["2024-02-28 15:59Z", "2024-02-28 16:00Z", "2024-02-29 15:59Z", "2024-02-29 16:00Z"],
            {"2024-02-28": 1, "2024-02-29": 2, "2024-03-01": 1},
        ),
        # Havana sets its clocks back at 01:00, so the first hour of 3 November comes twice
        ("America/Havana", ["2024-11-03 04:30Z", "2024-11-03 05:30Z"], {"2024-11-03": 2}),
        # Samoa left out 30 December 2011
        ("Pacific/Apia", ["2011-12-30 09:59Z", "2011-12-30 10:00Z"], {"2011-12-29": 1, "2011-12-31": 1}),
    ],
)
def test_a_local_day_begins_and_ends_by_the_clocks_of_its_zone(
    books: Engine, zone: str, times: list[str], days: dict[str, int]
):
    fill(books, map(datetime.fromisoformat, times))
    query = (
        "SELECT day, documents FROM trends_by_day(:zone, CAST(:since AS date), CAST(:until AS date)) "
        "WHERE entity_id = 'acme' AND topic = '*'"
    )

    every = asked(books, query, zone=zone, since="-infinity", until="infinity")
    assert {str(row.day): row.documents for row in every} == days
    for day, documents in days.items():
        after = date.fromisoformat(day) + timedelta(days=1)
        assert asked(books, query, zone=zone, since=day, until=after) == [(date.fromisoformat(day), documents)]


def test_a_day_is_final_when_its_last_minute_is(books: Engine):
    close = datetime(2024, 3, 8, 21, tzinfo=UTC)
    an_ingest(books).scored([a_document("early", 0, published_at=close - timedelta(hours=2))], [])
    query = "SELECT state FROM trends_by_session('XNYS') UNION ALL SELECT state FROM trends_by_day('America/New_York')"

    for final_until, states in (
        (close - timedelta(minutes=1), ["provisional", "provisional"]),
        (close, ["final", "provisional"]),
        (close + timedelta(hours=8), ["final", "final"]),
    ):
        with books.begin() as connection:
            connection.execute(text("UPDATE finality SET final_until = :at"), {"at": final_until})
        assert [state for (state,) in asked(books, query)] == states


def test_sessions_follow_the_calendar_and_the_past_follows_with_them(books: Engine):
    """A day of mourning is told a week ahead: 9 January 2025 was to be a session, and was none."""
    fill(books, [datetime(2025, 1, 9, 15, tzinfo=UTC)])
    told = known("XNYS")
    [after] = [one for one in told if one.session == date(2025, 1, 10)]
    planned = type(after)(
        date(2025, 1, 9),
        after.counts_from,
        after.opens_at - timedelta(days=1),
        after.closes_at - timedelta(days=1),
        False,
    )
    moved = type(after)(after.session, planned.closes_at, after.opens_at, after.closes_at, False)
    query = "SELECT session FROM trends_by_session('XNYS') WHERE entity_id = '*'"

    assert sync(books, "XNYS", sorted([*(one for one in told if one != after), planned, moved])) == Synced(2, 1)
    assert asked(books, query) == [(date(2025, 1, 9),)]
    assert sync(books, "XNYS", told) == Synced(1, 2)
    assert sync(books, "XNYS", told) == Synced(0, 0)
    assert asked(books, query) == [(date(2025, 1, 10),)]
    with books.connect() as connection:
        assert known_until(connection)["XNYS"] == date(2026, 12, 31)


def local_days(times: list[datetime], zone: str) -> Counter[date | None]:
    return Counter(at.astimezone(ZoneInfo(zone)).date() for at in times)


def market_days(times: list[datetime], market: str) -> Counter[date | None]:
    return Counter(
        next((one.session for one in known(market) if one.counts_from <= at < one.closes_at), None) for at in times
    )


START = datetime.combine(SINCE, time.min, UTC)

# The years from before the calendars to after them, and closely around the changes of clocks and the closes there.
ANY_TIME = st.integers(-200 * 86_400, 6_300 * 86_400).map(lambda second: START + timedelta(seconds=second))
AWKWARD = st.sampled_from(
    [
        datetime(2024, month, day, hour, tzinfo=UTC)
        for month, day in ((3, 8), (3, 10), (3, 11), (3, 31), (10, 27), (11, 1), (11, 3), (2, 29), (12, 24), (11, 29))
        for hour in (4, 5, 16, 18, 20, 21, 23)
    ]
)
TIMES = st.lists(
    st.one_of(ANY_TIME, st.builds(lambda at, off: at + timedelta(seconds=off), AWKWARD, st.integers(-120, 120))),
    min_size=1,
    max_size=40,
)
ZONES = ("Asia/Shanghai", "America/New_York", "Europe/London", "America/Havana", "Asia/Kathmandu", "Pacific/Apia")


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(times=TIMES)
def test_each_minute_is_in_exactly_one_day_and_the_days_add_up_to_the_minutes(books: Engine, times: list[datetime]):
    wipe(books)
    fill(books, times)
    [total] = asked(books, "SELECT sum(documents), sum(negative), sum(score_micro) FROM trends")

    for market in MARKETS:
        days = f"trends_by_session('{market}')"
        assert asked(books, f"SELECT sum(documents), sum(negative), sum(score_micro) FROM {days}") == [total]
        rows = asked(books, f"SELECT session, documents FROM {days} WHERE entity_id = '*' AND topic = '*'")
        assert {row.session: row.documents for row in rows} == market_days(times, market)
    for zone in ZONES:
        days = f"trends_by_day('{zone}')"
        assert asked(books, f"SELECT sum(documents), sum(negative), sum(score_micro) FROM {days}") == [total]
        rows = asked(books, f"SELECT day, documents FROM {days} WHERE entity_id = '*' AND topic = '*'")
        assert {row.day: row.documents for row in rows} == local_days(times, zone)
