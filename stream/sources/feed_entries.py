"""From the bytes of a feed to documents.

feedparser drops entity declarations before it parses and loads nothing from elsewhere, so that neither a billion
laughs nor an external entity reaches us; a test holds it to that. Its HTML sanitiser is off: it is quadratic in
unclosed comments (2 MB of them took minutes), and intake takes markup off anyway.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import feedparser  # type: ignore[import-untyped]

from stream.documents import RawDocument
from stream.sources.errors import FeedError
from stream.times import read_time

__all__ = ["read_feed"]


def read_feed(content: bytes, *, content_type: str, source: str, fetched_at: datetime) -> list[RawDocument]:
    """The entries of an RSS, Atom or RDF feed, in its order. Entries without any text are left out.

    Raises FeedError `not_a_feed` when it is something else, such as the page of a login.
    """
    # feedparser wants the type for the encoding only, and calls a feed under text/html no feed.
    headers = {"content-type": content_type if "xml" in content_type.lower() else "application/xml"}
    parsed = feedparser.parse(content, response_headers=headers, sanitize_html=False, resolve_relative_uris=False)
    if not parsed.get("version") and not parsed.entries:
        raise FeedError("not_a_feed", f"{content_type or 'no content type'}, {len(content):,} bytes")
    language = _text(parsed.feed.get("language"))
    documents = [_document(entry, source, language, fetched_at) for entry in parsed.entries]
    return [each for each in documents if each.title.strip() or each.body.strip()]


def _document(entry: Any, source: str, language: str, fetched_at: datetime) -> RawDocument:
    content = max((_text(part.get("value")) for part in entry.get("content", [])), key=len, default="")
    link = _text(entry.get("link")).strip()
    return RawDocument(
        source=source,
        url=link if _scheme(link) in ("http", "https") else "",
        guid=_text(entry.get("id")).strip(),
        title=_text(entry.get("title")),
        body=content or _text(entry.get("summary")),
        published_at=_published_at(entry),
        fetched_at=fetched_at,
        language=language,
    )


def _published_at(entry: Any) -> str:
    """The feed's own words, for intake to read: feedparser takes a year that it understands for a whole date."""
    # Past feedparser's own get, which answers one field with another.
    written = [text for field in ("published", "updated") if (text := _text(dict.get(entry, field)).strip())]
    return next((text for text in written if read_time(text) is not None), written[0] if written else "")


def _scheme(url: str) -> str:
    try:
        return urlsplit(url).scheme.lower()
    except ValueError:
        return ""


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
