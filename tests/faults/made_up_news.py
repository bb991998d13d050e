"""A made-up stream for the short run: a month of news about the companies of the examples, with surges of bad news.

It has what a crawled stream has: items that come twice, reprints under other addresses, Chinese, late items, and lines
that are no document.
"""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta

__all__ = ["made_up_news"]

_COMPANIES = (
    "SVB Financial",
    "First Republic Bank",
    "Credit Suisse",
    "Signature Bank",
    "瑞士信贷",
    "OpenAI",
    "Binance",
)
_CALM = (
    "{} opens an office in the harbour town of {}",
    "{} names a head of its desk in {}",
    "{} says that {} remains its second market",
    "{} 在{}开设新办公室",
)
_BAD = (
    "{} plunges as depositors in {} take fright",
    "Lawsuit against {} filed in {} over lost savings",
    "{} warns of losses from its loans in {}",
    "Regulators probe {} after a collapse in {}",
    "{} cuts half of its staff in {}",
)
_TOWNS = ("Larkhaven", "Mossford", "Tinbury", "Quillport", "Eastmere", "Ravensholt", "Oxley Cross", "青石镇", "白鹭湾")
_BEGIN = datetime(2024, 3, 4, tzinfo=UTC)
_DAYS = 30
_SURGES = 8
_IN_SURGE = 0.2
_AGAIN, _REPRINTED, _BROKEN, _LATE = 0.03, 0.05, 0.01, 0.03


def made_up_news(count: int, *, seed: int = 3) -> list[str]:
    """So many lines of JSON in about the order of event time; the same for the same arguments."""
    draw = random.Random(seed)
    surges = [(_minutes(draw, 10, _DAYS - 2), company) for company in draw.choices(_COMPANIES, k=_SURGES)]
    items = []
    for number in range(count):
        if draw.random() < _IN_SURGE:
            begin, company = draw.choice(surges)
            minute, told = begin + draw.randrange(600), draw.choice(_BAD)
        else:
            minute, company, told = _minutes(draw, 0, _DAYS), draw.choice(_COMPANIES), draw.choice(_CALM)
        items.append((minute, number, told.format(company, draw.choice(_TOWNS))))
    lines: list[str] = []
    for minute, number, title in sorted(items):
        lines.append(_line(minute, number, title, draw.randrange(10_000)))
        if len(lines) > 10 and draw.random() < _AGAIN:
            lines.append(lines[-draw.randrange(1, 10)])
        if draw.random() < _REPRINTED:
            lines.append(_line(minute + 3, number + count, title, draw.randrange(10_000)))
        if draw.random() < _BROKEN:
            lines.append(f"line {number} was cut off\n")
    for place in range(20, len(lines)):
        if draw.random() < _LATE:
            lines.insert(place, lines.pop(place - 20))
    return lines[:count]


def _minutes(draw: random.Random, first_day: int, last_day: int) -> int:
    return draw.randrange(first_day * 1440, last_day * 1440)


def _line(minute: int, number: int, title: str, word: int) -> str:
    item = {
        "source": "gazette",
        "guid": f"item-{number}",
        "title": f"{title}, says dispatch {number}",
        "description": f"Filed from desk {number % 17} under reference {word}; more on page {number % 40}.",
        "date_published": (_BEGIN + timedelta(minutes=minute)).isoformat(),
    }
    return json.dumps(item, ensure_ascii=False) + "\n"
