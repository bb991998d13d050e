"""What sources read: feeds, gzip, crawlers' fields, pushed requests, files of lines, Scrapy items, their own state."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec
from starlette.requests import Request
from target import ARRIVED, Target, as_file, headers_of, parted, promise, text_of

from stream.documents import RawDocument, document_id, encode
from stream.sources import read_options
from stream.sources.errors import (
    FeedError,
    FieldError,
    InflatedTooLargeError,
    InflateError,
    ReplayError,
    RequestRefusedError,
    SourceOptionsError,
)
from stream.sources.feed_entries import read_feed
from stream.sources.fetching import host_of
from stream.sources.fields import FieldMap
from stream.sources.inflate import Inflater
from stream.sources.line_records import LineRecords
from stream.sources.lines import LineFile
from stream.sources.memory import MemorySink
from stream.sources.politeness import retry_after_s
from stream.sources.push_app import _problem as problem
from stream.sources.push_body import BodyLimits, read_body
from stream.sources.push_documents import parse_documents
from stream.sources.scrapy_pipeline import KafkaPipeline

__all__ = ["SOURCES"]

_LIMIT = 300_000
_again = msgspec.json.Decoder(RawDocument)
_lines = LineRecords(FieldMap(), source="archive", clock=lambda: ARRIVED)

_RSS = """<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><title>Wire</title><language>en</language>
<item><title>Bank falls</title><link>https://wire.example/1</link><guid>1</guid><pubDate>Mon, 02 Mar 2026 11:00:00 GMT
</pubDate><description>&lt;p&gt;Down &amp;amp; out&lt;/p&gt;</description></item></channel></rss>"""
_ATOM = """<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://wire.example/"><title>银行</title><entry><id>tag:1</id>
<title type="html">跌</title><link href="a"/><updated>2026-03-02T11:00:00Z</updated><content type="xhtml"><div>x</div>
</content></entry></feed>"""
_RDF = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
xmlns:dc="http://purl.org/dc/elements/1.1/"><item><title>T</title><dc:date>2026-03-02</dc:date></item></rdf:RDF>"""
_LAUGHS = '<!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;"><!ENTITY x SYSTEM "file:///etc/hostname">]>'
_ITEM = {"site": "wire", "link": "https://w.example/1", "headline": "Down", "text": "A bank fell.", "date": 1772452680}
_ITEMS = tuple(json.dumps(item).encode() for item in (_ITEM, {"source": "论坛", "body": "跌", "pubDate": "N/A"}))


def _publishable(document: RawDocument) -> None:
    """A document of a source goes on the wire and comes back as it went."""
    document_id(document)
    promise(_again.decode(encode(document)) == document, "a document survives the wire")


def _feed(data: bytes) -> None:
    content, kind = parted(data, 2)
    for document in read_feed(content, content_type=text_of(kind), source="wire", fetched_at=ARRIVED):
        promise(not document.url or document.url.lower().startswith("http"), "a web address, or none")
        _publishable(document)


def _inflate(data: bytes) -> None:
    inflater, out = Inflater(_LIMIT), 0
    for start in range(0, len(data), 7_000):
        out += len(inflater.feed(data[start : start + 7_000]))
        promise(out <= _LIMIT, "never more than the limit")
    inflater.finish()


def _fields(data: bytes) -> None:
    record = _loose(data)
    if isinstance(record, Mapping):
        _publishable(FieldMap().document(record, source="archive", fetched_at=ARRIVED))


def _loose(data: bytes) -> Any:
    """JSON as Python's own reader gives it to crawlers: with lone surrogates, NaN and integers of any length."""
    with suppress(ValueError, RecursionError):
        return json.loads(data)
    return {"title": text_of(data), "when": datetime.now(UTC)}


def _line(data: bytes) -> None:
    with as_file(data, "lines") as path:
        for line in LineFile(path, max_line_bytes=_LIMIT).lines():
            outgoing = _lines.record(line)
            promise(outgoing.bad or _again.decode(outgoing.value), "a line that is not bad is a document")


def _request(data: bytes) -> None:
    """A refusal, too, can be answered with."""
    body, headers = parted(data, 2)
    fields = [(name.lower().encode("utf-8", "replace"), value) for name, value in headers_of(headers)]
    scope = {"type": "http", "method": "POST", "path": "/documents", "headers": fields}
    try:
        asyncio.run(_taken(body, scope))
    except RequestRefusedError as refusal:
        promise(400 <= refusal.status < 600 and problem(refusal).body, "a problem in JSON")


