"""From a clean story to the bytes that a careless crawler sends: identity, dates in many spellings, debris."""

from __future__ import annotations

import dataclasses
import gzip
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from random import Random

from msgspec.structs import replace

from deploy.demo.debris import DEBRIS
from deploy.demo.items import Item
from deploy.demo.writer import Draft
from stream.documents import RawDocument, document_id, encode

__all__ = ["Wire"]

_CHINA = timezone(timedelta(hours=8))

_SPELLINGS: tuple[Callable[[datetime], str], ...] = (
    lambda at: at.isoformat().replace("+00:00", "Z"),
    lambda at: at.isoformat(),
    lambda at: at.astimezone(_CHINA).isoformat(),
    lambda at: format_datetime(at),
)
"""RFC 3339 in three forms, and the mail date of RSS."""

_UNBELIEVABLE = ("", "3000-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "not a date")
"""Dates that intake must replace by the arrival time."""


class Wire:
    """Encodes drafts. Everything comes from `rng`; no two drafts get one identity."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._texts: set[tuple[str, str, str]] = set()

    def item(self, draft: Draft, due: datetime) -> Item:
        """A first appearance, which must be stored. About one in eight is soiled, one in a hundred undated."""
        rng = self._rng
        document = self._identified(draft, due)
        flags: frozenset[str] = frozenset()
        if (document.url or document.guid) and rng.random() < 0.13:
            soil, flags = rng.choice(DEBRIS)
            document = replace(document, body=soil(document.body, rng))
        if not draft.crisis and rng.random() < 0.01:
            document = replace(document, published_at=rng.choice(_UNBELIEVABLE))
            flags |= {"time_replaced"}
        return self._packed(_item(document, due, crisis=draft.crisis, flags=flags), draft)

    def _packed(self, item: Item, draft: Draft) -> Item:
        """One in a hundred comes as gzip, and one in thirty in simplified Chinese as GB 18030 instead of UTF-8."""
        odds = self._rng.random()
        if odds < 0.01:
            packed = gzip.compress(item.value, mtime=0)
            return dataclasses.replace(item, value=packed, headers=(("content-encoding", b"gzip"),))
        if odds < 0.04 and draft.language == "zh-Hans" and not item.flags:
            value = item.value.decode().encode("gb18030")
            return dataclasses.replace(item, value=value, flags=frozenset({"encoding_mended"}))
        return item

    def oversized(self, draft: Draft, due: datetime, *, size: int) -> Item:
        """A story with `size` characters of body, which must be stored, cut."""
        filler = "The table continues on the next page. "
        document = replace(self._identified(draft, due), body=(filler * (size // len(filler) + 1))[:size])
        return _item(document, due, crisis=False, flags=frozenset({"body_cut"}))

    def again(self, item: Item, due: datetime) -> Item:
        """The same item crawled once more, byte for byte."""
        return dataclasses.replace(item, due=due, fate="repeated")

    def _identified(self, draft: Draft, due: datetime) -> RawDocument:
        document = RawDocument(
            source=draft.source,
            title=draft.title,
            body=draft.body,
            published_at=self._rng.choice(_SPELLINGS)(draft.published),
        )
        text = (draft.source, draft.title, draft.body)
        told_before = text in self._texts
        self._texts.add(text)
        kind = self._rng.random()
        if kind < 0.04 and not told_before:
            return document  # known by its text alone, as push sources send it
        address = f"https://{draft.source}.example/{draft.published:%Y/%m/%d}/{draft.serial}.html"
        guid = f"{draft.source}:{draft.serial}" if kind < 0.30 else ""
        return replace(document, url=address, guid=guid, fetched_at=due)


def _item(document: RawDocument, due: datetime, *, crisis: bool, flags: frozenset[str]) -> Item:
    key = str(document_id(document)).encode()
    return Item(due=due, value=encode(document), fate="stored", key=key, flags=flags, crisis=crisis)
