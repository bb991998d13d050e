"""From the bytes of a feed to documents.

feedparser drops entity declarations before it parses and loads nothing from elsewhere, so that neither a billion
laughs nor an external entity reaches us; a test holds it to that. Its HTML sanitiser is off: it is quadratic in
unclosed comments (2 MB of them took minutes), and intake takes markup off anyway.

What it cannot bear is mended or caught here: an emoji written as two references to surrogates (`&#55357;&#56841;`), as
many feeds have them, stops it with an error of its encoder.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import feedparser  # type: ignore[import-untyped]

from stream.documents import RawDocument
from stream.sources.errors import FeedError
from stream.sources.fetching import host_of
from stream.times import read_time

__all__ = ["read_feed"]

_HALF = rb"(?:5529[6-9]|55[3-9]\d\d|56\d{3}|57[0-2]\d\d|573[0-3]\d|5734[0-3])"  # 0xD800 to 0xDFFF
_SURROGATES = re.compile(rb"(?:&#(?:0*" + _HALF + rb"|[xX]0*[dD][89a-fA-F][0-9a-fA-F]{2});)+")
_NUMBER = re.compile(rb"&#(?:[xX]([0-9a-fA-F]+)|(\d+));")


def read_feed(content: bytes, *, content_type: str, source: str, fetched_at: datetime) -> list[RawDocument]:
    """The entries of an RSS, Atom or RDF feed, in its order. Entries without any text are left out.

    Raises FeedError: `not_a_feed` when it is something else, such as the page of a login; `damaged` when it is so
    broken that it cannot be read.
    """
    # feedparser wants the type for the encoding only, and calls a feed under text/html no feed.
    headers = {"content-type": content_type if "xml" in content_type.lower() else "application/xml"}
    content = _SURROGATES.sub(_joined, content)
    try:
        parsed = feedparser.parse(content, response_headers=headers, sanitize_html=False, resolve_relative_uris=False)
    except Exception as error:  # of any kind: it was written for feeds, and these bytes are whatever a server sends
        raise FeedError("damaged", f"the feed reader fails on it: {type(error).__name__}") from error
    if not parsed.get("version") and not parsed.entries:
        raise FeedError("not_a_feed", f"{content_type or 'no content type'}, {len(content):,} bytes")
    language = _text(parsed.feed.get("language"))
    documents = [_document(entry, source, language, fetched_at) for entry in parsed.entries]
    return [each for each in documents if each.title.strip() or each.body.strip()]


def _joined(references: re.Match[bytes]) -> bytes:
    """Pairs of surrogates as the characters they stand for, half ones as "?"; ASCII, whatever the feed's encoding."""
    units = [int(hexadecimal or b"0", 16) or int(decimal) for hexadecimal, decimal in _NUMBER.findall(references[0])]
    text = b"".join(unit.to_bytes(2, "big") for unit in units).decode("utf-16-be", "replace")
    return "".join(f"&#{ord(character)};" for character in text.replace("\ufffd", "?")).encode()


def _document(entry: Any, source: str, language: str, fetched_at: datetime) -> RawDocument:
    content = max((_text(part.get("value")) for part in entry.get("content", [])), key=len, default="")
    link = _text(entry.get("link")).strip()
    return RawDocument(
        source=source,
        url=link if link.lower().startswith(("http://", "https://")) and host_of(link) else "",
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


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
