"""What crawled bytes meet first: decoding, cleaning, times, language, companies, signatures, and all of it in a row."""

from __future__ import annotations

import functools
import json
from datetime import timedelta

from target import ARRIVED, Target, headers_of, parted, promise, storable_text, storable_time, text_of

from model.classifier import Prediction
from storage.rules import check
from stream.boilerplate import without_boilerplate
from stream.cleaning import one_line, plain_text
from stream.documents import decode_scored, encode
from stream.encodings import as_text
from stream.entities import EntityLinker
from stream.errors import Unreadable
from stream.intake import Intake, RawRecord
from stream.language import detect
from stream.limits import Limits
from stream.novelty import Place
from stream.scored_documents import scored_document
from stream.signatures import PERMUTATIONS, signature
from stream.times import believable, read_time
from stream.watchlist import load

__all__ = ["INTAKE"]

_LIMITS = Limits(record_bytes=200_000, json_bytes=400_000, raw_chars=150_000, title_chars=1_000, body_chars=50_000)
_PREDICTION = Prediction(negative=0.8, neutral=0.15, positive=0.05, topics=("legal",), topic_scores=(0.9,))

_ENGLISH = """Apple Inc. (NASDAQ: AAPL) said on Tuesday that quarterly profit fell 12.5%, the company's shares slid.
<p>Ford Motor Co and "Macy’s" cut guidance; $TSLA rose. H-1B Visa-free; UBS-Credit Suisse deal.</p> &amp; Read more"""
_CHINESE = "贵州茅台（600519.SH）公告：净利润下降，股价大跌。中国银行业协会表示，SH600519 与工商银行无关。点击查看全文"
_WIRE = {
    "source": "wire.example",
    "url": "https://wire.example/a?utm_source=x&id=1",
    "guid": "a-1",
    "title": "Apple shares fall after recall",
    "body": _ENGLISH,
    "published_at": "2026-03-02T11:58:00+08:00",
    "fetched_at": 1772452680,
    "language": "en",
}


@functools.cache
def _linker() -> EntityLinker:
    return EntityLinker(load())


@functools.cache
def _intake() -> Intake:
    return Intake(_linker(), _LIMITS)


def _raw_record(data: bytes) -> None:
    """What intake takes can be scored, sent, read back and booked."""
    value, headers = parted(data, 2)
    record = RawRecord(
        topic="documents.raw",
        partition=3,
        offset=41,
        key=None,
        value=value,
        headers=headers_of(headers),
        arrived_at=ARRIVED,
    )
    read = _intake().read(record)
    predictions = [_PREDICTION] * 9
    place = Place(story_id=read.document_id, novelty="new")
    document = scored_document(read, place, predictions, "m1")
    again = decode_scored(encode(document))
    promise(again == document, "a scored document survives the wire")
    check(document)
    mentions = [text for one in document.mentions for text in (one.entity_id, one.surface)]
    promise(storable_text([document.source, document.url, document.title, document.body, *mentions]), "storable text")
    promise(storable_time(document.published_at), "a time that the books hold")
    promise(len(document.title) <= _LIMITS.title_chars and len(document.body) <= _LIMITS.body_chars, "cut to size")
    promise(all(one.surface == read.text[one.start : one.end] for one in read.mentions), "a surface stands in the text")


def _as_text(data: bytes) -> None:
    text, mended = as_text(data)
    promise(mended or text.encode() == data, "what is not mended is as it was sent")


def _plain_text(data: bytes) -> None:
    for plain in (plain_text(text_of(data))[0], one_line(text_of(data))):
        promise(storable_text([plain]), "no null character and no lone surrogate")
        promise(plain == " ".join(plain.split()), "one line, single spaces")


def _boilerplate(data: bytes) -> None:
    kept, removed = without_boilerplate(text_of(data))
    promise(removed == (len(kept) != len(text_of(data))) or not kept, "says whether it removed something")


def _time(data: bytes) -> None:
    text = text_of(data)
    read = read_time(text)
    promise(read is None or read.utcoffset() == timedelta(0), "aware UTC")
    at, _ = believable(text, read, ARRIVED, _LIMITS)
    promise(_LIMITS.oldest <= at <= ARRIVED + _LIMITS.future, "within the bounds")


def _language(data: bytes) -> None:
    promise(detect(text_of(data)) in ("en", "zh-Hans", "zh-Hant", "other"), "one of four")


def _companies(data: bytes) -> None:
    text = text_of(data)
    found = _linker().link(text)
    promise(all(one.surface == text[one.start : one.end] for one in found), "a surface stands in the text")
    promise(len({one.entity_id for one in found}) == len(found), "each company once")


def _signature(data: bytes) -> None:
    sketch = signature(text_of(data))
    promise(len(sketch.values) in (0, 2 * PERMUTATIONS) and len(sketch.bands) in (0, 16), "64 values in 16 bands")


def _text_examples() -> tuple[bytes, ...]:
    return tuple(text.encode() for text in (_ENGLISH, _CHINESE, "<div><p>A</p><ul><li>b</li></ul></div>", "N/A"))


_TIMES = (
    *("2026-03-02T11:58:00Z", "2026-03-02 11:58:00.123456+08:00", "Wed, 08 Feb 2023 07:00:00 -0500", "1772452680"),
    *("1772452680123", "20260302115800", "2026年3月2日 下午3:30", "March 2, 2026 7:00 PM EST", "2026-W10-1"),
)
_MARKUP = (b"<p>", b"</p>", b"<script>", b"<!--", b"&lt;b&gt;", b"<![CDATA[", b"<table>", b"<a href='x'>", b"\n")
_KEYS = (*(f'"{name}":'.encode() for name in (*_WIRE, "content")), b"\x1e\x1e", b"content-encoding: gzip")

_RECORDS = (
    json.dumps(_WIRE).encode(),
    json.dumps({"source": "论坛", "title": _CHINESE, "body": _CHINESE * 20}, ensure_ascii=False).encode("gb18030"),
    json.dumps({"source": "w", "body": _ENGLISH, "published_at": "1e9"}).encode() + b"\x1e\x1econtent-encoding: gzip",
)
_ENCODED = (_CHINESE.encode("big5", "replace"), _ENGLISH.encode(), _CHINESE.encode("utf-16"))
_TAILED = (*_text_examples(), b"News. Read more at x.", b"a\nShare this\nb")
_TAILS = (b"Read more", "责任编辑：".encode(), b"?utm_x=1&", b"://")
_DATED = (b"T", b"Z", b"EST", b"+23:59", "年".encode(), b"AM")
_TICKERS = (b"AAPL", b"$BAC", b"(600519)", b" Inc.", "中国银行".encode(), b"Apple and ")

INTAKE = (
    Target("raw_record", _raw_record, _RECORDS, (*_KEYS, *_MARKUP), (Unreadable,), 0.6),
    Target("encodings", _as_text, _ENCODED, (), (Unreadable,)),
    Target("markup", _plain_text, _text_examples(), _MARKUP, share=0.8),
    Target("boilerplate", _boilerplate, _TAILED, _TAILS),
    Target("times", _time, tuple(text.encode() for text in _TIMES), _DATED),
    Target("language", _language, _text_examples()),
    Target("companies", _companies, _text_examples(), _TICKERS, share=0.5),
    Target("signatures", _signature, _text_examples()),
)
