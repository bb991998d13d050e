"""The texts of the benches: real items where the replay lies beside the checkout, else synthetic ones of their lengths.

A real sample is spread over the whole year. Whatever their own date, documents are published seven a minute and end at
a moment of the caller's: that is what a feed looks like, while a sample of a year would spend its time on making the
partition of a day for every few rows. Nothing of a replay is kept: texts live in memory and in the bench's services.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice, product
from pathlib import Path

import msgspec
from lengths import drawn

from model.routing import language_of
from model.written import written_examples
from stream.documents import RawDocument
from stream.intake import joined
from stream.sources.fields import FieldMap
from stream.watchlist import load

__all__ = ["ITEMS", "Sample", "published", "sample", "synthetic", "text_of"]

REPLAY = Path(__file__).parents[3] / "shared" / "data" / "replay" / "news_2023.jsonl.gz"
ITEMS = 51_777
"""Items of that file: what a sample is spread over, and the most that are asked for before texts would repeat."""

_SHARES = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0)
_TITLE = (9, 29, 42, 47, 57, 64, 71, 83, 92, 109, 191)
_BODY = (0, 0, 59, 74, 96, 131, 170, 225, 252, 303, 590)
"""Characters of its titles and bodies at these shares."""
_COMPANIES, _NAMING = (0, 1, 2, 3), (0.903, 0.088, 0.007, 0.002)
"""How many watched companies an item names, and the shares of items that do."""
_UNLISTED, _UNLISTED_NAMING = 4_410, 0.24
"""How many names of companies on no list its items have, and the share of items that name one (decision 0025)."""

_PER_MINUTE = 7
_LONGEST = timedelta(days=5)
"""The broker drops scored records, which carry their event time, after a week."""


@dataclass(frozen=True)
class Sample:
    """Documents, and a word for the report on what they are."""

    documents: tuple[RawDocument, ...]
    origin: str


def sample(count: int, *, until: datetime | None = None, real: bool = True) -> Sample:
    """`count` different documents, the last published at `until` (default: now); the same for the same arguments.

    Synthetic where the replay is absent or too small, or where `real` is False.
    """
    if real and REPLAY.exists() and count <= ITEMS:
        found, origin = _spread(count), f"{count:,} items spread over {REPLAY.name}"
    else:
        found, origin = synthetic(count), f"{count:,} synthetic items of the lengths of {REPLAY.name}"
    return Sample(tuple(published(found, count, until or datetime.now(UTC))), origin)


def text_of(document: RawDocument) -> str:
    """What the model is given of a document."""
    return joined(document.title, document.body)


def published(documents: Iterable[RawDocument], count: int, until: datetime) -> Iterator[RawDocument]:
    """The same documents with times of publication that end at `until`, seven a minute, or more to fit five days."""
    step = min(timedelta(minutes=1) / _PER_MINUTE, _LONGEST / max(count, 1))
    for number, document in enumerate(documents, 1):
        yield msgspec.structs.replace(document, published_at=(until - step * (count - number)).isoformat())


def synthetic(count: int, *, seed: int = 7) -> Iterator[RawDocument]:
    """So many documents of words from the sentences written for training, drawn as often as they stand there.

    Lengths, and how many companies are named, follow the figures above. They are made one by one: a million take no
    memory.
    """
    draw = random.Random(seed)
    words, names, unlisted = _vocabulary(), _names(), _made_up()
    for number in range(count):
        named = draw.sample(names, draw.choices(_COMPANIES, _NAMING)[0])
        if draw.random() < _UNLISTED_NAMING:
            named.append(unlisted[int(_UNLISTED * draw.random() ** 2)])  # some are named oftener than others
        yield RawDocument(
            source=f"bench-{draw.randrange(30)}",
            guid=f"{seed}-{number}",
            url=f"https://news.example/{draw.getrandbits(64):016x}",
            title=_prose(draw, words, named, _TITLE),
            body=_prose(draw, words, (), _BODY),
        )


def _spread(count: int) -> Iterator[RawDocument]:
    fields, fetched = FieldMap(), datetime.now(UTC)
    with gzip.open(REPLAY, "rt", encoding="utf-8") as lines:
        wanted = (round(number * ITEMS / count) for number in range(count))
        at = next(wanted, None)
        for number, line in enumerate(islice(lines, ITEMS)):
            if number != at:
                continue
            found = fields.document(json.loads(line), source="bench", fetched_at=fetched)
            yield msgspec.structs.replace(found, guid=f"bench-{number}", fetched_at=None)
            at = next(wanted, None)


def _prose(draw: random.Random, words: Sequence[str], named: Sequence[str], quantiles: Sequence[int]) -> str:
    length = drawn(draw, _SHARES, quantiles)
    text = " ".join([*named, *draw.choices(words, k=length // 5 + 1)])
    return text[:length].rstrip()


@cache
def _vocabulary() -> tuple[str, ...]:
    texts = [one.text for one in written_examples(copies=1, seed=0) if language_of(one.text) == "en"]
    return tuple(word.lower() for text in texts for word in text.split())  # a capital would make names of them


@cache
def _names() -> tuple[str, ...]:
    return tuple(entity.name for entity in load() if entity.name.isascii() and not entity.ambiguous)


@cache
def _made_up() -> tuple[str, ...]:
    """Names of banks that there are not."""
    begins, middles, ends = "BDFGKLMNPRTVZ", "aeiou", ("bran", "dell", "fax", "gort", "lund", "mex", "nick", "polt")
    parts = islice(product(begins, middles, "bdglmnrtv", ends), _UNLISTED)
    return tuple(f"{begin}{vowel}{letter}o{end} Bank" for begin, vowel, letter, end in parts)
