"""Times to come as people write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from deploy.errors import UsageError
from deploy.moments import moment

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("for_", "wait"),
    [("90m", timedelta(minutes=90)), ("2h", timedelta(hours=2)), ("1d12h", timedelta(hours=36)), ("1w", timedelta(7))],
)
def test_for_so_long(for_: str, wait: timedelta) -> None:
    assert moment(NOON, for_=for_) == NOON + wait


def test_until_a_time_with_its_zone() -> None:
    assert moment(NOON, until="2026-11-27T08:00+08:00") == datetime(2026, 11, 27, tzinfo=UTC)
    assert moment(NOON, until="2026-11-27T08:00Z") == datetime(2026, 11, 27, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "fix"),
    [
        ({}, "either --for"),
        ({"for_": "2h", "until": "2026-11-27T08:00Z"}, "either --for"),
        ({"for_": "2 hours"}, "such as 90m"),
        ({"for_": "h"}, "such as 90m"),
        ({"for_": "7" * 5000 + "h"}, "such as 90m"),
        ({"until": "tomorrow"}, "ISO 8601"),
        ({"until": "2026-11-27T08:00"}, "without a zone"),
    ],
)
def test_what_makes_no_sense_says_what_would(given: dict[str, str], fix: str) -> None:
    with pytest.raises(UsageError, match=fix):
        moment(NOON, **given)
