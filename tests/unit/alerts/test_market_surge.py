"""A day of crashes is one alarm about the market; the same stream in any batches raises it in the same hour."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from alert_books import AlertBooks, Told

from alerts.detection.market_surge import MarketSurge
from alerts.detection.series import MINUTES_A_DAY
from alerts.detection.thresholds import Budget

DAY = MINUTES_A_DAY
QUIET = timedelta(days=3)
CRASH = 40 * DAY + 600
DETECTOR = MarketSurge(Budget(0.3 / 30, 1))


def calm(chance: random.Random, days: int = 45) -> list[Told]:
    """Two bad stories an hour by day and a harmless one always, about companies of which each is named now and then."""
    told = [Told(60 * hour, f"c{hour % 97}", story=False) for hour in range(days * 24)]
    for hour in range(days * 24):
        bad = chance.choice((1, 2, 3)) if 7 <= hour % 24 < 19 else chance.random() < 0.2
        told += [Told(60 * hour + chance.randrange(60), f"c{chance.randrange(97)}") for _ in range(bad)]
    return told


def crash(chance: random.Random) -> list[Told]:
    """Twenty bad stories an hour for half a day, each about another company."""
    return [Told(CRASH + 3 * step, f"c{chance.randrange(97)}") for step in range(240)]


@pytest.mark.parametrize("seed", range(3))
def test_a_crash_is_one_alarm_of_the_market_however_the_stream_is_cut(seed: int) -> None:
    chance = random.Random(seed)
    told = sorted(calm(chance) + crash(chance), key=lambda each: each.minute)
    whole, cut = AlertBooks(DETECTOR, QUIET), AlertBooks(DETECTOR, QUIET)
    whole.take(told)
    whole.judge(100_000)
    late = sorted(told, key=lambda each: each.minute + chance.uniform(0, 59))
    while late:
        size = chance.randint(50, 800)
        cut.take(late[:size])
        cut.judge(chance.randint(100, 2000))
        del late[:size]
    assert cut.outcome() == whole.outcome()
    ((entity, first, last, *_),) = whole.outcome()
    assert entity == "*"
    assert CRASH <= first + 59 < CRASH + 300
    assert last < CRASH + DAY


def test_calm_raises_nothing() -> None:
    books = AlertBooks(DETECTOR, QUIET)
    books.take(calm(random.Random(7)))
    books.judge(100_000)
    assert books.outcome() == set()