async def _taken(body: bytes, scope: dict[str, Any]) -> None:
    chunks = [body[start : start + 50_000] for start in range(0, len(body), 50_000)] or [b""]

    async def receive() -> dict[str, Any]:
        chunk = chunks.pop(0)
        return {"type": "http.request", "body": chunk, "more_body": bool(chunks)}

    request = Request(scope, receive)
    whole = await read_body(request, BodyLimits(_LIMIT, 2 * _LIMIT, 30))
    kind = request.headers.get("content-type", "")
    for document in parse_documents(whole, kind, max_documents=500, fetched_at=ARRIVED):
        _publishable(document)


class _Stats:
    def inc_value(self, name: str) -> None: ...


def _scrapy(data: bytes) -> None:
    sink = MemorySink()
    pipeline = KafkaPipeline(sink, source="spider", fields={}, clock=lambda: ARRIVED, stats=_Stats())
    item = _loose(data)
    if isinstance(item, dict):
        asyncio.run(_crawled(pipeline, item))
        promise(len(sink.documents()) == 1, "an item that is passed on was published")


async def _crawled(pipeline: KafkaPipeline, item: dict[str, Any]) -> None:
    pipeline.open_spider()
    try:
        await pipeline.process_item(item)
    finally:
        await pipeline.close_spider()


def _answer_headers(data: bytes) -> None:
    wait = retry_after_s(text_of(data), ARRIVED)
    promise(wait is None or wait >= 0, "no wait below nothing")
    host_of(text_of(data))


def _options(data: bytes) -> None:
    kind, options = parted(data, 2)
    read = _loose(options)
    if isinstance(read, dict):
        read_options(text_of(kind), read)


_RETRY = (b"120", b"Wed, 21 Oct 2026 07:28:00 GMT", b"https://User@[::1]:8080/a?b#c", b"http://news.example/feed")
_FEEDS = (_RSS.encode(), _ATOM.encode(), _RDF.encode(), (_LAUGHS + _RSS).encode())
_GZIPPED = gzip.compress(b"feeds and lines, " * 500, mtime=0)
_PUSHED = json.dumps([{"source": "wire", "title": "Down", "fetched_at": "2026-03-02T11:00:00Z"}]).encode()
_JSON_TYPE, _LINES_TYPE = b"\x1e\x1econtent-type: application/json", b"\x1e\x1econtent-type: application/x-ndjson"
_REQUESTS = (_PUSHED + _JSON_TYPE, b"\n".join([_PUSHED[1:-1]] * 3) + _LINES_TYPE)
_HEADERS = (b"\ncontent-length: 12", b"\ncontent-encoding: gzip", b"\ncontent-type: application/json; charset=latin-1")
_XML = (b"<item>", b"</item>", b"<title>", b"&a;", b"&b;", _LAUGHS.encode(), b"&#xD83D;", b"&#0;", b'encoding="gb2312"')
_OPTIONS = (
    b'rss\x1e\x1e{"feeds": [{"url": "https://w.example/feed", "source": "w"}], "poll_s": 60}',
    b'http\x1e\x1e{"token": "sixteen-characters-or-more", "port": 8088, "max_body_bytes": 2048}',
    b'replay\x1e\x1e{"files": ["a.jsonl.gz"], "speed": 60, "fields": {"body": ["content"]}}',
)

SOURCES = (
    Target("feeds", _feed, _FEEDS, _XML, (FeedError,), 0.4),
    Target("inflate", _inflate, (_GZIPPED,), (), (InflateError, InflatedTooLargeError)),
    Target("fields", _fields, _ITEMS, (b'"id":', b'"content":', b"N/A"), (FieldError,)),
    Target("line_records", _line, (b"\n".join(_ITEMS) + b"\n", b"\xef\xbb\xbf" + _ITEMS[0]), (b"\n",), (ReplayError,)),
    Target("push_requests", _request, _REQUESTS, _HEADERS, (), 0.6),
    Target("scrapy_items", _scrapy, _ITEMS, (), (FieldError,), 0.2),
    Target("answer_headers", _answer_headers, _RETRY),
    Target("source_options", _options, _OPTIONS, (b'"poll_s":', b'"url":'), (SourceOptionsError,)),
)  # fmt: skip
